"""What a hand's wearer notices: how fast, how steady, how often wrong. From decisions and what was really done."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from rt_handdt.core.gestures import REST
from rt_handdt.core.recording import Segment
from rt_handdt.core.types import Float64

#: A decision is stable once it has stood for so long, s.
STABLE_S = 0.1
#: Muscles are active where the mean RMS exceeds rest's mean by so many of its standard deviations, for `ONSET_S`.
ONSET_SD, ONSET_S = 4.0, 0.05


@dataclass(frozen=True)
class LiveFigures:
    """Of one session; NaN where there is nothing to measure. Times in s; inf: it never came.

    What never came counts in the percentiles as later than all that did, so a decoder that passes over gestures is not
    called quick. Percentiles are values that were measured (inverted distribution), not between two of them.

    Attributes
    ----------
    gestures, missed
        Segments of the model's gestures; and how many of them were never decided right and stable.
    cue_delay_p50, cue_delay_p90
        From the marker to the right stable decision's beginning.
    onset_delay_p50, onset_delay_p90
        From the onset of the muscles' activity to the same.
    release_p50, release_p90
        From the marker of rest, after a gesture, to rest.
    releases, unreleased
        Rests after a gesture; and in how many of them rest was never decided and stable.
    false_activations
        A minute of rest, once it is decided: how often it gave way to a gesture.
    rest_error
        Share of the windows of rest in which a gesture is decided, the release included.
    other_accepted
        Share of the windows of movements that are no gesture of the model in which one is decided.
    active_error
        Share of the windows of gestures in which another gesture is decided.
    refused
        Share of the windows of gestures, from the activity's onset on, in which rest is decided, the delay included.
    changes
        Changes of decision a second within gestures, but for the one that is needed.
    correction_p50
        How long another gesture stands until the right one is decided.
    """

    gestures: int
    missed: int
    cue_delay_p50: float
    cue_delay_p90: float
    onset_delay_p50: float
    onset_delay_p90: float
    release_p50: float
    release_p90: float
    releases: int
    unreleased: int
    false_activations: float
    rest_error: float
    other_accepted: float
    active_error: float
    refused: float
    changes: float
    correction_p50: float

    def to_dict(self) -> dict[str, float | int | str | None]:
        """For JSON, which has neither: None where there is nothing, "never" for inf."""
        return {key: _plain(value) for key, value in asdict(self).items()}


def live_figures(
    decided: Sequence[str],
    newest: npt.ArrayLike,
    rms_uv: npt.ArrayLike,
    segments: Sequence[Segment],
    labels: Sequence[str],
    fs_hz: float,
) -> LiveFigures:
    """Measure a session.

    Parameters
    ----------
    decided
        (n,) labels that the hand was told, window after window.
    newest
        (n,) number of each window's newest sample: a decision belongs to that moment.
    rms_uv
        (n,) mean RMS over the electrodes.
    segments
        What was done, in order. Of labels that are not among `labels`: movements that are no gesture.
    labels
        The model's.
    fs_hz
        Samples a second.
    """
    label = np.asarray(decided, dtype=object)
    at = np.asarray(newest, np.float64)
    rms = np.asarray(rms_uv, np.float64)
    hop_s = float(np.median(np.diff(at))) / fs_hz if len(at) > 1 else math.nan
    stable = max(1, round(STABLE_S / hop_s)) if hop_s == hop_s else 1
    loud = _activity(rms, at, segments, hop_s)
    cue: list[float] = []
    onset: list[float] = []
    release: list[float] = []
    correction: list[float] = []
    n_gestures = missed = wrong = windows = silent = active = changes = others = accepted = 0
    false = rested = resting = loose = 0
    before: str | None = None
    for segment in segments:
        inside = np.flatnonzero((at >= segment.start) & (at < segment.stop))
        own, last = label[inside], before
        before = segment.label
        if not len(inside):
            continue
        if segment.label == REST:
            resting += len(inside)
            loose += int(np.count_nonzero(own != REST))
            first = _stable_from(own == REST, stable)
            if last not in (None, REST):
                release.append(math.inf if first is None else (at[inside[first]] - segment.start) / fs_hz)
            if first is None:
                continue
            rested += len(inside) - first
            later = own[first:] != REST
            false += int(np.count_nonzero(later[1:] & ~later[:-1]))
            continue
        if segment.label not in labels:
            others += len(inside)
            accepted += int(np.count_nonzero(own != REST))
            continue
        n_gestures += 1
        windows += len(inside)
        right = own == segment.label
        wrong += int(np.count_nonzero(~right & (own != REST)))
        began = np.flatnonzero(loud[inside])
        first_loud = int(began[0]) if len(began) else None
        if first_loud is not None:
            active += len(inside) - first_loud
            silent += int(np.count_nonzero(own[first_loud:] == REST))
        changes += max(0, int(np.count_nonzero(own[1:] != own[:-1])) - 1)
        correction += [length * hop_s for length in _runs_before(own, segment.label)]
        found = _stable_from(right, stable)
        missed += found is None
        decision = math.inf if found is None else at[inside[found]]
        cue.append((decision - segment.start) / fs_hz)
        if first_loud is not None:
            onset.append(max(0.0, (decision - at[inside[first_loud]]) / fs_hz))
    return LiveFigures(
        gestures=n_gestures,
        missed=missed,
        cue_delay_p50=_percentile(cue, 50),
        cue_delay_p90=_percentile(cue, 90),
        onset_delay_p50=_percentile(onset, 50),
        onset_delay_p90=_percentile(onset, 90),
        release_p50=_percentile(release, 50),
        release_p90=_percentile(release, 90),
        releases=len(release),
        unreleased=sum(map(math.isinf, release)),
        false_activations=_ratio(false, rested * hop_s / 60),
        rest_error=_ratio(loose, resting),
        other_accepted=_ratio(accepted, others),
        active_error=_ratio(wrong, windows),
        refused=_ratio(silent, active),
        changes=_ratio(changes, windows * hop_s),
        correction_p50=_percentile(correction, 50),
    )


def _activity(rms: Float64, at: Float64, segments: Sequence[Segment], hop_s: float) -> npt.NDArray[np.bool_]:
    """Windows in which the muscles are active, for `ONSET_S` or longer."""
    resting = np.zeros(len(at), bool)
    for segment in segments:
        if segment.label == REST:
            middle = (segment.start + segment.stop) / 2  # the end of a movement reaches into the rest after it
            resting |= (at >= middle) & (at < segment.stop)
    if resting.sum() < 5:
        return np.zeros(len(at), bool)
    quiet = rms[resting]
    loud = rms > np.median(quiet) + ONSET_SD * max(float(quiet.std()), 1e-6)
    need = max(1, round(ONSET_S / hop_s)) if hop_s == hop_s else 1
    if need > 1 and len(loud) >= need:
        together = np.lib.stride_tricks.sliding_window_view(loud, need).all(axis=1)
        loud = np.concatenate([together, np.zeros(need - 1, bool)])
    return loud


def _stable_from(right: npt.NDArray[np.bool_], need: int) -> int | None:
    """First window from which on it is so, `need` times in a row."""
    run = 0
    for k, one in enumerate(right.tolist()):
        run = run + 1 if one else 0
        if run == need:
            return k - need + 1
    return None


def _runs_before(own: npt.NDArray[np.object_], label: str) -> list[int]:
    """Lengths of the runs of other gestures that the right one follows."""
    found, run = [], 0
    for one in own.tolist():
        if one == label:
            if run:
                found.append(run)
            run = 0
        elif one == REST:
            run = 0
        else:
            run += 1
    return found


def _percentile(values: list[float], percent: float) -> float:
    return float(np.percentile(values, percent, method="inverted_cdf")) if values else math.nan


def _plain(value: float) -> float | str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return "never" if math.isinf(value) else None
    return value


def _ratio(count: float, of: float) -> float:
    return count / of if of else math.nan
