"""Scores of a bundle, session by session, through the very class that live use drives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from offline.evaluate.frames import LabelledFrames, labelled_frames
from offline.evaluate.lda_baseline import LdaBaseline, two_maps
from offline.evaluate.scores import (
    ADAPTING,
    CALIBRATED,
    CALIBRATED_ADAPTING,
    LDA_ALL,
    LDA_TWO,
    METHODS,
    WITH_CALIBRATION,
    Evaluation,
    Method,
    SubjectScore,
)
from rt_handdt.core.metrics import Confusion, confusion
from rt_handdt.core.recording import Recording
from rt_handdt.core.types import Float32
from rt_handdt.errors import ConfigError, HanddtError, RecordingError
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.infer.stream import StreamRecognizer

_BATCH = 1024  # windows that the network is given at once


@dataclass(frozen=True)
class ScoredSession:
    """One subject in one session.

    Attributes
    ----------
    subject, session
        Who and when.
    recordings
        What is scored, in order of time: one stream, though the filters begin anew with each.
    calibration
        Labelled repetitions of the same subject that are known beforehand; none: nothing is calibrated.
    settle_s
        How much of the beginning of each of their segments a calibration leaves out; None: what the bundle says.
    """

    subject: str
    session: str
    recordings: tuple[Recording, ...]
    calibration: tuple[Recording, ...] = ()
    settle_s: float | None = None

    @property
    def name(self) -> str:
        """As messages call it."""
        return f"subject {self.subject} session {self.session}"


def score_sessions(
    recognizer: Recognizer,
    sessions: Sequence[ScoredSession],
    methods: Sequence[Method] = METHODS,
    on_session: Callable[[ScoredSession], None] = lambda session: None,
) -> Evaluation:
    """Score a bundle; every subject begins anew in each session, and all methods are judged on the same windows.

    A session that cannot be scored is noted and left out, as long as others remain.

    Parameters
    ----------
    methods
        Those that are wanted; those that need a calibration are left out where no session has one.
    on_session
        Called after each one, for a progress bar.

    Raises
    ------
    HanddtError
        If no session can be scored: why the first one cannot.
    """
    if not any(session.calibration for session in sessions):
        methods = [method for method in methods if method not in WITH_CALIBRATION]
    bundle = recognizer.bundle
    why: dict[Method, dict[str, list[str]]] = {method: {} for method in methods}
    done: list[tuple[ScoredSession, _Scored]] = []
    failed: list[tuple[ScoredSession, HanddtError]] = []
    for session in sessions:
        try:
            scored = _score(recognizer, session, methods)
        except HanddtError as exc:
            failed.append((session, exc))
        else:
            done.append((session, scored))
            for method, sentence in scored.unavailable.items():
                why[method].setdefault(sentence, []).append(session.name)
        on_session(session)
    if not done:
        first = failed[0][1]
        more = f" (Nor can any of the {len(failed) - 1} other sessions be scored.)" if len(failed) > 1 else ""
        raise type(first)(f"{first}{more}")
    subjects = _by_subject(done)
    unavailable, notes = {}, [f"{session.name} was left out: {exc}" for session, exc in failed]
    for method, sentences in why.items():
        if not any(method in one.confusions for one in subjects):
            unavailable[method] = next(iter(sentences))
        else:
            notes += [f"{', '.join(names)}: not {method.title}, {text}" for text, names in sentences.items()]
    notes += _label_notes(bundle.gestures.labels, done, subjects)
    return Evaluation(bundle.gestures.labels, tuple(methods), tuple(subjects), unavailable, tuple(notes))


@dataclass(frozen=True)
class _Scored:
    """One session: confusions, why others are missing, how many windows, those of unknown labels, those refused."""

    confusions: dict[Method, Confusion]
    unavailable: dict[Method, str]
    windows: int
    calibration_windows: int
    unknown: Counter[str]
    refused: Counter[str]


def _score(recognizer: Recognizer, session: ScoredSession, methods: Sequence[Method]) -> _Scored:
    spec, labels = recognizer.bundle.spec, recognizer.bundle.gestures.labels
    frames = labelled_frames(session.recordings, spec, labels)
    rows = frames.counted
    if not len(rows):
        raise RecordingError(_nothing(frames, spec.window_s, labels, session))
    own: LabelledFrames | None = None
    if session.calibration and any(method in WITH_CALIBRATION for method in methods):
        own = labelled_frames(session.calibration, spec, labels)
        if not len(own.counted):
            raise RecordingError(f"its calibration cannot be used: {_nothing(own, spec.window_s, labels, session)}")
    confusions: dict[Method, Confusion] = {}
    unavailable: dict[Method, str] = {}
    for method in methods:
        if own is None and method in WITH_CALIBRATION:
            unavailable[method] = "there is no calibration of this subject."
            continue
        try:
            predicted = _predicted(recognizer, session, method, frames, own)
        except HanddtError as exc:
            unavailable[method] = str(exc)
        else:
            confusions[method] = confusion(frames.label[rows], predicted[rows], len(labels))
    unknown = frames.unknown + (own.unknown if own is not None else Counter())
    return _Scored(confusions, unavailable, len(rows), 0 if own is None else len(own.counted), unknown, frames.refused)


def _predicted(
    recognizer: Recognizer, session: ScoredSession, method: Method, frames: LabelledFrames, own: LabelledFrames | None
) -> npt.NDArray[np.int64]:
    """Label of every frame.

    Raises
    ------
    HanddtError
        If the method is not available: why.
    """
    spec, learn = recognizer.bundle.spec, method in (ADAPTING, CALIBRATED_ADAPTING)
    if method in (LDA_TWO, LDA_ALL):
        assert own is not None
        maps = two_maps(spec) if method is LDA_TWO else range(len(spec.map_features))
        return LdaBaseline.fit(own, spec, maps).predict(frames.maps)
    if method is ADAPTING and recognizer.bundle.manifest.adaptation is None:
        raise ConfigError("the bundle learns nothing from the stream.")
    stream = StreamRecognizer(recognizer, learn=learn)
    if method in (CALIBRATED, CALIBRATED_ADAPTING):
        stream.calibrate(session.calibration, session.settle_s)
    return np.concatenate([one.argmax(axis=1) for one in _run(stream, frames.maps)]).astype(np.int64)


def _run(stream: StreamRecognizer, maps: Float32) -> list[Float32]:
    return [stream.run(maps[start : start + _BATCH]) for start in range(0, len(maps), _BATCH)]


def _by_subject(done: Sequence[tuple[ScoredSession, _Scored]]) -> list[SubjectScore]:
    subjects = []
    for subject in dict.fromkeys(session.subject for session, _ in done):
        own = [(session, scored) for session, scored in done if session.subject == subject]
        # a method counts for a subject only with all of its sessions: else its windows would be others
        there = [method for method in own[0][1].confusions if all(method in scored.confusions for _, scored in own)]
        subjects.append(
            SubjectScore(
                subject,
                tuple(session.session for session, _ in own),
                sum(scored.windows for _, scored in own),
                sum(scored.calibration_windows for _, scored in own),
                {method: np.sum([scored.confusions[method] for _, scored in own], axis=0) for method in there},
            )
        )
    return subjects


def _label_notes(
    labels: Sequence[str], done: Sequence[tuple[ScoredSession, _Scored]], subjects: Sequence[SubjectScore]
) -> list[str]:
    """Labels that one side has and the other has not."""
    notes = []
    unknown = sum((scored.unknown for _, scored in done), Counter[str]())
    if unknown:
        said = ", ".join(f"{label} ({count})" for label, count in unknown.most_common())
        notes.append(f"Windows of labels that the bundle does not know, which count nowhere: {said}.")
    refused = sum((scored.refused for _, scored in done), Counter[str]())
    if refused:
        said = ", ".join(f"{code} ({count})" for code, count in refused.most_common())
        notes.append(f"Windows that live use refuses as no EMG, which count nowhere: {said}.")
    absent: dict[str, list[str]] = {}
    for one in subjects:
        there = next(iter(one.confusions.values())).sum(axis=1) if one.confusions else np.zeros(len(labels))
        lacking = ", ".join(label for label, count in zip(labels, there, strict=True) if not count)
        if lacking:
            absent.setdefault(lacking, []).append(one.subject)
    for lacking, names in absent.items():
        who = "Nobody" if len(names) == len(subjects) else f"Subject {', '.join(names)}"
        said = "has a" if who == "Nobody" else "has no"
        notes.append(f"{who} {said} window of {lacking} to score; balanced accuracy is over the other labels.")
    return notes


def _nothing(frames: LabelledFrames, window_s: float, labels: Sequence[str], session: ScoredSession) -> str:
    """Why no window counts."""
    if frames.unknown and not len(frames.counted):
        return (
            f"{session.name}: has none of the bundle's labels ({', '.join(labels)}); its own are "
            f"{', '.join(frames.unknown)}. Give them the same names, for example by [gestures] in a dataset.toml."
        )
    return (
        f"{session.name}: no window of {window_s:g} s lies inside a segment of {', '.join(labels)}; each repetition "
        "must be longer than that, and with --repetitions one more than those must be there."
    )
