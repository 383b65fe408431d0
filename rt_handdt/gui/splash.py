"""What is seen while the window is loaded."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QApplication, QWidget

from rt_handdt.gui import theme
from rt_handdt.gui.widgets.canvas import LEFT, Canvas, bold, colour, medium, write

Window = TypeVar("Window", bound=QWidget)


class Splash(Canvas):
    """The program's name, and what is being loaded."""

    ground = "BACKGROUND"

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        self.setWindowFlags(Qt.WindowType.SplashScreen | Qt.WindowType.FramelessWindowHint)
        self.setFixedSize(440, 150)

    def tell(self, text: str) -> None:
        """Say what comes next, at once."""
        self._text = text
        self.show()
        self.repaint()
        QApplication.processEvents()

    def make_way(self, window: Window) -> Window:
        """Close once the window is there."""
        window.show()
        self.close()
        return window

    def draw(self, painter: QPainter) -> None:
        """Name above text."""
        painter.fillRect(QRectF(0, 0, 6, self.high), colour(theme.ACCENT))
        write(painter, QRectF(32, 30, 380, 44), "rt_handdt", bold(34), theme.TEXT, LEFT)
        write(painter, QRectF(32, 88, 380, 24), self._text, medium(15), theme.MUTED, LEFT)
