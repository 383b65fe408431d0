"""What a session's signals are like, in the few numbers for which published ranges exist.

All of them are taken after a zero-phase band-pass (20–500 Hz, 4th order in effect) of each whole trial, and without
mains: a least-squares sine of 50 Hz is taken out of the trial before the filter, and out of each stretch that is looked
at after it (what the first one leaves there), since a notch would ring for as long as the rest before a dynamic trial
lasts. "Busy" electrodes are the quarter with the largest RMS in a gesture. Bad
channels are found first and take no part.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfiltfilt, welch

from offline.cohort.bad_channels import find_bad_channels
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import RecordingError
from rt_handdt.io.hyser_layout import Kind

BAND_HZ = (20.0, 500.0)
MAINS_HZ = 50.0
#: A dynamic trial is looked at from its middle on; a maintenance trial after its first 0.25 s.
STEADY_S, HEAD_S = 0.5, 0.25
WINDOW_S = 0.25
SEGMENT_SAMPLES = 1024
DISTANCES = 7
BUSY = 0.25
#: Bin edges of the amplitude distribution, in multiples of each electrode's RMS.
AMPLITUDE_EDGES = np.linspace(-6.0, 6.0, 97)


@dataclass(frozen=True)
class PublishedRange:
    """What the literature reports for monopolar forearm EMG.

    Attributes
    ----------
    low, high
        The range.
    title, unit, digits
        How to show it.
    source
        As the project's reference words it.
    """

    low: float
    high: float
    title: str
    unit: str
    digits: int
    source: str

    def holds(self, value: float) -> bool:
        """Whether a value lies within (NaN does not)."""
        return self.low <= value <= self.high


RANGES: dict[str, PublishedRange] = {
    "neighbour_correlation": PublishedRange(0.73, 0.90, "Neighbour |correlation|, 10 mm", "", 2, ".73–.90"),
    "median_frequency_hz": PublishedRange(50, 90, "Median frequency", "Hz", 0, "near 50–90 Hz"),
    "active_rms_uv": PublishedRange(50, 300, "Active RMS", "µV", 0, "50–300 µV"),
    "quiet_rms_uv": PublishedRange(3, 12, "Quiet RMS", "µV", 1, "3–12 µV"),
    "kurtosis": PublishedRange(0.5, 2.0, "Excess kurtosis", "", 2, "near 1, taken as 0.5–2"),
    "rms_cv": PublishedRange(0.10, 0.15, "Variation of 250 ms RMS in a contraction", "", 3, "10–15 %"),
}


@dataclass(frozen=True)
class SessionStatistics:
    """One session's numbers and curves. K gestures; the scalars are medians over gestures.

    Attributes
    ----------
    neighbour_correlation
        Mean |correlation| of electrodes 10 mm apart in one array, at least one of them busy.
    median_frequency_hz
        Halves the power spectrum (Welch, 0.5 s segments); median over busy electrodes.
    active_rms_uv
        Median over busy electrodes.
    quiet_rms_uv
        Median over electrodes and trials, before the movement; NaN for maintenance trials.
    kurtosis
        Excess; each trial scaled by its own RMS, median over busy electrodes.
    rms_cv
        Standard deviation over mean of the RMS of adjoining 250 ms windows within a contraction: squares (unbiased)
        pooled over trials, median over busy electrodes. A dynamic trial has two such windows.
    gestures
        Their numbers; the order of the next two.
    by_gesture
        The scalars for each gesture: name → shape (K,).
    rms_maps
        Shape (K, H, W), float32, µV; NaN at bad channels.
    distances_mm, correlation_along, correlation_across
        Shape (7,): mean |correlation| against distance within an array, along and across the fibres.
    spectrum_hz, spectrum
        Shape (513,): power density of busy electrodes, each scaled to the power 1.
    amplitude
        Shape (96,): probability density of amplitudes over RMS, in the bins of `AMPLITUDE_EDGES`.
    bad_channels
        Left out.
    n_trials
        How many trials were looked at.
    """

    neighbour_correlation: float
    median_frequency_hz: float
    active_rms_uv: float
    quiet_rms_uv: float
    kurtosis: float
    rms_cv: float
    gestures: tuple[int, ...]
    by_gesture: dict[str, Float64]
    rms_maps: Float32
    distances_mm: Float64
    correlation_along: Float64
    correlation_across: Float64
    spectrum_hz: Float64
    spectrum: Float64
    amplitude: Float64
    bad_channels: tuple[int, ...]
    n_trials: int

    def value(self, name: str) -> float:
        """The scalar `name` of `RANGES`."""
        return float(getattr(self, name))


def session_statistics(
    trials: Iterable[tuple[Float32, int]], layout: ElectrodeLayout, fs_hz: float = 2048.0, kind: Kind = "dynamic"
) -> SessionStatistics:
    """Statistics of one session's trials of one kind.

    Parameters
    ----------
    trials
        Pairs of samples (n, n_channels), µV (NaN = missing), and gesture number.
    layout
        Its arrays are what distances are measured in; rows run along the fibres.

    Raises
    ------
    RecordingError
        If there is no trial, or one is too short.
    """
    quiet: list[Float64] = []
    steady: dict[int, list[Float32]] = {}
    for samples, code in trials:
        head, part = _parts(samples, fs_hz, kind)
        if len(head):
            quiet.append(head.std(axis=0))
        steady.setdefault(code, []).append(part.astype(np.float32))
    if not steady:
        raise RecordingError("A session without a trial has no statistics; give one that holds some.")
    codes = tuple(sorted(steady))
    rms = np.stack([np.sqrt(np.mean([part.var(axis=0) for part in steady[code]], axis=0)) for code in codes])
    rest = np.median(quiet, axis=0) if quiet else None
    bad = find_bad_channels(rms, rest, layout)
    good = np.ones(layout.n_channels, dtype=bool)
    good[list(bad)] = False

    found = [_gesture(steady[code], own, good, layout, fs_hz) for code, own in zip(codes, rms, strict=True)]
    by_gesture = {name: np.asarray([one.scalars[name] for one in found]) for name in RANGES if name in found[0].scalars}
    rms[:, ~good] = np.nan
    return SessionStatistics(
        **{name: float(np.nanmedian(values)) for name, values in by_gesture.items()},
        quiet_rms_uv=float(np.median(rest[good])) if rest is not None else float("nan"),
        gestures=codes,
        by_gesture=by_gesture,
        rms_maps=layout.to_grid(rms, fill=np.nan),
        distances_mm=layout.pitch_mm[0] * np.arange(1.0, DISTANCES + 1),
        correlation_along=np.nanmean([one.along for one in found], axis=0),
        correlation_across=np.nanmean([one.across for one in found], axis=0),
        spectrum_hz=found[0].spectrum_hz,
        spectrum=np.mean([one.spectrum for one in found], axis=0),
        amplitude=np.mean([one.amplitude for one in found], axis=0),
        bad_channels=bad,
        n_trials=sum(map(len, steady.values())),
    )


def clean(samples: npt.NDArray[np.floating], fs_hz: float, kind: Kind = "dynamic") -> Float64:
    """The EMG band of a whole trial, zero-phase, without mains; missing values are taken as each channel's mean."""
    x = np.asarray(samples, dtype=np.float64)
    missing = ~np.isfinite(x)
    if missing.any():
        counts = np.maximum((~missing).sum(axis=0), 1)
        x = np.where(missing, np.where(missing, 0.0, x).sum(axis=0) / counts, x)
    # Before the filter, in which a sine cut off at the trial's edge would ring. Where there is a quiet head, that tells
    # what mains is: a fit to the contraction would put the EMG's own 50 Hz into the rest before it.
    head = round(HEAD_S * fs_hz) if kind == "dynamic" else None
    return np.asarray(sosfiltfilt(_band(fs_hz), without_mains(x, fs_hz, head), axis=0), dtype=np.float64)


