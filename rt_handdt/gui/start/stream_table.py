"""The streams that are there, to choose one of."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from rt_handdt.io.description import StreamDescription, shown

_TITLES = ("Name", "Type", "Channels", "Rate", "Host", "Unit")


class StreamTable(QTableWidget):
    """One row a stream. The chosen one stays chosen while others come and go; one that goes is chosen no more.

    Parameters
    ----------
    wanted
        Name of the stream that is chosen as soon as it is there, if nothing was chosen before.
    """

    chosen = Signal()

    def __init__(self, wanted: str = "") -> None:
        super().__init__(0, len(_TITLES))
        self._wanted = wanted
        self._streams: tuple[StreamDescription, ...] = ()
        self._units: dict[str, str] = {}
        self.setHorizontalHeaderLabels(_TITLES)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        header.setHighlightSections(False)
        for column in range(len(_TITLES)):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.setAccessibleName("Streams")
        self.itemSelectionChanged.connect(self.chosen)

    @property
    def stream(self) -> StreamDescription | None:
        """The chosen one."""
        row = self.currentRow()
        return self._streams[row] if self.selectedItems() and 0 <= row < len(self._streams) else None

    @property
    def streams(self) -> tuple[StreamDescription, ...]:
        """All that are shown."""
        return self._streams

    def show_streams(self, streams: Sequence[StreamDescription]) -> None:
        """Show what is there now."""
        if tuple(streams) == self._streams:
            return
        before = self.stream
        self.blockSignals(True)
        self._streams = tuple(streams)
        self.clearSelection()
        self.setCurrentCell(-1, -1)
        self.setRowCount(len(streams))
        for row, one in enumerate(streams):
            rate = f"{one.fs_hz:g} Hz" if one.fs_hz else "irregular"
            unit = self._units.get(one.uid, "" if one.is_signal else "–")
            for column, text in enumerate((one.name, one.kind, str(one.n_channels), rate, one.host, unit)):
                item = QTableWidgetItem(shown(text, 40))
                if not one.is_signal:  # markers and texts cannot be recognized
                    item.setFlags(Qt.ItemFlag.NoItemFlags)
                self.setItem(row, column, item)
        found = self._row(before)
        if found is not None:
            self.selectRow(found)
        self.blockSignals(False)
        if (None if before is None else before.uid) != (None if self.stream is None else self.stream.uid):
            self.chosen.emit()

    def show_units(self, described: StreamDescription) -> None:
        """The unit of a stream is known, since it was asked."""
        units = sorted({unit for column, unit in enumerate(described.units) if unit and column != described.counter})
        text = shown(", ".join(units), 24) or "not stated"
        if self._units.get(described.uid) == text:
            return
        self._units[described.uid] = text
        for row, one in enumerate(self._streams):
            item = self.item(row, len(_TITLES) - 1)
            if one.uid == described.uid and item is not None:
                item.setText(text)

    def _row(self, before: StreamDescription | None) -> int | None:
        """The row to choose: what was chosen; else what was wanted; else the only EMG there is."""
        if before is not None:
            return next((row for row, one in enumerate(self._streams) if one.uid == before.uid), None)
        able = [row for row, one in enumerate(self._streams) if one.is_signal]
        named = [row for row in able if self._streams[row].name == self._wanted]
        rows = named or able
        return rows[0] if len(rows) == 1 else None
