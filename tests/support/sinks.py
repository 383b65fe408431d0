"""Sinks that do what a test wants, and receivers that note what they are told."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from rt_handdt.core.types import Decision
from rt_handdt.io.lsl import clock
from rt_handdt.io.message import Message
from rt_handdt.io.sink import About, SinkSettings
from rt_handdt.runtime.hub import Hub
from rt_handdt.runtime.sink_process import SinkProcess
from rt_handdt.runtime.status import State, Status

LABELS = ("rest", "fist", "open")
RUNNING = Status(State.RUNNING, "running")
LOST = Status(State.LOST, "lost", "Gone.")
#: Opens a hub of the sinks named (as in ``--sink``); the fixture `opened` is one.
Opened = Callable[..., Hub]


def about(**changes: Any) -> About:
    """What sinks are told at first; no gesture grows too old on a slow machine, unless asked for."""
    known = {"labels": LABELS, "states": tuple(State), "rate_hz": 64.0, "max_age_s": 600.0, "model": "tiny"}
    return About(**known | changes)  # type: ignore[arg-type]


def decision(label: str = "fist") -> Decision:
    """One that is certain."""
    p = np.asarray([float(label == one) for one in LABELS], np.float32)
    return Decision(label, 1.0, p, False, 0.0 if label == "rest" else 0.8, 7, 5.0)


def tell(hub: Hub | SinkProcess, label: str = "fist", status: Status = RUNNING, age_s: float = 0.0) -> None:
    """Have the hub told, as the engine does."""
    hub.tell(decision(label), status, clock() - age_s if status is RUNNING else float("nan"))


def message(seq: int = 0, label: str = "fist", **changes: Any) -> Message:
    """A message of its own."""
    known: dict[str, Any] = {
        **{"seq": seq, "time_s": clock(), "told_s": clock(), "label": label, "index": 1},
        **{"labels": LABELS, "probabilities": tuple(float(label == one) for one in LABELS), "confidence": 1.0},
        **{"rejected": False, "level": 0.8, "state": "running", "code": "running"},
    }
    return Message(**known | changes)


def until(true: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.002)


class QuietSettings(SinkSettings):
    """Without a heartbeat, so that a test knows what comes."""

    heartbeat: float = 0.0


class RecordSettings(QuietSettings):
    """Of a sink that keeps a record."""

    record = True


class NotingSink:
    """Notes what it is told; `gate` holds it up, `error` and `refusal` are what its `send` ends with."""

    Settings = SinkSettings

    def __init__(self, settings: SinkSettings | None = None) -> None:
        self.settings = settings or QuietSettings()
        self.heard: list[Message] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.error: BaseException | None = None
        self.open_error: BaseException | None = None
        self.refusal: str | None = None
        self.opened = self.closed = 0

    def open(self, about: About) -> None:
        if self.open_error is not None:
            raise self.open_error
        self.opened += 1

    def send(self, message: Message) -> str | None:
        self.entered.set()
        self.gate.wait(60.0)
        if self.error is not None:
            raise self.error
        if self.refusal is None:
            self.heard.append(message)
        return self.refusal

    def close(self) -> None:
        self.closed += 1

    @property
    def labels(self) -> list[str]:
        """What it was told."""
        return [one.label for one in self.heard]


class UdpEar:
    """Hears datagrams on a port of this computer."""

    def __init__(self, port: int = 0) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind(("127.0.0.1", port))
        self._socket.settimeout(0.1)
        self.port = int(self._socket.getsockname()[1])
        self.heard: list[tuple[float, bytes]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="udp-ear")
        self._thread.start()

    def __enter__(self) -> UdpEar:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                data = self._socket.recv(65536)
                self.heard.append((clock(), data))


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """A port that nobody has."""
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
