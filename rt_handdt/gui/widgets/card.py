"""A titled panel."""

from __future__ import annotations

from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from rt_handdt.gui import theme
from rt_handdt.gui.widgets.canvas import LEFT, RIGHT, Canvas, medium, metrics, write


class _Heading(Canvas):
    """The title at the left, a remark at the right."""

    def __init__(self, title: str, remark: str) -> None:
        super().__init__()
        self._title = title
        self._remark = remark
        self.setFixedHeight(20)

    def draw(self, painter: QPainter) -> None:
        """Draw both texts on one line; the title has precedence."""
        box = self.box
        write(painter, box, self._title, medium(14), theme.TEXT, LEFT)
        box.setLeft(box.left() + metrics(medium(14)).horizontalAdvance(self._title) + 12)
        write(painter, box, self._remark, medium(12), theme.MUTED, RIGHT)


class Card(QFrame):
    """A panel with a title above one widget.

    Parameters
    ----------
    title, remark
        Shown above the content; the remark (a unit, an explanation) is smaller and at the right.
    content
        The widget to hold.
    """

    def __init__(self, title: str, content: QWidget, remark: str = "") -> None:
        super().__init__()
        self.setObjectName("card")
        self.setStyleSheet(
            f"#card {{ background: {theme.PANEL}; border: 1px solid {theme.EDGE}; border-radius: 10px; }}"
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(15, 11, 15, 12)
        column.setSpacing(8)
        if title:
            column.addWidget(_Heading(title, remark))
        column.addWidget(content, 1)
