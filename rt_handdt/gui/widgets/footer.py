"""The line at the bottom: figures of the stream and of the engine."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF
from PySide6.QtGui import QHelpEvent, QPainter
from PySide6.QtWidgets import QToolTip

from rt_handdt.gui import theme
from rt_handdt.gui.bridge import Stat, stats
from rt_handdt.gui.widgets.canvas import CENTRE, LEFT, Canvas, colour, medium, write
from rt_handdt.runtime.figures import EDGES_MS
from rt_handdt.runtime.snapshot import Snapshot
from rt_handdt.runtime.windowlog import STAGES

# Shares of the width, so that a growing number moves none of its neighbours.
_SHARES = (1.35, 1.15, 0.65, 1.2, 0.8, 0.95, 0.9, 2.35, 0.75)
_HINT_SHARE = 1.7
#: In a narrow window these go, so that the others can be read to their end.
_FIRST_TO_GO = (2, 5, 6)
_NARROW_PX = 1250
#: Of a histogram.
_BARS_PX, _AXIS_PX = 84.0, 11.0


class Footer(Canvas):
    """Caption over value, cell by cell, with the keys (or a notice) at the right end; a resting mouse is told more."""

    ground = "BACKGROUND"

    def __init__(self, hint: tuple[str, str]) -> None:
        super().__init__()
        self._hint = hint
        self._notice = ""
        self._stats = stats(Snapshot())
        self._tones = theme.class_colours(STAGES)
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

    def _cells(self) -> Iterator[tuple[Stat | None, QRectF]]:
        """Each figure that has room, and where; last, without a figure, the room of the keys."""
        gone = _FIRST_TO_GO if self.wide < _NARROW_PX else ()
        cells = [pair for k, pair in enumerate(zip(self._stats, _SHARES, strict=True)) if k not in gone]
        unit = self.wide / (sum(share for _, share in cells) + _HINT_SHARE)
        left = 0.0
        for stat, share in cells:
            yield stat, QRectF(left, 0, share * unit - 18, self.high)
            left += share * unit
        yield None, QRectF(left, 0, self.wide - left, self.high)

    def words_at(self, at: QPointF) -> str:
        """What is to be known of the figure at a place, beyond what is seen."""
        return next((stat.detail for stat, box in self._cells() if stat is not None and box.contains(at)), "")

    def event(self, event: QEvent) -> bool:
        """Tell it to a resting mouse."""
        if isinstance(event, QHelpEvent):
            # Names come from outside: as plain text, never as markup.
            lines = html.escape(self.words_at(self.spot(event.pos()))).replace("\n", "<br>")
            QToolTip.showText(event.globalPos(), f"<span>{lines}</span>" if lines else "", self)
            return True
        return super().event(event)

    def draw(self, painter: QPainter) -> None:
        """Draw the cells from left to right."""
        for stat, box in self._cells():
            if box.left():
                painter.fillRect(QRectF(box.left() - 12, 5, 1, self.high - 10), colour(theme.EDGE))
            first = QRectF(box.left(), 0, box.width(), 18)
            second = QRectF(box.left(), 18, box.width(), 20)
            if stat is None and self._notice:
                write(painter, box, self._notice, medium(13), theme.ACCENT, LEFT)
            elif stat is None:
                write(painter, first, self._hint[0], medium(12), theme.MUTED, LEFT)
                write(painter, second, self._hint[1], medium(12), theme.MUTED, LEFT)
            else:
                if stat.bars:
                    wide = min(_BARS_PX, 0.3 * box.width())
                    second.setWidth(box.width() - wide - 6)
                    first.setWidth(second.width())
                    self._draw_bars(painter, QRectF(box.right() - wide, 2, wide, self.high - 4), stat.bars)
                write(painter, first, stat.caption, medium(12), theme.MUTED, LEFT)
                write(painter, second, stat.value, medium(15), stat.tone, LEFT)

    def _draw_bars(self, painter: QPainter, box: QRectF, bars: Sequence[Sequence[float]]) -> None:
        """A histogram of times, each bin stacked of the stages' shares."""
        pitch, bottom = box.width() / len(bars), box.bottom() - _AXIS_PX
        painter.fillRect(QRectF(box.left(), bottom, box.width(), 1), colour(theme.FAINT))
        for number, parts in enumerate(bars):
            base = bottom
            for part, tone in zip(parts, self._tones, strict=True):
                high = part * (bottom - box.top())
                base -= high
                painter.fillRect(QRectF(box.left() + number * pitch + 0.5, base, pitch - 1, high), colour(tone))
        for tick in (1.0, 4.0, 16.0):
            x = box.left() + pitch * (1 + EDGES_MS.index(tick))
            text = QRectF(x - 15, bottom + 1, 30, _AXIS_PX)
            write(painter, text, f"{tick:.0f}", medium(9), theme.MUTED, CENTRE)
        write(painter, QRectF(box.right() - 13, bottom + 1, 13, _AXIS_PX), "ms", medium(9), theme.MUTED, LEFT)
