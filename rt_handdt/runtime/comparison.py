"""Whether a recording, run again, is decided as it was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rt_handdt.core.gestures import REST
from rt_handdt.core.preprocess import same_rate
from rt_handdt.core.recording import ArrayRecording, Recording
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float64
from rt_handdt.errors import RecordingError
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.io.recorded_decisions import RecordedDecisions, read_run
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.runtime.evaluation import live_windows

#: Probabilities that differ by less are the same, on another processor.
SAME = 1e-3


@dataclass(frozen=True)
class Comparison:
    """Recorded decisions beside those of the same samples now.

    Attributes
    ----------
    windows
        Decided then.
    same, alike
        Decided now with the same label, and with probabilities that differ by less than 0.001.
    missing
        Windows decided then that do not come up now: the file does not hold all the samples that the engine had.
    first
        Second of the recording at which the first is missing or differs in its label; None: none does.
    largest
        Largest difference of a probability.
    largest_level
        Of a level, or of a velocity where there are any.
    by_label
        Of each label that was decided: how often, and how often the same is decided now.
    """

    windows: int
    same: int
    alike: int
    missing: int
    first: float | None
    largest: float
    largest_level: float
    by_label: dict[str, tuple[int, int]]

    def sentence(self) -> str:
        """For people."""
        differ = f"(probabilities differ by at most {self.largest:.2g}, levels by {self.largest_level:.2g})"
        if self.same == self.windows:
            return f"All {self.windows} recorded decisions are decided the same again {differ}."
        labels = ", ".join(f"{label} {same} of {n}" for label, (n, same) in self.by_label.items())
        missing = (
            f" {self.missing} do not come up again, as the file does not hold all the samples that they rested on."
            if self.missing
            else ""
        )
        return (
            f"{self.same} of {self.windows} recorded decisions are decided the same again {differ}: {labels}. "
            f"The first that is not is at {self.first:.2f} s.{missing}"
        )


def compare(classifier: StreamClassifier, path: str | Path, choice: SignalChoice = SignalChoice()) -> Comparison:
    """Run a recording through a model, in the order in which the engine took it, and compare.

    Windows that the engine passed over then are passed over now, and filters begin anew where samples were lost, so
    that what it smoothed and learnt is the same. A window is the same one if it ends at the same sample, within an
    eighth of a hop: stamps in a file may jitter.

    Parameters
    ----------
    classifier
        As the model was at the beginning of the run.
    path
        An XDF file that holds decisions.

    Raises
    ------
    RecordingError
        If it does not, nothing was decided, or they are of other labels.
    LayoutMismatch
        If rate or channels are not the model's.
    """
    return compare_run(classifier, *open_told(path, choice))


def open_told(path: str | Path, choice: SignalChoice = SignalChoice()) -> tuple[ArrayRecording, RecordedDecisions]:
    """A recording that holds decisions, its electrodes as the run took them, and these decisions.

    Raises
    ------
    RecordingError
        If it holds none, or is no XDF.
    """
    recording, told = read_run(path, choice, as_run=True)
    if told is None:
        raise RecordingError(
            f"{path}: holds no decisions; record with 'rt-handdt live --record', or the streams of --sink lsl too."
        )
    return recording, told


def compare_run(classifier: StreamClassifier, recording: Recording, told: RecordedDecisions) -> Comparison:
    """The same for a run that is read already."""
    path = recording.name
    if told.labels != classifier.labels:
        raise RecordingError(
            f"{path}: its decisions are of the labels {', '.join(told.labels)}, the model's are "
            f"{', '.join(classifier.labels)}; compare with the model of the run."
        )
    same_rate(recording, classifier.spec)
    rows = np.flatnonzero(told.decided)
    rows = rows[np.argsort(told.index[rows], kind="stable")]
    if not len(rows):
        raise RecordingError(f"{path}: nothing was decided in it but to rest; there is nothing to compare.")
    ends, probabilities = told.index[rows], told.probabilities[rows]
    labels = [
        told.labels[int(index)] if 0 <= index < len(told.labels) else REST for index in told.column("label_index")[rows]
    ]
    near = max(1, classifier.spec.hop_samples // 8)
    begun = _phase(ends, classifier.spec, near)
    counted = {label: [0, 0] for label in sorted(set(labels), key=labels.index)}
    for label in labels:
        counted[label][0] += 1
    found = np.zeros(len(rows), bool)
    alike, differs, largest = 0, np.ones(len(rows), bool), 0.0
    offset = begun - classifier.index
    levels = _levels(told)[rows]
    off_level = 0.0
    for frame in live_windows(classifier, recording, told.changes, skip=begun):
        k = _nearest(ends, frame.index + offset)
        if frame.fault is not None or found[k] or abs(ends[k] - frame.index - offset) > near:
            classifier.pass_over()
            continue
        found[k] = True
        now = classifier.step(frame)
        off = float(np.abs(now.probabilities - probabilities[k]).max())
        largest, alike = max(largest, off), alike + (off < SAME)
        for then, again in zip(levels[k], (now.level, *(now.velocities or ())), strict=False):
            off_level = max(off_level, abs(float(then) - again))
        differs[k] = now.label != labels[k]
        counted[labels[k]][1] += not differs[k]
    return Comparison(
        windows=len(rows),
        same=int((~differs).sum()),
        alike=alike,
        missing=int((~found).sum()),
        first=float(ends[differs][0]) / recording.fs_hz if differs.any() else None,
        largest=largest,
        largest_level=off_level,
        by_label={label: (n, same) for label, (n, same) in counted.items()},
    )


def _levels(told: RecordedDecisions) -> Float64:
    """(n, 1 or more): level, and velocities where there are any."""
    names = [name for name, _, kind in told.columns if name == "level" or kind == "Velocity"]
    return np.stack([told.column(name) for name in names], axis=1) if names else np.zeros((len(told.index), 0))


def _phase(ends: npt.NDArray[np.int64], spec: PipelineSpec, near: int) -> int:
    """How many samples to leave out at the beginning, so that windows end where they did.

    0 if the recording began with the run; one that was begun later (by LabRecorder) begins between two windows.
    """
    hop = spec.hop_samples
    phase = int(ends[0] - spec.window_samples + 1) % hop
    return 0 if min(phase, hop - phase) <= near else phase


def _nearest(ends: npt.NDArray[np.int64], index: int) -> int:
    after = int(np.searchsorted(ends, index))
    around = range(max(0, after - 1), min(len(ends), after + 1))
    return min(around, key=lambda k: abs(int(ends[k]) - index))
