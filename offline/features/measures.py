"""The measures of Yuan et al. 2024, and any list of classical features, of one stretch of filtered samples.

========== === ============================================================================================
name         F of the stretch's samples (n, C), µV
========== === ============================================================================================
raw        171 the samples, resampled (`scipy.signal.resample_poly`; 1024 samples: every 6th after its FIR)
envelope   240 RMS of 240 evenly spaced windows, each 1/16 of the stretch (64 of 1024 samples) long
stft       256 magnitude of the two-sided spectrum of one frame: decimated by 4 (FIR), Hann, 256 points; from the most
               negative frequency upwards, and scaled so that a sine of amplitude A reads A in each of its two bins
rms wl       1 root mean square; waveform length: as live, `rt_handdt.core.spec`
zc ssc       1 zero crossings; slope sign changes: as live, with a threshold of 0
td           4 rms, wl, zc, ssc
stft_td    260 stft and td, as two inputs of a network (256 + 4)
========== === ============================================================================================

A frame of fewer than 256 decimated samples is padded with zeros, so that F does not depend on rate and length; of a
longer one the last 256 count. What is linear in the samples (in their squares: the envelope) is
one matrix, made by passing the identity through scipy's own function and kept for the next stretch of that length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import fft, signal

from offline.features import classical
from offline.features.signals import Signal
from rt_handdt.config import nearest
from rt_handdt.core.types import Float32
from rt_handdt.errors import ConfigError

RAW_POINTS, ENVELOPE_POINTS, STFT_BINS = 171, 240, 256
DECIMATION = 4
TIME_DOMAIN = ("rms", "wl", "zc", "ssc")


@dataclass(frozen=True)
class Measure:
    """One or more parts, computed one after the other.

    Attributes
    ----------
    name
        The parts' names, separated by commas.
    names
        Of the F maps.
    inputs
        F, or how the maps divide into two inputs.
    parts
        What computes the maps: (F_part, C) float32 of a `Signal`.
    """

    name: str
    names: tuple[str, ...]
    inputs: tuple[int, ...]
    parts: tuple[Callable[[Signal], Float32], ...]

    def __call__(self, stretch: Signal) -> Float32:
        """Shape (F, C), float32."""
        rows = [part(stretch) for part in self.parts]
        return rows[0] if len(rows) == 1 else np.concatenate(rows)

    @property
    def n_maps(self) -> int:
        """F."""
        return len(self.names)


@cache
def parse_measure(text: str) -> Measure:
    """A measure by name, or several joined by commas (``"td"``, ``"rms,mnf,hjorth_mobility"``).

    Raises
    ------
    ConfigError
        If a name is unknown or yields a map twice.
    """
    words = tuple(word.strip().casefold() for word in text.split(","))
    names: list[str] = []
    parts: list[Callable[[Signal], Float32]] = []
    inputs: list[int] = []
    for word in words:
        if word in MEASURES:
            pieces = MEASURES[word]
            names += [name for piece in pieces for name in piece.names]
            parts += [piece.compute for piece in pieces]
            inputs += [len(piece.names) for piece in pieces]
        elif word in classical.CLASSICAL:
            found = classical.CLASSICAL[word]
            names += found.names
            parts.append(found.compute)
            inputs.append(len(found.names))
        else:
            known = [*MEASURES, *classical.CLASSICAL]
            raise ConfigError(f"'{word}' is no measure{nearest(word, known).rstrip('.')} (features --list names all).")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"The measure '{text}' yields {', '.join(twice[:4])} twice; name each once.")
    two = len(words) == 1 and len(inputs) == 2
    return Measure(",".join(words), tuple(names), tuple(inputs) if two else (len(names),), tuple(parts))


@dataclass(frozen=True)
class _Piece:
    names: tuple[str, ...]
    compute: Callable[[Signal], Float32]


def raw(stretch: Signal) -> Float32:
    """The samples resampled to 171 points: (171, C)."""
    return np.asarray(_resampler(len(stretch.x)) @ stretch.x, dtype=np.float32)


def envelope(stretch: Signal) -> Float32:
    """RMS of 240 overlapping windows: (240, C)."""
    return np.sqrt(_windows(len(stretch.x)) @ np.square(stretch.x))


def stft(stretch: Signal) -> Float32:
    """Two-sided magnitude spectrum of one frame: (256, C)."""
    both = _spectrum(len(stretch.x)) @ stretch.x
    half = STFT_BINS // 2 + 1
    magnitude = np.hypot(both[:half], both[half:])  # 0 .. Nyquist of the decimated rate
    return np.concatenate([magnitude[:0:-1], magnitude[:-1]])


@cache
def _windows(n: int) -> Float32:
    """Means of 240 windows: (240, n)."""
    width = max(n // 16, 1)
    starts = np.rint(np.linspace(0, n - width, ENVELOPE_POINTS))[:, None]
    at = np.arange(n)
    return (((at >= starts) & (at < starts + width)) / width).astype(np.float32)


@cache
def _resampler(n: int) -> Float32:
    eye = np.eye(n)
    whole = max(round(n / RAW_POINTS), 1)
    if -(-n // whole) == RAW_POINTS:
        return signal.resample_poly(eye, 1, whole, axis=0).astype(np.float32)
    return signal.resample_poly(eye, RAW_POINTS, n, axis=0)[:RAW_POINTS].astype(np.float32)


@cache
def _spectrum(n: int) -> Float32:
    """Real parts over imaginary parts, (2 · 129, n), of decimation, Hann window and Fourier transform."""
    frame = signal.resample_poly(np.eye(n), 1, DECIMATION, axis=0)[-STFT_BINS:]
    hann = signal.get_window("hann", len(frame))
    lines = fft.rfft(frame * (2 / hann.sum() * hann)[:, None], STFT_BINS, axis=0)
    return np.concatenate([lines.real, lines.imag]).astype(np.float32)


def _one(row: int) -> Callable[[Signal], Float32]:
    return lambda stretch: stretch.time_domain[row : row + 1]


def _numbered(name: str, count: int, first: int = 0) -> tuple[str, ...]:
    return tuple(f"{name}_{k}" for k in range(first, first + count))


_RAW = _Piece(_numbered("raw", RAW_POINTS), raw)
_ENVELOPE = _Piece(_numbered("envelope", ENVELOPE_POINTS), envelope)
_STFT = _Piece(_numbered("stft", STFT_BINS, -STFT_BINS // 2), stft)
_TD = _Piece(TIME_DOMAIN, lambda stretch: stretch.time_domain)

#: What each name stands for; the pieces are the inputs of a network.
MEASURES: dict[str, tuple[_Piece, ...]] = {
    "raw": (_RAW,),
    "envelope": (_ENVELOPE,),
    "stft": (_STFT,),
    **{name: (_Piece((name,), _one(row)),) for row, name in enumerate(TIME_DOMAIN)},
    "td": (_TD,),
    "stft_td": (_STFT, _TD),
}
