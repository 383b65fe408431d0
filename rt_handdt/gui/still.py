"""One moment of a run, for a picture of the window taken when the run is over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.runtime.signal_memory import SignalMemory
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
        self.memory = SignalMemory(self.layout.n_channels, engine.spec.fs_hz)
        self.memory.push(engine.signal_since(0)[1])
        self._shot = engine.snapshot()

    def forget_person(self) -> None:
        """Nothing is learnt here."""

    def set_bad(self, names: Sequence[str]) -> None:
        """Nothing is decided here."""

    def set_outputs(self, on: bool) -> None:
        """Nobody is told anything here."""

    def snapshot(self, trace_channels: Sequence[int] | None) -> Snapshot:
        """The moment."""
        return self._shot
