"""Which key does what."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QRectF
from PySide6.QtGui import QMouseEvent, QPainter
from PySide6.QtWidgets import QWidget

from rt_handdt.gui import theme
from rt_handdt.gui.widgets.canvas import CENTRE, LEFT, Canvas, bold, colour, medium, pill, write

_ROW_PX, _KEY_PX, _WIDTH_PX = 32.0, 120.0, 560.0


class KeySheet(Canvas):
    """A sheet over a page, as large as that; a click or the key that opened it closes it.

    Parameters
    ----------
    page
        What it covers.
    keys
        Key and meaning.
    """

    ground = "BACKGROUND"

    def __init__(self, page: QWidget, keys: Sequence[tuple[str, str]]) -> None:
        super().__init__(page)
        self._page, self._keys = page, tuple(keys)
        self.setAccessibleName("Keys: " + "; ".join(f"{key} {meaning}" for key, meaning in keys))
        self.hide()
        page.installEventFilter(self)

    def toggle(self) -> None:
        """Show it, or take it away."""
        self.setGeometry(self._page.rect())
        self.setVisible(not self.isVisible())
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the page's size."""
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._page.rect())
        return False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click anywhere closes it."""
        self.hide()

    def draw(self, painter: QPainter) -> None:
        """One row a key, in the middle."""
        height = _ROW_PX * (len(self._keys) + 2)
        left, top = (self.wide - _WIDTH_PX) / 2, max(8.0, (self.high - height) / 2)
        pill(painter, QRectF(left - 30, top - 10, _WIDTH_PX + 60, height + 10), theme.PANEL, 12)
        write(painter, QRectF(left, top + 4, _WIDTH_PX, _ROW_PX), "Keys", bold(20), theme.TEXT, LEFT)
        for number, (key, meaning) in enumerate(self._keys):
            row = QRectF(left, top + _ROW_PX * (number + 1.6), _WIDTH_PX, _ROW_PX)
            cap = QRectF(left, row.top() + 3, _KEY_PX - 16, _ROW_PX - 6)
            pill(painter, cap, theme.TRACK, 5)
            write(painter, cap, key, medium(14), theme.TEXT, CENTRE)
            write(painter, row.adjusted(_KEY_PX, 0, 0, 0), meaning, medium(15), theme.TEXT, LEFT)
            painter.fillRect(QRectF(left, row.bottom(), _WIDTH_PX, 1), colour(theme.EDGE))
