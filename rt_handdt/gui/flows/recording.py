"""A session that is recorded with cues."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rt_handdt.errors import ConfigError, HanddtError
from rt_handdt.gui.flows.flow import Ending, Flow, Host
from rt_handdt.gui.start.recording_page import RecordingPage
from rt_handdt.runtime.recorder import check_new

if TYPE_CHECKING:
    from rt_handdt.io.protocol import Protocol
    from rt_handdt.runtime.recording_session import RecordingSession


class RecordingFlow(Flow):
    """Asks what shall be recorded of a stream, and records it."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.session: RecordingSession | None = None
        self._stream = ""

    @cached_property
    def page(self) -> RecordingPage:
        """Protocol, cues, and where it was saved."""
        page = RecordingPage()
        page.begun.connect(self._ask_file)
        page.ended.connect(self._stop)
        page.left.connect(self._host.back)
        page.replayed.connect(self._replay)
        page.trained.connect(self._host.train)
        return page

    def ask(self, stream: str, labels: tuple[str, ...]) -> None:
        """Ask what shall be recorded of a stream."""
        self._host.enter(self)
        self._stream = stream
        try:
            self.page.ask(labels)
        except HanddtError as exc:  # a label that no protocol may have
            self._host.back(str(exc))
            return
        self._host.show_page(self.page)

    def _ask_file(self, protocol: Protocol) -> None:
        path = self._host.page.ask_new_file("Record to", "session")
        if path is None:
            return
        try:
            check_new(path)
        except ConfigError as exc:
            self.page.say(str(exc))
        else:
            self.begin(path, protocol)

    def begin(self, path: Path, protocol: Protocol) -> None:
        """Record the stream that was asked for."""
        from rt_handdt.runtime.recording_session import RecordingSession

        self.session = RecordingSession(path, self._stream, protocol, network=self._host.network)
        self.page.begin(path, protocol)

    def look(self) -> None:
        """Show how it stands."""
        from rt_handdt.runtime.recording_session import RecordingStage

        if self.session is None:
            return
        state = self.session.state
        if state.stage is RecordingStage.OVER:
            self._host.back(" ".join(state.sentences))
        elif state.stage is not RecordingStage.OPENING:
            self.page.show_state(state)

    def _stop(self) -> None:
        from rt_handdt.runtime.recording_session import RecordingStage

        if self.session is None:
            return
        if self.session.state.stage is RecordingStage.OPENING:
            self._host.back()
        else:
            self.session.close()

    def _replay(self, path: str) -> None:
        self._host.back()
        self._host.page.begin_replay(path)

    def may_leave(self) -> bool:
        """Asks while the file grows."""
        return self.session is None or self.page.may_leave()

    def end(self) -> list[Ending]:
        """End the recording, and keep it."""
        session, self.session = self.session, None
        if session is None:
            return []
        session.close()
        return [session]
