"""The last ten seconds: what was cued, what was decided, and below it what was amiss."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from rt_handdt.gui import theme
from rt_handdt.gui.bridge import HISTORY_S, Band, Strip
from rt_handdt.gui.widgets.canvas import CENTRE, LEFT, Canvas, colour, medium, metrics, write

_NAMES_PX, _AXIS_PX, _LANE_GAP_PX = 64.0, 20.0, 3.0


class LabelStrip(Canvas):
    """Three lanes of coloured bands over a time axis; now is at the right."""

    def __init__(self) -> None:
        super().__init__()
        self._strip = Strip((), ())
        self.setFixedHeight(84)  # more, and in the smallest window the page above is clipped

    def show_strip(self, strip: Strip) -> None:
        """Show new bands, if they changed."""
        if strip != self._strip:
            self._strip = strip
            self.update()

    def draw(self, painter: QPainter) -> None:
        """Draw the lanes and the axis."""
        lane = (self.high - _AXIS_PX - 2 * _LANE_GAP_PX) / 3
        lanes = (("Cued", self._strip.cued), ("Decided", self._strip.decided), ("State", self._strip.states))
        for number, (name, bands) in enumerate(lanes):
            self._draw_lane(painter, number * (lane + _LANE_GAP_PX), lane, name, bands)
        bottom = 3 * lane + 2 * _LANE_GAP_PX
        for second in range(int(HISTORY_S) + 1):
            x = self._x(-float(second))
            painter.fillRect(QRectF(x - 0.5, bottom + 2, 1, 4), colour(theme.FAINT))
            text = "Now" if second == 0 else f"−{second} s"
            box = QRectF(x - 30, bottom + 5, 60, _AXIS_PX - 5)
            if second == 0:
                box.moveRight(self.wide + 0.0)
            align = CENTRE if second else LEFT
            if second == 0:
                box.setLeft(self.wide - metrics(medium(12)).horizontalAdvance(text) - 1)
            write(painter, box, text, medium(12), theme.MUTED, align)

    def _x(self, time_s: float) -> float:
        return _NAMES_PX + (self.wide - _NAMES_PX - 1) * (1 + time_s / HISTORY_S)

    def _draw_lane(self, painter: QPainter, top: float, height: float, name: str, bands: tuple[Band, ...]) -> None:
        write(painter, QRectF(0, top, _NAMES_PX - 8, height), name, medium(13), theme.MUTED, LEFT)
        track = QRectF(_NAMES_PX, top, self.wide - _NAMES_PX, height)
        painter.fillRect(track, colour(theme.TRACK))
        which = medium(13)
        for band in bands:
            left, right = self._x(band.start_s), self._x(band.end_s)
            box = QRectF(left, top, max(right - left - 1, 1.0), height)
            painter.fillRect(box, colour(band.colour))
            # In less room a name would only be an ellipsis; the colour says it too.
            if box.width() >= min(56.0, metrics(which).horizontalAdvance(band.text) + 12):
                write(painter, box.adjusted(7, 0, -3, 0), band.text, which, band.ink, LEFT)
