"""A key that presses a button."""

from __future__ import annotations

from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractButton, QPushButton, QWidget


def shortcut(page: QWidget, key: str, button: QAbstractButton) -> None:
    """Press a button of a page by a key, once each time, and only while it can be seen."""
    made = QShortcut(QKeySequence(key), page)
    made.setAutoRepeat(False)
    made.activated.connect(lambda: button.click() if button.isVisible() else None)


def pressed_by(page: QWidget, key: str, text: str, tip: str) -> QPushButton:
    """A button that a key of the page presses; its tip names the key."""
    button = QPushButton(text)
    button.setToolTip(f"{tip} ({key})")
    shortcut(page, key, button)
    return button
