"""How a run is ended from outside."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Self

#: Ctrl-C, a polite kill, and the terminal that goes away.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Ending:
    """While it is entered, Ctrl-C, a polite kill and a hang-up end a run alike: with its report, and at once.

    Until `running` is set they end the program (as `KeyboardInterrupt`), for nothing was recorded yet. Outside the main
    thread, where Python takes no signals, it does nothing.

    Attributes
    ----------
    asked
        Set once the end was asked for.
    running
        Set this once there is something to report on.
    """

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.running = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._end) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal itself gave

    def _end(self, number: int, frame: FrameType | None) -> None:
        self.asked.set()
        if not self.running:
            raise KeyboardInterrupt
