"""What is shown to a room: the gesture, a hand and one map, as large as the screen allows."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from rt_handdt.core.gestures import REST
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.gui import theme
from rt_handdt.gui.bridge import WAITING, View
from rt_handdt.gui.widgets.canvas import (
    CENTRE,
    LEFT,
    Canvas,
    bold,
    bold_pixels,
    colour,
    medium,
    metrics,
    pill,
    wrapped,
    write,
)
from rt_handdt.gui.widgets.hand_picture import HandPicture
from rt_handdt.gui.widgets.heatmap import GridHeatmap, rms_table
from rt_handdt.runtime.snapshot import Snapshot
from rt_handdt.runtime.status import State, state_title

#: Type of the name, at least, px.
_SMALLEST_PX = 18
#: What a demonstrator would say of each state.
WORDS = {
    State.CONNECTING: "Waiting for the amplifier",
    State.BEHIND: "Too slow – the hand rests",
    State.NO_SIGNAL: "No signal – the hand rests",
    State.BAD_SIGNAL: "Bad signal – the hand rests",
    State.NO_DECISION: "No decision – the hand rests",
    State.LOST: "The stream is gone – the hand rests",
    State.FAILED: "Recognition broke down – the hand rests",
    State.STOPPED: "Stopped",
}


class StageWords(Canvas):
    """The gesture's name, and below it how sure that is, or what is wrong.

    Parameters
    ----------
    titles
        All names, for one size of type that suits them all.
    """

    ground = "BACKGROUND"

    def __init__(self, titles: Sequence[str]) -> None:
        super().__init__()
        self._titles = tuple(titles)
        self._shown: tuple[str, str, str, str, float | None] = ("", theme.MUTED, "", theme.MUTED, None)
        self.setMinimumSize(300, 160)

    def show_words(self, text: str, tone: str, below: str, below_tone: str, level: float | None) -> None:
        """Show them, if they changed."""
        shown = (text, tone, below, below_tone, level)
        if shown != self._shown:
            self._shown = shown
            self.setAccessibleName(f"{text}. {below}")
            self.update()

    def pixels(self, width: float, height: float) -> int:
        """The type size at which every name fits on one line, or else on two."""
        return bold_pixels(self._titles, width, max(_SMALLEST_PX, int(min(height * 0.34, width * 0.16))), _SMALLEST_PX)

    def draw(self, painter: QPainter) -> None:
        """Name in the middle, the rest below."""
        text, tone, below, below_tone, level = self._shown
        width, height = self.wide, self.high
        bar = max(10.0, 0.02 * width)
        room = width - 3 * bar
        size = self.pixels(room, height)
        lines = wrapped(text, bold(size), room)[:3]
        small = max(16, round(size * 0.30))
        line_px = size * 1.12
        block = line_px * len(lines) + small * 3.4
        top = max(0.0, (height - block) / 2)
        pill(painter, QRectF(0, top + 6, bar, line_px * len(lines) - 12), tone)
        for number, line in enumerate(lines):
            box = QRectF(3 * bar, top + number * line_px, room, line_px)
            write(painter, box, line, bold(size), theme.TEXT, LEFT)
        row = QRectF(3 * bar, top + line_px * len(lines) + 0.3 * small, room, small * 1.5)
        write(painter, row, below, bold(_fit(below, small, room)), below_tone, LEFT)
        track = QRectF(3 * bar, row.bottom() + 0.4 * small, room, max(8.0, 0.55 * small))
        pill(painter, track, theme.TRACK)
        if level is not None:
            track.setWidth(max(track.height(), track.width() * level))
            pill(painter, track, tone)


class StageView(QWidget):
    """Words above the hand at the left, the map of muscle activity at the right.

    Parameters
    ----------
    layout
        The electrodes.
    titles
        The gestures as people read them.
    """

    def __init__(self, layout: ElectrodeLayout, titles: Sequence[str]) -> None:
        super().__init__()
        self.words = StageWords((*titles, WAITING))
        self._map = GridHeatmap(layout, table=rms_table(), unit="µV")
        self._map.ground = "BACKGROUND"
        self._caption = _Caption("Muscle activity")
        grid = QGridLayout(self)
        grid.setContentsMargins(28, 20, 28, 20)
        grid.setHorizontalSpacing(28)
        self.hand = HandPicture()
        self.hand.ground = "BACKGROUND"
        left = QVBoxLayout()
        left.addWidget(self.words, 11)
        left.addWidget(self.hand, 10)
        grid.addLayout(left, 0, 0, 2, 1)
        grid.addWidget(self._caption, 0, 1)
        grid.addWidget(self._map, 1, 1)
        grid.setColumnStretch(0, 11)
        grid.setColumnStretch(1, 9)
        grid.setRowStretch(1, 1)

    def show_snapshot(self, snapshot: Snapshot, view: View) -> None:
        """Show this moment."""
        head = view.headline
        if view.live and head.live:
            share = "" if head.confidence is None else f"{100 * head.confidence:.0f} % sure"
            below, tone = (head.note, theme.WARN) if head.note else (share, theme.MUTED)
            self.words.show_words(head.text, head.colour, below, tone, head.level)
            if head.pose is None:
                self.hand.show_gesture(head.label or REST, head.level or 0.0, head.colour)
        else:
            words = WORDS.get(snapshot.state, state_title(snapshot.state))
            text = head.text if snapshot.decision is None else "Rest"
            self.words.show_words(text, theme.FAINT, words, view.state_colour, None)
            if head.pose is None:
                self.hand.show_gesture(REST)
        if head.pose is not None:
            self.hand.show_pose(head.pose, head.colour)
        self._map.set_live(view.live)
        self._map.show_grid(snapshot.rms_grid, (0.0, view.rms_max_uv))


class _Caption(Canvas):
    ground = "BACKGROUND"

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self.setFixedHeight(40)

    def draw(self, painter: QPainter) -> None:
        write(painter, self.box, self._text, medium(26), theme.MUTED, CENTRE)
        painter.fillRect(QRectF(0, self.high - 1, self.wide, 1), colour(theme.EDGE))


def _fit(text: str, pixels: int, room: float) -> int:
    """The size at which a line fits, at most `pixels`."""
    width = metrics(bold(pixels)).horizontalAdvance(text)
    return pixels if width <= room else max(12, int(pixels * room / width))
