"""The decided gesture, large enough to be read across a room."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QResizeEvent

from rt_handdt.core.gestures import REST
from rt_handdt.gui import theme
from rt_handdt.gui.bridge import NONE, WAITING, Cue, Headline
from rt_handdt.gui.widgets.canvas import CENTRE, LEFT, RIGHT, Canvas, bold, bold_pixels, medium, pill, wrapped, write
from rt_handdt.gui.widgets.hand_picture import HandPicture

_BAR_PX = 6
_TALL_PX = 254
_INDENT_PX = 22
_LARGEST_PX, _SMALLEST_PX = 50, 16
_HAND_SHARE = 0.36  # of the width, at most
_LEADING = 1.1  # line height over type size


class GestureLabel(Canvas):
    """The gesture's name on up to two lines, a drawn hand, its confidence and level, and the cue.

    One size of type is chosen for all names at once, so that nothing moves when the gesture changes.

    Parameters
    ----------
    titles
        Every name that may come, for choosing the size.
    """

    def __init__(self, titles: Sequence[str]) -> None:
        super().__init__()
        self._titles = (*titles, WAITING, "No decision")
        self._headline = Headline(WAITING, theme.FAINT, "", None, None, live=False)
        self._cue = Cue(NONE, "", theme.MUTED)
        self._pixels = _LARGEST_PX
        self._hand = HandPicture(parent=self)
        self._side = 0.0  # of the hand
        self._below = 132.0  # room for everything under the name; less in a low window
        self.setMinimumHeight(168)
        self.setMaximumHeight(_TALL_PX)

    def show_decision(self, headline: Headline, cue: Cue) -> None:
        """Show a decision and the cue, if either changed."""
        if headline != self._headline or cue != self._cue:
            self._headline, self._cue = headline, cue
            self.update()
            if headline.pose is not None:
                self._hand.show_pose(headline.pose, headline.colour)
            elif headline.live and headline.label:
                self._hand.show_gesture(headline.label, headline.level or 0.0, headline.colour)
            else:
                self._hand.show_gesture(REST)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Choose the type size for the new width."""
        self._below = 132.0 if self.high > 225 else 98.0
        side = self._side = round(min(self.high - self._below, _HAND_SHARE * self.wide))
        top = round((self.high - self._below - side) / 2)
        self.place(self._hand, QRectF(self.wide - side, top, side, side))
        room = self.wide - _INDENT_PX - side - 6
        largest = min(_LARGEST_PX, int((self.high - self._below) / 2 / _LEADING))
        self._pixels = bold_pixels(self._titles, room, largest, _SMALLEST_PX)
        super().resizeEvent(event)

    def draw(self, painter: QPainter) -> None:
        """Draw name, bars and cue from top to bottom."""
        head, width = self._headline, self.wide
        below = self._below
        name_height = self.high - below
        room = width - _INDENT_PX - self._side - 6
        pill(painter, QRectF(0, 4, _BAR_PX, name_height - 8), head.colour)
        lines = wrapped(head.text, bold(self._pixels), room)[:2]
        line_height = self._pixels * _LEADING
        top = (name_height - line_height * len(lines)) / 2
        for number, line in enumerate(lines):
            box = QRectF(_INDENT_PX, top + number * line_height, room, line_height)
            write(painter, box, line, bold(self._pixels), theme.TEXT if head.live else theme.MUTED, LEFT)
        write(
            painter,
            QRectF(_INDENT_PX, name_height + 1, width - _INDENT_PX, 16),
            head.note,
            medium(12),
            theme.WARN,
            LEFT,
        )

        pitch = below * 0.2
        first = name_height + 0.18 * below
        self._draw_meter(painter, first, "Confidence", head.confidence, head.colour)
        self._draw_meter(painter, first + pitch, "Contraction", head.level, head.colour)

        bottom = self.high
        painter.fillRect(QRectF(0, bottom - 30 - 0.06 * below, width, 1), theme.EDGE)
        row = QRectF(0, bottom - 26, width, 26)
        write(painter, row, "Cue", medium(13), theme.MUTED, LEFT)
        verdict = self._cue.verdict
        chip = QRectF(width - 88, row.top(), 88, row.height())
        left = 92.0 if width > 340 else 44.0
        name = QRectF(left, row.top(), chip.left() - 8 - left, row.height())
        write(painter, name, self._cue.text, medium(15), theme.TEXT, LEFT)
        if verdict:
            pill(painter, chip, self._cue.colour, alpha=0.16)
            write(painter, chip, verdict, bold(13), self._cue.colour, CENTRE)

    def _draw_meter(self, painter: QPainter, top: float, caption: str, value: float | None, tone: str) -> None:
        width = self.wide
        write(painter, QRectF(0, top, 88, 20), caption, medium(13), theme.MUTED, LEFT)
        track = QRectF(92, top + 6, width - 92 - 58, 8)
        pill(painter, track, theme.TRACK)
        if value is not None:
            pill(painter, QRectF(track.left(), track.top(), max(track.width() * value, track.height()), 8), tone)
        text = NONE if value is None else f"{100 * value:.0f} %"
        write(painter, QRectF(width - 58, top, 58, 20), text, medium(15), theme.TEXT, RIGHT)
