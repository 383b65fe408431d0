"""Pages, tables and pictures as HTML: one file that needs no other."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from offline.pages.blocks import Picture, Table

_CSS = """
body { font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; color: #1d1d1f; max-width: 1080px;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem; }
p.sub { color: #333; } p.note { color: #555; font-size: .87rem; margin: .4rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
th, td { text-align: right; padding: .25rem .5rem; border-bottom: 1px solid #ddd; }
td { white-space: nowrap; } td.text { white-space: normal; }
th { border-bottom: 2px solid #888; font-weight: 600; vertical-align: bottom; }
th:first-child, td:first-child, th.text, td.text { text-align: left; }
nav { columns: 3; font-size: .82rem; line-height: 1.35; margin: 1rem 0; }
nav a { display: block; color: #0072B2; text-decoration: none; }
ul.remarks { background: #fff6e0; border-left: 4px solid #E69F00; padding: .6rem .6rem .6rem 1.8rem; }
img { max-width: 100%; height: auto; display: block; margin: .3rem auto; }
@media print { h2 { break-after: avoid; } img, table { break-inside: avoid; } }
"""


def html_page(title: str, subtitle: str, remarks: Sequence[str], body: Sequence[str]) -> str:
    """A whole page around a body of HTML; the other texts are plain."""
    lines = [
        "<!DOCTYPE html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
        f'<meta name="viewport" content="width=device-width"><style>{_CSS}</style></head><body>',
        f'<h1>{escape(title)}</h1><p class="sub">{escape(subtitle)}</p>',
    ]
    if remarks:
        lines.append('<ul class="remarks">' + "".join(f"<li>{escape(one)}</li>" for one in remarks) + "</ul>")
    return "\n".join([*lines, *body, "</body></html>\n"])


def html_table(table: Table) -> list[str]:
    """A table and its note."""
    return [_html_table(table), *([f'<p class="note">{escape(table.note)}</p>'] if table.note else [])]


def html_picture(part: Picture, png: bytes) -> list[str]:
    """A figure inside the page, and its caption."""
    data = base64.b64encode(png).decode()
    return [
        f'<img alt="{escape(part.title)}" src="data:image/png;base64,{data}">',
        f'<p class="note">{escape(part.caption)}</p>',
    ]


def _html_table(table: Table) -> str:
    # a column of words reads better from the left
    number = [
        k > 0 and any(row[k][:1] in "0123456789.<+−-" for row in table.rows if row[k]) for k in range(len(table.head))
    ]
    ways = ["" if right else " class=text" for right in number]
    head = "".join(f"<th{way}>{escape(cell)}</th>" for cell, way in zip(table.head, ways, strict=True))
    rows = "".join(
        "<tr>" + "".join(f"<td{way}>{escape(cell)}</td>" for cell, way in zip(row, ways, strict=True)) + "</tr>"
        for row in table.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
