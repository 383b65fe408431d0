"""Percentiles of a window log."""

from __future__ import annotations

import numpy as np

from rt_handdt.core.types import Float32
from rt_handdt.runtime.percentiles import percentiles_ms
from rt_handdt.runtime.windowlog import STAGES, WindowTable

#: Between two neighbours of these, in ms, a histogram has a bin; one more lies below the first, and one above the last.
EDGES_MS = tuple(0.5 * 2 ** (half / 2) for half in range(15))
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


def stage_histogram(table: WindowTable, *, whole: bool) -> Float32:
    """How long decisions took, and where the time went.

    Returns
    -------
    Shape (n_bins, n_stages): windows whose latency lies in each bin (see `EDGES_MS`), shared out among `STAGES` as
    these shared the time; a row adds up to the number of its windows.
    """
    stages = np.nan_to_num(table.stages_s[_warm(table, whole)]).clip(0.0)
    total = stages.sum(axis=1)
    found = np.zeros((len(EDGES_MS) + 1, len(STAGES)), np.float32)
    known = total > 0
    np.add.at(found, np.digitize(1e3 * total[known], EDGES_MS), stages[known] / total[known, None])
    return found


def _warm(table: WindowTable, whole: bool) -> np.ndarray:
    if not whole or not len(table.index):
        return np.ones(len(table.index), dtype=bool)
    # By the time of decision: what had piled up while the stream was opened is decided at once, and late.
    decided_s = table.newest_s + np.nan_to_num(table.latency_s)
    return np.asarray(decided_s >= decided_s[0] + WARM_UP_S)
