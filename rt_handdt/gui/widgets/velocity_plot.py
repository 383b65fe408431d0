"""The velocities of two degrees of freedom: where the hand is being moved to, and how fast."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from rt_handdt.core.dof import KNOWN
from rt_handdt.core.gestures import title
from rt_handdt.gui import theme
from rt_handdt.gui.widgets.canvas import CENTRE, LEFT, RIGHT, Canvas, bold, colour, medium, write

#: The way it came is drawn for so long, s.
TRAIL_S = 1.5
_WORDS_PX = 20.0


class VelocityPlot(Canvas):
    """A dot in a square: across the first degree of freedom, up the second, full speed at the edges.

    Parameters
    ----------
    clock
        Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._dofs: tuple[str, ...] = ()
        self._trail: deque[tuple[float, float, float]] = deque()
        self._live = False
        self.setMinimumSize(110, 120)

    @property
    def shown(self) -> tuple[float, float] | None:
        """The velocities that are shown; None: the hand is not moved."""
        return self._trail[-1][1:] if self._live and self._trail else None

    def show_velocities(self, dofs: tuple[str, ...], velocities: tuple[float, float] | None, live: bool) -> None:
        """Show the newest; None, or not live: nothing is moved."""
        now_s = self._clock()
        self._dofs, self._live = dofs, live and velocities is not None
        if self._live and velocities is not None:
            self._trail.append((now_s, *velocities))
        while self._trail and now_s - self._trail[0][0] > TRAIL_S:
            self._trail.popleft()
        values = self.shown
        named = "" if values is None else ", ".join(f"{a} {b:+.2f}" for a, b in zip(dofs, values, strict=True))
        self.setAccessibleName(f"Velocities: {named or 'none'}")
        self.update()

    def draw(self, painter: QPainter) -> None:
        """Draw the square, its words, the trail and the dot."""
        side = max(10.0, min(self.wide - 8, self.high - 2 * _WORDS_PX - 20))
        box = QRectF((self.wide - side) / 2, _WORDS_PX, side, side)
        painter.fillRect(box, colour(theme.TRACK, 0.6))
        middle = box.center()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour(theme.FAINT), 1))
        painter.drawRect(box)
        painter.drawEllipse(middle, side / 4, side / 4)
        painter.drawLine(QPointF(box.left(), middle.y()), QPointF(box.right(), middle.y()))
        painter.drawLine(QPointF(middle.x(), box.top()), QPointF(middle.x(), box.bottom()))
        last = QRectF(0, self.high - 18, self.wide, 18)
        names = [KNOWN[one] for one in self._dofs if one in KNOWN]
        if len(names) == 2:
            above = QRectF(0, 0, self.wide, _WORDS_PX - 2)
            write(painter, above, title(names[1].positive), medium(12), theme.MUTED, CENTRE)
            below = QRectF(0, box.bottom() + 2, self.wide, _WORDS_PX - 2)
            write(painter, below, title(names[1].negative), medium(12), theme.MUTED, CENTRE)
            write(painter, last, f"← {title(names[0].negative)}", medium(12), theme.MUTED, LEFT)
            write(painter, last, f"{title(names[0].positive)} →", medium(12), theme.MUTED, RIGHT)
        values = self.shown
        if values is None:
            write(painter, last, "at rest", medium(12), theme.WARN, CENTRE)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(theme.FAINT))
            painter.drawEllipse(middle, 6, 6)
            return
        points = [self._at(box, x, y) for _, x, y in self._trail]
        for number in range(1, len(points)):
            painter.setPen(QPen(colour(theme.ACCENT, 0.6 * number / len(points)), 2))
            painter.drawLine(points[number - 1], points[number])
        painter.setPen(QPen(colour(theme.ACCENT), 2.5))
        painter.drawLine(middle, points[-1])
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(theme.ACCENT))
        painter.drawEllipse(points[-1], 7, 7)
        if len(names) == 2:
            text = f"{values[0]:+.2f}   {values[1]:+.2f}".replace("-", "−")
            write(painter, last, text, bold(13), theme.TEXT, CENTRE)

    @staticmethod
    def _at(box: QRectF, x: float, y: float) -> QPointF:
        half = box.width() / 2
        return QPointF(
            box.center().x() + half * min(max(x, -1.0), 1.0), box.center().y() - half * min(max(y, -1.0), 1.0)
        )
