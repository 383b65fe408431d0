"""What can be done with an electrode on the live page's maps: look at it, show its trace, leave it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from PySide6.QtCore import QRect
from PySide6.QtWidgets import QWidget

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.gui.widgets.electrode_tip import TIP_S, ElectrodeTip
from rt_handdt.gui.widgets.heatmap import GridHeatmap
from rt_handdt.gui.widgets.signal_panel import MANY, SignalPanel
from rt_handdt.runtime.signal_memory import SignalMemory
from rt_handdt.runtime.snapshot import Snapshot

#: Of the electrodes so many can be left out by hand: as many bad ones as recognition does with.
MOST_EXCLUDED = 0.3


class ElectrodeSource(Protocol):
    """What is needed of an engine here."""

    @property
    def layout(self) -> ElectrodeLayout:
        """The electrode grid."""
        ...

    @property
    def memory(self) -> SignalMemory:
        """The signal of the last half minute."""
        ...

    def set_bad(self, names: Sequence[str]) -> None:
        """Do without these electrodes, and no others but those found to be bad."""
        ...


class Electrodes:
    """Follows the mouse on maps. All methods run on the GUI thread.

    Parameters
    ----------
    page
        Over which the tip floats.
    engine
        Is told which electrodes are left out.
    signal
        Shows the traces that are chosen.
    maps
        That are pointed at and clicked.
    say
        Tells the user what was done.
    """

    def __init__(
        self,
        page: QWidget,
        engine: ElectrodeSource,
        signal: SignalPanel,
        maps: Sequence[GridHeatmap],
        say: Callable[[str], None],
    ) -> None:
        self._page, self._engine, self._signal, self._maps, self._say = page, engine, signal, tuple(maps), say
        self._pointed: tuple[GridHeatmap, int] | None = None
        self._bad: Mapping[str, str] = {}
        self._excluded: tuple[str, ...] | None = None  # None: as the engine was started
        self.tip = ElectrodeTip(page)
        for grid in self._maps:
            grid.interactive()
            grid.pointed.connect(lambda channel, over=grid: self._point(over, channel))
            grid.clicked.connect(self.choose)
            grid.refused.connect(self.exclude)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show what is so now."""
        self._bad = snapshot.bad_electrodes
        if self._excluded is None and snapshot.n_channels:  # from then on it is this window that says
            self._excluded = snapshot.excluded
        self._tell()

    def choose(self, channel: int) -> None:
        """Show an electrode's trace, or hide it again."""
        if not self._signal.choose(channel):
            self._say(f"No more than {MANY} traces can be told apart; click one of those shown to hide it")
        for grid in self._maps:
            grid.mark(self._signal.chosen)

    def exclude(self, channel: int) -> None:
        """Do without an electrode, or take it back."""
        layout, now = self._engine.layout, self._excluded or ()
        name = layout.channels[channel]
        if name in now:
            self._leave_out(tuple(one for one in now if one != name), f"{name} is used again")
        elif len(now) + 1 > MOST_EXCLUDED * layout.n_channels:
            self._say(f"No more than {100 * MOST_EXCLUDED:.0f} % of the electrodes can be left out")
        else:
            self._leave_out((*now, name), f"{name} is left out. U: take it back")

    def undo(self) -> None:
        """Take back the electrode that was left out last."""
        if self._excluded:
            self._leave_out(self._excluded[:-1], f"{self._excluded[-1]} is used again")
        else:
            self._say("No electrode is left out")

    def _leave_out(self, names: tuple[str, ...], said: str) -> None:
        self._excluded = names
        self._engine.set_bad(names)
        self._say(said)

    def _point(self, grid: GridHeatmap, channel: int) -> None:
        self._pointed = None if channel < 0 else (grid, channel)
        if self._pointed is None:
            self.tip.hide()
            return
        cell = grid.cell(channel).toRect()
        self._tell()
        self.tip.show_beside(QRect(grid.mapTo(self._page, cell.topLeft()), cell.size()))

    def _tell(self) -> None:
        """What is to be known of the electrode under the mouse."""
        if self._pointed is None:
            return
        grid, channel = self._pointed
        name, memory = self._engine.layout.channels[channel], self._engine.memory
        left_out = name in (self._excluded or ())
        why = "left out by you" if left_out else self._bad.get(name, "")
        why = f"{why}: rebuilt from its neighbours" if why else ""
        trace = "hide its trace" if channel in self._signal.chosen else "its trace"
        does = f"Click: {trace} · Right: {'take it back' if left_out else 'leave it out'}"
        first = memory.written - round(TIP_S * memory.rate_hz)
        low, high = memory.read(first, memory.written, [channel])
        self.tip.show_electrode(name, grid.value_words(channel), why, does, low[:, 0], high[:, 0])