def without_mains(x: Float64, fs_hz: float, fit: int | None = None) -> Float64:
    """Take mean and mains out of each channel.

    Parameters
    ----------
    x
        Shape (n, n_channels).
    fit
        The least-squares sine of `MAINS_HZ` is that of so many samples at the beginning; by default of all.
    """
    turn = 2 * np.pi * MAINS_HZ / fs_hz * np.arange(len(x))
    basis = np.stack([np.ones(len(x)), np.sin(turn), np.cos(turn)], axis=1)
    found = np.linalg.lstsq(basis[:fit], x[:fit], rcond=None)[0]
    return np.asarray(x - basis @ found, dtype=np.float64)


@cache
def _band(fs_hz: float) -> Float64:
    top = min(BAND_HZ[1], 0.45 * fs_hz)
    return np.asarray(butter(2, (BAND_HZ[0], top), "bandpass", fs=fs_hz, output="sos"), dtype=np.float64)


def _parts(samples: Float32, fs_hz: float, kind: Kind) -> tuple[Float64, Float64]:
    """The rest before the movement (empty for maintenance trials), and the steady part."""
    head = round(HEAD_S * fs_hz)
    n = round(STEADY_S * fs_hz) if kind == "dynamic" else len(samples) - head
    if len(samples) < 2 * n if kind == "dynamic" else n < round(2 * WINDOW_S * fs_hz):
        needed = 2 * STEADY_S if kind == "dynamic" else HEAD_S + 2 * WINDOW_S
        raise RecordingError(
            f"A {kind} trial must last at least {needed:g} s; one has {len(samples) / fs_hz:.3g} s. Copy it again."
        )
    x = clean(samples, fs_hz, kind)
    quiet = without_mains(x[:head], fs_hz) if kind == "dynamic" else x[:0]
    return quiet, without_mains(x[-n:], fs_hz)


