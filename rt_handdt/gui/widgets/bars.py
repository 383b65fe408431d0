"""One bar a class, in the model's order."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from rt_handdt.gui import theme
from rt_handdt.gui.bridge import NONE, Bars
from rt_handdt.gui.widgets.canvas import LEFT, RIGHT, Canvas, bold, colour, medium, metrics, pill, write

_VALUE_PX = 46


class ProbabilityBars(Canvas):
    """Smoothed probability of each class; a tick shows the newest window's own, a line the rejection threshold.

    Parameters
    ----------
    titles, colours
        Name and colour of each class.
    reject_below
        Below this the decoder keeps the previous gesture; None: no line.
    """

    def __init__(self, titles: Sequence[str], colours: Sequence[str], reject_below: float | None = None) -> None:
        super().__init__()
        self._titles = tuple(titles)
        self._colours = tuple(colours)
        self._threshold = reject_below
        nothing = (0.0,) * len(self._titles)
        self._bars = Bars(nothing, nothing, -1, live=False)
        self.setMinimumHeight(140)

    def show_bars(self, bars: Bars) -> None:
        """Show new probabilities, if they changed."""
        if bars != self._bars:
            self._bars = bars
            self.update()

    def draw(self, painter: QPainter) -> None:
        """Draw the rows from top to bottom, then the threshold through all of them."""
        known = any(self._bars.smoothed)
        count = max(len(self._titles), 1)
        pitch = min(self.high / count, 44.0)
        size = max(8, min(14, int(pitch * 0.7)))
        thickness = max(3.0, min(10.0, pitch * 0.34))
        width = self.wide
        widest = max((metrics(bold(size)).horizontalAdvance(title) for title in self._titles), default=0.0)
        name_px = min(widest + 12, width * 0.48)
        left, room = name_px, width - name_px - _VALUE_PX
        for number, name in enumerate(self._titles):
            top = number * pitch
            middle = top + pitch / 2
            current = number == self._bars.current
            tone = self._colours[number] if self._bars.live else theme.FAINT
            which = bold(size) if current else medium(size)
            write(
                painter, QRectF(0, top, name_px - 8, pitch), name, which, theme.TEXT if current else theme.MUTED, LEFT
            )
            track = QRectF(left, middle - thickness / 2, room, thickness)
            pill(painter, track, theme.TRACK)
            value = min(max(self._bars.smoothed[number], 0.0), 1.0)
            pill(painter, QRectF(left, track.top(), value * room, thickness), tone, alpha=1.0 if current else 0.6)
            raw = min(max(self._bars.raw[number], 0.0), 1.0)
            if raw > 0.05:
                mark = QRectF(left + raw * room - 1, middle - thickness / 2 - 2, 2, thickness + 4)
                painter.fillRect(mark, colour(theme.TEXT, 0.75))
            box = QRectF(width - _VALUE_PX, top, _VALUE_PX, pitch)
            text = f"{100 * value:.0f} %" if known else NONE
            write(painter, box, text, which, theme.TEXT if current else theme.MUTED, RIGHT)
        if self._threshold is not None:
            painter.fillRect(QRectF(left + self._threshold * room, 0, 1, count * pitch), colour(theme.WARN, 0.7))
