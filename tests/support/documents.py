"""What stands in README and docs: links, code blocks, commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import typer

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
#: Pages of the site that are made when it is built.
MADE = ("commands.md", "configuration.md")


class Block(NamedTuple):
    """A fenced block of code."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        """For a test's name."""
        return f"{self.page.name}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    """All blocks of these languages."""
    return [block for page in PAGES for block in _blocks(page) if block.language in languages]


def _blocks(page: Path) -> Iterator[Block]:
    fence, language, begun, lines = "", "", 0, []
    for number, line in enumerate(page.read_text().splitlines(), 1):
        mark = re.match(r"\s*(`{3,})(\S*)", line)
        if mark and not fence:
            fence, language, begun, lines = mark[1], mark[2], number, []
        elif mark and line.strip() == fence:
            indent = min((len(one) - len(one.lstrip()) for one in lines if one.strip()), default=0)
            yield Block(page, begun, language, "\n".join(one[indent:] for one in lines) + "\n")
            fence = ""
        elif fence:
            lines.append(line)


def command_lines(block: Block) -> list[list[str]]:
    """The commands of a shell block, as words."""
    joined = block.text.replace("\\\n", " ")
    found = []
    for line in joined.splitlines():
        words = shlex.split(line, comments=True)
        while words:
            cut = next((k for k, word in enumerate(words) if word in ("&&", "|", ";", "&")), len(words))
            if words[:cut]:
                found.append(words[:cut])
            words = words[cut + 1 :]
    return found


def inline_commands(page: Path) -> list[tuple[int, str]]:
    """Commands of our programs between backticks, with the line they stand in."""
    found, fenced = [], False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fenced ^= line.lstrip().startswith("```")
        if not fenced:
            found += [(number, text) for text in re.findall(r"`((?:rt-handdt|handdt-offline) [^`]+)`", line)]
    return found


def program(name: str) -> Any:
    """The commands of ``rt-handdt`` or ``handdt-offline``."""
    from offline.cli import app as trainer
    from rt_handdt.cli.main import app as live

    return typer.main.get_command({"rt-handdt": live, "handdt-offline": trainer}[name])
