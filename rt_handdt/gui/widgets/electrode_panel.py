"""The electrodes of a virtual person: the map, what it says about one of them, and how one is broken."""

from __future__ import annotations

from functools import partial

import numpy as np
from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QMenu, QVBoxLayout, QWidget

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.gui import theme
from rt_handdt.gui.scale import Scale
from rt_handdt.gui.virtual import LOST, NOISY, PersonState
from rt_handdt.gui.widgets.canvas import medium
from rt_handdt.gui.widgets.electrode_map import ElectrodeMap
from rt_handdt.gui.widgets.heatmap import rms_table
from rt_handdt.gui.widgets.map_line import MapLine

_MENU = (
    f"QMenu {{ background: {theme.PANEL}; color: {theme.TEXT}; border: 1px solid {theme.FAINT}; padding: 4px; }}"
    f"QMenu::item {{ padding: 5px 18px; }}"
    f"QMenu::item:selected {{ background: {theme.ACCENT}; color: {theme.BACKGROUND}; }}"
)


class ElectrodePanel(QWidget):
    """A click breaks an electrode, a second makes it noisy, a third mends it; a menu does any of these, or mends all.

    Parameters
    ----------
    layout, fs_hz
        Of the person.
    state
        The first one.
    """

    #: Break this electrode with this fault.
    broken = Signal(int, str)
    #: Mend this electrode.
    mended = Signal(int)

    def __init__(self, layout: ElectrodeLayout, fs_hz: float, state: PersonState) -> None:
        super().__init__()
        self._layout = layout
        self._fs_hz = fs_hz
        self._state = state
        self._rms = Scale(floor=20.0)
        self._seen_s = 0.0
        self._here = -1
        self._map = ElectrodeMap(layout, rms_table())
        self._line = MapLine()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self._map, 1)
        column.addWidget(self._line)
        self._map.clicked.connect(self._cycle)
        self._map.menu.connect(self._show_menu)
        self._map.pointed.connect(self._point)

    def show_state(self, state: PersonState) -> None:
        """Show the RMS of each electrode, and which are broken."""
        self._state = state
        rms = np.asarray(state.rms_uv)
        sound = np.isfinite(rms)
        sound[list(state.broken)] = False  # a noisy electrode must not darken all others
        seconds = state.position / self._fs_hz
        peak = float(np.percentile(rms[sound], 99.0)) if sound.any() else None
        high = self._rms.update(peak, max(seconds - self._seen_s, 0.0))
        self._seen_s = seconds
        self._map.show_rms(rms, high, state.broken)
        self._show_line()

    def _show_line(self) -> None:
        faults = list(self._state.broken.values())
        self._line.show_line(self._sentence(), faults.count(LOST), faults.count(NOISY))

    def _sentence(self) -> str:
        channel = self._here
        if channel < 0:
            return "Click an electrode to break it"
        fault = self._state.broken.get(channel)
        name = self._layout.channels[channel] + (f" ({fault})" if fault else "")
        following = "break" if fault is None else "make noisy" if fault == LOST else "mend"
        return f"{name}   {self._state.rms_uv[channel]:.0f} µV   ·   click: {following}"

    def _point(self, channel: int) -> None:
        self._here = channel
        self._map.setCursor(Qt.CursorShape.PointingHandCursor if channel >= 0 else Qt.CursorShape.ArrowCursor)
        self._show_line()

    def _cycle(self, channel: int) -> None:
        fault = self._state.broken.get(channel)
        if fault is None:
            self.broken.emit(channel, LOST)
        elif fault == LOST:
            self.broken.emit(channel, NOISY)
        else:
            self.mended.emit(channel)

    def _mend_all(self) -> None:
        for channel in tuple(self._state.broken):
            self.mended.emit(channel)

    def _show_menu(self, channel: int, place: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setFont(medium(13))
        menu.setStyleSheet(_MENU)
        name = self._layout.channels[channel]
        fault = self._state.broken.get(channel)
        for text, act, possible in (
            (f"{name}: lose the contact", partial(self.broken.emit, channel, LOST), fault != LOST),
            (f"{name}: make it noisy", partial(self.broken.emit, channel, NOISY), fault != NOISY),
            (f"{name}: mend", partial(self.mended.emit, channel), fault is not None),
            ("Mend all", self._mend_all, bool(self._state.broken)),
        ):
            if possible:
                menu.addAction(text, act)
        menu.popup(place)
