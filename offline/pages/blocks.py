"""A page's tables and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Table:
    """A table: its title, column heads, rows, and a note below. Cells are plain text."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    @property
    def words(self) -> list[bool]:
        """Of each column, whether it holds words, which read better from the left, or numbers."""
        return [
            k == 0 or not any(row[k][:1] in "0123456789.<+−-" for row in self.rows if row[k])
            for k in range(len(self.head))
        ]


@dataclass(frozen=True)
class Picture:
    """A figure with its heading and what to see in it."""

    title: str
    caption: str
    figure: Figure
