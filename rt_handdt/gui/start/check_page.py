"""The electrode check: each electrode with what is wrong with it, and which one a finger presses."""

from __future__ import annotations

from collections import Counter

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.gui import theme
from rt_handdt.gui.again import Again
from rt_handdt.gui.scale import Scale
from rt_handdt.gui.start.frame import framed
from rt_handdt.gui.start.label import Label
from rt_handdt.gui.start.shortcut import shortcut
from rt_handdt.gui.widgets.canvas import LEFT, RIGHT, Canvas, medium, write
from rt_handdt.gui.widgets.card import Card
from rt_handdt.gui.widgets.electrode_map import ElectrodeMap, draw_fault
from rt_handdt.gui.widgets.heatmap import rms_table
from rt_handdt.runtime.electrode_check import CheckStage, CheckState, Suspect

#: Kinds of `rt_handdt.core.quality`, in words, with what to do.
WORDS = {
    "flat": ("Flat", "hears nothing: contact, cable"),
    "missing": ("Missing", "sends no values"),
    "saturated": ("Saturated", "at its limit: contact, gain"),
    "noisy": ("Noisy", "contact, gel"),
    "mains": ("Mains", "hums: contact, reference"),
    "unplugged": ("Unlike its neighbours", "hears no muscle: contact"),
    "repeated": ("Repeated", "restart the amplifier"),
}
_PRESS = "Find by pressing"


