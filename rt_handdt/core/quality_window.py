"""What is known of a window's electrodes, from the sums of its blocks (`rt_handdt.core.quality_sums`).

Compiled with numba where it is installed (see `rt_handdt.core.kernels`); the loop adds in the order in which numpy
does, so that which one runs changes speed and not results.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from rt_handdt.core import kernels
from rt_handdt.core.types import Float64

Int = npt.NDArray[np.intp]
#: Rows of what is known (C,): Σ filtered squares; RMS; mean squared frequency over that of white noise; correlation
#: with one period of the mains ago; with the best neighbour; missing values; how often a raw value was held at a rail;
#: from rail to rail; the same of the newest half; log RMS.
POWER, LEVEL, WHITE, MAINS, BEST, LOST, HELD, SPAN, NEWEST, LOGS = range(10)
FACTS = 10
#: Keeps quotients and logarithms of an electrode without signal finite.
TINY = 1e-30


def gather(
    sums: Float64,
    extremes: Float64,
    held: Float64,
    jumps: Float64,
    one: Int,
    other: Int,
    samples: int,
    white: float,
    moment: int,
    facts: Float64,
    pairs: Float64,
    rest: Float64,
) -> None:
    """Join a window's blocks.

    Parameters
    ----------
    sums, extremes, held, jumps
        See `rt_handdt.core.quality_sums.QualitySums.rows`.
    one, other
        (E,): the pairs of neighbours.
    samples
        That the sums are made of.
    white
        Squared steps over squares of white noise after the filters.
    moment
        Blocks in which a step is over.
    facts, pairs, rest
        Filled: (FACTS, C) but for the last row; (E,) correlation of each pair; (2 + groups,): logarithm of the largest
        step over the busiest moment's, Σ squares of the mean over electrodes, and the samples that came before.
    """
    blocks, channels, middle = len(sums), facts.shape[1], len(sums) - len(sums) // 2
    halves = np.zeros((2, sums.shape[1]))
    for block, row in enumerate(sums):
        halves[block // middle] += row
    total = halves[0] + halves[1]
    power = total[:channels] + TINY
    # A spike is white too, but noise is so all the time.
    facts[WHITE] = (halves[:, channels : 2 * channels] / (halves[:, :channels] + TINY)).min(axis=0) / white
    facts[POWER] = total[:channels]
    facts[LEVEL] = np.sqrt(facts[POWER] / samples)
    mains = total[2 * channels : 4 * channels].reshape(2, channels)
    facts[MAINS] = 1.0 - mains.min(axis=0) / (2.0 * power)
    facts[LOST] = total[4 * channels : 5 * channels]
    loudness = np.sqrt(power)
    pairs[:] = total[5 * channels : 5 * channels + len(pairs)] / (loudness[one] * loudness[other])
    facts[BEST] = -1.0
    np.maximum.at(facts[BEST], one, pairs)
    np.maximum.at(facts[BEST], other, pairs)
    peaks = extremes.max(axis=0)
    facts[SPAN] = peaks[0] + peaks[1]
    facts[NEWEST] = extremes[blocks // 2 :].max(axis=0).sum(axis=0)
    facts[HELD] = (held * (extremes == peaks)).sum(axis=(0, 1))
    # Against the busiest moment of the window, since a contraction may begin in it.
    usual = np.zeros(blocks - moment + 1)
    for k in range(moment):
        usual += jumps[k : k + len(usual), 1] / moment
    rest[0] = jumps[:, 0].max() - usual.max()
    rest[1:] = total[5 * channels + len(pairs) :]


def _loop(
    sums: Float64,
    extremes: Float64,
    held: Float64,
    jumps: Float64,
    one: Int,
    other: Int,
    samples: int,
    white: float,
    moment: int,
    facts: Float64,
    pairs: Float64,
    rest: Float64,
) -> None:
    blocks, width, channels = sums.shape[0], sums.shape[1], facts.shape[1]
    middle = blocks - blocks // 2
    first, total = np.zeros(width), np.zeros(width)
    for k in range(middle):
        row = sums[k]
        for m in range(width):
            first[m] += row[m]
    for k in range(middle, blocks):
        row = sums[k]
        for m in range(width):
            total[m] += row[m]
    power, level, whiteness, loudness = facts[POWER], facts[LEVEL], facts[WHITE], np.empty(channels)
    for c in range(channels):
        early, late = first[channels + c] / (first[c] + TINY), total[channels + c] / (total[c] + TINY)
        whiteness[c] = (early if early < late else late) / white
    for m in range(width):
        total[m] += first[m]
    mains, lost, best = facts[MAINS], facts[LOST], facts[BEST]
    for c in range(channels):
        power[c] = total[c]
        level[c] = np.sqrt(total[c] / samples)
        low, high = total[2 * channels + c], total[3 * channels + c]
        mains[c] = 1.0 - (low if low < high else high) / (2.0 * (total[c] + TINY))
        loudness[c] = np.sqrt(total[c] + TINY)
        lost[c], best[c] = total[4 * channels + c], -1.0
    for e in range(len(pairs)):
        a, b = one[e], other[e]
        value = total[5 * channels + e] / (loudness[a] * loudness[b])
        pairs[e] = value
        best[a], best[b] = max(best[a], value), max(best[b], value)
    span, newest, often = facts[SPAN], facts[NEWEST], facts[HELD]
    span[:], newest[:], often[:] = 0.0, 0.0, 0.0
    for side in range(2):
        late_, peak = extremes[blocks // 2, side].copy(), np.empty(channels)
        for k in range(blocks // 2 + 1, blocks):
            row = extremes[k, side]
            for c in range(channels):
                late_[c] = row[c] if row[c] > late_[c] else late_[c]
        peak[:] = late_
        for k in range(blocks // 2):
            row = extremes[k, side]
            for c in range(channels):
                peak[c] = row[c] if row[c] > peak[c] else peak[c]
        for k in range(blocks):
            row, count = extremes[k, side], held[k, side]
            for c in range(channels):
                often[c] += count[c] if row[c] == peak[c] else 0.0
        for c in range(channels):
            span[c] += peak[c]
            newest[c] += late_[c]
    largest, busiest = jumps[0, 0], 0.0
    for k in range(blocks):
        largest = max(largest, jumps[k, 0])
    for k in range(blocks - moment + 1):
        usual = 0.0
        for j in range(moment):
            usual += jumps[k + j, 1] / moment
        busiest = usual if k == 0 else max(busiest, usual)
    rest[0] = largest - busiest
    rest[1:] = total[5 * channels + len(pairs) :]


@functools.cache
def compiled() -> Callable[..., None] | None:
    """`gather`, compiled; None without numba."""
    compile_, _ = kernels.compiler()
    if compile_ is None:
        return None
    loop: Callable[..., None] = compile_(_loop, error_model="numpy")
    # Compiled here and now: a live stream must not wait for it at its first window.
    pairs, both = np.zeros((0, 2), np.intp), np.zeros((2, 2, 1))
    tables = pairs[:, 0].copy(), pairs[:, 1].copy()
    loop(
        np.ones((2, 7)),
        both,
        both,
        np.zeros((2, 2)),
        *tables,
        1,
        1.0,
        1,
        np.zeros((FACTS, 1)),
        np.zeros(0),
        np.zeros(3),
    )
    return loop
