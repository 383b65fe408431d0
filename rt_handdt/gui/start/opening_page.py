"""What is shown while a stream is waited for."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QProgressBar, QPushButton, QVBoxLayout, QWidget

from rt_handdt.gui.start.label import Label


class OpeningPage(QWidget):
    """A sentence, a moving bar, what was said meanwhile, and a way back.

    Parameters
    ----------
    tip
        What the way back does.
    """

    cancelled = Signal()

    def __init__(self, tip: str = "Back to the start page") -> None:
        super().__init__()
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._what = Label("", face="title", wrap=True)
        self._said = Label("", "muted", wrap=True)
        self._what.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._said.setAlignment(Qt.AlignmentFlag.AlignCenter)
        bar = self._bar = QProgressBar()
        bar.setRange(0, 0)
        bar.setTextVisible(False)
        bar.setFixedSize(360, 6)
        back = QPushButton("Cancel")
        back.setToolTip(f"{tip} (Esc)")
        back.clicked.connect(self.cancelled)
        QShortcut(QKeySequence("Esc"), self, back.click)
        page = QVBoxLayout(self)
        page.setContentsMargins(60, 40, 60, 40)
        page.setSpacing(18)
        page.addStretch(2)
        page.addWidget(self._what)
        page.addWidget(bar, 0, Qt.AlignmentFlag.AlignHCenter)
        page.addWidget(self._said)
        page.addWidget(back, 0, Qt.AlignmentFlag.AlignHCenter)
        page.addStretch(3)

    def show_waiting(self, what: str, said: Sequence[str], share: float | None = None) -> None:
        """Show what is waited for, the newest sentences, and how much is done (0 to 1), if that is known."""
        self._bar.setRange(0, 0 if not share else 1000)
        self._bar.setValue(round(1000 * (share or 0.0)))
        self._what.tell(what, "")
        self._said.tell("\n".join(said[-6:]), "muted")
