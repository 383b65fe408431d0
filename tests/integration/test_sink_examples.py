"""The receivers in scripts/examples: they follow, they check, and they open the hand when nothing comes."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pty
import shutil
import subprocess
import sys
import tomllib
import tty
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rt_handdt.io.sinks import parse_sink, parse_sinks
from rt_handdt.io.sinks.serial import line
from rt_handdt.runtime.hub import Hub
from rt_handdt.runtime.sink_process import SinkProcess
from tests.conftest import ROOT
from tests.support.sinks import about, free_port, message, tell, until

EXAMPLES = ROOT / "scripts" / "examples"

#: Reads "MILLISECONDS BYTES-IN-HEX" a line, and says after each: may act, label, level, sequence number, spoilt lines.
PROBE = r"""
#include <stdio.h>
#include "hand_lines.h"
int main() {
  HandLines hand;
  unsigned now;
  static char hex[65536];
  while (scanf("%u %65535s", &now, hex) == 2) {
    for (char *at = hex; at[0] && at[0] != '-'; at += 2) {
      unsigned byte;
      sscanf(at, "%2x", &byte);
      hand.feed((char)byte, now);
    }
    printf("%d %s %d %u %u\n", hand.may_act(now), hand.label, hand.level, hand.seq, hand.spoilt);
    fflush(stdout);
  }
}
"""


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def script() -> list[tuple[int, bytes, tuple[int, str, int, int, int]]]:
    """What comes when, and what a receiver has to make of it: may act, label, level, seq, spoilt."""
    close = line(message(70000, "hand_close", labels=("rest", "hand_close"), probabilities=(0.0, 1.0)))
    rest = line(message(70001, "rest", index=0, labels=("rest", "hand_close"), probabilities=(0.0, 0.0), level=0.0))
    seq = 70000 % 65536
    flipped = close.replace(b"hand_close", b"hand_clOse")
    return [
        (0, b"", (0, "rest", 0, 0, 0)),
        (10, close[:20], (0, "rest", 0, 0, 0)),
        (20, close[20:], (1, "hand_close", 80, seq, 0)),
        (219, b"", (1, "hand_close", 80, seq, 0)),
        (221, b"", (0, "hand_close", 80, seq, 0)),  # nothing came for 200 ms
        (230, flipped, (0, "hand_close", 80, seq, 1)),
        (240, close, (1, "hand_close", 80, seq, 1)),
        (250, rest, (0, "rest", 0, seq + 1, 1)),
        (260, b"noise" + close[5:] + close, (1, "hand_close", 80, seq, -1)),
        (270, b"$" + b"x" * 400 + b"\n", (1, "hand_close", 80, seq, -1)),
    ]


def check(found: tuple[Any, ...], wanted: tuple[int, str, int, int, int]) -> None:
    assert found[:4] == wanted[:4]
    if wanted[4] >= 0:
        assert found[4] == wanted[4]


def test_micropython_receiver() -> None:
    hand = load(EXAMPLES / "hand_receiver" / "hand_lines.py").HandLines()
    for now, data, wanted in script():
        hand.feed(data, now)
        check((int(hand.may_act(now)), hand.label, hand.level, hand.seq, hand.spoilt), wanted)


def test_arduino_receiver(tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("no C++ compiler here")
    (tmp_path / "probe.cpp").write_text(PROBE)
    command = ["g++", "-std=c++11", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined"]
    command += [f"-I{EXAMPLES / 'hand_receiver'}", str(tmp_path / "probe.cpp"), "-o", str(tmp_path / "probe")]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    asked = "".join(f"{now} {data.hex() or '-'}\n" for now, data, _ in script())
    run = subprocess.run([tmp_path / "probe"], input=asked, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    for text, (_, _, wanted) in zip(run.stdout.splitlines(), script(), strict=True):
        may, label, level, seq, spoilt = text.split()
        check((int(may), label, int(level), int(seq), int(spoilt)), wanted)


def test_a_receiver_on_a_cable_follows_and_rests() -> None:
    pytest.importorskip("serial")
    hand = load(EXAMPLES / "hand_receiver" / "hand_lines.py").HandLines()
    here, there = pty.openpty()
    tty.setraw(there)
    os.set_blocking(here, False)

    def read() -> None:
        with contextlib.suppress(BlockingIOError):
            hand.feed(os.read(here, 4096), 0)

    hub = Hub(parse_sinks([f"serial:{os.ttyname(there)}"]), about())
    hub.open()
    for label in ("fist", "open"):
        tell(hub, label)
        until(lambda: read() or (hand.may_act(0) and hand.label == label))  # noqa: B023
    hub.close()
    until(lambda: read() or hand.label == "rest")
    assert not hand.may_act(0)
    assert hand.spoilt == 0
    os.close(here)
    os.close(there)


def test_grip_receiver() -> None:
    from rt_handdt.io.hands.lines import GripLine

    hand = load(EXAMPLES / "grip_receiver" / "grip_lines.py").GripLines()
    axes = np.asarray([0.1, 0.2, 0.3, 0.4, 0.5, 1.0, -1.0, 0.0, 0.07])
    closed = GripLine(70000, 30, 0.5, axes, "running").encode()
    assert hand.axes(0) == [0] * 9
    hand.feed(closed[:20], 10)
    assert hand.axes(10) == [0] * 9
    hand.feed(closed[20:], 20)
    assert hand.axes(219) == [10, 20, 30, 40, 50, 100, -100, 0, 7]
    assert (hand.seq, hand.grip, hand.closing, hand.state) == (70000 % 65536, 30, 50, "running")
    assert hand.axes(221) == [0] * 9  # nothing came for 200 ms
    hand.feed(closed.replace(b",30,", b",31,"), 230)
    assert (hand.axes(230), hand.spoilt) == ([0] * 9, 1)
    hand.feed(b"$" + b"x" * 400 + b"\n" + closed, 240)
    assert hand.axes(240)[5] == 100


def test_udp_receiver_follows_and_rests_when_nothing_comes() -> None:
    port = free_port()
    command = [sys.executable, "-u", str(EXAMPLES / "udp_hand.py"), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            assert child.stdout.readline() == "rest\n"
            sink = parse_sink(f"udp:{port}")
            sink.open(about())
            for label in ("open", "fist"):
                sink.send(message(0, label))
                assert child.stdout.readline() == f"{label} 0.8\n"
            assert child.stdout.readline() == "rest\n"  # nothing more came
            sink.close()
        finally:
            child.terminate()


def test_a_sink_of_ones_own_runs_in_the_process_of_sinks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = EXAMPLES / "status_sink"
    points = tomllib.loads((folder / "pyproject.toml").read_text())["project"]["entry-points"]["rt_handdt.sinks"]
    # what installing it would leave behind
    info = tmp_path / "status_sink-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: status-sink\nVersion: 1.0\n")
    entries = "".join(f"{name} = {value}\n" for name, value in points.items())
    (info / "entry_points.txt").write_text(f"[rt_handdt.sinks]\n{entries}")
    for path in (tmp_path, folder):
        monkeypatch.syspath_prepend(str(path))
    file = tmp_path / "now.txt"
    hub = SinkProcess([f"status:{file}"], about())
    hub.open()
    tell(hub, "fist")
    until(lambda: file.exists() and file.read_text() == "fist\n")
    hub.close()
    assert file.read_text() == "rest (stopped)\n"
    assert hub.report()[0]["failures"] == 0
    sys.modules.pop("status_sink", None)
