"""From a stream and a model to a target test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rt_handdt.gui.flows.live import SessionFlow

if TYPE_CHECKING:
    from rt_handdt.gui.targets.page import TargetsPage
    from rt_handdt.runtime.live_session import LiveSession


class TargetsFlow(SessionFlow["TargetsPage"]):
    """The page of target tests."""

    def _made(self, session: LiveSession) -> TargetsPage:
        from rt_handdt.gui.targets.page import TargetsPage

        session.engine.wait_until_ready()
        return TargetsPage(
            session.engine,
            calibrated=session.run.profile is not None,
            leave="start page",
            ask=lambda: self._host.page.ask_new_file("Save the figures", "targets", "json"),
        )
