"""Whether somebody asks for the same a second time."""

from __future__ import annotations

import time

#: Who asks again within so long means it.
ASKED_S = 4.0


class Again:
    """What ends or discards something is asked for twice: the first time one is told what it does."""

    def __init__(self) -> None:
        self._what, self._since_s = "", 0.0

    def __call__(self, what: str) -> bool:
        """Whether this was asked for a moment ago; else it is noted."""
        if self.open(what):
            self._what = ""
            return True
        self._what, self._since_s = what, time.monotonic()
        return False

    def open(self, what: str) -> bool:
        """Whether this was asked for a moment ago, and nothing has come of it yet."""
        return self._what == what and time.monotonic() - self._since_s < ASKED_S
