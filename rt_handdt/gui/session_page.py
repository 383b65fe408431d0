"""A page that follows an engine, as the window around it sees it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget


class SessionPage(QWidget):
    """A page that shows an engine.

    Attributes
    ----------
    error
        With which it closed.
    """

    #: It is left.
    closed = Signal()
    error: Exception | None = None

    def start(self) -> None:
        """Begin to follow the engine."""
        raise NotImplementedError

    def end(self) -> None:
        """Follow it no more."""
        raise NotImplementedError

    def say(self, text: str) -> None:
        """Show a notice."""
        raise NotImplementedError

    def may_leave(self) -> bool:
        """Whether there is nothing to lose, or the user has been told and asks again."""
        return True
