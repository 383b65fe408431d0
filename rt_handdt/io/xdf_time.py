"""The times of a recorded stream, made even: jitter smoothed, losses found.

The times of a stream are those of sending or arrival, so they jitter. What a model needs is samples at an even rate. A
jump that later samples make up for was a late delivery; one that they do not was a loss of samples.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rt_handdt.core.types import Float64
from rt_handdt.errors import RecordingError

#: A jump in the times by more samples than this, which later samples do not make up for, is a loss.
GAP_SAMPLES = 5
#: How long the times on either side of a jump are watched to tell a late delivery from a loss.
GAP_WATCH_S = 2.0
#: No delivery is late by more than this, however short the time to watch.
LATEST_S = 0.25
#: The drift of the clock is measured over stretches of this length.
DRIFT_WATCH_S = 5.0
#: Largest deviation of the measured from the declared rate.
RATE_TOLERANCE = 0.02


def make_even(what: str, times: Float64, fs_hz: float) -> tuple[npt.NDArray[np.intp], Float64, npt.NDArray[np.int64]]:
    """Put recorded samples on an even grid of `fs_hz`.

    Parameters
    ----------
    what
        The stream, for messages.
    times
        Shape (n_samples,), seconds, as recorded; at least two.
    fs_hz
        Declared rate.

    Returns
    -------
    rows : ndarray, shape (n_samples,)
        Row of each sample in the even recording; the rows left out were lost.
    times : ndarray, shape (n_samples,)
        Times freed of jitter: a straight line between one loss and the next.
    lost : ndarray, shape (n_gaps,)
        Samples lost in each gap.

    Raises
    ------
    RecordingError
        If a time is missing, they jump back, or their rate is not the declared one.
    """
    if not np.isfinite(times).all():
        raise RecordingError(f"{what}: has samples without a time; record it again.")
    cuts, lost = find_gaps(times, fs_hz)
    _check(what, times, fs_hz, lost)
    rows = np.arange(len(times), dtype=np.intp)
    even = np.empty_like(times)
    for start, stop in zip((0, *cuts), (*cuts, len(times)), strict=True):
        piece = times[start:stop]
        even[start:stop] = np.linspace(*_line_ends(piece), len(piece))
    for cut, missing in zip(cuts, lost, strict=True):
        rows[cut:] += missing
    return rows, even, lost


def find_gaps(times: Float64, fs_hz: float) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int64]]:
    """Places where samples were lost.

    Parameters
    ----------
    times
        Shape (n_samples,), seconds, as recorded.
    fs_hz
        Declared rate.

    Returns
    -------
    cuts : ndarray, shape (n_gaps,)
        A gap lies right before each of these samples.
    lost : ndarray, shape (n_gaps,)
        How many samples it swallowed; negative where the times jump back for good.

    Notes
    -----
    A sample's lag is its time minus what its number predicts, freed of the drift between the declared and the real
    rate. A late delivery raises the lag of one chunk, a loss raises all that follow. Deliveries are late but never
    early, so the smallest lag within `GAP_WATCH_S` before and after a jump decides. Close to the ends there may be too
    few chunks to tell; a jump counts there only where it exceeds `LATEST_S`, or where no delivery of the recording is
    late at all. Times that jump back by less than `LATEST_S` are taken for lateness too.
    """
    n = len(times)
    lag = (times - times[0]) * fs_hz - np.arange(n)
    lag -= _drift(lag, round(DRIFT_WATCH_S * fs_hz)) * np.arange(n)
    steps = np.diff(lag)
    jumps = np.flatnonzero(np.abs(steps) > GAP_SAMPLES) + 1
    # A late delivery is made up for by a jump back; without one, every jump is a loss.
    never_late = bool((steps[jumps - 1] > 0).all())
    watch = max(round(GAP_WATCH_S * fs_hz), 2)
    cuts, lost = [], []
    for jump in map(int, jumps):
        step = round(float(lag[jump : jump + watch].min() - lag[max(0, jump - watch) : jump].min()))
        certain = never_late or (step > 0 and min(jump, n - jump) >= watch // 2) or abs(step) > LATEST_S * fs_hz
        if abs(step) > GAP_SAMPLES and certain:
            cuts.append(jump)
            lost.append(step)
            lag[jump:] -= step
    return np.asarray(cuts, dtype=np.intp), np.asarray(lost, dtype=np.int64)


def _drift(lag: Float64, stretch: int) -> float:
    """Lag gained per sample: the median over stretches, most of which hold no gap."""
    stretch = max(min(stretch, len(lag) // 4), 1)
    return float(np.median(lag[stretch:] - lag[:-stretch])) / stretch


def _check(what: str, times: Float64, fs_hz: float, lost: npt.NDArray[np.int64]) -> None:
    if (lost < 0).any():
        raise RecordingError(
            f"{what}: its times jump back {int((lost < 0).sum())} times, so the order of its samples is unknown; "
            "record again without restarting the amplifier."
        )
    duration_s = times[-1] - times[0]
    measured_hz = (len(times) - 1) / duration_s if duration_s > 0 else np.inf
    if abs(measured_hz / fs_hz - 1) > RATE_TOLERANCE:
        gaps = f" ({int(lost.sum())} samples lost in {len(lost)} gaps)" if len(lost) else ""
        raise RecordingError(
            f"{what}: declares {fs_hz:g} Hz, but its times run at {measured_hz:.4g} Hz{gaps}; they may differ by "
            f"{RATE_TOLERANCE:.0%}. Check the amplifier's settings and record again."
        )


def _line_ends(times: Float64) -> tuple[float, float]:
    """First and last value of the straight line through `times` (least squares)."""
    n = len(times)
    if n < 3:
        return float(times[0]), float(times[-1])
    number = np.arange(n) - (n - 1) / 2
    middle = times.mean()
    slope = float(number @ (times - middle) / (number @ number))
    return float(middle + slope * number[0]), float(middle + slope * number[-1])
