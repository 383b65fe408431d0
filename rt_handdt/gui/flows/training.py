"""A model that is trained beside the window."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rt_handdt.errors import ConfigError
from rt_handdt.gui.flows.flow import Ending, Flow, Host
from rt_handdt.gui.start.training_page import TrainingPage

if TYPE_CHECKING:
    from rt_handdt.runtime.training_run import TrainingRun


class TrainingFlow(Flow):
    """Asks what to train on, and follows the trainer."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.run: TrainingRun | None = None

    @cached_property
    def page(self) -> TrainingPage:
        """Data, what the trainer says, and the model."""
        page = TrainingPage()
        page.begun.connect(self.begin)
        page.stopped.connect(self._stop)
        page.left.connect(self._host.back)
        page.accepted.connect(self._use)
        return page

    def ask(self, recording: str = "") -> None:
        """Ask what a model shall be trained on."""
        self._host.enter(self)
        model = self._host.page.models.model
        layout = "" if model is None or model.manifest is None else model.manifest.spec.layout.name
        self.page.ask([recording] if recording else [], layout)
        self._host.show_page(self.page)

    def begin(self, data: list[str], layout: str, out: Path) -> None:
        """Train a model."""
        from rt_handdt.runtime.training_run import TrainingRun

        try:
            self.run = TrainingRun(data, out, layout)
        except ConfigError as exc:
            self.page.say(str(exc))
            return
        self.page.begin(out)

    def look(self) -> None:
        """Show how far it is."""
        if self.run is not None:
            self.page.show_state(self.run.state)

    def _stop(self) -> None:
        if self.run is not None:
            self.run.close()

    def _use(self, folder: str) -> None:
        self._host.back()
        self._host.page.add_model(folder)

    def may_leave(self) -> bool:
        """Asks while the trainer runs."""
        return self.run is None or self.page.may_leave()

    def end(self) -> list[Ending]:
        """Stop the trainer."""
        run, self.run = self.run, None
        if run is None:
            return []
        run.close()
        return [run]
