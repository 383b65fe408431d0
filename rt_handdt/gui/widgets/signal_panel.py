"""The signal with its choices: some traces, many, chosen ones, or all channels as a raster."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.gui.bridge import choose_traces
from rt_handdt.gui.widgets.chooser import Heading
from rt_handdt.gui.widgets.signal_view import SignalView
from rt_handdt.runtime.signal_memory import SignalMemory

#: Traces that can be told apart.
MANY = 64
#: How far one can go back, s.
BACK_S = 30.0


class Way(NamedTuple):
    """A way to show the signal: its button's text and tip, and how."""

    text: str
    tip: str
    traces: int  # how many; 0: all channels as a raster; −1: those that were chosen
    signed: bool = False


class SignalPanel(QWidget):
    """A heading with buttons above a `SignalView`; holds still and goes back in time when it is told so.

    Parameters
    ----------
    layout
        Of the electrodes.
    """

    #: The user looks back: the display is to be held.
    held = Signal()

    def __init__(self, layout: ElectrodeLayout) -> None:
        super().__init__()
        self._layout = layout
        self._frozen: SignalMemory | None = None
        self._back_s = 0.0
        self._chosen: tuple[int, ...] = ()
        self._bad: Collection[str] = ()
        self.view = SignalView(layout)
        n = layout.n_channels
        ways = [Way(f"{min(16, n)}", "Some traces, spread over the electrodes", 16)]
        if n > 16:
            ways.append(Way(f"{min(MANY, n)}", "Many traces", MANY))
        ways += [
            Way("All", "All channels as a raster of amplitudes", 0),
            Way("All ±", "All channels as a raster, with the sign", 0, signed=True),
            Way("Chosen", "Traces of the electrodes that were clicked on a map", -1),
        ]
        self._ways = tuple(ways)
        row = Heading("Signal", [(way.text, f"{way.tip} (T)") for way in ways])
        self.buttons = row.buttons
        self.buttons.button(len(ways) - 1).setVisible(False)
        self.buttons.idClicked.connect(self._take)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self.view, 1)
        self.view.scrolled.connect(self.look_back)
        self.view.stretched.connect(self.view.stretch)
        self._take(0)

    # -- what is shown -----------------------------------------------------------------------------------------

    def show_signal(self, memory: SignalMemory, bad: Collection[str], live: bool) -> None:
        """Show the newest of a memory, unless it is held."""
        self._memory, self._bad = memory, bad
        self.view.set_live(live)
        self.view.show_signal(self._frozen or memory, self._back_s, bad)

    def next_way(self) -> None:
        """Show the signal in the next way."""
        shown = [number for number in range(len(self._ways)) if self.buttons.button(number).isVisibleTo(self)]
        now = shown.index(self.buttons.checkedId())
        self._take(shown[(now + 1) % len(shown)])

    def choose(self, channel: int) -> bool:
        """Add a channel to those chosen, or take it away, and show them; False: there are as many as can be shown."""
        if channel in self._chosen:
            self._chosen = tuple(one for one in self._chosen if one != channel)
        elif len(self._chosen) >= MANY:
            return False
        else:
            self._chosen = (*self._chosen, channel)
        last = len(self._ways) - 1
        self.buttons.button(last).setVisible(bool(self._chosen))
        self._take(last if self._chosen else 0)
        return True

    @property
    def chosen(self) -> tuple[int, ...]:
        """The channels that were chosen one by one."""
        return self._chosen

    def _take(self, number: int) -> None:
        self.buttons.button(number).setChecked(True)
        way = self._ways[number]
        if way.traces < 0:
            self.view.show_channels(self._chosen)
        elif way.traces == 0:
            every = choose_traces(self._layout, self._layout.n_channels)
            self.view.show_channels(every, raster=True, signed=way.signed)
        else:
            self.view.show_channels(choose_traces(self._layout, way.traces))

    # -- holding and looking back ------------------------------------------------------------------------------

    def hold(self, memory: SignalMemory) -> None:
        """Show what is there now, whatever comes."""
        self._frozen = memory.frozen()
        self.view.show_signal(self._frozen, self._back_s, self._bad)

    def go_on(self) -> None:
        """Show what comes again."""
        self._frozen, self._back_s = None, 0.0

    def look_back(self, by_s: float) -> None:
        """Look further back (positive), or less far; the display is held for it."""
        if self._frozen is None:
            if by_s <= 0:
                return
            self.held.emit()
        if self._frozen is None:  # nobody wants to hold it
            return
        memory = self._frozen
        there_s = (memory.written - memory.held) / memory.rate_hz - self.view.seconds
        self._back_s = min(max(self._back_s + by_s, 0.0), max(0.0, min(there_s, BACK_S)))
        self.view.show_signal(memory, self._back_s, self._bad)

    def step(self, steps: int) -> None:
        """The same, by eighths of what is seen."""
        self.look_back(steps * max(self.view.seconds, 1.0) / 8)

    @property
    def back_s(self) -> float:
        """How far back the picture ends, s."""
        return self._back_s

    def set_live(self, live: bool) -> None:
        """Dim the picture while nothing new comes."""
        self.view.set_live(live)
