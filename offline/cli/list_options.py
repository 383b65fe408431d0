"""Options that take several words: ``--test-subjects 1 2 3 4``."""

from __future__ import annotations

import typer
from typer.core import TyperCommand


class ListOptions(TyperCommand):
    """A command whose list options take all words up to the next option; commas part words too, save in paths."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Write ``--name a b,c`` as ``--name a --name b --name c``, which is what the parser takes."""
        several = {name for one in self.params if getattr(one, "multiple", False) for name in one.opts}
        out: list[str] = []
        current = ""
        for word in args:
            if word.startswith("--"):
                name, equals, value = word.partition("=")
                current = name if name in several else ""
                if current and equals:
                    out += _spread(current, value)
                elif not current:
                    out.append(word)
            elif current:
                out += _spread(current, word)
            else:
                out.append(word)
        return super().parse_args(ctx, out)


def _spread(name: str, word: str) -> list[str]:
    whole = "data" in name or name in ("--with", "--calibration", "--set")
    words = [word] if whole else [part for part in word.split(",") if part]
    return [part for one in words for part in (name, one)]
