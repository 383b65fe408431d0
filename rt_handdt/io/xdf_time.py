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
#: The same where gaps are many.
SHORT_WATCH_S = 0.05
#: Where every sample lies so near to a whole number of samples after the one before it, stamps keep time.
EXACT = 0.1
#: Where more of the steps than this skip samples, it is the rate that is not the declared one.
MOST_GAPS = 0.2
#: Samples apart by less than this share of a sample's time were stamped together.
BUNCHED = 0.25
#: Share of such steps from which on samples came in packets.
BUNCHED_SHARE = 0.4
#: Share of the samples that may have no time at all.
WILD_SHARE = 0.01
#: A clock that is set and set back is looked for over so many jumps.
MOST_RETURNS = 50
#: So long may wild times last at the beginning or end, in s.
EDGE_S = 1.0
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
    fs = float(fs_hz)
    whole = _whole_steps(times, fs)
    if whole is not None:
        rows = np.concatenate([[0], np.cumsum(whole)]).astype(np.intp)
        cuts = np.flatnonzero(whole > 1) + 1
        _check(what, fs, float(times[-1] - times[0]) * fs / float(rows[-1]) - 1.0, cuts, whole[cuts - 1] - 1)
        return rows, times.copy(), whole[cuts - 1] - 1
    numbers = np.arange(len(times), dtype=np.float64)
    knots = _knots(times, fs)
    drift, clean = _cleaned(what, times, fs, knots)
    cuts, lost = _gaps(clean, drift, fs, knots)
    _check(what, fs, drift, cuts, lost)
    rows = numbers.astype(np.intp)
    even = np.empty_like(times)
    for start, stop in zip((0, *cuts), (*cuts, len(times)), strict=True):
        even[start:stop] = _line(clean, knots, fs, drift, start, stop)
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
    early, so the smallest lag within `GAP_WATCH_S` before and after a jump decides; of packets stamped alike, or in a
    loop, only the last samples count. Close to the ends there may be too few chunks to tell; a jump counts there only
    where it exceeds `LATEST_S`, or where no delivery of the recording is late at all. Times that jump back by less than
    `LATEST_S` are taken for lateness too; those that jump and come back are wild, and bend nothing.
    """
    whole = _whole_steps(times, fs_hz)
    if whole is not None:
        cuts = np.flatnonzero(whole > 1) + 1
        return cuts, whole[cuts - 1] - 1
    knots = _knots(times, fs_hz)
    drift, clean = _cleaned("", times, fs_hz, knots)
    return _gaps(clean, drift, fs_hz, knots)


def _whole_steps(times: Float64, fs_hz: float) -> npt.NDArray[np.int64] | None:
    """How many samples each is after the one before, where stamps keep time so well that each loss shows; else None."""
    steps = np.diff(times) * fs_hz
    if not len(steps) or not np.isfinite(steps).all() or steps.min() < 0.5:
        return None
    whole = np.rint(steps)
    if np.abs(steps - whole).max() > EXACT or steps.max() > fs_hz:  # a longer step may be a clock that was set
        return None
    if (whole > 1).mean() > MOST_GAPS:  # that is another rate
        return None
    return whole.astype(np.int64)


def _knots(times: Float64, fs_hz: float) -> npt.NDArray[np.intp]:
    """Last samples of packets whose samples were stamped alike or in a loop; all samples where there are none."""
    steps = np.diff(times) * fs_hz
    bunched = np.abs(steps) < BUNCHED
    if bunched.mean() < BUNCHED_SHARE:
        return np.arange(len(times))
    return np.append(np.flatnonzero(~bunched), len(times) - 1)


def _cleaned(what: str, times: Float64, fs_hz: float, knots: npt.NDArray[np.intp]) -> tuple[float, Float64]:
    """Lag gained per sample, and the lags freed of it, wild ones replaced by what lies on either side."""
    n = len(times)
    finite = np.isfinite(times)
    if finite.mean() < 1 - WILD_SHARE:
        raise RecordingError(f"{what}: has samples without a time; record it again.")
    first = times[finite][0]
    lag = (times - first) * fs_hz - np.arange(n)
    known = knots[finite[knots]]
    drift = _drift(known, lag[known], fs_hz)
    lag -= drift * np.arange(n)
    at = knots[np.concatenate([[True], np.diff(knots) > 0])]
    wild = ~finite
    far = LATEST_S * fs_hz
    levels = lag[at]
    good = np.isfinite(levels)
    at, levels = at[good], levels[good]
    jumps = np.flatnonzero(np.abs(np.diff(levels)) > far) + 1
    past = -1
    for k, jump in enumerate(jumps):
        if jump <= past:
            continue
        before = np.median(levels[max(0, jump - 5) : jump])
        for back in jumps[k + 1 : k + 1 + MOST_RETURNS]:
            after = np.median(levels[back : back + 5])
            # There and back; what comes back by itself, sample by sample, is a late delivery.
            if abs(after - before) <= GAP_SAMPLES and np.abs(levels[jump:back] - before).min() > far:
                wild[at[jump - 1] + 1 : at[back - 1] + 1] = True
                past = back
                break
    edge = round(EDGE_S * fs_hz)
    for jump in jumps:  # a few wild ones at the very beginning or end have nothing to come back to
        size = levels[jump] - levels[jump - 1]
        start = at[jump - 1] + 1
        if start <= min(edge, n // 4) and not -EDGE_S * fs_hz <= size <= 10 * EDGE_S * fs_hz:
            wild[:start] = True
        elif n - start <= min(edge, n // 4) and not -EDGE_S * fs_hz <= size <= 10 * EDGE_S * fs_hz:
            wild[start:] = True
    if wild.any():
        tame = np.flatnonzero(~wild)
        # From the left, so that a loss stays a step.
        left = np.maximum(np.searchsorted(tame, np.arange(n), side="right") - 1, 0)
        lag = np.where(wild, lag[tame[left]], lag)
    return drift, first + (lag + np.arange(n) * (1 + drift)) / fs_hz


def _gaps(
    times: Float64, drift: float, fs_hz: float, knots: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int64]]:
    n = len(times)
    lag = ((times - times[0]) * fs_hz - np.arange(n) - drift * np.arange(n))[knots]
    steps = np.diff(lag)
    jumps = np.flatnonzero(np.abs(steps) > GAP_SAMPLES) + 1
    # A late delivery is made up for by a jump back; without one, every jump is a loss.
    never_late = bool((steps[jumps - 1] > 0).all())
    watch_samples = max(round(GAP_WATCH_S * fs_hz), 2)
    cuts, lost = [], []
    for jump in map(int, jumps):
        place = int(knots[jump])
        stop = max(jump + 1, int(np.searchsorted(knots, place + watch_samples)))
        start = min(jump - 1, int(np.searchsorted(knots, place - watch_samples)))
        step = round(float(lag[jump:stop].min() - lag[start:jump].min()) / (1 + drift))
        far_in = min(place, n - place) >= watch_samples // 2
        certain = never_late or (step > 0 and far_in) or abs(step) > LATEST_S * fs_hz
        if abs(step) > GAP_SAMPLES and certain:
            cuts.append(int(knots[jump - 1]) + 1)
            lost.append(step)
            lag[jump:] -= step * (1 + drift)
    return np.asarray(cuts, dtype=np.intp), np.asarray(lost, dtype=np.int64)


def _drift(knots: npt.NDArray[np.intp], lag: Float64, fs_hz: float) -> float:
    """Lag gained per sample: the median over stretches, most of which hold no gap."""
    if len(knots) < 2:
        return -1.0  # all stamped alike
    apart = max(1.0, float(np.median(np.diff(knots))))

    def over(seconds: float) -> tuple[float, float]:
        stretch = max(min(round(seconds * fs_hz / apart), len(knots) // 4), 1)
        rates = (lag[stretch:] - lag[:-stretch]) / (knots[stretch:] - knots[:-stretch])
        low, middle, high = np.quantile(rates, [0.25, 0.5, 0.75])
        return float(middle), float(high - low)

    long, _ = over(DRIFT_WATCH_S)
    # Where gaps are so many that every long stretch holds some, the short ones are to be believed, if they agree.
    for short, spread in (over(SHORT_WATCH_S), over(0.0)):
        if spread < RATE_TOLERANCE / 4 and abs(long - short) > RATE_TOLERANCE / 4:
            return short
    return long


def _check(what: str, fs_hz: float, drift: float, cuts: npt.NDArray[np.intp], lost: npt.NDArray[np.int64]) -> None:
    if (lost < 0).any():
        k = int(np.flatnonzero(lost < 0)[0])
        raise RecordingError(
            f"{what}: its clock was set back by {-lost[k] / fs_hz:.3g} s after {cuts[k] / fs_hz:.4g} s of samples (the "
            "amplifier or its computer was restarted), so its markers cannot be placed; record again without a restart."
        )
    measured_hz = fs_hz / (1 + drift) if drift > -1 else np.inf
    if abs(measured_hz / fs_hz - 1) > RATE_TOLERANCE:
        gaps = f" ({int(lost.sum())} samples lost in {len(lost)} gaps)" if len(lost) else ""
        run = f"run at {measured_hz:.4g} Hz" if np.isfinite(measured_hz) else "hardly go on from one sample to the next"
        raise RecordingError(
            f"{what}: declares {fs_hz:g} Hz, but its times {run}{gaps}; they may differ by "
            f"{RATE_TOLERANCE:.0%}. Check the amplifier's settings and record again."
        )


def _line(times: Float64, knots: npt.NDArray[np.intp], fs_hz: float, drift: float, start: int, stop: int) -> Float64:
    """Even times of the samples between two gaps: the straight line through their knots, late ones left out."""
    numbers = np.arange(start, stop)
    inside = knots[(knots >= start) & (knots < stop)]
    if not len(inside):
        inside = numbers[-1:]
    if len(inside) < 3:
        return np.asarray(times[inside[0]] + (numbers - inside[0]) * (1 + drift) / fs_hz)
    at = inside - float(inside[0])
    # Straight by the drift, then by what does not stand out.
    rest = times[inside] - at * (1 + drift) / fs_hz
    for _ in range(3):
        middle = np.median(rest)
        near = np.abs(rest - middle) <= max(3 * float(np.median(np.abs(rest - middle))), 0.5 / fs_hz)
        slope, base = np.polyfit(at[near], rest[near], 1) if np.ptp(at[near]) > 0 else (0.0, middle)
        line = base + slope * at
        if np.allclose(rest, line, atol=1e-9):
            break
        rest = rest - slope * at
        drift += slope * fs_hz
    return np.asarray(np.median(rest[near]) + (numbers - float(inside[0])) * (1 + drift) / fs_hz)
