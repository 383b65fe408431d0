"""Percentiles of a window log."""

from __future__ import annotations

import numpy as np

from rt_handdt.runtime.percentiles import percentiles_ms
from rt_handdt.runtime.windowlog import STAGES, WindowTable

#: Latencies of the first second tell of starting up, not of running; they are not counted.
WARM_UP_S = 1.0


def latency_ms(table: WindowTable, *, whole: bool, compute: bool = False) -> dict[str, float]:
    """Percentiles in ms from a window's newest sample to its decision, or of the computing part alone.

    Parameters
    ----------
    table
        Of the log, or of its newest part.
    whole
        Whether the table begins with the run: its first second is left out then.
    compute
        The computing part alone.

    Returns
    -------
    dict
        ``"last"``, ``"p50"``, ``"p95"``, ``"p99"``, ``"max"``; empty if nothing was decided whose latency is known.
    """
    values = table.compute_s if compute else table.latency_s
    values = values[np.isfinite(values) & _warm(table, whole)]
    found = {key: value for key, value in percentiles_ms(values).items() if value is not None}
    return {"last": float(values[-1] * 1e3), **found} if found else {}


def stages_ms(table: WindowTable, *, whole: bool) -> dict[str, dict[str, float | None]]:
    """The same of each stage (`STAGES`), and of learning after the decision; None where nothing is known."""
    warm = _warm(table, whole)
    found = {name: table.stages_s[:, column] for column, name in enumerate(STAGES)}
    found["learning"] = table.learning_s
    return {name: percentiles_ms(values[warm & np.isfinite(values)]) for name, values in found.items()}


def _warm(table: WindowTable, whole: bool) -> np.ndarray:
    if not whole or not len(table.index):
        return np.ones(len(table.index), dtype=bool)
    # By the time of decision: what had piled up while the stream was opened is decided at once, and late.
    decided_s = table.newest_s + np.nan_to_num(table.latency_s)
    return np.asarray(decided_s >= decided_s[0] + WARM_UP_S)
