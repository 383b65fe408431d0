"""From a stream and a model to the live page."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Generic, TypeVar

from PySide6.QtWidgets import QWidget

from rt_handdt.errors import sentence_of
from rt_handdt.gui.flows.flow import Ending, Flow, Host
from rt_handdt.gui.session_page import SessionPage
from rt_handdt.runtime.live_run import LiveRun
from rt_handdt.runtime.replay_process import ReplayProcess

if TYPE_CHECKING:
    from rt_handdt.gui.window import MainWindow
    from rt_handdt.runtime.live_session import LiveSession


PageT = TypeVar("PageT", bound=SessionPage)


class SessionFlow(Flow, Generic[PageT]):
    """Keeps a session, and a page of its engine while there is one.

    Attributes
    ----------
    session
        What runs; None: nothing does.
    page
        None while the engine is opened.
    """

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.session: LiveSession | None = None
        self.page: PageT | None = None

    @abstractmethod
    def _made(self, session: LiveSession) -> PageT:
        """A page of the session's engine."""

    def begin(self, run: LiveRun, replay: ReplayProcess | None = None) -> None:
        """Open a stream with a model."""
        from rt_handdt.runtime.live_session import LiveSession

        self._host.enter(self)
        self.session = LiveSession(run, replay)
        self._host.show_opening("Starting …")

    def look(self) -> None:
        """Follow the session: it opens, it has an engine to show, or it is over."""
        from rt_handdt.runtime.live_session import Stage

        session = self.session
        if session is None:
            return
        stage = session.look()
        said = []
        while session.said:
            said.append(session.said.popleft())
        self._host.said += said
        if stage is Stage.OVER:
            self._host.back(session.fault)
        elif stage is Stage.OPENING:
            self.drop()
            again = " again" if session.restarts else ""
            self._host.show_opening(f"Loading the model and waiting for '{session.name}'{again} …")
        elif self.page is None:
            self.show(session)
        else:
            for sentence in said:
                self.page.say(sentence)

    def show(self, session: LiveSession) -> None:
        """There is an engine: show it."""
        page = self.page = self._made(session)
        page.closed.connect(self._closed)
        self._host.show_page(page)
        page.start()
        if self._host.said:
            page.say(self._host.said[-1])

    def _closed(self) -> None:
        if self.page is None or self.session is None:
            return
        error = self.page.error
        self._host.back("" if error is None else f"The page failed: {sentence_of(error)}")

    def drop(self) -> None:
        """The page goes; the session stays."""
        page, self.page = self.page, None
        if page is not None:
            page.end()
            self._host.drop_page(page)

    def may_leave(self) -> bool:
        """Asks while something is recorded."""
        return self.page is None or self.page.may_leave()

    def shown(self) -> QWidget | None:
        """The page."""
        return self.page

    def end(self) -> list[Ending]:
        """End the session."""
        self.drop()
        session, self.session = self.session, None
        if session is None:
            return []
        session.close()
        return [session]


class LiveFlow(SessionFlow["MainWindow"]):
    """The live page."""

    def _made(self, session: LiveSession) -> MainWindow:
        from rt_handdt.gui.window import MainWindow

        facts = session.engine.wait_until_ready()
        return MainWindow(session.engine, reject_below=facts.reject_below, leave="start page")

    def show(self, session: LiveSession) -> None:
        """On the stage, where that was shown when the engine was started again."""
        super().show(session)
        if self.page is not None and self.page.window().isFullScreen() and not self.page.on_stage:
            self.page.toggle_stage()
