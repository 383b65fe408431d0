"""A guided calibration, and the profile that comes of it."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from rt_handdt.errors import ConfigError
from rt_handdt.gui.flows.flow import Ending, Flow, Host
from rt_handdt.gui.start.calibration_page import CalibrationPage, file_name
from rt_handdt.runtime.live_run import LiveRun

if TYPE_CHECKING:
    from rt_handdt.runtime.calibration_run import CalibrationRun, Wish


class CalibrationFlow(Flow):
    """Guides somebody through a calibration on the stream of a run, which may follow it."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.run: CalibrationRun | None = None

    @cached_property
    def page(self) -> CalibrationPage:
        """Cues and result."""
        page = CalibrationPage()
        page.cancelled.connect(self._host.back)
        page.wished.connect(self._wish)
        page.redone.connect(self._redo)
        page.accepted.connect(self._use)
        return page

    def begin(self, run: LiveRun) -> None:
        """Load the model, and look for the stream."""
        from rt_handdt.runtime.calibration_run import CalibrationRun

        self._host.enter(self)
        self.run = CalibrationRun(run)
        self.page.begin()
        self._host.show_opening("Loading the model …")

    def look(self) -> None:
        """Show how far it is."""
        from rt_handdt.runtime.calibration_run import Stage

        if self.run is None:
            return
        progress = self.run.progress
        if progress.stage is Stage.OVER:
            self._host.back(" ".join(progress.sentences))
        elif progress.stage is not Stage.OPENING:
            self._host.show_page(self.page)
            self.page.show_progress(progress)

    def _wish(self, wish: Wish) -> None:
        if self.run is not None:
            self.run.wish(wish)

    def _redo(self, number: int) -> None:
        if self.run is not None and self.run.ended:
            self.page.say("The stream has ended: what was heard stands, and nothing can be made again")
        elif self.run is not None:
            self.run.redo(number)

    def _use(self, subject: str) -> None:
        """Keep the profile, and go live with it."""
        run = self.run
        profile = None if run is None else run.progress.profile
        if run is None or profile is None:
            return
        profile = replace(profile, facts=profile.facts.model_copy(update={"subject": subject}))
        folder = self._host.profiles / file_name(subject, profile)
        try:
            profile.save(folder)
        except ConfigError as exc:
            self.page.say(str(exc))
            return
        start = self._host.page
        start.row.profile.choose(folder, start.models.model)
        start.row.record_to(None)
        self._host.begin(replace(run.run, profile=folder))

    def may_leave(self) -> bool:
        """Asks while there is a profile that is not kept."""
        return self.run is None or self.page.may_leave()

    def end(self) -> list[Ending]:
        """What was not kept is gone."""
        run, self.run = self.run, None
        if run is None:
            return []
        run.close()
        return [run]
