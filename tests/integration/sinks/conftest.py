"""What the tests of sinks have in common: hubs that are closed, and a serial device on a pseudo-terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rt_handdt.io.sinks import parse_sinks
from rt_handdt.runtime import sink_worker
from rt_handdt.runtime.hub import Hub
from tests.support.serial_device import Device
from tests.support.sinks import Opened, about


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    """Opens hubs, which try again at once what failed, and closes them."""
    monkeypatch.setattr(sink_worker, "RETRY_S", 0.01)
    monkeypatch.setattr(sink_worker, "RETRY_LIMIT_S", 0.01)
    hubs: list[Hub] = []

    def make(*texts: str, say: Callable[[str], None] = lambda sentence: None, **changes: Any) -> Hub:
        hubs.append(Hub(parse_sinks(texts), about(**changes), say))
        hubs[-1].open()
        return hubs[-1]

    yield make
    for hub in hubs:
        hub.close()


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    pytest.importorskip("serial")
    one = Device(tmp_path / "ttyHAND")
    yield one
    with contextlib.suppress(FileNotFoundError):
        one.pull()
