"""Live figures of a model, beside plain LDA with a majority vote on the same windows."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rt_handdt.core.discriminant import Discriminant
from rt_handdt.core.labelled import LabelledWindows, labelled_windows
from rt_handdt.core.live_figures import LiveFigures, live_figures
from rt_handdt.core.preprocess import same_rate
from rt_handdt.core.recording import Recording
from rt_handdt.core.types import Float32
from rt_handdt.errors import RecordingError
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.io.recorded_decisions import RecordedChange
from rt_handdt.runtime.evaluation import live_windows

#: The vote of plain LDA is over so long, s; its covariance is shrunk by this share.
VOTE_S, SHRINK = 0.25, 0.05


class Scored(NamedTuple):
    """One subject's session: the model, and LDA where there were repetitions to fit it to."""

    model: LiveFigures
    lda: LiveFigures | None


def score_session(
    classifier: StreamClassifier,
    recording: Recording,
    calibration: Sequence[Recording] = (),
    changes: Sequence[RecordedChange] = (),
) -> Scored:
    """Run a continuous session with markers through a model, as live, and measure.

    Parameters
    ----------
    classifier
        New, or calibrated before; with `calibration` it is calibrated here.
    recording
        The session. Its markers should say what was done, and when; cues are followed later by reaction time.
    calibration
        Labelled repetitions of the same subject.
    changes
        What was asked for while it was recorded; it is done again.

    Raises
    ------
    RecordingError
        If it has no markers.
    LayoutMismatch
        If its rate or channels are not the model's.
    """
    if not recording.markers:
        raise RecordingError(f"{recording.name}: has no markers, so nothing says which gesture is made when.")
    same_rate(recording, classifier.spec)
    vote: _LdaVote | None = None
    if calibration:
        wait_s = classifier.bundle.manifest.calibration.settle_s
        windows = labelled_windows(list(calibration), classifier.spec, classifier.labels, wait_s)
        classifier.reader.fit(windows)
        vote = _LdaVote(classifier, windows)
    told: list[str] = []
    voted: list[str] = []
    newest: list[int] = []
    rms: list[float] = []
    begun = classifier.index
    if begun:
        classifier.gap()
    for frame in live_windows(classifier, recording, changes):
        told.append(classifier.step(frame).label)
        newest.append(frame.index - begun)
        rms.append(float(frame.rms_uv.mean()))
        if vote is not None:
            voted.append(vote.step(frame.maps))
    segments, labels, fs_hz = recording.segments(), classifier.labels, recording.fs_hz
    model = live_figures(told, newest, rms, segments, labels, fs_hz)
    plain = None if vote is None else live_figures(voted, newest, rms, segments, labels, fs_hz)
    return Scored(model, plain)


class _LdaVote:
    """Shrinkage LDA on all log features, and the commonest of its last answers."""

    def __init__(self, classifier: StreamClassifier, windows: LabelledWindows) -> None:
        self._population, self._occupied = classifier.bundle.population(), classifier.spec.layout.occupied
        known, own = np.unique(windows.label, return_inverse=True)
        self._labels = [classifier.labels[k] for k in known]
        self._lda = Discriminant.fit(self._flat(windows.maps), own.astype(np.int64), shrink=SHRINK)
        hop_s = classifier.spec.hop_samples / classifier.spec.fs_hz
        self._last: deque[str] = deque(maxlen=max(1, round(VOTE_S / hop_s)))

    def step(self, maps: Float32) -> str:
        """The label after the next window."""
        self._last.append(self._labels[int(self._lda.scores(self._flat(maps[None]))[0].argmax())])
        return Counter(self._last).most_common(1)[0][0]

    def _flat(self, maps: Float32) -> Float32:
        return np.asarray(self._population.compress(maps)[:, :, self._occupied].reshape(len(maps), -1), np.float32)
