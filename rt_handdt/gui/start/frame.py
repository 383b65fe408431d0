"""The frame of a page: a title with a remark, and what follows below."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from rt_handdt.gui import theme
from rt_handdt.gui.start.label import Label


def framed(page: QWidget, title: str, remark: str | QWidget, *right: QWidget) -> QVBoxLayout:
    """Give a page its ground, margins and top line, with widgets at the right of that; what is added comes below."""
    page.setObjectName("page")
    page.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    top = QHBoxLayout()
    top.addWidget(Label(title, face="title"))
    top.addSpacing(8)
    top.addWidget(Label(remark, "muted") if isinstance(remark, str) else remark, 1)
    for one in right:
        top.addWidget(one)
    column = QVBoxLayout(page)
    column.setContentsMargins(theme.MARGIN_PX + 2, theme.MARGIN_PX, theme.MARGIN_PX + 2, theme.MARGIN_PX)
    column.setSpacing(theme.GAP_PX)
    column.addLayout(top)
    return column
