"""A line of figures, caption over value."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from rt_handdt.gui import theme
from rt_handdt.gui.bridge import Stat
from rt_handdt.gui.widgets.canvas import LEFT, Canvas, colour, medium, write


class StatLine(Canvas):
    """Cells of fixed shares of the width, so that a growing number moves none of its neighbours.

    Parameters
    ----------
    shares
        One per cell.
    """

    ground = "BACKGROUND"

    def __init__(self, shares: Sequence[float]) -> None:
        super().__init__()
        self._shares = tuple(shares)
        self._stats: tuple[Stat, ...] = ()
        self.setFixedHeight(40)

    def show_stats(self, stats: tuple[Stat, ...]) -> None:
        """Show new figures, one per cell, if they changed."""
        if stats != self._stats:
            self._stats = stats
            self.setAccessibleName(", ".join(f"{stat.caption} {stat.value}" for stat in stats))
            self.update()

    def draw(self, painter: QPainter) -> None:
        """Draw the cells from left to right."""
        if not self._stats:
            return
        unit = self.wide / sum(self._shares)
        left = 0.0
        for number, (stat, share) in enumerate(zip(self._stats, self._shares, strict=True)):
            if number:
                painter.fillRect(QRectF(left - 12, 5, 1, self.high - 10), colour(theme.EDGE))
            room = share * unit - (18 if number < len(self._shares) - 1 else 0)
            write(painter, QRectF(left, 0, room, 18), stat.caption, medium(12), theme.MUTED, LEFT)
            write(painter, QRectF(left, 18, room, 20), stat.value, medium(15), stat.tone, LEFT)
            left += share * unit