class CheckPage(QWidget):
    """Shows an `ElectrodeCheck`. All methods run on the GUI thread."""

    left = Signal()
    #: Learn what is still, then tell which electrode is pressed.
    sought = Signal()
    #: Forget what was bad until now.
    renewed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._layout: ElectrodeLayout | None = None
        self._map: ElectrodeMap | None = None
        self._scale = Scale(floor=20.0)
        self._state = CheckState(CheckStage.OPENING)
        self._seen_s, self._here, self._asked = 0.0, -1, Again()
        self._room = QVBoxLayout()
        self._line = Label("", "muted")
        self._remark = Label("", "bad", "verdict", wrap=True)
        self._hint = Label("", "muted", wrap=True)
        self.legend = Legend()
        self.table = QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels(["Electrode", "What", "Of the time"])
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.setAccessibleName("Bad electrodes")
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.table.currentCellChanged.connect(self._select)
        self.press = QPushButton(_PRESS)
        self.press.setToolTip("Hold still for two seconds, then press electrodes: each is ringed on the map (F)")
        self.press.clicked.connect(self.sought)
        self._found = Label("", face="heading", wrap=True)
        self.again = QPushButton("Start anew")
        self.again.setToolTip("Forget which electrodes were bad until now (R)")
        self.again.clicked.connect(self._renew)
        self.back = QPushButton("Back")
        self.back.setToolTip("To the start page (Esc)")
        self.back.clicked.connect(self.left)
        for key, button in (("Esc", self.back), ("F", self.press), ("R", self.again)):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            shortcut(self, key, button)

        shown = QWidget()
        column = QVBoxLayout(shown)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self._room, 1)
        column.addWidget(self._line)
        right = QVBoxLayout()
        right.setSpacing(theme.GAP_PX)
        right.addWidget(Card("What is wrong", self.legend, "electrodes now"))
        right.addWidget(Card("Which", self.table), 1)
        press = QWidget()
        row = QHBoxLayout(press)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.press)
        row.addWidget(self._found, 1)
        right.addWidget(Card("Press here to find it", press))
        grid = QGridLayout()
        grid.setSpacing(theme.GAP_PX)
        grid.addWidget(Card("Electrodes", shown, "RMS of each, as it is"), 0, 0)
        grid.addLayout(right, 0, 1)
        grid.setColumnStretch(0, 5)
        grid.setColumnStretch(1, 4)
        grid.setColumnMinimumWidth(1, 400)
        page = framed(self, "Check the electrodes", "Rest first, then make a fist", self.again, self.back)
        page.addWidget(self._remark)
        page.addWidget(self._hint)
        page.addLayout(grid, 1)

    def begin(self, layout: ElectrodeLayout) -> None:
        """Show a stream's electrodes anew."""
        if self._map is not None:
            self._room.removeWidget(self._map)
            self._map.deleteLater()
        self._layout, self._scale, self._seen_s = layout, Scale(floor=20.0), 0.0
        self._map = ElectrodeMap(layout, rms_table(), "its name and value are said below")
        self._map.pointed.connect(self._point)
        self._room.addWidget(self._map)
        self._map.setFocus()
        self.show_state(CheckState(CheckStage.OPENING))

    @property
    def map(self) -> ElectrodeMap | None:
        """The electrodes, once there is a stream."""
        return self._map

    def show_state(self, state: CheckState) -> None:
        """Show how it stands."""
        self._state = state
        if self._map is None or self._layout is None:
            return
        self._say(state)
        self.legend.show_counts(Counter(state.now.values()))
        self._show_table(state.suspects)
        if state.rms_uv is None:
            return
        sound = np.isfinite(state.rms_uv)
        sound[list(state.now)] = False  # a noisy electrode must not darken all others
        peak = float(np.percentile(state.rms_uv[sound], 99.0)) if sound.any() else None
        high = self._scale.update(peak, max(state.seconds - self._seen_s, 0.0))
        self._seen_s = state.seconds
        self._map.show_rms(np.asarray(state.rms_uv, np.float32), high, state.now)
        self._map.ring(-1 if state.pressed is None else state.pressed.channel)
        self._tell_line()

    def _say(self, state: CheckState) -> None:
        self._remark.tell(state.remark, "bad")
        self._remark.setVisible(bool(state.remark))
        if not state.seconds:
            hint, tone = "Waiting for the signal …", "muted"
        elif not state.worked:
            hint, tone = (
                "Rest for two seconds, then make a fist: what hears no muscle shows while muscles work.",
                "muted",
            )
        elif state.suspects:
            hint, tone = (
                "Rest and muscles were heard. Mend what is listed; what stays is rebuilt from its neighbours.",
                "",
            )
        else:
            hint, tone = "Rest and muscles were heard, and every electrode is good.", "good"
        if self._asked.open("renew"):
            hint, tone = "Again: forget which electrodes were bad until now", "warn"
        self._hint.tell("  ·  ".join((hint, *state.sentences)), tone)
        if state.still is None:
            text = "Hold still, then press an electrode with a finger."
        elif state.still < 1.0:
            text = f"Hold still … {100 * state.still:.0f} %"
        elif state.pressed is None:
            text = "Press an electrode."
        else:
            name = self._layout.channels[state.pressed.channel] if self._layout is not None else ""
            text = f"{name}: {state.pressed.times:.0f} times as at rest"
        self._found.tell(text, "good" if state.pressed is not None else "muted")

    def _renew(self) -> None:
        """Forgotten is forgotten: that is asked for twice."""
        if self._asked("renew"):
            self.renewed.emit()
        self._say(self._state)

    def _show_table(self, suspects: tuple[Suspect, ...]) -> None:
        if self.table.rowCount() != len(suspects):
            self.table.setRowCount(len(suspects))
        for row, one in enumerate(suspects):
            word = WORDS.get(one.now or one.mostly, (one.now or one.mostly, ""))
            what = word[0] if one.now else f"good now ({word[0].lower()} before)"
            for column, text in enumerate((one.name, what, f"{100 * one.share:.0f} %")):
                item = self.table.item(row, column)
                if item is None:
                    item = QTableWidgetItem()
                    self.table.setItem(row, column, item)
                if item.text() != text:
                    item.setText(text)
                    item.setToolTip(word[1])

    def _select(self, row: int) -> None:
        item = self.table.item(row, 0)
        if item is not None and self._layout is not None and item.text() in self._layout.channels:
            channel = self._layout.channels.index(item.text())
            if self._map is not None:
                self._map.point(channel)
            self._point(channel)

    def _point(self, channel: int) -> None:
        self._here = channel
        self._tell_line()

    def _tell_line(self) -> None:
        state, layout = self._state, self._layout
        if layout is None or state.rms_uv is None or not 0 <= self._here < layout.n_channels:
            self._line.tell("Rest the mouse on an electrode, or walk with the arrow keys", "muted")
            return
        kind = state.now.get(self._here, "")
        what, remedy = WORDS.get(kind, (kind, ""))
        told = f"{layout.channels[self._here]}   {state.rms_uv[self._here]:.1f} µV"
        self._line.tell(f"{told}   ·   {what}: {remedy}" if kind else f"{told}   ·   good", "warn" if kind else "")


class Legend(Canvas):
    """Each kind with its sign and its number of electrodes."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: Counter[str] = Counter()
        self.setMinimumSize(QSize(260, 20 * len(WORDS)))

    def show_counts(self, counts: Counter[str]) -> None:
        """Show new numbers, if they changed."""
        if counts != self._counts:
            self._counts = counts
            self.update()
        told = ", ".join(f"{WORDS[kind][0]} {number}" for kind, number in counts.items() if kind in WORDS)
        self.setAccessibleName(told or "No electrode is bad")

    def draw(self, painter: QPainter) -> None:
        """One line a kind."""
        pitch = self.high / len(WORDS)
        side = min(16.0, pitch - 3)
        for row, (kind, (word, remedy)) in enumerate(WORDS.items()):
            top = row * pitch
            count = self._counts.get(kind, 0)
            tone = theme.TEXT if count else theme.MUTED
            draw_fault(painter, QRectF(0, top + (pitch - side) / 2, side, side), kind)
            write(painter, QRectF(24, top, 36, pitch), f"{count}", medium(14), tone, LEFT)
            write(painter, QRectF(58, top, 150, pitch), word, medium(13), tone, LEFT)
            write(painter, QRectF(206, top, self.wide - 206, pitch), remedy, medium(12), theme.MUTED, RIGHT)
