"""A report of prose, tables and figures, written as Markdown with figures beside it, and as one HTML file."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from offline.pages.blocks import Table
from offline.pages.drawing import STYLE, png_of
from offline.pages.rendering import Shown, html_page, render
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
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with matplotlib.rc_context(STYLE):  # type: ignore[arg-type]
            parts = [_shown(part, k, figures) for k, part in enumerate(document.parts)]
        about = document.title, document.subtitle, document.remarks
        text = render("report.md.j2", title=about[0], subtitle=about[1], remarks=about[2], parts=parts)
        _whole(markdown, text.encode())
        _whole(page, html_page(*about, parts, contents=True).encode())
        if figures.is_dir():  # of an earlier report, which had more
            for file in {one.name for one in figures.glob("*.png")} - {Path(one.file).name for one in parts}:
                (figures / file).unlink()
    except OSError as exc:
        raise HanddtError(
            f"{folder}: the report cannot be written ({exc.strerror or exc}); free some space or choose another folder."
        ) from None
    return [markdown, page]


def _shown(part: Part, number: int, figures: Path) -> Shown:
    if isinstance(part, Prose):
        return Shown(part.title, part.paragraphs)
    if isinstance(part, Table):
        return Shown.of_table(part)
    try:
        png = png_of(part.draw())
    except HanddtError as exc:  # a damaged log or latents: the rest of the report stands
        return Shown(part.title, [f"Cannot be drawn: {exc}"])
    figures.mkdir(exist_ok=True)
    file = figures / f"{number:02d}_{_slug(part.title)}.png"
    _whole(file, png)
    return Shown(part.title, note=part.caption, image=png, file=f"{figures.name}/{file.name}")


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:50]


def _whole(path: Path, content: bytes) -> None:
    with whole(path) as part:
        part.write_bytes(content)
