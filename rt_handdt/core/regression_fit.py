"""From a subject's calibration cues to the velocities that they stand for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rt_handdt.core.dof import DofPair
from rt_handdt.core.gestures import REST
from rt_handdt.core.labelled import LabelledWindows
from rt_handdt.core.population import Population
from rt_handdt.core.regression import RegressionSettings, VelocityRegression, loudness
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float64
from rt_handdt.errors import RecordingError

#: Windows of rest louder than so many times its quiet ones: the hand was still letting go.
STILL = 1.5
#: A gesture must be louder than rest by this factor.
LOUDER = 1.2
#: A repetition's full strength is this percentile of its windows' loudness; no window is more than so many times that.
FULL, MOST = 80, 1.2
#: A gesture is known by windows of this share of its full strength and more.
HALF = 0.5


@dataclass(frozen=True)
class RegressionReport:
    """What a fit came to.

    Attributes
    ----------
    windows, repetitions
        Windows it was fitted to; repetitions of the gesture that has fewest.
    r2
        (2,) coefficient of determination of each velocity, of windows that were not fitted to (each repetition left
        out in turn, against velocities by label and loudness); NaN with one repetition.
    combined
        Whether movements of both at once were among them.
    """

    dofs: DofPair
    windows: int
    repetitions: int
    r2: tuple[float, float]
    combined: bool

    def sentences(self) -> list[str]:
        """The same for people."""
        said = (
            f"Velocities of {self.dofs.names[0]} and {self.dofs.names[1]} fitted to {self.windows} windows "
            f"({self.repetitions} {'repetition' if self.repetitions == 1 else 'repetitions'})"
        )
        if self.repetitions > 1:
            said += f"; r² of repetitions left out in turn {self.r2[0]:.2f} and {self.r2[1]:.2f}"
        more = [] if self.combined else ["No movements of both at once were shown; they are guessed from single ones."]
        return [said + ".", *more]


def cue_labels(dofs: DofPair) -> tuple[str, ...]:
    """All labels that a fit can use, rest first."""
    return (REST, *dofs.gestures, *dofs.combined)


def check_cues(there: Collection[str], dofs: DofPair) -> None:
    """Are the labels that a fit needs among those that there are?

    Raises
    ------
    RecordingError
        If not.
    """
    missing = [label for label in (REST, *dofs.gestures) if label not in there]
    if missing:
        raise RecordingError(
            f"Velocities of {' and '.join(dofs.names)} need rest and {', '.join(dofs.gestures)}, each for a second or "
            f"longer; missing: {', '.join(missing)}. Record them with markers."
        )


def fit_windows(
    windows: LabelledWindows,
    labels: Sequence[str],
    spec: PipelineSpec,
    population: Population,
    dofs: DofPair = DofPair(),
    settings: RegressionSettings = RegressionSettings(),
) -> tuple[VelocityRegression, RegressionReport]:
    """Fit to windows of rest, the four gestures, and those of both at once where they were made.

    Each gesture is best made slowly, from nothing to comfortable strength, twice.

    Parameters
    ----------
    windows, labels
        Their labels are positions among `labels` (see `cue_labels`).

    Raises
    ------
    RecordingError
        If rest or one of the four gestures is missing, or a gesture is hardly louder than rest.
    """
    there = {labels[k] for k in np.unique(windows.label)}
    check_cues(there, dofs)
    occupied = spec.layout.occupied
    directions = [dofs.direction(label) for label in labels]
    usable = np.isin(windows.label, [k for k, one in enumerate(directions) if one is not None])
    loud = loudness(windows.maps, population, occupied)
    rest = windows.label == labels.index(REST)
    quiet = float(np.percentile(loud[rest], 20))
    usable &= ~rest | (loud <= STILL * quiet)
    levels = _levels(windows, labels, loud, float(np.median(loud[rest & usable])))
    known = np.array([one if one is not None else np.zeros(2) for one in directions])
    wanted = known[windows.label] * levels[:, None]
    rows = np.flatnonzero(usable)

    def fitted(which: np.ndarray) -> VelocityRegression:
        return VelocityRegression.fit(
            windows.maps[which], wanted[which], rest[which], population, occupied, dofs, settings
        )

    moves = [k for k, one in enumerate(directions) if one is not None and one.any() and labels[k] in there]
    repetitions = min(int(windows.repetition[windows.label == k].max()) + 1 for k in moves)
    r2 = np.full(2, np.nan)
    if repetitions > 1:
        turn = windows.repetition % repetitions
        turn[rest] = np.arange(rest.sum()) * repetitions // rest.sum()  # rest may have been held but once
        out = np.zeros_like(wanted)
        for one in range(repetitions):
            here = rows[turn[rows] == one]
            out[here] = fitted(rows[turn[rows] != one]).predict(windows.maps[here], population)
        r2 = determination(wanted[rows], out[rows])
    report = RegressionReport(
        dofs, len(rows), repetitions, (float(r2[0]), float(r2[1])), bool(there & set(dofs.combined))
    )
    return fitted(rows), report


def stronger_half(
    windows: LabelledWindows, labels: Sequence[str], population: Population, spec: PipelineSpec
) -> LabelledWindows:
    """Of gestures that were made from nothing to full strength, what a classifier is to know them by.

    Rest, and the windows at half of a gesture's full strength or more; of gestures that were held, that is nearly all.
    """
    rest = windows.label == labels.index(REST) if REST in labels else np.zeros(len(windows), bool)
    loud = loudness(windows.maps, population, spec.layout.occupied)
    if not rest.any():
        return windows
    rows = np.flatnonzero(rest | (_levels(windows, labels, loud, float(np.median(loud[rest]))) >= HALF))
    return replace(windows, maps=windows.maps[rows], label=windows.label[rows], repetition=windows.repetition[rows])


def determination(true: Float64, found: Float64) -> Float64:
    """Coefficients of determination of columns: 1 − Σ (true − found)² / Σ (true − mean)².

    Examples
    --------
    >>> determination(np.array([[0.0], [1.0]]), np.array([[0.0], [1.0]])).tolist()
    [1.0]
    """
    return np.asarray(1 - np.square(true - found).sum(axis=0) / np.square(true - true.mean(axis=0)).sum(axis=0))


def _levels(windows: LabelledWindows, labels: Sequence[str], loud: Float64, rest_loudness: float) -> Float64:
    """(N,) how strong each window is: from 0 at rest to about 1 at a gesture's usual full strength."""
    levels = np.zeros(len(windows))
    if loud.min() == loud.max():  # no feature says how loud a window is
        return levels + 1.0
    for k in np.unique(windows.label):
        if labels[k] == REST:
            continue
        own = windows.label == k
        turns = np.unique(windows.repetition[own])
        full = float(np.mean([np.percentile(loud[own & (windows.repetition == one)], FULL) for one in turns]))
        if full < LOUDER * rest_loudness:
            raise RecordingError(
                f"{labels[k]} is hardly louder than rest ({full / max(rest_loudness, 1e-9):.2f} times; it must be "
                f"{LOUDER:g}); make it more strongly, or rest more quietly, and calibrate again."
            )
        levels[own] = np.clip((loud[own] - rest_loudness) / (full - rest_loudness), 0.0, MOST)
    return levels
