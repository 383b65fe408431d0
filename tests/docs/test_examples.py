"""Every Python block of README and docs, run as it is written; every example in the public docstrings."""

from __future__ import annotations

import doctest
import importlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import rt_handdt as hd
from rt_handdt.io.lsl import SignalOutlet
from rt_handdt.io.xdf import write_xdf
from rt_handdt.sim.session import virtual_recording
from tests.support.documents import ROOT, Block, blocks
from tests.support.streaming import streaming

PYTHON = [block for block in blocks("python") if block.page.name != "README.md"]
(README,) = [block for block in blocks("python") if block.page.name == "README.md"]
MODULES = sorted({getattr(hd, name).__module__ for name in hd.__all__ if hasattr(getattr(hd, name), "__module__")})


@pytest.mark.parametrize("block", PYTHON, ids=[block.place for block in PYTHON])
def test_every_block_runs(block: Block, lsl: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(block.text, block.place, "exec"), {"__name__": "example"})


def test_the_readmes_example_runs(
    lsl: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").symlink_to(ROOT / "models")
    recording = virtual_recording(1005, gestures=("hand_close", "hand_open"), gesture_s=1.5, rest_s=1.0)
    for name in ("today.xdf", "session.xdf"):
        write_xdf(name, recording)

    def my_amplifier() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for number, block in enumerate(itertools.islice(recording.blocks(64), 40)):
            yield block, (64 * number + np.arange(len(block))) / 2048

    names = {"my_amplifier": my_amplifier}
    outlet = SignalOutlet("Quattrocento", recording.channels, recording.fs_hz)
    with streaming(outlet, next(recording.blocks(64))):
        exec(compile(README.text, "README.md", "exec"), names)
    assert names["scores"].accuracy > 0.5  # type: ignore[attr-defined]
    assert len(README.text.splitlines()) <= 14
    assert "rest" in capsys.readouterr().out


@pytest.mark.parametrize("module", MODULES)
def test_every_example_of_the_public_names_is_true(module: str, lsl: None) -> None:
    failed, _ = doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS)
    assert not failed
