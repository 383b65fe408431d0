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
        self.setStyleSheet(
            f"QPushButton {{ background: {theme.PANEL}; color: {theme.TEXT}; border: 1px solid {theme.MUTED}; "
            f"border-radius: 14px; font-family: Roboto; font-size: 14px; font-weight: bold; padding: 0 14px; "
            f"min-width: 104px; min-height: 28px; max-height: 28px; }}"
            f'QPushButton[live="true"] {{ background: {theme.BAD}; color: {theme.ink(theme.BAD)}; '
            f"border-color: {theme.BAD}; }}"
        )
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
        self.setProperty("live", bool(on))
        self.style().polish(self)
