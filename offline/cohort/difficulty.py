"""How hard a data set is: one fixed, plain decoder, scored within a session, on another day, and on other people.

The decoder never changes, so its score says something about the data and not about us: shrinkage LDA on log RMS and log
WL of each channel, 250 ms windows every 62.5 ms of a dynamic trial's steady half (its last 0.5 s: five windows).
Training and test never share a trial. The unit of every score is the window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from offline.classifiers.shrinkage import ShrinkageLda
from rt_handdt.core.feature import Rms, Wl
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.preprocess import Preprocessor
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import RecordingError
from rt_handdt.paths import layout_path

WINDOW_S, HOP_S, STEADY_S = 0.25, 0.0625, 0.5
#: RMS and WL of a dead channel, as a share of the trial's median over channels: keeps the logarithm finite.
FLOOR = 1e-3
#: Targets: the difficulty of real EMG.
TARGETS = {
    "within session": (0.95, 1.0),
    "other session": (0.70, 0.88),
    "other people": (0.45, 0.70),
}

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Windows:
    """Feature windows of one session.

    Attributes
    ----------
    x
        Shape (n, 2 · n_channels), float64: log RMS of each channel, then log WL.
    y
        Shape (n,): the gesture's number.
    trial
        Shape (n,): number of the trial, from 0, in the session's order.
    """

    x: Float64
    y: Ints
    trial: Ints

    @property
    def repetition(self) -> Ints:
        """Shape (n,): which repetition of its gesture a window's trial is, from 0."""
        out = np.zeros_like(self.y)
        for label in np.unique(self.y):
            own = self.y == label
            out[own] = np.unique(self.trial[own], return_inverse=True)[1]
        return out


@dataclass(frozen=True)
class Score:
    """What the decoder got right, person by person.

    Attributes
    ----------
    subjects
        Who was tested.
    accuracy
        Shape (n_subjects,): share of each one's windows that were named rightly.
    confusion
        Shape (K, K): windows of gesture (row) that were named as gesture (column), over all people.
    skipped
        Windows left out, since the training data lack their gesture.
    """

    subjects: tuple[int, ...]
    accuracy: Float64
    confusion: Ints
    skipped: int

    @property
    def mean(self) -> float:
        """Over people; NaN if there was nobody to test."""
        return float(self.accuracy.mean()) if len(self.accuracy) else float("nan")

    @property
    def sd(self) -> float:
        """Between people; NaN for fewer than two."""
        return float(self.accuracy.std(ddof=1)) if len(self.accuracy) > 1 else float("nan")

    @property
    def recall(self) -> Float64:
        """Shape (K,): share of each gesture's windows named rightly; NaN where there are none."""
        total = self.confusion.sum(axis=1)
        return np.where(total > 0, np.diag(self.confusion) / np.maximum(total, 1), np.nan)


@dataclass(frozen=True)
class Difficulty:
    """The reference decoder's scores.

    Attributes
    ----------
    gestures
        Numbers of the gestures, in the order of the confusion matrices.
    within_session
        Leave one repetition of each gesture out, in every session.
    other_session
        Train on one of a person's sessions, test on another one, both ways.
    other_people
        Train on the first session of all others, test on the first session of the one left out.
    other_people_both
        The same with every session, of the others and of the one left out.
    """

    gestures: tuple[int, ...]
    within_session: Score
    other_session: Score
    other_people: Score
    other_people_both: Score

    @property
    def rows(self) -> tuple[tuple[str, Score], ...]:
        """The scores that have a target (`TARGETS`), by name."""
        return (
            ("within session", self.within_session),
            ("other session", self.other_session),
            ("other people", self.other_people),
        )


@cache
def reference_spec(fs_hz: float = 2048.0) -> PipelineSpec:
    """Hyser's electrodes, 20–500 Hz and 50 Hz notch (causal), RMS and WL."""
    return PipelineSpec(
        fs_hz=fs_hz,
        layout=ElectrodeLayout.from_toml(layout_path("hyser_16x16")),
        window_s=WINDOW_S,
        hop_s=HOP_S,
        features=(Rms(), Wl()),
    )


