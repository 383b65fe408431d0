"""The master switch of the outputs."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from rt_handdt.gui import theme


class OutputButton(QPushButton):
    """Says whether others are told the decisions, and switches that; not there where nobody is to be told."""

    def __init__(self) -> None:
        super().__init__("")
        self._shown: bool | None = None
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # else Space, which pauses, would switch
        self.setFixedHeight(30)
        self.setMinimumWidth(132)
        self.hide()

    def show_outputs(self, on: bool | None) -> None:
        """Show how the switch stands; None: there is none."""
        if on is self._shown:
            return
        self._shown = on
        self.setVisible(on is not None)
        self.setText("Outputs LIVE" if on else "Outputs off")
        self.setAccessibleName(self.text())
        self.setToolTip("Stop: whoever is told decisions rests (O)" if on else "Let decisions go out (O)")
        fill, ink, edge = (theme.BAD, theme.ink(theme.BAD), theme.BAD) if on else (theme.PANEL, theme.TEXT, theme.MUTED)
        self.setStyleSheet(
            f"QPushButton {{ background: {fill}; color: {ink}; border: 1px solid {edge}; border-radius: 15px; "
            f"font-family: Roboto; font-size: 14px; font-weight: bold; padding: 0 14px; min-height: 0; }}"
        )
