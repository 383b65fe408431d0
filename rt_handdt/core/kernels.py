"""The two inner loops that cost most, compiled with numba where the extra ``accel`` is installed.

Both keep the order of operations of the plain version (`scipy.signal.sosfilt`, numpy sums along time), so that which
one runs changes speed and not results; a test compares them. Time is the outer loop and channels the inner one: state
and sums of all channels stay in the cache, and the compiler turns the inner loop into vector instructions.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable

import numpy as np

from rt_handdt.core.types import Float64

AVAILABLE = importlib.util.find_spec("numba") is not None

#: (sections (S, 6), samples (n, C), state (S, 2, C), changed in place) → filtered (n, C)
Cascade = Callable[[Float64, Float64, Float64], Float64]
#: (two earlier samples and the blocks' (2 + n, C), samples in a block, [row of WL, ZC, SSC or −1],
#: [threshold of ZC, SSC], sums (blocks, rows, C), zero, filled in place)
BlockSums = Callable[[Float64, int, Float64, Float64, Float64], None]


@functools.cache
def compiled() -> tuple[Cascade, BlockSums] | None:
    """The loops, compiled; None without numba. Compiling takes seconds once, later processes load it from disk."""
    if not AVAILABLE:
        return None
    from numba import njit

    cascade, block_sums = njit(cache=True)(_cascade), njit(cache=True)(_block_sums)
    # Compiled here and now: a live stream must not wait for it at its first window.
    cascade(np.zeros((1, 6)), np.zeros((2, 1)), np.zeros((1, 2, 1)))
    block_sums(np.zeros((4, 1)), 2, np.asarray([1.0, 3.0, 5.0]), np.zeros(2), np.zeros((1, 7, 1)))
    return cascade, block_sums


def _cascade(sections: Float64, samples: Float64, state: Float64) -> Float64:
    n, channels = samples.shape
    out = np.empty_like(samples)
    for i in range(n):
        for c in range(channels):
            out[i, c] = samples[i, c]
        for s in range(sections.shape[0]):
            b0, b1, b2 = sections[s, 0], sections[s, 1], sections[s, 2]
            a1, a2 = sections[s, 4], sections[s, 5]
            for c in range(channels):  # direct form II transposed, as scipy's
                x = out[i, c]
                y = b0 * x + state[s, 0, c]
                state[s, 0, c] = b1 * x - a1 * y + state[s, 1, c]
                state[s, 1, c] = b2 * x - a2 * y
                out[i, c] = y
    return out


def _block_sums(x: Float64, block: int, rows: Float64, thresholds: Float64, out: Float64) -> None:
    channels = x.shape[1]
    wl, zc, ssc = int(rows[0]), int(rows[1]), int(rows[2])
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
