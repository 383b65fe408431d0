"""Times as they are reported."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rt_handdt.core.types import Float64

KEYS = ("p50", "p95", "p99", "max")


def percentiles_ms(seconds: Sequence[float] | Float64) -> dict[str, float | None]:
    """``p50``, ``p95``, ``p99`` and ``max`` in ms; each None where nothing was measured."""
    if not len(seconds):
        return dict.fromkeys(KEYS)
    values = 1e3 * np.asarray(seconds)
    found = (*np.percentile(values, (50, 95, 99)), values.max())
    return {name: round(float(value), 4) for name, value in zip(KEYS, found, strict=True)}
