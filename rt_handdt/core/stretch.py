"""The study's measures of a whole stretch of filtered samples: its course, its envelope, its spectrum.

What is linear in the samples (in their squares: the envelope) is one matrix, made by passing the identity through
scipy's own function and kept for the next stretch of that length. Computed in float32, for trials offline and for
windows live alike: the same samples give the same numbers. F depends on neither rate nor length.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

from rt_handdt.core.types import Float32

RAW_POINTS, ENVELOPE_POINTS, SPECTRUM_BINS = 171, 240, 256
DECIMATION = 4
_ROWS = 16
#: Longest stretch, in samples: the matrices grow with its square while they are made.
MAX_SAMPLES = 8192


def raw_points(x: npt.ArrayLike) -> Float32:
    """The samples (n, C) resampled to 171 points: (171, C).

    By `scipy.signal.resample_poly`; of 1024 samples every 6th after its FIR.
    """
    samples = _float32(x)
    return np.asarray(_resampler(len(samples)) @ samples, dtype=np.float32)


def rms_envelope(x: npt.ArrayLike) -> Float32:
    """RMS of 240 evenly spaced windows of samples (n, C), each 1/16 of the stretch (64 of 1024 samples): (240, C)."""
    samples = _float32(x)
    return np.asarray(np.sqrt(_windows(len(samples)) @ np.square(samples)), dtype=np.float32)


def spectrum(x: npt.ArrayLike) -> Float32:
    """Magnitude of the two-sided spectrum of samples (n, C): (256, C), from the most negative frequency upwards.

    One frame: decimated by 4 (FIR), Hann, 256 points; scaled so that a sine of amplitude A reads A in each of its two
    bins. A frame of fewer than 256 decimated samples is padded with zeros; of a longer one the last 256 count.
    """
    samples = _float32(x)
    frame = np.concatenate([part @ samples[first : first + part.shape[1]] for first, part in _frame(len(samples))])
    lines = fft.rfft(frame, SPECTRUM_BINS, axis=0)
    magnitude = np.sqrt(np.square(lines.real) + np.square(lines.imag))  # 0 .. Nyquist of the decimated rate
    return np.asarray(np.concatenate([magnitude[:0:-1], magnitude[:-1]]), dtype=np.float32)


def _float32(x: npt.ArrayLike) -> Float32:
    # contiguous: how a product is summed may depend on how its factors lie in memory
    return np.ascontiguousarray(x, dtype=np.float32)


@cache
def _resampler(n: int) -> Float32:
    """(171, n)."""
    eye = np.eye(n)
    whole = max(round(n / RAW_POINTS), 1)
    if -(-n // whole) == RAW_POINTS:
        made = signal.resample_poly(eye, 1, whole, axis=0)
    else:
        made = signal.resample_poly(eye, RAW_POINTS, n, axis=0)[:RAW_POINTS]
    return np.asarray(made, dtype=np.float32)


@cache
def _windows(n: int) -> Float32:
    """Means of 240 windows: (240, n)."""
    width = max(n // 16, 1)
    starts = np.rint(np.linspace(0, n - width, ENVELOPE_POINTS))[:, None]
    at = np.arange(n)
    return np.asarray(((at >= starts) & (at < starts + width)) / width, dtype=np.float32)


@cache
def _frame(n: int) -> tuple[tuple[int, Float32], ...]:
    """Decimation and Hann window, (≤ 256, n), a few rows at a time: the first sample that they need, and their factors
    from there on. A point is made of few samples; to multiply the others by 0 took three times as long.
    """
    frame = signal.resample_poly(np.eye(n), 1, DECIMATION, axis=0)[-SPECTRUM_BINS:]
    hann = signal.get_window("hann", len(frame))
    whole = np.asarray(frame * (2 / hann.sum() * hann)[:, None], dtype=np.float32)
    parts = []
    for row in range(0, len(whole), _ROWS):
        part = whole[row : row + _ROWS]
        used = np.flatnonzero(part.any(axis=0))
        first, end = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 1)
        parts.append((first, np.ascontiguousarray(part[:, first:end])))
    return tuple(parts)
