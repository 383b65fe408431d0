"""Whether a recording, run again, is decided as it was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rt_handdt.core.preprocess import channel_order, same_rate
from rt_handdt.errors import RecordingError
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.io.recorded_decisions import read_decisions
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.xdf import read_xdf
from rt_handdt.runtime.evaluation import BLOCK_SAMPLES

#: Probabilities that differ by less are the same, on another processor.
SAME = 1e-3


@dataclass(frozen=True)
class Comparison:
    """Recorded decisions beside those of the same samples now.

    Attributes
    ----------
    windows
        Decided then; all are decided now.
    same, alike
        With the same label, and with probabilities that differ by less than 0.001.
    first
        Second of the recording at which the first differs in its label; None: none does.
    largest
        Largest difference of a probability.
    """

    windows: int
    same: int
    alike: int
    first: float | None
    largest: float

    def sentence(self) -> str:
        """For people."""
        if self.same == self.windows:
            return (
                f"All {self.windows} recorded decisions are decided the same again (probabilities differ by at most "
                f"{self.largest:.2g})."
            )
        return (
            f"{self.same} of {self.windows} recorded decisions are decided the same again; the first that differs is "
            f"at {self.first:.2f} s (probabilities differ by up to {self.largest:.2g})."
        )


def compare(classifier: StreamClassifier, path: str | Path, choice: SignalChoice = SignalChoice()) -> Comparison:
    """Run a recording through a model, in the order in which the engine took it, and compare.

    Windows that the engine passed over then are passed over now, so that what it smoothed and learnt is the same.

    Parameters
    ----------
    classifier
        As the model was at the beginning of the run.
    path
        An XDF file that holds decisions.

    Raises
    ------
    RecordingError
        If it does not, or they are of other labels.
    LayoutMismatch
        If rate or channels are not the model's.
    """
    told = read_decisions(path, choice)
    if told is None:
        raise RecordingError(
            f"{path}: holds no decisions; record with 'rt-handdt live --record', or the streams of --sink lsl too."
        )
    if told.labels != classifier.labels:
        raise RecordingError(
            f"{path}: its decisions are of the labels {', '.join(told.labels)}, the model's are "
            f"{', '.join(classifier.labels)}; compare with the model of the run."
        )
    recording = read_xdf(path, choice=choice)
    same_rate(recording, classifier.spec)
    order = channel_order(recording.channels, classifier.spec, recording.name)
    kept = np.flatnonzero(told.decided)
    then = dict(zip(told.index[kept].tolist(), kept.tolist(), strict=True))
    labels, probabilities = told.column("label_index"), told.probabilities
    windows = same = alike = 0
    first, largest = None, 0.0
    for block in recording.blocks(BLOCK_SAMPLES):
        for frame in classifier.windows(block[:, order]):
            row = then.get(frame.index)
            if row is None or frame.fault is not None:
                classifier.pass_over()
                continue
            now = classifier.step(frame)
            windows += 1
            off = float(np.abs(now.probabilities - probabilities[row]).max())
            index = classifier.labels.index(now.label) if now.label in classifier.labels else -1
            largest, alike = max(largest, off), alike + (off < SAME)
            if index == int(labels[row]):
                same += 1
            elif first is None:
                first = frame.index / recording.fs_hz
    return Comparison(windows, same, alike, first, largest)
