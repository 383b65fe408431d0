"""The two loops that trial-level extraction spends its time in: the causal filter, and the time-domain sums.

Compiled with numba, in numpy and scipy where that does not work; both agree to float32 rounding
(tested). The compiled filter takes the file's int16 codes as they are, runs three second-order sections over a tile of
channels whose state stays in the cache, and stores only the stretch that is wanted.

float32 state suffices here, unlike live: the trial's first sample is subtracted as an exact integer before anything is
scaled, and since the band-pass has no gain at 0 Hz, that equals a filter which rested at the first sample.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import signal

from rt_handdt.core import kernels as core_kernels
from rt_handdt.core.types import Float32, Float64

Int16 = npt.NDArray[np.int16]
_SECTIONS = 3  # in one pass of the compiled loop: a 2nd-order band-pass has two, its notch one
_TILE = 128  # channels whose state is held together
_STEPS = 4  # samples that the sums take at once

#: (codes (n, C), scale (C,), sections (3, 6), samples to leave out, out (n − skip, C))
_Filter = Callable[[Int16, Float32, Float32, int, Float32], None]
_Sums = Callable[[Float32, Float32], None]


@functools.cache
def compiled() -> tuple[_Filter, _Sums] | None:
    """The loops, compiled; None without numba. Compiling takes seconds once, later processes load it from disk."""
    compile_, _ = core_kernels.compiler()
    if compile_ is None:
        return None
    # "contract" lets a multiplication and an addition round once (FMA); nothing is reordered.
    options = {"fastmath": {"contract"}, "error_model": "numpy"}
    filter_, sums = compile_(_filter, **options), compile_(_sums, **options)
    filter_(np.zeros((2, 1), np.int16), np.ones(1, np.float32), np.zeros((3, 6), np.float32), 0, np.zeros((2, 1), "f4"))
    sums(np.zeros((3, 1), np.float32), np.zeros((4, 1), np.float32))
    return filter_, sums


def filter_codes(codes: Int16, scale_uv: Float32, sections: Float64, skip: int) -> Float32:
    """Filter one trial causally and keep what comes after `skip` samples.

    Parameters
    ----------
    codes
        (n, C) int16, none missing.
    scale_uv
        (C,) µV per code.
    sections
        (S, 6), scipy's `sos`, without gain at 0 Hz.
    skip
        Samples at the beginning that are filtered but not returned.

    Returns
    -------
    Float32
        (n − skip, C) µV.
    """
    loops = compiled()
    if loops is None or len(sections) > _SECTIONS:
        offset = (codes.astype(np.int32) - codes[0].astype(np.int32)).astype(np.float32)
        return filter_samples(offset * scale_uv, sections, skip)
    padded = np.zeros((_SECTIONS, 6), np.float32)
    padded[:, [0, 3]] = 1.0  # a section that changes nothing
    padded[: len(sections)] = sections
    out = np.empty((len(codes) - skip, codes.shape[1]), np.float32)
    loops[0](np.ascontiguousarray(codes), np.ascontiguousarray(scale_uv, np.float32), padded, skip, out)
    return out


def filter_samples(x_uv: Float32, sections: Float64, skip: int) -> Float32:
    """As `filter_codes`, for samples (n, C) in µV: the filter rested at the first one."""
    x = np.asarray(x_uv, dtype=np.float64)
    return np.asarray(signal.sosfilt(sections, x - x[0], axis=0)[skip:], dtype=np.float32)


def time_domain(x: Float32) -> Float32:
    """RMS, WL, ZC and SSC of samples (n, C) float32: shape (4, C).

    The definitions, with thresholds of 0, are those of `rt_handdt.core.feature`; terms lie wholly inside the n samples.
    """
    x = np.ascontiguousarray(x, dtype=np.float32)
    out = np.zeros((4, x.shape[1]), np.float32)
    loops = compiled()
    if loops is not None:
        loops[1](x, out)
    else:
        step = np.diff(x, axis=0)
        out[0] = np.square(x).sum(axis=0)
        out[1] = np.abs(step).sum(axis=0)
        out[2] = (x[1:] * x[:-1] < 0).sum(axis=0)
        out[3] = (step[1:] * step[:-1] < 0).sum(axis=0)
    out[0] = np.sqrt(out[0] / np.float32(len(x)))
    return out


def _filter(codes: Int16, scale: Float32, sos: Float32, skip: int, out: Float32) -> None:
    n, channels = codes.shape
    a0, a1 = np.zeros(_TILE, np.float32), np.zeros(_TILE, np.float32)
    b0, b1 = np.zeros(_TILE, np.float32), np.zeros(_TILE, np.float32)
    c0, c1 = np.zeros(_TILE, np.float32), np.zeros(_TILE, np.float32)
    # By name and not in an inner loop over sections: so the compiler turns the loop over channels into vectors.
    p0, p1, p2, p3, p4 = sos[0, 0], sos[0, 1], sos[0, 2], sos[0, 4], sos[0, 5]
    q0, q1, q2, q3, q4 = sos[1, 0], sos[1, 1], sos[1, 2], sos[1, 4], sos[1, 5]
    r0, r1, r2, r3, r4 = sos[2, 0], sos[2, 1], sos[2, 2], sos[2, 4], sos[2, 5]
    for start in range(0, channels, _TILE):
        width = min(_TILE, channels - start)
        a0[:], a1[:], b0[:], b1[:], c0[:], c1[:] = 0, 0, 0, 0, 0, 0
        unit = scale[start : start + width]
        first = codes[0, start : start + width].astype(np.int32)
        for i in range(n):
            source = codes[i, start : start + width]
            target = out[max(i - skip, 0), start : start + width]  # what is left out is overwritten
            for c in range(width):  # direct form II transposed, as scipy's
                x = np.float32(np.int32(source[c]) - first[c]) * unit[c]
                y = p0 * x + a0[c]
                a0[c] = p1 * x - p3 * y + a1[c]
                a1[c] = p2 * x - p4 * y
                u = q0 * y + b0[c]
                b0[c] = q1 * y - q3 * u + b1[c]
                b1[c] = q2 * y - q4 * u
                v = r0 * u + c0[c]
                c0[c] = r1 * u - r3 * v + c1[c]
                c1[c] = r2 * u - r4 * v
                target[c] = v


def _sums(x: Float32, out: Float32) -> None:
    n, channels = x.shape
    zero, one = np.float32(0), np.float32(1)
    power, length, crossings, turns = out[0], out[1], out[2], out[3]
    for i in range(min(n, 2)):
        for c in range(channels):
            power[c] += x[i, c] * x[i, c]
            if i == 1:
                length[c] += abs(x[1, c] - x[0, c])
                crossings[c] += one if x[1, c] * x[0, c] < zero else zero
    whole = 2 + max(n - 2, 0) // _STEPS * _STEPS
    for i in range(2, whole, _STEPS):
        for c in range(channels):
            a, b, d, e = power[c], length[c], crossings[c], turns[c]
            last = x[i - 1, c]
            rise = last - x[i - 2, c]
            for j in range(_STEPS):  # unrolled by the compiler, so that sums stay in registers for so many samples
                now = x[i + j, c]
                step = now - last
                a += now * now
                b += abs(step)
                d += one if now * last < zero else zero
                e += one if step * rise < zero else zero
                last, rise = now, step
            power[c], length[c], crossings[c], turns[c] = a, b, d, e
    for i in range(whole, n):
        for c in range(channels):
            now, last = x[i, c], x[i - 1, c]
            step = now - last
            power[c] += now * now
            length[c] += abs(step)
            crossings[c] += one if now * last < zero else zero
            turns[c] += one if step * (last - x[i - 2, c]) < zero else zero
