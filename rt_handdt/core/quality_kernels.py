"""The inner loops of signal quality, compiled with numba where it is installed (see `rt_handdt.core.kernels`).

They add in the order in which numpy does, so that which one runs changes speed and not results; a test compares them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from rt_handdt.core import kernels
from rt_handdt.core.types import Float64

Int = npt.NDArray[np.intp]
Words = npt.NDArray[np.uint64]

#: (filtered (n, C), row of the first sample that counts, rows from one to the next, lags, pairs (E, 2),
#: sums (blocks, M), zero, filled in place)
Filtered = Callable[[Float64, int, int, Int, Int, Float64], None]
#: (raw samples that count, after the one before them (1 + n, C), extremes and held (blocks, 2, C), filled in place)
Raw = Callable[[Float64, Float64, Float64], None]
#: (bits of samples (n, C), factors (C,), group of each channel (C,), sums (groups, n), zero, filled in place)
Keys = Callable[[Words, Words, Int, Words], None]


@functools.cache
def compiled() -> tuple[Filtered, Raw, Keys] | None:
    """The loops, compiled; None without numba."""
    compile_, _ = kernels.compiler()
    if compile_ is None:
        return None
    loops = compile_(_filtered), compile_(_raw), compile_(_keys)
    # Compiled here and now: a live stream must not wait for it at its first window.
    one, pair = np.zeros(1, np.intp), np.zeros((1, 2), np.intp)
    loops[0](np.zeros((4, 1)), 2, 1, np.ones(2, np.intp), pair, np.zeros((1, 6)))
    loops[1](np.zeros((3, 1)), np.zeros((1, 2, 1)), np.zeros((1, 2, 1)))
    loops[2](np.zeros((1, 1), np.uint64), np.ones(1, np.uint64), one, np.zeros((1, 1), np.uint64))
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


def _raw(x: Float64, extremes: Float64, held: Float64) -> None:
    channels = x.shape[1]
    samples = (x.shape[0] - 1) // extremes.shape[0]
    for k in range(extremes.shape[0]):
        for j in range(samples):
            i = 1 + k * samples + j
            for c in range(channels):
                still = 1.0 if x[i, c] == x[i - 1, c] else 0.0
                for side in range(2):
                    value = x[i, c] if side == 0 else -x[i, c]
                    if j == 0 or value > extremes[k, side, c]:
                        extremes[k, side, c] = value
                        held[k, side, c] = still
                    elif value == extremes[k, side, c]:
                        held[k, side, c] += still


def _keys(bits: Words, factors: Words, group: Int, sums: Words) -> None:
    for i in range(bits.shape[0]):
        for c in range(bits.shape[1]):
            sums[group[c], i] += bits[i, c] * factors[c]
