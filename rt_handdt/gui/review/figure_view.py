"""Live figures, one line each."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from rt_handdt.core.figure_words import figure_rows
from rt_handdt.core.live_figures import LiveFigures
from rt_handdt.gui import theme
from rt_handdt.gui.widgets.canvas import CENTRE, LEFT, RIGHT, Canvas, colour, medium, write

_VALUE_PX = 76.0


class FigureView(Canvas):
    """What `rt-handdt score` prints of one session."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[tuple[str, str]] = []
        self._empty = ""
        self.setMinimumSize(220, 200)

    def show_figures(self, figures: LiveFigures | None, empty: str) -> None:
        """Show them; None: there are no cues, or no decisions, and `empty` says which."""
        self._empty = empty
        self._rows = [] if figures is None else figure_rows([figures])
        self.setAccessibleName("; ".join(f"{words}: {value}" for words, value in self._rows) or empty)
        self.update()

    def draw(self, painter: QPainter) -> None:
        """Words at the left, values at the right."""
        if not self._rows:
            write(painter, self.box, self._empty, medium(13), theme.MUTED, CENTRE)
            return
        pitch = min(30.0, self.high / len(self._rows))
        which = medium(int(min(14, max(9, 0.62 * pitch))))
        for number, (words, value) in enumerate(self._rows):
            top = number * pitch
            if number:
                painter.fillRect(QRectF(0, top, self.wide, 1), colour(theme.EDGE))
            write(painter, QRectF(0, top, self.wide - _VALUE_PX, pitch), words, which, theme.MUTED, LEFT)
            box = QRectF(self.wide - _VALUE_PX, top, _VALUE_PX, pitch)
            write(painter, box, value, which, theme.TEXT, RIGHT)
