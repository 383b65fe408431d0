"""The inner loops of signal quality, compiled with numba where it is installed (see `rt_handdt.core.kernels`).

They add in the order in which numpy does, so that which one runs changes speed and not results; a test compares them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rt_handdt.core import kernels
from rt_handdt.core.types import Float64

Int = npt.NDArray[np.intp]
Words = npt.NDArray[np.uint64]
#: Steps that are smaller count as so large, in µV: below is quantization.
LEAST_STEP_UV = 1.0


class Loops(NamedTuple):
    """The compiled loops; each fills its last arguments in place.

    Attributes
    ----------
    filtered
        (filtered (n, C), row of the first sample that counts, rows from one to the next, lags, pairs (E, 2),
        sums (blocks, M), zero).
    raw
        (raw samples that count, after the one before them (1 + n, C), extremes and held (blocks, 2, C), sums of the
        logarithms of steps (n,), see `rt_handdt.core.quality_sums`).
    keys
        (bits of samples (n, C), factors (C,), group of each channel (C,), sums (groups, n), zero).
    totals
        (sums (blocks, M), of the first half of the blocks and of the second (2, M), zero).
    peaks
        (extremes and held (blocks, 2, C); extremes of all, of the second half, and how often held (3, 2, C)).
    neighbours
        (values (C,), which are good (C,), table of neighbours (C, 8), −1: none; sum and number of good ones (2, C)).
    """

    filtered: Callable[[Float64, int, int, Int, Int, Float64], None]
    raw: Callable[[Float64, Float64, Float64, npt.NDArray[np.int64]], None]
    keys: Callable[[Words, Words, Int, Words], None]
    totals: Callable[[Float64, Float64], None]
    peaks: Callable[[Float64, Float64, Float64], None]
    neighbours: Callable[[Float64, npt.NDArray[np.bool_], Int, Float64], None]


@functools.cache
def compiled() -> Loops | None:
    """The loops, compiled; None without numba."""
    compile_, _ = kernels.compiler()
    if compile_ is None:
        return None
    loops = Loops(*map(compile_, (_filtered, _raw, _keys, _totals, _peaks, _neighbours)))
    # Compiled here and now: a live stream must not wait for it at its first window.
    one, pair, flat = np.zeros(1, np.intp), np.zeros((1, 2), np.intp), np.zeros((1, 2, 1))
    loops.filtered(np.zeros((4, 1)), 2, 1, np.ones(2, np.intp), pair, np.zeros((1, 6)))
    loops.raw(np.zeros((3, 1)), flat, flat, np.zeros((2, 1), np.int64))
    loops.keys(np.zeros((1, 1), np.uint64), np.ones(1, np.uint64), one, np.zeros((1, 1), np.uint64))
    loops.totals(np.zeros((2, 6)), np.zeros((2, 6)))
    loops.peaks(flat, flat, np.zeros((3, 2, 1)))
    loops.neighbours(np.zeros(1), np.zeros(1, np.bool_), pair, np.zeros((2, 1)))
    return loops


def _filtered(y: Float64, first: int, every: int, lags: Int, pairs: Int, sums: Float64) -> None:
    channels = y.shape[1]
    samples = (y.shape[0] - 1 - first) // every // sums.shape[0] + 1
    one, two, three, end = channels, 2 * channels, 3 * channels, 5 * channels
    for k in range(sums.shape[0]):
        out = sums[k]
        for j in range(samples):
            i = first + (k * samples + j) * every
            now, last, past, other = y[i], y[i - 1], y[i - lags[0]], y[i - lags[1]]
            for c in range(channels):
                value = now[c]
                out[c] += value * value
                change = value - last[c]
                out[one + c] += change * change
                change = value - past[c]
                out[two + c] += change * change
                change = value - other[c]
                out[three + c] += change * change
            for e in range(pairs.shape[0]):
                out[end + e] += now[pairs[e, 0]] * now[pairs[e, 1]]


def _raw(x: Float64, extremes: Float64, held: Float64, logs: npt.NDArray[np.int64]) -> None:
    channels = x.shape[1]
    samples = (x.shape[0] - 1) // extremes.shape[0]
    for k in range(extremes.shape[0]):
        for j in range(samples):
            i = 1 + k * samples + j
            total = np.int64(0)
            for c in range(channels):
                step = x[i, c] - x[i - 1, c]
                total += np.int64(np.float32(abs(step) + LEAST_STEP_UV).view(np.int32))
                still = 1.0 if step == 0.0 else 0.0
                for side in range(2):
                    value = x[i, c] if side == 0 else -x[i, c]
                    if j == 0 or value > extremes[k, side, c]:
                        extremes[k, side, c] = value
                        held[k, side, c] = still
                    elif value == extremes[k, side, c]:
                        held[k, side, c] += still
            logs[i - 1] = total


def _keys(bits: Words, factors: Words, group: Int, sums: Words) -> None:
    for i in range(bits.shape[0]):
        for c in range(bits.shape[1]):
            sums[group[c], i] += bits[i, c] * factors[c]


def _totals(sums: Float64, halves: Float64) -> None:
    first = sums.shape[0] - sums.shape[0] // 2
    for k in range(sums.shape[0]):
        out = halves[0 if k < first else 1]
        for m in range(sums.shape[1]):
            out[m] += sums[k, m]


def _peaks(extremes: Float64, held: Float64, out: Float64) -> None:
    blocks, _, channels = extremes.shape
    for side in range(2):
        for c in range(channels):
            newest = extremes[blocks // 2, side, c]
            for k in range(blocks // 2 + 1, blocks):
                newest = max(newest, extremes[k, side, c])
            peak = newest
            for k in range(blocks // 2):
                peak = max(peak, extremes[k, side, c])
            count = 0.0
            for k in range(blocks):
                if extremes[k, side, c] == peak:
                    count += held[k, side, c]
            out[0, side, c], out[1, side, c], out[2, side, c] = peak, newest, count


def _neighbours(values: Float64, good: npt.NDArray[np.bool_], table: Int, out: Float64) -> None:
    for c in range(table.shape[0]):
        total, count = 0.0, 0.0
        for k in range(table.shape[1]):
            other = table[c, k]
            if other >= 0 and good[other]:
                total += values[other]
                count += 1.0
        out[0, c], out[1, c] = total, count