def trial_features(samples: Float32, spec: PipelineSpec | None = None) -> Float64:
    """Log RMS and log WL of the windows in a dynamic trial's last 0.5 s.

    Parameters
    ----------
    samples
        Shape (n, n_channels), µV, a whole dynamic trial: the filters settle in its first half.
    spec
        `reference_spec`, unless the trial is of another rate or layout.

    Returns
    -------
    Float64
        Shape (n_windows, 2 · n_channels); five windows for a trial of 1 s.

    Raises
    ------
    RecordingError
        If the trial is shorter than 0.5 s.
    """
    spec = spec or reference_spec()
    steady = round(STEADY_S * spec.fs_hz)
    if len(samples) < steady:
        raise RecordingError(
            f"A dynamic trial must last at least {STEADY_S:g} s; one has {len(samples) / spec.fs_hz:.3g} s."
        )
    frames = Preprocessor(spec, quality=None).push(samples)  # what was recorded is described, not mended
    first = len(samples) - steady + spec.window_samples - 1
    maps = np.stack([frame.maps for frame in frames if frame.index >= first])
    values = spec.layout.from_grid(maps).astype(np.float64)  # (windows, 2, channels)
    floor = np.maximum(FLOOR * np.median(values, axis=(0, 2), keepdims=True), 1e-12)
    return np.asarray(np.log(np.maximum(values, floor)).reshape(len(values), -1), dtype=np.float64)


def stack_features(found: list[tuple[Float64, int]]) -> Windows:
    """Join the windows of trials (`trial_features`) and their gesture numbers."""
    if not found:
        raise RecordingError("The reference decoder needs at least one dynamic trial; there is none.")
    counts = [len(x) for x, _ in found]
    return Windows(
        x=np.concatenate([x for x, _ in found]),
        y=np.repeat(np.asarray([code for _, code in found], dtype=np.int64), counts),
        trial=np.repeat(np.arange(len(found), dtype=np.int64), counts),
    )


def difficulty(sets: Mapping[tuple[int, int], Windows]) -> Difficulty:
    """Score the reference decoder on the sessions of some people.

    Parameters
    ----------
    sets
        Windows of each (subject, session). People may lack gestures, repetitions or sessions: windows whose gesture is
        not in the training data are left out and counted.
    """
    # 512 × 512 is too small for threads: on a busy machine they wait for one another (measured: 30 × slower)
    with threadpool_limits(1):
        return _difficulty(sets)


def _difficulty(sets: Mapping[tuple[int, int], Windows]) -> Difficulty:
    codes = sorted({int(code) for windows in sets.values() for code in np.unique(windows.y)})
    people: dict[int, list[Windows]] = {}
    for subject, session in sorted(sets):
        people.setdefault(subject, []).append(sets[subject, session])
    within, across, first, both = (_Tally(codes) for _ in range(4))
    for subject, sessions in people.items():
        for windows in sessions:
            repetition = windows.repetition
            for one in np.unique(repetition):
                test = repetition == one
                within.add(subject, windows.x[~test], windows.y[~test], windows.x[test], windows.y[test])
        for train in sessions:
            for other in sessions:
                if other is not train:
                    across.add(subject, train.x, train.y, other.x, other.y)
        others = [own for who, own in people.items() if who != subject]
        for tally, last in ((first, 1), (both, None)):
            pool = [windows for own in others for windows in own[:last]]
            if pool:
                x, y = np.concatenate([one.x for one in pool]), np.concatenate([one.y for one in pool])
                lda = ShrinkageLda.fit(x, y) if len(np.unique(y)) > 1 else None
                for windows in sessions[:last]:
                    tally.judge(subject, lda, windows.x, windows.y)
    return Difficulty(tuple(codes), within.score(), across.score(), first.score(), both.score())


class _Tally:
    """Counts what was named as what, person by person."""

    def __init__(self, codes: list[int]) -> None:
        self._codes = np.asarray(codes)
        self._people: dict[int, Ints] = {}
        self._skipped = 0

    def add(self, subject: int, train_x: Float64, train_y: Ints, x: Float64, y: Ints) -> None:
        lda = ShrinkageLda.fit(train_x, train_y) if len(np.unique(train_y)) > 1 else None
        self.judge(subject, lda, x, y)

    def judge(self, subject: int, lda: ShrinkageLda | None, x: Float64, y: Ints) -> None:
        known = np.isin(y, lda.classes) if lda is not None else np.zeros(len(y), bool)
        self._skipped += int((~known).sum())
        if lda is None or not known.any():
            return
        own = self._people.setdefault(subject, np.zeros((len(self._codes), len(self._codes)), np.int64))
        rows, columns = np.searchsorted(self._codes, y[known]), np.searchsorted(self._codes, lda.predict(x[known]))
        np.add.at(own, (rows, columns), 1)

    def score(self) -> Score:
        each = list(self._people.values())
        return Score(
            subjects=tuple(self._people),
            accuracy=np.asarray([np.trace(own) / own.sum() for own in each], dtype=np.float64),
            confusion=sum(each, np.zeros((len(self._codes), len(self._codes)), np.int64)),
            skipped=self._skipped,
        )
