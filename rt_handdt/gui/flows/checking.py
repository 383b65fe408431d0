"""A stream's electrodes, looked at one by one."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from rt_handdt.gui.flows.flow import Ending, Flow, Host
from rt_handdt.gui.start.check_page import CheckPage
from rt_handdt.runtime.live_run import LiveRun

if TYPE_CHECKING:
    from rt_handdt.runtime.electrode_check import ElectrodeCheck


class CheckFlow(Flow):
    """Looks at a stream's electrodes until it is left."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.run: ElectrodeCheck | None = None
        self._shown = False

    @cached_property
    def page(self) -> CheckPage:
        """The electrodes."""
        page = CheckPage()
        page.left.connect(self._host.back)
        page.sought.connect(self._find)
        page.renewed.connect(self._renew)
        return page

    def begin(self, run: LiveRun) -> None:
        """Look for the stream."""
        from rt_handdt.runtime.electrode_check import ElectrodeCheck

        self._host.enter(self)
        self.run, self._shown = ElectrodeCheck(run), False
        self._host.show_opening("Waiting for the stream …")

    def look(self) -> None:
        """Show how they are."""
        from rt_handdt.runtime.electrode_check import CheckStage

        if self.run is None:
            return
        state = self.run.state
        if state.stage is CheckStage.OVER:
            self._host.back(" ".join(state.sentences))
        elif state.stage is CheckStage.CHECKING and self.run.layout is not None:
            if not self._shown:
                self._shown = True
                self.page.begin(self.run.layout)
                self._host.show_page(self.page)
            self.page.show_state(state)

    def _find(self) -> None:
        if self.run is not None:
            self.run.find()

    def _renew(self) -> None:
        if self.run is not None:
            self.run.start_anew()

    def end(self) -> list[Ending]:
        """Look no more."""
        run, self.run = self.run, None
        if run is None:
            return []
        run.close()
        return [run]
