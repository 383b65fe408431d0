"""Write a sheet as one self-contained HTML file, or as a PDF."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from offline.pages.blocks import Picture, Table
from offline.pages.drawing import figure, png_of
from offline.pages.rendering import Shown, html_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Sheet:
    """What is written: a title, what the data are, remarks on what is missing, tables and figures in turn."""

    title: str
    subtitle: str
    remarks: tuple[str, ...]
    parts: tuple[Table | Picture, ...]


def write_html(sheet: Sheet, path: Path) -> None:
    """One file; figures are PNG inside it."""
    parts = [
        Shown.of_table(part)
        if isinstance(part, Table)
        else Shown(part.title, note=part.caption, image=png_of(part.figure))
        for part in sheet.parts
    ]
    path.write_text(html_page(sheet.title, sheet.subtitle, sheet.remarks, parts), encoding="utf-8")


def write_pdf(sheet: Sheet, path: Path) -> None:
    """The title page carries what the data are; then a page for each table or figure."""
    from matplotlib.backends.backend_pdf import PdfPages

    with PdfPages(path, metadata={"Title": sheet.title, "Creator": "rt_handdt"}) as pages:
        first, *others = sheet.parts
        assert isinstance(first, Table)
        pages.savefig(_table_page(first, sheet))
        for part in others:
            if isinstance(part, Table):
                pages.savefig(_table_page(part))
            else:
                pages.savefig(_picture_page(part))


def _picture_page(part: Picture) -> Figure:
    """The figure itself, on a page made higher by its heading and caption."""
    fig = part.figure
    width, height = fig.get_size_inches()
    caption = textwrap.wrap(part.caption, max(int(width * 13), 40))
    above, below = 0.5, 0.25 + 0.17 * len(caption)
    page = height + above + below
    fig.set_size_inches(width, page)
    fig.get_layout_engine().set(rect=(0, below / page, 1, height / page))  # type: ignore[union-attr,call-arg]
    fig.text(0.02, 1 - 0.18 / page, part.title, fontsize=13, weight="bold", va="top")
    fig.text(0.02, 0.12 / page, "\n".join(caption), fontsize=8, color="#444444", va="bottom")
    return fig


def _table_page(table: Table, sheet: Sheet | None = None) -> Figure:
    """A table on a page as high as it needs."""
    width = 10.5
    intro = [] if sheet is None else textwrap.wrap(sheet.subtitle, 140)
    remarks = [] if sheet is None else [line for one in sheet.remarks for line in textwrap.wrap("· " + one, 140)]
    note = textwrap.wrap(table.note, 150)
    row = 0.27
    top = (0.55 if sheet is not None else 0.15) + 0.2 * len(intro) + 0.19 * len(remarks) + (0.3 if intro else 0)
    height = top + 0.5 + row * (len(table.rows) + 1) + 0.25 + 0.18 * len(note) + 0.2
    fig = figure(width, height)
    fig.set_layout_engine("none")
    at = height - 0.25
    if sheet is not None:
        fig.text(0.03, at / height, sheet.title, fontsize=16, weight="bold", va="top")
        at -= 0.42
        fig.text(0.03, at / height, "\n".join(intro), fontsize=9, va="top")
        at -= 0.2 * len(intro) + 0.1
        if remarks:
            fig.text(0.03, at / height, "\n".join(remarks), fontsize=8, va="top", color="#8a5a00")
            at -= 0.19 * len(remarks) + 0.1
    fig.text(0.03, at / height, table.title, fontsize=13, weight="bold", va="top")
    at -= 0.35
    size = row * (len(table.rows) + 1)
    ax = fig.add_axes((0.03, (at - size) / height, 0.94, size / height))
    ax.axis("off")
    longest = [max(len(cells[k]) for cells in (table.head, *table.rows)) + 2 for k in range(len(table.head))]
    drawn = ax.table(
        [list(cells) for cells in table.rows],
        colLabels=list(table.head),
        colWidths=[n / sum(longest) for n in longest],
        bbox=(0, 0, 1, 1),  # type: ignore[arg-type]
        edges="B",
        cellLoc="left",
        colLoc="left",
    )
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(8)
    for (line, _), cell in drawn.get_celld().items():
        cell.set_edgecolor("#888888" if line == 0 else "#dddddd")
        if line == 0:
            cell.set_text_props(weight="bold")
    fig.text(0.03, (at - size - 0.12) / height, "\n".join(note), fontsize=8, color="#444444", va="top")
    return fig
