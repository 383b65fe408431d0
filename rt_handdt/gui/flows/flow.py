"""What all ways from the start page and back have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from rt_handdt.gui.start.page import StartPage
    from rt_handdt.runtime.live_run import LiveRun


class Ending(Protocol):
    """What still runs after it was closed."""

    @property
    def ended(self) -> bool:
        """Whether nothing runs any more."""
        ...

    def join(self) -> None:
        """Wait until it has ended."""
        ...


class Host(Protocol):
    """The window, as a flow sees it.

    Attributes
    ----------
    page
        The start page.
    said
        What a flow was told while it opened, newest last; emptied when a flow is entered.
    profiles
        The folder of profiles.
    network
        Whether streams are looked for beyond this computer.
    """

    page: StartPage
    said: list[str]
    profiles: Path
    network: bool

    def enter(self, flow: Flow) -> None:
        """Leave the start page, or another flow, for this one."""
        ...

    def show_page(self, page: QWidget) -> None:
        """Show a page of a flow."""
        ...

    def drop_page(self, page: QWidget) -> None:
        """A page is shown no more, and goes."""
        ...

    def show_opening(self, what: str) -> None:
        """Show that something is waited for."""
        ...

    def back(self, why: str = "") -> None:
        """End the flow, and show the start page, with a sentence where there is one."""
        ...

    def begin(self, run: LiveRun) -> None:
        """Go live."""
        ...

    def train(self, recording: str) -> None:
        """Ask what a model shall be trained on, this recording first."""
        ...


class Flow(ABC):
    """One way, which may be taken again and again. All methods run on the GUI thread.

    Parameters
    ----------
    host
        The window.
    """

    def __init__(self, host: Host) -> None:
        self._host = host

    @abstractmethod
    def look(self) -> None:
        """Show how it stands; called twenty times a second while it is the one that is entered."""

    def may_leave(self) -> bool:
        """Whether there is nothing to lose, or the user has been told and asks again."""
        return True

    def shown(self) -> QWidget | None:
        """What a picture is taken of; None: of the window."""
        return None

    @abstractmethod
    def end(self) -> list[Ending]:
        """Ask all that runs to end; what of it takes a while is given back."""
