"""The models that are there, to choose one of, and the card of the chosen one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from rt_handdt.gui.start.label import Label

if TYPE_CHECKING:
    from rt_handdt.runtime.model_card import ModelCard


class ModelList(QWidget):
    """A list, a card, and a button that looks elsewhere.

    `browsed` carries the folder that the user has named; whoever reads it adds it with `show_models`.

    Parameters
    ----------
    beside
        Another button, beside that one.
    """

    chosen = Signal()
    browsed = Signal(str)

    def __init__(self, beside: QWidget | None = None) -> None:
        super().__init__()
        self._cards: tuple[ModelCard, ...] = ()
        self._list = QListWidget()
        self._list.setAccessibleName("Models")
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self._list.setMinimumHeight(52)
        self._list.setMaximumHeight(120)
        self._list.currentRowChanged.connect(self._changed)
        self._facts = QGridLayout()
        self._facts.setContentsMargins(2, 2, 2, 2)
        self._facts.setHorizontalSpacing(14)
        self._facts.setVerticalSpacing(5)
        self._facts.setColumnStretch(1, 1)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self._facts)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        self.browse = QPushButton("Browse…")
        self.browse.setToolTip("Choose the folder that training has written (Ctrl+O)")
        self.browse.clicked.connect(self._browse)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(8)
        page.addWidget(self._list)
        page.addWidget(scroll, 1)
        row = QHBoxLayout()
        row.addWidget(self.browse)
        if beside is not None:
            row.addWidget(beside)
        row.addStretch(1)
        page.addLayout(row)

    @property
    def model(self) -> ModelCard | None:
        """The chosen one."""
        row = self._list.currentRow()
        return self._cards[row] if 0 <= row < len(self._cards) else None

    def show_models(self, cards: Sequence[ModelCard], wanted: str) -> None:
        """Show these, and choose the one that was named so; else the first."""
        self._cards = tuple(cards)
        self._list.blockSignals(True)
        self._list.clear()
        for card in cards:
            self._list.addItem(QListWidgetItem(f"{card.name}   ·   {card.line}"))
        names = [card.given for card in cards]
        self._list.setCurrentRow(names.index(wanted) if wanted in names else 0 if names else -1)
        self._list.blockSignals(False)
        self._changed()

    def _changed(self) -> None:
        while (item := self._facts.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        card = self.model
        facts = () if card is None else card.facts
        for row, (caption, value) in enumerate(facts):
            self._facts.addWidget(Label(caption, "muted"), row, 0, Qt.AlignmentFlag.AlignTop)
            self._facts.addWidget(Label(value, wrap=True), row, 1)
        if card is not None and card.fault:
            self._facts.addWidget(Label(card.fault, "bad", wrap=True), len(facts), 0, 1, 2)
        self.chosen.emit()

    def _browse(self) -> None:
        card = self.model
        start = "" if card is None else str(Path(card.given).absolute().parent)
        folder = QFileDialog.getExistingDirectory(self, "Folder of a model", start)
        if folder:
            self.browsed.emit(folder)
