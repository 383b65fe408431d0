"""One moment of a run, for a picture of the window taken when the run is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.runtime.snapshot import Snapshot

if TYPE_CHECKING:
    from rt_handdt.runtime.engine import Engine


class Still:
    """What an engine showed when this was made; a source for `run_window` that does not change.

    Loading Qt takes the interpreter for tens of milliseconds. Drawing a headless run from a still keeps that out of
    the run, and out of the latencies in the picture.
    """

    def __init__(self, engine: Engine) -> None:
        self.layout: ElectrodeLayout = engine.layout
        self.labels: tuple[str, ...] = engine.labels
        self.shared_pattern: bool = engine.shared_pattern
        self._shot = engine.snapshot(range(self.layout.n_channels))

    def forget_person(self) -> None:
        """Nothing is learnt here."""

    def set_outputs(self, on: bool) -> None:
        """Nobody is told anything here."""

    def snapshot(self, trace_channels: Sequence[int] | None) -> Snapshot:
        """The moment, with the traces of these channels."""
        shown = tuple(trace_channels or ())
        traces = self._shot.traces
        return replace(
            self._shot,
            traces=None if traces is None or not shown else traces[:, list(shown)],
            trace_channels=shown,
            trace_names=tuple(self.layout.channels[k] for k in shown),
        )
