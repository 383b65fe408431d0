"""A report of prose, tables and figures, written as Markdown with figures beside it, and as one HTML file."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from offline.pages.blocks import Picture, Table
from offline.pages.drawing import STYLE, png_of
from offline.pages.html import html_page, html_picture, html_table
from rt_handdt.errors import HanddtError
from rt_handdt.io.whole import whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Prose:
    """Sentences under a heading, one paragraph each."""

    title: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class Sketch:
    """A figure that is drawn when it is written, so that not all of them lie in memory."""

    title: str
    caption: str
    draw: Callable[[], Figure]


Part = Prose | Table | Sketch


@dataclass(frozen=True)
class Document:
    """Title, what it is about, remarks on what is missing, and its parts in turn."""

    title: str
    subtitle: str
    remarks: tuple[str, ...]
    parts: tuple[Part, ...]


def write_document(document: Document, folder: Path, name: str) -> list[Path]:
    """Write ``{name}.md`` with ``{name}_figures/``, and ``{name}.html``, which needs no other file.

    Raises
    ------
    HanddtError
        If a file cannot be written.
    """
    import matplotlib

    markdown, page, figures = (folder / f"{name}{end}" for end in (".md", ".html", "_figures"))
    lines = [f"# {document.title}", "", document.subtitle, "", *(f"- **Note:** {one}" for one in document.remarks), ""]
    body = ["<nav>", *(f'<a href="#p{k}">{escape(part.title)}</a>' for k, part in enumerate(document.parts)), "</nav>"]
    drawn: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with matplotlib.rc_context(STYLE):  # type: ignore[arg-type]
            for k, part in enumerate(document.parts):
                lines += [f"## {part.title}", ""]
                body.append(f'<section id="p{k}"><h2>{escape(part.title)}</h2>')
                if isinstance(part, Prose):
                    lines += [text for one in part.paragraphs for text in (one, "")]
                    body += [f"<p>{escape(one)}</p>" for one in part.paragraphs]
                elif isinstance(part, Table):
                    lines += [*markdown_table(part), ""]
                    body += html_table(part)
                else:
                    try:
                        shown = part.draw()
                    except HanddtError as exc:  # a damaged log or latents: the rest of the report stands
                        lines += [f"Cannot be drawn: {exc}", ""]
                        body.append(f"<p>Cannot be drawn: {escape(str(exc))}</p></section>")
                        continue
                    png = png_of(shown)
                    figures.mkdir(exist_ok=True)
                    file = figures / f"{k:02d}_{_slug(part.title)}.png"
                    _whole(file, png)
                    drawn.append(file)
                    lines += [f"![{part.title}]({figures.name}/{file.name})", "", part.caption, ""]
                    body += html_picture(Picture(part.title, part.caption, shown), png)
                body.append("</section>")
        _whole(markdown, "\n".join(lines).encode())
        _whole(page, html_page(document.title, document.subtitle, document.remarks, body).encode())
        if figures.is_dir():  # of an earlier report, which had more
            for file in set(figures.glob("*.png")) - set(drawn):
                file.unlink()
    except OSError as exc:
        raise HanddtError(
            f"{folder}: the report cannot be written ({exc.strerror or exc}); free some space or choose another folder."
        ) from None
    return [markdown, page]


def markdown_table(table: Table) -> list[str]:
    """Lines of a table and its note."""
    rows = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (table.head, *table.rows)]
    return [rows[0], "|" + "---|" * len(table.head), *rows[1:], *(["", table.note] if table.note else [])]


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:50]


def _whole(path: Path, content: bytes) -> None:
    with whole(path) as part:
        part.write_bytes(content)
