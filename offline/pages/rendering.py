"""Texts from the templates beside this file: in HTML whatever comes from outside is escaped."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from offline.pages.blocks import Table


@dataclass(frozen=True)
class Shown:
    """A part of a page, as the templates take it.

    Attributes
    ----------
    note
        Below a table, or a figure's caption.
    image
        A figure as PNG, in an HTML page; `file` is where it lies beside a Markdown one.
    """

    title: str
    paragraphs: Sequence[str] = ()
    table: Table | None = None
    note: str = ""
    image: bytes = b""
    file: str = ""

    @property
    def png(self) -> str:
        """The image as text."""
        return base64.b64encode(self.image).decode()

    @classmethod
    def of_table(cls, table: Table) -> Shown:
        """A table with its note."""
        return cls(table.title, table=table, note=table.note)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("offline.pages"),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(template: str, **values: Any) -> str:
    """A template filled in."""
    return _environment().get_template(template).render(**values)


def html_page(
    title: str, subtitle: str, remarks: Sequence[str], parts: Sequence[Shown], *, contents: bool = False
) -> str:
    """A whole page, which needs no other file; `contents` lists its parts first."""
    return render("page.html.j2", title=title, subtitle=subtitle, remarks=remarks, parts=parts, contents=contents)
