"""A page's tables and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table as ScreenTable


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

    def on_screen(self) -> ScreenTable:
        """For the terminal."""
        from rich.box import SIMPLE_HEAD
        from rich.markup import escape
        from rich.table import Table as ScreenTable

        shown = ScreenTable(title=escape(self.title), caption=escape(self.note), box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        shown.title_justify = shown.caption_justify = "left"
        for name, words in zip(self.head, self.words, strict=True):
            shown.add_column(escape(name), justify="left" if words else "right", overflow="fold")
        for row in self.rows:
            shown.add_row(*map(escape, row))
        return shown


@dataclass(frozen=True)
class Picture:
    """A figure with its heading and what to see in it."""

    title: str
    caption: str
    figure: Figure