@dataclass(frozen=True)
class _Gesture:
    scalars: dict[str, float]
    along: Float64
    across: Float64
    spectrum_hz: Float64
    spectrum: Float64
    amplitude: Float64


def _gesture(
    parts: list[Float32], rms: Float64, good: npt.NDArray[np.bool_], layout: ElectrodeLayout, fs_hz: float
) -> _Gesture:
    ranked = np.flatnonzero(good)[np.argsort(rms[good])]
    busy = ranked[-max(1, round(BUSY * len(ranked))) :]
    covariance = np.sum([part.T @ part for part in parts], axis=0, dtype=np.float64)
    level = np.sqrt(np.maximum(np.diag(covariance), 1e-12))
    correlation = np.abs(covariance / np.outer(level, level))
    counts = _pairs(layout) * (np.isin(np.arange(len(rms)), busy)[:, None] & good)  # (2, 7, busy, good)
    curves = (counts * correlation).sum(axis=(2, 3)) / np.maximum(counts.sum(axis=(2, 3)), 1)
    curves = np.where(counts.sum(axis=(2, 3)) > 0, curves, np.nan)
    near = counts[:, 0].sum(axis=0)

    density = []
    for part in parts:
        frequency, power = welch(part[:, busy], fs_hz, nperseg=min(SEGMENT_SAMPLES, len(part)), axis=0)
        density.append(power)
    power = np.mean(density, axis=0)
    power = power / np.maximum(power.sum(axis=0), 1e-12)
    total = np.cumsum(power, axis=0)
    medians = [np.interp(0.5, total[:, k], frequency) for k in range(len(busy))]

    scaled = [part[:, busy] / np.maximum(part[:, busy].std(axis=0), 1e-12) for part in parts]
    fourth = np.average([(z**4).mean(axis=0) for z in scaled], axis=0, weights=[len(z) for z in scaled])
    amplitude = np.histogram(np.concatenate([z.ravel() for z in scaled]), AMPLITUDE_EDGES)[0]
    return _Gesture(
        scalars={
            "neighbour_correlation": float((near * correlation).sum() / near.sum()) if near.sum() else float("nan"),
            "median_frequency_hz": float(np.median(medians)),
            "active_rms_uv": float(np.median(rms[busy])),
            "kurtosis": float(np.median(fourth)) - 3.0,
            "rms_cv": _rms_cv([part[:, busy] for part in parts], round(WINDOW_S * fs_hz)),
        },
        along=curves[0],
        across=curves[1],
        spectrum_hz=frequency,
        spectrum=power.mean(axis=1) / (frequency[1] - frequency[0]),
        amplitude=amplitude / max(amplitude.sum(), 1) / np.diff(AMPLITUDE_EDGES),
    )


def _rms_cv(parts: list[Float32], window: int) -> float:
    """Variation of adjoining windows' RMS about each trial's mean, as a share of it; pooled over trials (unbiased)."""
    squares, freedom = np.zeros(parts[0].shape[1]), 0
    for part in parts:
        n = len(part) // window
        rms = np.sqrt(np.square(part[: n * window], dtype=np.float64).reshape(n, window, -1).mean(axis=1))
        squares += np.square(rms / np.maximum(rms.mean(axis=0), 1e-12) - 1).sum(axis=0)
        freedom += n - 1
    return float(np.median(np.sqrt(squares / freedom)))


@cache
def _pairs_of(
    rows: tuple[tuple[int, int], ...], arrays: tuple[tuple[int, int, int, int], ...]
) -> npt.NDArray[np.bool_]:
    cells = np.asarray(rows)
    same = np.zeros((len(cells), len(cells)), dtype=bool)
    for top, bottom, left, right in arrays:
        inside = (cells[:, 0] >= top) & (cells[:, 0] <= bottom) & (cells[:, 1] >= left) & (cells[:, 1] <= right)
        same |= np.outer(inside, inside)
    down, across = (np.abs(cells[:, None, k] - cells[None, :, k]) for k in (0, 1))
    steps = np.arange(1, DISTANCES + 1)[:, None, None]
    return np.stack([same & (across == 0) & (down == steps), same & (down == 0) & (across == steps)])


def _pairs(layout: ElectrodeLayout) -> npt.NDArray[np.bool_]:
    """Shape (2, 7, n_channels, n_channels): pairs within an array, along and across, 1 to 7 steps apart."""
    arrays = tuple((*array.rows, *array.columns) for array in layout.arrays) or (
        (0, layout.shape[0] - 1, 0, layout.shape[1] - 1),
    )
    return _pairs_of(layout.cells, arrays)
