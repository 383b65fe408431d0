"""Which gesture was decided while which was asked for."""

from __future__ import annotations

import html

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QHelpEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QToolTip

from rt_handdt.core.gestures import title
from rt_handdt.core.metrics import WindowScore
from rt_handdt.gui import theme
from rt_handdt.gui.widgets.canvas import CENTRE, LEFT, RIGHT, Canvas, colour, medium, metrics, write

_HEAD_PX = 20.0


class ConfusionView(Canvas):
    """One row a cue, in per cent of its windows; labels without windows are left out."""

    #: A cell that holds windows was clicked: the cue's label, and the one decided.
    asked = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self._empty = ""
        self._labels: tuple[str, ...] = ()
        self._counts = np.zeros((0, 0), np.int64)
        self._caption = ""
        self.setMinimumSize(220, 160)

    def show_score(self, score: WindowScore | None, empty: str) -> None:
        """Show it; None: there are no cues, or no decisions, and `empty` says which."""
        self._empty = empty
        if score is None or not score.windows:
            self._labels, self._counts = (), np.zeros((0, 0), np.int64)
        else:
            some = np.flatnonzero(score.confusion.sum(axis=1) + score.confusion.sum(axis=0) > 0)
            self._labels = tuple(score.labels[k] for k in some)
            self._counts = score.confusion[np.ix_(some, some)]
            self._caption = f"{100 * score.accuracy:.1f} % of {score.windows:,} windows"
        self.setAccessibleName(self.words())
        self.update()

    def words(self) -> str:
        """The table in words: of each cue the share that was decided right, and what it was taken for most often."""
        parts = []
        for row, label in enumerate(self._labels):
            total = int(self._counts[row].sum())
            if total:
                parts.append(f"{title(label)} {100 * self._counts[row, row] / total:.0f} %")
        return ", ".join(parts) or self._empty

    def _sizes(self) -> tuple[int, float, float, float]:
        """Type size, width of the names, width and height of a cell."""
        n, width = max(1, len(self._labels)), self.wide
        pitch = (self.high - _HEAD_PX - 18) / n
        size = int(min(13, max(7, 0.72 * pitch)))
        widest = max(
            (metrics(medium(size)).horizontalAdvance(f"{k + 1}  {title(one)}") for k, one in enumerate(self._labels)),
            default=0.0,
        )
        names = min(widest + 8, 0.42 * width)
        return size, names, min((width - names) / n, 2.2 * pitch), pitch

    def cell(self, row: int, column: int) -> QRectF:
        """Where a cell is drawn."""
        _, names, wide, tall = self._sizes()
        return QRectF(names + column * wide, _HEAD_PX + row * tall, wide - 1, tall - 1)

    def _at(self, place: QPointF) -> tuple[int, int] | None:
        """The cell at a place, if it holds windows."""
        _, names, wide, tall = self._sizes()
        column, row = int((place.x() - names) // wide), int((place.y() - _HEAD_PX) // tall)
        n = len(self._labels)
        return (row, column) if 0 <= row < n and 0 <= column < n and self._counts[row, column] else None

    def words_at(self, place: QPointF) -> str:
        """What the cell at a place says; empty where there is none, or nothing in it."""
        found = self._at(place)
        if found is None:
            return ""
        row, column = found
        count, total = int(self._counts[found]), int(self._counts[row].sum())
        cue, label = title(self._labels[row]), title(self._labels[column])
        return (
            f"{cue} decided as {label}: {count:,} of {total:,} windows ({100 * count / total:.1f} %); click to go there"
        )

    def event(self, event: QEvent) -> bool:
        """Tell the cell under a resting mouse."""
        if isinstance(event, QHelpEvent):
            text = self.words_at(self.spot(event.pos()))
            # Labels come from outside: as plain text, never as markup.
            QToolTip.showText(event.globalPos(), f"<span>{html.escape(text)}</span>" if text else "", self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Ask for the moments of a cell."""
        found = self._at(self.spot(event.position())) if event.button() == Qt.MouseButton.LeftButton else None
        if found is not None:
            self.asked.emit(self._labels[found[0]], self._labels[found[1]])

    def draw(self, painter: QPainter) -> None:
        """Names at the left, their numbers above the columns, and the cells."""
        n = len(self._labels)
        if not n:
            write(painter, self.box, self._empty, medium(13), theme.MUTED, CENTRE)
            return
        width, height = self.wide, self.high
        size, names, cell, pitch = self._sizes()
        which = medium(size)
        for k in range(n):
            head = QRectF(names + k * cell, 0, cell, _HEAD_PX)
            if cell >= 12:
                write(painter, head, f"{k + 1}", medium(min(12, size)), theme.MUTED, CENTRE)
        for row, label in enumerate(self._labels):
            top = _HEAD_PX + row * pitch
            write(painter, QRectF(0, top, names - 6, pitch), f"{row + 1}  {title(label)}", which, theme.TEXT, LEFT)
            total = int(self._counts[row].sum())
            for column in range(n):
                box = QRectF(names + column * cell, top, cell - 1, pitch - 1)
                share = self._counts[row, column] / total if total else 0.0
                painter.fillRect(box, colour(theme.TRACK))
                tone = theme.GOOD if row == column else theme.BAD
                if share > 0:
                    painter.fillRect(box, colour(tone, round(0.18 + 0.62 * share, 2)))
                if share >= 0.005 and pitch >= 11 and cell >= 22:
                    write(painter, box, f"{100 * share:.0f}", medium(min(12, size)), theme.TEXT, CENTRE)
            if row == 0:
                continue
            painter.setPen(QPen(colour(theme.EDGE), 1.0))
            painter.drawLine(QPointF(0, top - 0.5), QPointF(names - 6, top - 0.5))
        write(painter, QRectF(0, height - 16, width, 16), self._caption, medium(12), theme.MUTED, RIGHT)
        write(painter, QRectF(0, 0, names - 6, _HEAD_PX), "Cued ↓  decided →", medium(12), theme.MUTED, LEFT)
