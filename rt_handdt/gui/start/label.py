"""Text on the start page; whatever it says is text, never markup."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel


class Label(QLabel):
    """A label of plain text.

    Parameters
    ----------
    text
        What it says.
    tone
        ``"muted"``, ``"good"``, ``"warn"``, ``"bad"`` or "" (see `rt_handdt.gui.start.style`).
    face
        ``"title"``, ``"heading"``, ``"verdict"`` or "".
    wrap
        Break it into lines.
    """

    def __init__(self, text: str = "", tone: str = "", face: str = "", *, wrap: bool = False) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        self.setProperty("tone", tone)
        self.setProperty("face", face)
        self.setText(text)

    def tell(self, text: str, tone: str) -> None:
        """Another text, in another tone."""
        if text != self.text():
            self.setText(text)
        if tone != self.property("tone"):
            self.setProperty("tone", tone)
            self.style().polish(self)
