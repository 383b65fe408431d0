"""What is to be known of the electrode under the mouse, with a second of its signal."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from rt_handdt.core.types import Float32
from rt_handdt.gui import theme
from rt_handdt.gui.scale import nice_ceiling
from rt_handdt.gui.widgets.canvas import LEFT, RIGHT, Canvas, bold, colour, medium, write

_SIZE = (248, 112)
_GAP_PX = 14
#: So much of the signal is drawn, s.
TIP_S = 1.0


class ElectrodeTip(Canvas):
    """Name and value of an electrode, what is wrong with it, what a click does, and its trace; lets the mouse through.

    Parameters
    ----------
    page
        What it floats over.
    """

    def __init__(self, page: QWidget) -> None:
        super().__init__(page)
        self._page = page
        self._texts = ("", "", "", "")
        self._low = self._high = np.zeros(0, np.float32)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFixedSize(*_SIZE)
        self.hide()

    def show_electrode(self, name: str, value: str, why: str, does: str, low: Float32, high: Float32) -> None:
        """Show it; `low` and `high` (n,) are of its signal, NaN where nothing is known."""
        self._texts, self._low, self._high = (name, value, why, does), low, high
        self.setAccessibleName(" · ".join(one for one in self._texts if one))
        self.update()

    def show_beside(self, cell: QRect) -> None:
        """Come up beside an electrode (in the page's pixels), inside the page."""
        left = cell.right() + _GAP_PX
        if left + self.width() > self._page.width():
            left = cell.left() - _GAP_PX - self.width()
        top = min(max(cell.center().y() - self.height() // 2, 4), self._page.height() - self.height() - 4)
        self.move(QPoint(max(left, 4), top))
        self.raise_()
        self.show()

    def draw(self, painter: QPainter) -> None:
        """Two lines of text, the trace, and what can be done."""
        name, value, why, does = self._texts
        width, height = self.wide, self.high
        painter.setPen(QPen(colour(theme.MUTED), 1.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRectF(0.5, 0.5, width - 1, height - 1))
        write(painter, QRectF(10, 6, width * 0.55, 20), name, bold(15), theme.TEXT, LEFT)
        write(painter, QRectF(width * 0.5, 6, width * 0.5 - 10, 20), value, medium(14), theme.TEXT, RIGHT)
        room = QRectF(10, 30, width - 20, height - 30 - (40 if why else 24))
        self._draw_trace(painter, room)
        if why:
            write(painter, QRectF(10, height - 38, width - 20, 16), why, medium(12), theme.WARN, LEFT)
        write(painter, QRectF(10, height - 21, width - 20, 16), does, medium(11), theme.MUTED, LEFT)

    def _draw_trace(self, painter: QPainter, room: QRectF) -> None:
        known = np.isfinite(self._low) & np.isfinite(self._high)
        painter.fillRect(room, colour(theme.TRACK, 0.6))
        if known.sum() < 2:
            return
        high_uv = nice_ceiling(max(10.0, 1.4 * float(np.fmax(self._high, -self._low)[known].max())))
        x = room.left() + room.width() * (np.flatnonzero(known) + 0.5) / len(self._low)
        middle, reach = room.center().y(), room.height() / 2
        upper = middle - reach * self._high[known] / high_uv
        lower = middle - reach * self._low[known] / high_uv + 0.8
        outline = [QPointF(*one) for one in zip(x.tolist(), upper.tolist(), strict=True)]
        outline += [QPointF(*one) for one in zip(x.tolist()[::-1], lower.tolist()[::-1], strict=True)]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(theme.ACCENT))
        painter.drawPolygon(QPolygonF(outline))
        write(
            painter,
            QRectF(room.left(), room.top(), room.width() - 3, 14),
            f"± {high_uv:.3g} µV",
            medium(11),
            theme.MUTED,
            RIGHT,
        )
