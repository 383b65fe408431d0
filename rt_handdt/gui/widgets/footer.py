"""The line at the bottom: figures of the stream and of the engine."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from rt_handdt.gui import theme
from rt_handdt.gui.bridge import Stat, stats
from rt_handdt.gui.widgets.canvas import LEFT, Canvas, colour, medium, write
from rt_handdt.runtime.snapshot import Snapshot

# Shares of the width, so that a growing number moves none of its neighbours.
_SHARES = (1.45, 1.2, 0.65, 1.15, 0.85, 0.95, 0.95, 1.7, 0.75)
_HINT_SHARE = 1.7
#: In a narrow window these go, so that the others can be read to their end.
_FIRST_TO_GO = (3, 2, 5)
_NARROW_PX = 1250


class Footer(Canvas):
    """Caption over value, cell by cell, with the keys (or a notice) at the right end."""

    ground = "BACKGROUND"

    def __init__(self, hint: tuple[str, str]) -> None:
        super().__init__()
        self._hint = hint
        self._notice = ""
        self._stats = stats(Snapshot())
        self.setFixedHeight(40)

    def show_stats(self, stats: tuple[Stat, ...]) -> None:
        """Show new figures, if they changed."""
        if stats != self._stats:
            self._stats = stats
            self.update()

    def show_notice(self, text: str) -> None:
        """Show a sentence in place of the keys; empty: the keys again."""
        if text != self._notice:
            self._notice = text
            self.update()

    def draw(self, painter: QPainter) -> None:
        """Draw the cells from left to right."""
        gone = _FIRST_TO_GO if self.wide < _NARROW_PX else ()
        cells = [
            (stat, share) for k, (stat, share) in enumerate(zip(self._stats, _SHARES, strict=True)) if k not in gone
        ]
        unit = self.wide / (sum(share for _, share in cells) + _HINT_SHARE)
        left = 0.0
        for number, (stat, share) in enumerate(cells):
            if number:
                painter.fillRect(QRectF(left - 12, 5, 1, self.high - 10), colour(theme.EDGE))
            room = share * unit - 18
            write(painter, QRectF(left, 0, room, 18), stat.caption, medium(12), theme.MUTED, LEFT)
            write(painter, QRectF(left, 18, room, 20), stat.value, medium(15), stat.tone, LEFT)
            left += share * unit
        painter.fillRect(QRectF(left - 12, 5, 1, self.high - 10), colour(theme.EDGE))
        room = self.wide - left
        if self._notice:
            write(painter, QRectF(left, 0, room, 40), self._notice, medium(13), theme.ACCENT, LEFT)
        else:
            write(painter, QRectF(left, 0, room, 18), self._hint[0], medium(12), theme.MUTED, LEFT)
            write(painter, QRectF(left, 18, room, 20), self._hint[1], medium(12), theme.MUTED, LEFT)
