"""Numbers in headers, as programs of all countries write them."""

from __future__ import annotations

import math


def plain_number(text: str | None) -> float | None:
    """A finite number with a decimal point or comma (``"1000,0"``); None if it is none."""
    try:
        number = float((text or "").strip().replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
