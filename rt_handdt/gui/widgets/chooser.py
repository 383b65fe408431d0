"""A heading with chips above one of several widgets."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QStackedLayout, QVBoxLayout, QWidget

from rt_handdt.gui import theme
from rt_handdt.gui.start.label import Label
from rt_handdt.gui.widgets.canvas import FAMILY

_CHIP = (
    "QPushButton {{ font-family: {family}; font-size: 12px; color: {t.MUTED}; background: {t.TRACK}; border: none;"
    " border-radius: 8px; padding: 1px 8px; min-height: 17px; max-height: 17px; }}"
    "QPushButton:checked {{ color: {ink}; background: {t.ACCENT}; }}"
    "QPushButton:hover:!checked {{ color: {t.TEXT}; }}"
)


class Heading(QHBoxLayout):
    """A title at the left, chips to choose one of at the right.

    Parameters
    ----------
    title
        What is shown.
    chips
        Text and tip of each.

    Attributes
    ----------
    words
        The title.
    buttons
        The chips, numbered from 0; the first is chosen.
    """

    def __init__(self, title: str, chips: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.buttons = QButtonGroup(self)
        self.setSpacing(5)
        words = self.words = Label(title)
        words.setStyleSheet(f"font-family: {FAMILY}; font-size: 14px; font-weight: 500; color: {theme.TEXT};")
        self.addWidget(words)
        self.addStretch(1)
        for number, (text, tip) in enumerate(chips):
            chip = QPushButton(text)
            chip.setCheckable(True)
            chip.setToolTip(tip)
            chip.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Space pauses
            chip.setStyleSheet(_CHIP.format(t=theme, ink=theme.ink(theme.ACCENT), family=FAMILY))
            self.buttons.addButton(chip, number)
            self.addWidget(chip)
        self.buttons.button(0).setChecked(True)


class Chooser(QWidget):
    """One of several widgets.

    Parameters
    ----------
    title
        What is shown.
    views
        Chip, tip and widget of each.
    """

    #: Another one was chosen.
    chosen = Signal(int)

    def __init__(self, title: str, views: Sequence[tuple[str, str, QWidget]]) -> None:
        super().__init__()
        heading = Heading(title, [(text, tip) for text, tip, _ in views])
        self.buttons, self.words = heading.buttons, heading.words
        self._stack = QStackedLayout()
        for _, _, one in views:
            self._stack.addWidget(one)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(heading)
        column.addLayout(self._stack, 1)
        self.buttons.idClicked.connect(self.choose)

    @property
    def shown(self) -> QWidget | None:
        """The one that is seen."""
        return self._stack.currentWidget()

    def choose(self, number: int) -> None:
        """Show another one."""
        self.buttons.button(number).setChecked(True)
        self._stack.setCurrentIndex(number)
        self.chosen.emit(number)

    def offer(self, number: int, offered: bool) -> None:
        """Whether one can be chosen."""
        self.buttons.button(number).setVisible(offered)
