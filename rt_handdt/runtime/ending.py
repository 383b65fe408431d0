"""How a run is ended from outside."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import ClassVar, Self

#: Ctrl-C, a polite kill, and the terminal that goes away.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Stopped(KeyboardInterrupt):
    """A signal has ended the program before it was done."""

    #: The last one that did; on its way out, an exception may become another one.
    by: ClassVar[int] = signal.SIGINT

    def __init__(self, number: int) -> None:
        super().__init__()
        Stopped.by = number


def end_by(handler: Callable[[int, FrameType | None], None]) -> dict[int, object]:
    """Have what ends a run call this; what it called before."""
    return {number: signal.signal(number, handler) for number in SIGNALS if _heeded(number)}


def stop_politely() -> None:
    """Have a polite kill and a hang-up end this program as Ctrl-C does: by an exception, so that all is put away."""
    end_by(_stopped)


def stop_no_more() -> None:
    """What follows is short, and is not to be cut off: the interpreter puts itself away."""
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)


def _stopped(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)


def _heeded(number: int) -> bool:
    """Not a hang-up that was ignored from the start: that is what nohup is for."""
    return number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN


class Ending:
    """While it is entered, Ctrl-C, a polite kill and a hang-up end a run alike: with its report, and at once.

    Until `running` is set they end the program (as `KeyboardInterrupt`), for nothing was recorded yet. Once the end of
    a run was asked for, they do no more, nor after it is left: what was recorded is put away. Outside the main thread,
    where Python takes no signals, it does nothing.

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
            self._before = end_by(self._end)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.running and self.asked.is_set():
            return
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal itself gave

    def _end(self, number: int, frame: FrameType | None) -> None:
        self.asked.set()
        if not self.running:
            raise Stopped(number)
