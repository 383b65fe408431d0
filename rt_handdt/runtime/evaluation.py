"""A model scored on recordings, as it would have done live."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rt_handdt.core.bundle import Bundle
from rt_handdt.core.metrics import WindowScore, score_windows
from rt_handdt.core.preprocess import channel_order, same_rate
from rt_handdt.core.recording import Recording
from rt_handdt.core.types import Decision, FeatureFrame
from rt_handdt.errors import RecordingError
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.infer.recognizer import Provider
from rt_handdt.io.recorded_decisions import RecordedChange
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.sources import open_recording

#: Samples pushed at once: they stay in the cache, and the result is the same for any number.
BLOCK_SAMPLES = 512


@dataclass(frozen=True)
class Scores:
    """What came out.

    Attributes
    ----------
    windows
        The classifier's most probable label of each window, against the markers.
    decisions
        What a hand would have been told, of every window in order.
    refused
        Windows that were not decided, because they are no EMG or have too many bad electrodes, by code; at them the
        hand rests, and they are not counted in `windows`.
    notes
        What the reader of the recordings, and the calibration, have to say.
    """

    windows: WindowScore
    decisions: tuple[Decision, ...] = field(repr=False)
    refused: Counter[str]
    notes: tuple[str, ...] = ()

    @property
    def accuracy(self) -> float:
        """Share of windows recognized."""
        return self.windows.accuracy

    @property
    def balanced_accuracy(self) -> float:
        """Mean over the labels of the share of their windows that was recognized."""
        return self.windows.balanced_accuracy


def evaluate(
    bundle: Bundle | str | Path | StreamClassifier,
    recording: Recording | str | Path | Sequence[Recording | str | Path],
    calibration: Recording | str | Path | Sequence[Recording | str | Path] | None = None,
    *,
    learn: bool = True,
    provider: Provider = "auto",
    choice: SignalChoice = SignalChoice(),
) -> Scores:
    """Score a model on recordings with markers, window by window, causally, as a live run over them would go.

    Parameters
    ----------
    bundle
        A model, or its folder; or a classifier that is ready: it goes on with what it has learnt.
    recording
        One, or several of one subject in order of time: recordings, or whatever ``rt-handdt inspect`` can open. Filters
        begin anew with each.
    calibration
        Labelled repetitions of the same subject to fit to first.
    learn, provider
        As for `StreamClassifier`; not for one that is ready.
    choice
        Which stream, unit and columns of the files are meant.

    Returns
    -------
    Scores
        Windows count that lie wholly inside one marker segment whose label the model knows.

    Raises
    ------
    RecordingError
        If a recording has no markers, or cannot be read.
    LayoutMismatch
        If rate or channels are not the model's.

    Examples
    --------
    >>> import rt_handdt as hd
    >>> scores = hd.evaluate("default", "virtual:1005")
    >>> scores.accuracy > 0.6, scores.windows.labels[0]
    (True, 'rest')
    """
    classifier = StreamClassifier.ready(bundle, provider=provider, learn=learn)
    given, labelled = _opened(recording, choice), _opened(calibration, choice)
    notes = [note for one in (*labelled, *given) for note in one.notes]
    for one in given:
        if not one.markers:
            raise RecordingError(
                f"{one.name}: has no markers, so nothing says which gesture is made when; give a recording with a "
                "marker stream or label file."
            )
        same_rate(one, classifier.spec)
    if labelled:
        notes += classifier.calibrate(labelled).sentences()
    refused = Counter[str]()
    decisions: list[Decision] = []
    found: list[tuple[float, int]] = []  # newest sample, most probable label
    marks: list[tuple[float, str]] = []
    for one in given:
        begun = classifier.index  # number of its first sample
        if begun:
            classifier.gap()
        marks += [(begun + mark.index, mark.label) for mark in one.markers]
        for frame in live_windows(classifier, one):
            if frame.fault is not None:
                refused[frame.fault.code] += 1
                decisions.append(classifier.step(frame))
                continue
            posterior = classifier.judge(frame)
            decisions.append(classifier.decide(frame, posterior))
            found.append((frame.index, int(posterior.probabilities.argmax())))
            classifier.learn()
        marks.append((begun + one.n_samples, ""))
    newest, predicted = np.asarray(found or np.zeros((0, 2)), np.float64).T
    score = score_windows(
        newest - classifier.spec.window_samples + 1,
        newest,
        predicted,
        [at for at, _ in marks],
        [label for _, label in marks],
        classifier.labels,
    )
    return Scores(score, tuple(decisions), refused, tuple(notes))


def live_windows(
    classifier: StreamClassifier, recording: Recording, changes: Sequence[RecordedChange] = (), *, skip: int = 0
) -> Iterator[FeatureFrame]:
    """The windows of a recording, as a live run over it has them: filters begin anew where samples were lost.

    Each is to be stepped, or judged, decided and learnt from, before the next is asked for.

    Parameters
    ----------
    changes
        What was asked for during the run; it is done again, at the same samples.
    skip
        So many samples at the beginning are left out.

    Raises
    ------
    LayoutMismatch
        If its channels are not the model's.
    """
    order = channel_order(recording.channels, classifier.spec, recording.name)
    known, to_skip, offset = set(classifier.spec.layout.channels), skip, skip - classifier.index
    calls = deque((one.sample, one.bad) for one in changes if one.bad is not None)
    resets = deque(one.sample for one in changes if one.reset_subject)
    for lost, block in recording.pieces(BLOCK_SAMPLES):
        if lost:
            classifier.gap(lost)
        skipped, to_skip = min(to_skip, len(block)), max(0, to_skip - len(block))
        rest = block[skipped:, order]
        while len(rest):
            first = classifier.index + offset
            while calls and calls[0][0] <= first:
                classifier.set_bad([name for name in calls.popleft()[1] if name in known])
            n = calls[0][0] - first if calls else len(rest)
            for frame in classifier.windows(rest[:n]):
                while resets and resets[0] <= frame.index + offset:
                    resets.popleft()
                    classifier.reset_subject()
                yield frame
            rest = rest[n:]


def _opened(
    what: Recording | str | Path | Sequence[Recording | str | Path] | None, choice: SignalChoice
) -> list[Recording]:
    if what is None:
        return []
    several = [what] if isinstance(what, Recording | str | Path) else list(what)
    return [one if isinstance(one, Recording) else open_recording(one, choice=choice) for one in several]
