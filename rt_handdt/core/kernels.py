"""The inner loops that cost most, compiled with numba.

They keep the order of operations of the plain version (`scipy.signal.sosfilt`, numpy sums along time), so that which
one runs changes speed and not results; a test compares them. Time is the outer loop and channels the inner one: state
and sums of all channels stay in the cache, and the compiler turns the inner loop into vector instructions. Whether it
does is a matter of form: filters over flat arrays take half as long as over rows, and sums the other way round.

numba belongs to the installation; where it is missing or does not work (a numpy newer than it knows, say), the plain
version runs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rt_handdt.core.types import Float64

Int64 = npt.NDArray[np.int64]
#: What makes a window's value of its blocks' sums; the features that need samples are left alone.
ROOT_MEAN, WITH_EDGES, NEWEST, NOT_OF_SUMS = 0, 1, 2, 3
#: State below this (µV) is 0: a flat line would let it fade into denormal numbers, which take 30 times as long.
NOTHING = 1e-200


class Loops(NamedTuple):
    """The compiled loops.

    Attributes
    ----------
    cascade
        (sections (S, 6), samples (n, C), state (S, 2, C), changed in place, filtered (n, C)), which it fills.
    block_sums
        (two earlier samples and the blocks' (2 + n, C), samples in a block, [row of WL, ZC, SSC or −1], [threshold of
        ZC, SSC], partner of each channel (P, C), first row of each pair (P,), sums (blocks, rows, C)), which it fills.
    window
        (sums (blocks, rows, C), [how], [row] and samples in a window, values (F, C)), which it fills.
    """

    cascade: Callable[[Float64, Float64, Float64, Float64], None]
    block_sums: Callable[[Float64, int, Int64, Float64, npt.NDArray[np.uint64], Int64, Float64], None]
    window: Callable[[Float64, Int64, Int64, int, Float64], None]


@functools.cache
def compiler() -> tuple[Callable[..., Any] | None, str]:
    """numba's `njit`, keeping what it compiled on disk where it can; None and why not where numba does not work."""
    try:
        from numba import njit
    except Exception as exc:  # a numpy that it refuses, a broken library: whatever it is, we can do without
        return None, f"{type(exc).__name__}: {exc}"

    def decorate(function: Callable[..., Any], **options: Any) -> Any:
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:  # no folder to keep it in: compiled anew in each process
            return njit(**options)(function)

    return decorate, ""


def calling(
    function: Callable[..., Any], compile_: Callable[..., Any], *others: Callable[..., Any]
) -> Callable[..., Any]:
    """A function whose calls of `others`, of its own file, are compiled as well."""
    names = {other.__name__: compile_(other) for other in others}
    own = FunctionType(function.__code__, {**function.__globals__, **names}, function.__name__)
    own.__module__, own.__qualname__ = function.__module__, function.__qualname__
    return own


@functools.cache
def compiled() -> Loops | None:
    """The loops, compiled; None without numba. Compiling takes seconds once, later processes load it from disk."""
    compile_, _ = compiler()
    if compile_ is None:
        return None
    loops = Loops(compile_(_cascade), compile_(_block_sums), compile_(_window))
    # Compiled here and now: a live stream must not wait for it at its first window.
    loops.cascade(np.zeros((1, 6)), np.zeros((2, 1)), np.zeros((1, 2, 1)), np.zeros((2, 1)))
    rows, pairs = np.asarray([1, 3, 5]), (np.zeros((1, 1), np.uint64), np.asarray([7]))
    sums = np.zeros((1, 10, 1))
    loops.block_sums(np.zeros((4, 1)), 2, rows, np.zeros(2), *pairs, sums)
    loops.window(sums, np.asarray([ROOT_MEAN]), np.asarray([0]), 2, np.zeros((1, 1)))
    return loops


def _cascade(sections: Float64, samples: Float64, state: Float64, out: Float64) -> None:
    n, channels = samples.shape
    x, z, given = out.reshape(-1), state.reshape(-1), samples.reshape(-1)
    for i in range(n * channels):
        x[i] = given[i]
    for i in range(n):
        at = i * channels
        for s in range(sections.shape[0]):
            b0, b1, b2 = sections[s, 0], sections[s, 1], sections[s, 2]
            a1, a2 = sections[s, 4], sections[s, 5]
            z0 = 2 * s * channels
            z1 = z0 + channels
            for c in range(channels):  # direct form II transposed, as scipy's
                now = x[at + c]
                y = b0 * now + z[z0 + c]
                first = b1 * now - a1 * y + z[z1 + c]
                second = b2 * now - a2 * y
                z[z0 + c] = first if abs(first) > NOTHING else 0.0
                z[z1 + c] = second if abs(second) > NOTHING else 0.0
                x[at + c] = y


def _block_sums(
    x: Float64,
    block: int,
    rows: Int64,
    thresholds: Float64,
    partners: npt.NDArray[np.uint64],
    pair_rows: Int64,
    out: Float64,
) -> None:
    channels = x.shape[1]
    wl, zc, ssc = rows[0], rows[1], rows[2]
    out[:] = 0.0
    for k in range(out.shape[0]):
        sums = out[k]
        for j in range(block):
            i = 2 + k * block + j
            edge1 = 1 if j < 1 else 0  # terms that reach back one sample over the block's beginning
            edge2 = 1 if j < 2 else 0  # … or two
            for c in range(channels):
                now, last = x[i, c], x[i - 1, c]
                step = now - last
                size = abs(step)
                sums[0, c] += now * now
                if wl >= 0:
                    sums[wl + edge1, c] += size
                if zc >= 0 and now * last < 0 and size >= thresholds[0]:
                    sums[zc + edge1, c] += 1.0
                if ssc >= 0:
                    before = last - x[i - 2, c]
                    if step * before < 0 and max(size, abs(before)) >= thresholds[1]:
                        sums[ssc + edge2, c] += 1.0
    differences = np.empty((2, channels))  # of this sample and the last one, in turn: they stay in the cache
    for p in range(pair_rows.shape[0]):
        partner, row = partners[p], pair_rows[p]
        first, there = x[1], differences[1]
        for c in range(channels):
            there[c] = first[c] - first[partner[c]]
        for k in range(out.shape[0]):
            sums = out[k, row : row + 3]
            for j in range(block):
                i = 2 + k * block + j
                new, old = i % 2, 1 - i % 2
                here, there = x[i], differences[new]
                for c in range(channels):  # apart from the sums: they are vectorised only without it
                    there[c] = here[c] - here[partner[c]]
                edge = 2 if j < 1 else 1
                for c in range(channels):
                    d = differences[new, c]
                    sums[0, c] += d * d
                    sums[edge, c] += abs(d - differences[old, c])


def _window(sums: Float64, how: Int64, rows: Int64, n: int, values: Float64) -> None:
    blocks, _, channels = sums.shape
    edges = np.empty(channels)
    for f in range(how.shape[0]):
        kind, row = how[f], rows[f]
        if kind == NOT_OF_SUMS:
            continue
        out = values[f]
        for c in range(channels):
            out[c] = sums[blocks - 1 if kind == NEWEST else 0, row, c]
        if kind == NEWEST:
            continue
        for k in range(1, blocks):
            for c in range(channels):
                out[c] += sums[k, row, c]
        if kind == ROOT_MEAN:
            for c in range(channels):
                out[c] = np.sqrt(out[c] / n)
        elif blocks > 1:
            for c in range(channels):
                edges[c] = sums[1, row + 1, c]
            for k in range(2, blocks):
                for c in range(channels):
                    edges[c] += sums[k, row + 1, c]
            for c in range(channels):
                out[c] += edges[c]
