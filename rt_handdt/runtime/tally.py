"""Counters that outlive the process that counts."""

from __future__ import annotations

import mmap
import os
from typing import Self

#: What is counted of each sink, see `rt_handdt.runtime.sink_worker.SinkWorker`.
COUNTED = ("told", "sent", "skipped", "dropped", "untaken", "repeats", "failures", "resumed")
_CELL = 8


class Tally:
    """A table of counters in memory that two processes share; each row has one writer.

    Parameters
    ----------
    file
        A file descriptor of such a table; it is this object's, and closed with it.
    rows
        One for each sink.

    Examples
    --------
    >>> tally = Tally.make(1)
    >>> tally.put(0, range(8))
    >>> tally.row(0)["sent"]
    1
    """

    def __init__(self, file: int, rows: int) -> None:
        self.file = file
        self._map = mmap.mmap(file, max(1, rows) * len(COUNTED) * _CELL)
        self._cells = memoryview(self._map).cast("q")

    @classmethod
    def make(cls, rows: int) -> Self:
        """A new one, of zeros.

        Raises
        ------
        OSError, AttributeError
            If the system has no such memory.
        """
        file = os.memfd_create("rt-handdt-sinks")
        os.ftruncate(file, max(1, rows) * len(COUNTED) * _CELL)
        return cls(file, rows)

    def put(self, row: int, counts: tuple[int, ...] | range) -> None:
        """Set a row's counters, in the order of `COUNTED`."""
        first = row * len(COUNTED)
        for k, count in enumerate(counts):
            self._cells[first + k] = count

    def row(self, row: int) -> dict[str, int]:
        """A row's counters."""
        first = row * len(COUNTED)
        return dict(zip(COUNTED, self._cells[first : first + len(COUNTED)].tolist(), strict=True))

    def close(self) -> None:
        """Let go of the memory."""
        self._cells.release()
        self._map.close()
        os.close(self.file)
