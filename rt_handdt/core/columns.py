"""Columns, as people write them: ``128-383`` or ``0-63,128-191``."""

from __future__ import annotations

import re
from itertools import pairwise

from rt_handdt.errors import ConfigError

#: No amplifier has more; a mistyped number shall not fill the memory.
MOST = 65_536


def parse_columns(text: str) -> tuple[int, ...]:
    """The numbers that a text of ranges means, counted from 0, both ends included, in the order written.

    Raises
    ------
    ConfigError
        If it is no such text, a range runs backwards, or a column is named twice.
    """
    found: list[int] = []
    for part in text.split(","):
        ends = re.fullmatch(r"\s*([0-9]{1,6})\s*(?:[-\N{EN DASH}]\s*([0-9]{1,6})\s*)?", part)
        if ends is None:
            raise ConfigError(f"Columns are given as 128-383 or 0-63,128-191, counted from 0; got '{text}'.")
        first, last = int(ends[1]), int(ends[2] or ends[1])
        if last < first or last >= MOST:
            raise ConfigError(f"The columns '{part.strip()}' must run upwards, to {MOST - 1} at most; turn them round.")
        found += range(first, last + 1)
    twice = (
        next((column for column in found if found.count(column) > 1), None) if len(set(found)) < len(found) else None
    )
    if twice is not None:
        raise ConfigError(f"The column {twice} is named twice in '{text}'; name each once.")
    return tuple(found)


def columns_text(columns: tuple[int, ...]) -> str:
    """The reverse of `parse_columns`, as short as can be: ``128-383``."""
    breaks = [0, *(k + 1 for k, (a, b) in enumerate(pairwise(columns)) if b != a + 1), len(columns)]
    runs = [(columns[a], columns[b - 1]) for a, b in pairwise(breaks) if b > a]
    return ",".join(f"{first}-{last}" if last > first else f"{first}" for first, last in runs)
