"""Single key presses from a terminal, and what they mean to a virtual person."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from types import TracebackType

from rt_handdt.core.gestures import REST, title
from rt_handdt.errors import ConfigError
from rt_handdt.sim.gesture_keys import GESTURE_OF, REST_KEYS

QUIT = "q"
FORCE_STEP, MIN_FORCE, MAX_FORCE = 0.1, 0.1, 2.0


class Keyboard:
    """Standard input key by key, without echo, while it is entered as a context; the terminal is put back after."""

    def __enter__(self) -> Keyboard:
        try:
            import termios
            import tty
        except ImportError:
            raise ConfigError(
                "Single keys cannot be read in this system's terminal; give the command its input from a pipe."
            ) from None
        self._fd = sys.stdin.fileno()
        self._before = termios.tcgetattr(self._fd)
        tty.setcbreak(self._fd)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        import termios

        termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)

    def read(self, timeout_s: float) -> str:
        """Keys pressed; empty if none came in time, `QUIT` if the terminal is gone."""
        ready, _, _ = select.select([self._fd], [], [], timeout_s)
        if not ready:
            return ""
        return os.read(self._fd, 64).decode("ascii", "ignore") or QUIT


class KeyCommands:
    """Remembers gesture and force, and gives a command when a key changes one of them."""

    def __init__(self, command: Callable[[str, float], None]) -> None:
        self._command = command
        self.label = REST
        self.force = 1.0

    def press(self, key: str) -> bool:
        """Answer a key; False for `QUIT`. Keys without a meaning do nothing."""
        key = key.lower()
        if key == QUIT:
            return False
        if key in tuple(REST_KEYS):
            self.label = REST
        elif key in GESTURE_OF:
            self.label = GESTURE_OF[key]
        elif key in ("+", "=", "-"):
            change = -FORCE_STEP if key == "-" else FORCE_STEP
            self.force = round(min(max(self.force + change, MIN_FORCE), MAX_FORCE), 1)
        else:
            return True
        self._command(self.label, self.force)
        return True


def legend() -> str:
    """Which key does what, in three columns."""
    entries = [f"{key} {title(label)}" for key, label in GESTURE_OF.items()]
    rows = -(-len(entries) // 3)
    lines = ["  ".join(f"{entry:<37}" for entry in entries[row::rows]).rstrip() for row in range(rows)]
    return "\n".join([*lines, "space or 0 rest    + − force    q quit"])
