"""The inner loops of signal quality's sums, compiled with numba where it is installed (see `rt_handdt.core.kernels`).

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
Mask = npt.NDArray[np.bool_]
#: Steps that are smaller count as so large, in µV: below is quantization.
LEAST_STEP_UV = 1.0
LEAST_BITS = int(np.float32(LEAST_STEP_UV).view(np.int32))
#: float32's bits, read as an integer, are its logarithm to base 2 times this (to ±.06): exact sums at no cost.
LOG_UNIT = float(np.log(2.0) / 2**23)


class Loops(NamedTuple):
    """The compiled loops; each fills its last arguments in place.

    Attributes
    ----------
    filtered
        (filtered (n, C), row of the first sample that counts, rows from one to the next, lags, pairs (E,) and (E,),
        sums (blocks, M), zero).
    raw
        (raw samples (blocks · block, C), the one that counted last (C,), rows from one that counts to the next,
        which steps are none (blocks · samples,), extremes and held (blocks, 2, C), jumps (blocks, 2), see
        `rt_handdt.core.quality_sums.QualitySums.rows`).
    repeats
        (bits of samples (n, C), factors (C,), first channels of runs that belong to one group, and the end (runs + 1,),
        the group of each run, keys (groups, room), place of the first of these samples in it, samples to the first one
        that is looked for, from one to the next, how far back, how many must come again (groups,), samples of a block,
        where those that did are added (blocks, groups)).
    """

    filtered: Callable[[Float64, int, int, Int, Words, Words, Float64], None]
    raw: Callable[[Float64, Float64, int, Mask, Float64, Float64, Float64], None]
    repeats: Callable[[Words, Words, Int, Int, Words, int, int, int, int, Int, int, Float64], None]


@functools.cache
def compiled() -> Loops | None:
    """The loops, compiled; None without numba."""
    compile_, _ = kernels.compiler()
    if compile_ is None:
        return None
    loops = Loops(*map(compile_, (_filtered, _raw, _repeats)))
    # Compiled here and now: a live stream must not wait for it at its first window.
    one, flat, words = np.zeros(1, np.intp), np.zeros((1, 2, 1)), np.zeros((1, 1), np.uint64)
    loops.filtered(np.zeros((4, 1)), 2, 1, np.ones(2, np.intp), words[0], words[0], np.zeros((1, 7)))
    loops.raw(np.zeros((2, 1)), np.zeros(1), 1, np.zeros(2, np.bool_), flat, flat, np.zeros((1, 2)))
    loops.repeats(words, words[0], np.arange(2), one, words.copy(), 0, 0, 1, 1, one, 1, flat[0, :1])
    return loops


def _filtered(y: Float64, first: int, every: int, lags: Int, one: Words, other: Words, sums: Float64) -> None:
    channels, pairs = y.shape[1], len(one)
    samples = (y.shape[0] - 1 - first) // every // sums.shape[0] + 1
    means = np.empty(samples)
    for k in range(sums.shape[0]):
        out, products = sums[k], sums[k, 5 * channels : 5 * channels + pairs]
        begin = first + k * samples * every
        for i in range(begin, begin + samples * every, every):
            now, power = y[i], out[:channels]
            for c in range(channels):
                power[c] += now[c] * now[c]
            for n in range(3):  # one after the other: so the compiler turns each into vectors
                then, total = y[i - (1 if n == 0 else lags[n - 1])], out[(n + 1) * channels : (n + 2) * channels]
                for c in range(channels):
                    change = now[c] - then[c]
                    total[c] += change * change
            for e in range(pairs):
                products[e] += now[one[e]] * now[other[e]]
        means[:] = 0.0
        for c in range(channels):  # the samples at once: one alone would wait for each addition
            for j in range(samples):
                means[j] += y[begin + j * every, c]
        for j in range(samples):
            mean = means[j] / channels
            out[5 * channels + pairs] += mean * mean


def _raw(x: Float64, before: Float64, every: int, none: Mask, extremes: Float64, held: Float64, jumps: Float64) -> None:
    channels = x.shape[1]
    samples = x.shape[0] // every // extremes.shape[0]
    for k in range(extremes.shape[0]):
        high, low, often_high, often_low = extremes[k, 0], extremes[k, 1], held[k, 0], held[k, 1]
        largest, sum_ = 0.0, 0.0
        for j in range(samples):
            i = (k * samples + j + 1) * every - 1
            now, last = x[i], before if i < every else x[i - every]
            total = np.int64(0)
            for c in range(channels):
                total += np.int64(np.float32(abs(now[c] - last[c]) + LEAST_STEP_UV).view(np.int32))
            size = 0.0 if none[k * samples + j] else (total / channels - LEAST_BITS) * LOG_UNIT
            largest = max(largest, size)
            sum_ += size
            if j == 0:
                for c in range(channels):
                    high[c], low[c] = now[c], -now[c]
                    often_high[c] = often_low[c] = 1.0 if now[c] == last[c] else 0.0
                continue
            for c in range(channels):  # selected and not branched to: so the compiler turns it into vectors
                value, still = now[c], 1.0 if now[c] == last[c] else 0.0
                most, count = high[c], often_high[c]
                often_high[c] = still if value > most else count + (still if value == most else 0.0)
                high[c] = value if value > most else most
            for c in range(channels):
                value, still = -now[c], 1.0 if now[c] == last[c] else 0.0
                most, count = low[c], often_low[c]
                often_low[c] = still if value > most else count + (still if value == most else 0.0)
                low[c] = value if value > most else most
        jumps[k, 0], jumps[k, 1] = largest, sum_ / samples


def _repeats(
    bits: Words,
    factors: Words,
    starts: Int,
    group: Int,
    keys: Words,
    place: int,
    skip: int,
    probe: int,
    longest: int,
    needed: Int,
    block: int,
    found: Float64,
) -> None:
    n = bits.shape[0]
    keys[:, place : place + n] = np.uint64(0)
    for i in range(n):
        for g in range(len(group)):
            part, by, total = bits[i, starts[g] : starts[g + 1]], factors[starts[g] : starts[g + 1]], np.uint64(0)
            for c in range(len(part)):
                total += part[c] * by[c]
            keys[group[g], place + i] += total
    for i in range(skip, n, probe):
        at = place + i
        for number in range(keys.shape[0]):
            row, key, lag, begin, end = keys[number], keys[number, at], 0, max(0, at - longest), at
            while end > begin and lag == 0:  # a stretch at once: looked at without a branch for each
                start, same = max(begin, end - 64), False
                for k in range(start, end):
                    same |= row[k] == key
                if same:
                    while row[end - 1] != key:
                        end -= 1
                    lag = at - end + 1
                end = start
            if lag < 2:  # a sample that is like the last one is held, not repeated
                continue
            first, run = max(lag, at + 1 - max(probe, needed[number])), 0
            while at - run >= first and row[at - run] == row[at - run - lag]:
                run += 1
            if run >= needed[number]:
                found[i // block, number] += min(run, probe)
