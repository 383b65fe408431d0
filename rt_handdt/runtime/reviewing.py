"""Make a `Review`: read a recording, and take its decisions as they are recorded, or decide it as live use would."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rt_handdt.core.bundle import load_bundle
from rt_handdt.core.gestures import REST
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.live_figures import live_figures
from rt_handdt.core.metrics import score_windows
from rt_handdt.core.preprocess import Preprocessor, channel_order, same_rate
from rt_handdt.core.profile import Profile
from rt_handdt.core.quality import SignalQuality
from rt_handdt.core.recording import UNLABELLED, Recording
from rt_handdt.core.shipped_layouts import shipped_layout_of, shipped_layouts
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Decision, FeatureFrame, Float32
from rt_handdt.errors import LayoutMismatch, RecordingError
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.io.hyser_layout import Kind
from rt_handdt.io.recorded_decisions import RecordedDecisions
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.sources import open_run
from rt_handdt.runtime.evaluation import BLOCK_SAMPLES, live_windows
from rt_handdt.runtime.repeating import recorded_setup
from rt_handdt.runtime.review import Decided, Review, Seen
from rt_handdt.runtime.status import State

#: Maps of all windows take at most so many bytes; of longer recordings some windows' are left out.
MOST_BYTES = 64_000_000
#: Electrodes a row, where nobody knows where they sit.
ROW = 16


def review(
    path: str | Path,
    bundle: str | Path,
    *,
    subject: int | None = None,
    session: int | None = None,
    kind: Kind | None = None,
    choice: SignalChoice = SignalChoice(),
    learn: bool = True,
    profile: Path | None = None,
    post_processing: Sequence[str] = (),
    going: Callable[[float], bool] = lambda share: True,
) -> Review | None:
    """Read a recording and what was decided on it.

    Parameters
    ----------
    path, subject, session, kind, choice
        See `rt_handdt.io.sources.open_recording`.
    bundle
        The model that decides where no decisions are recorded, and paints the patterns. Where it does not fit, the
        recording is shown without, and the notes say why.
    learn
        Whether the model learns the subject, if it can.
    profile
        Folder of a calibration for the model, for what was not decided.
    post_processing
        Changes to how its posteriors become decisions (see `StreamClassifier`).
    going
        Called with the share that is done, 0 to 1; False: give it up.

    Returns
    -------
    Review or None
        None if it was given up.

    Raises
    ------
    HanddtError
        If the recording or the model cannot be read.
    """
    recording, told = open_run(path, subject=subject, session=session, kind=kind, choice=choice)
    notes = list(recording.notes)
    if not going(0.0):
        return None
    model = load_bundle(bundle)
    classifier: StreamClassifier | None = None
    try:
        same_rate(recording, model.spec)
        channel_order(recording.channels, model.spec, recording.name)
    except LayoutMismatch as exc:
        notes.append(f"Without the model's maps: {exc}" if told is not None else f"Nothing is decided: {exc}")
    else:
        classifier = StreamClassifier(model, learn=learn, post_processing=post_processing)
        if profile is not None and told is None:
            calibration = Profile.load(profile, model)
            classifier.use(calibration)
            notes.append(f"Calibrated with a profile of {len(calibration.facts.labels)} labels.")
    spec = _plain_spec(recording, notes) if classifier is None else classifier.spec
    taken = _Taken(recording, spec, classifier, decides=told is None)
    if not taken.run(going):
        return None
    decided = taken.decided() if told is None else _recorded(told, notes)
    if classifier is not None and told is None:
        by, labels = f"model {model.manifest.name}", classifier.labels
    else:
        by, labels = ("recorded", told.labels) if told is not None else ("", model.gestures.labels)
    pattern = _painter(classifier, decided, labels, taken.latents)
    made = Review(
        name=recording.name,
        fs_hz=recording.fs_hz,
        n_samples=recording.n_samples,
        layout=spec.layout,
        labels=labels,
        segments=recording.segments(),
        seen=taken.seen(None if told is None or not told.bad else told.bad),
        decided=decided,
        decided_by=by,
        notes=tuple(notes),
        states=tuple(taken.said) if told is None else tuple((one.sample, one.sentence) for one in told.said),
        pattern=pattern,
        shared_pattern=classifier is None or classifier.reader.recognizer.shared is not None,
    )
    return _measured(made, recording, spec.window_samples)


class _Taken:
    """The windows of a recording, and what a model makes of them."""

    def __init__(
        self, recording: Recording, spec: PipelineSpec, classifier: StreamClassifier | None, *, decides: bool
    ) -> None:
        self._recording, self._spec, self._layout = recording, spec, spec.layout
        self._classifier, self._decides = classifier, decides and classifier is not None
        windows = max(1, recording.n_samples // spec.hop_samples)
        self._every = math.ceil(2 * windows * spec.layout.n_channels / MOST_BYTES)
        self._index: list[int] = []
        self._mean: list[float] = []
        self._rms: list[np.ndarray] = []
        self._bad: list[tuple[int, dict[str, str]]] = []
        self._mask = b""
        self._decided: list[tuple[Decision, State]] = []
        self.said: list[tuple[int, str]] = []
        self.latents: list[Float32] = []

    def run(self, going: Callable[[float], bool]) -> bool:
        """Take all; False if it was given up."""
        for frame, quality in self._frames():
            if len(self._index) % self._every == 0:
                self._rms.append(np.clip(frame.rms_uv, 0.0, 65_000.0).astype(np.float16))
            self._note_bad(frame, quality)
            self._index.append(frame.index)
            self._mean.append(float(frame.rms_uv.mean()))
            if self._decides:
                self._decide(frame)
            if len(self._index) % 16 == 0 and not going(frame.index / self._recording.n_samples):
                return False
        return going(1.0)

    def _frames(self) -> Iterator[tuple[FeatureFrame, SignalQuality | None]]:
        classifier = self._classifier
        if classifier is not None:
            for frame in live_windows(classifier, self._recording):
                yield frame, classifier.quality
            return
        preprocessor = Preprocessor(self._spec)
        order = np.arange(len(self._recording.channels))  # of a layout made for it
        if self._layout in shipped_layouts().values():
            order = channel_order(self._recording.channels, self._spec, self._recording.name)
        for lost, block in self._recording.pieces(BLOCK_SAMPLES):
            if lost:
                preprocessor.reset(skip_samples=lost)
            for frame in preprocessor.push(block[:, order]):
                yield frame, preprocessor.quality

    def _note_bad(self, frame: FeatureFrame, quality: SignalQuality | None) -> None:
        mask = b"" if frame.bad is None or not frame.bad.any() else frame.bad.tobytes()
        if mask == self._mask:
            return
        self._mask = mask
        kinds = (None,) * self._layout.n_channels if quality is None else quality.kinds
        bad = () if frame.bad is None else np.flatnonzero(frame.bad).tolist()
        self._bad.append((len(self._index), {self._layout.channels[k]: kinds[k] or "bad" for k in bad}))

    def _decide(self, frame: FeatureFrame) -> None:
        classifier = self._classifier
        assert classifier is not None
        if frame.fault is not None:
            self._decided.append((classifier.step(frame), State.BAD_SIGNAL))
            if not self.said or self.said[-1][1] != frame.fault.sentence:
                self.said.append((frame.index, frame.fault.sentence))
            latent = np.zeros(classifier.bundle.manifest.latent_size, np.float32)
        else:
            posterior = classifier.judge(frame)
            self._decided.append((classifier.decide(frame, posterior), State.RUNNING))
            classifier.learn()
            latent = posterior.latent
        if classifier.reader.recognizer.shared is None:
            self.latents.append(latent.astype(np.float16))

    def seen(self, bad: Sequence[tuple[int, dict[str, str]]] | None) -> Seen:
        """What was seen, with the electrodes that a run did without, from a sample on; None: those found bad now."""
        n = self._layout.n_channels
        rms = np.stack(self._rms) if self._rms else np.zeros((0, n), np.float16)
        index, mean = np.asarray(self._index, np.int64), np.asarray(self._mean, np.float32)
        if bad is not None:
            self._bad = [(int(np.searchsorted(index, sample)), names) for sample, names in bad]
        return Seen(index, mean, self._every, rms, tuple(self._bad))

    def decided(self) -> Decided:
        """What was decided."""
        told = [decision for decision, _ in self._decided]
        labels = () if self._classifier is None else self._classifier.labels
        return Decided(
            index=np.asarray([one.index for one in told], np.int64),
            label=tuple(one.label for one in told),
            confidence=np.asarray([one.confidence for one in told], np.float32),
            level=np.asarray([one.level for one in told], np.float32),
            rejected=np.asarray([one.rejected and not one.reason for one in told], bool),
            state=tuple(state for _, state in self._decided),
            reason=tuple(one.reason for one in told),
            probabilities=np.asarray([one.probabilities for one in told], np.float32).reshape(len(told), len(labels)),
        )


def _recorded(told: RecordedDecisions, notes: list[str]) -> Decided:
    """What was told then, without what was only repeated."""
    rows = np.flatnonzero(told.column("repeat") == 0)
    rows = rows[np.argsort(told.index[rows], kind="stable")]
    columns = [name for name, _, _ in told.columns]

    def column(name: str) -> np.ndarray:
        return np.nan_to_num(told.column(name)[rows], nan=-1.0) if name in columns else np.zeros(len(rows))

    names = told.states or tuple(State)
    numbers, codes = column("label_index").astype(np.intp), column("state").astype(np.intp)
    state = tuple(_state(names[k] if 0 <= k < len(names) else "") for k in codes.tolist())
    if "state" not in columns:
        state = (State.RUNNING,) * len(rows)
    reasons, said = [], list(told.said)
    now = said[0] if said else None
    for index, one in zip(told.index[rows].tolist(), state, strict=True):
        # An event is stamped when it is told, a decision with its newest sample, a little earlier.
        while said and said[0].sample <= index:
            now = said.pop(0)
        if said and said[0].state == one and (now is None or now.state != one):
            now = said.pop(0)
        reasons.append("" if one == State.RUNNING else now.code if now is not None and now.state == one else str(one))
    notes.append(f"Decisions as they were recorded ('{told.name}').")
    try:
        setup = recorded_setup(told)
    except RecordingError as exc:
        notes.append(str(exc))
    else:
        notes += [] if setup is None else [setup.sentence()]
    return Decided(
        index=told.index[rows],
        label=tuple(told.labels[k] if 0 <= k < len(told.labels) else REST for k in numbers.tolist()),
        confidence=np.clip(column("confidence"), 0.0, 1.0).astype(np.float32),
        level=column("level").astype(np.float32),
        rejected=np.asarray([no > 0 and not why for no, why in zip(column("rejected"), reasons, strict=True)], bool),
        state=state,
        reason=tuple(reasons),
        probabilities=np.nan_to_num(told.probabilities[rows]).astype(np.float32),
    )


def _state(name: str) -> State:
    return State(name) if name in {*State} else State.NO_DECISION


def _painter(
    classifier: StreamClassifier | None, decided: Decided, labels: tuple[str, ...], latents: list[Float32]
) -> Callable[[int], Float32] | None:
    """Paints the pattern component of a decision; None where that cannot be had."""
    if classifier is None or labels != classifier.labels:
        return None
    recognizer = classifier.reader.recognizer
    if recognizer.shared is None and len(latents) != len(decided):
        return None  # a decoder needs the network's latent, which nobody recorded
    nothing = np.zeros(classifier.bundle.manifest.latent_size, np.float32)

    def paint(number: int) -> Float32:
        latent = latents[number].astype(np.float32) if latents else nothing
        return recognizer.pattern_grid(decided.probabilities[number], latent)

    return paint


def _measured(made: Review, recording: Recording, window_samples: int) -> Review:
    """The same with figures, where there are markers and decisions."""
    told, seen = made.decided, made.seen
    if not recording.markers or not len(told) or not len(seen.index):
        return made
    rms = np.interp(told.index, seen.index, seen.mean_uv)
    known = {label: k for k, label in enumerate(made.labels)}
    figures = live_figures(told.label, told.index, rms, made.segments, made.labels, made.fs_hz)
    ours = np.asarray([label in known for label in told.label], bool)
    newest = told.index[ours]
    score = score_windows(
        newest - window_samples + 1,
        newest,
        [known[label] for label in told.label if label in known],
        [mark.index for mark in recording.markers] + [recording.n_samples],
        [mark.label for mark in recording.markers] + [UNLABELLED],
        made.labels,
    )
    return replace(made, figures=figures, score=score)


def _different(names: Sequence[str]) -> tuple[str, ...]:
    """The same names, but none empty and none twice."""
    found: dict[str, None] = {}
    for number, name in enumerate(names):
        one = name or f"{number + 1}"
        while one in found:
            one = f"{one} ({number + 1})"
        found[one] = None
    return tuple(found)


def _plain_spec(recording: Recording, notes: list[str]) -> PipelineSpec:
    """Windows of a recording that no model fits: RMS, of a quarter of a second."""
    layout = shipped_layout_of(recording.channels)
    if layout is None:
        n = len(recording.channels)
        cells = tuple(divmod(k, ROW) for k in range(n))
        names = _different(recording.channels)
        shape = (math.ceil(n / ROW), min(n, ROW))
        data = {"name": recording.name or "unknown", "channels": names, "cells": cells, "shape": shape}
        layout = ElectrodeLayout.parse(data, what=recording.name)
        notes.append(f"Nobody knows where these electrodes sit; they are drawn in order, {shape[1]} a row.")
    fs_hz = recording.fs_hz
    hop = max(2, round(fs_hz / 64))
    return PipelineSpec.parse(
        {
            "fs_hz": fs_hz,
            "layout": layout.model_dump(),
            "band_hz": (min(20.0, 0.1 * fs_hz), min(500.0, 0.45 * fs_hz)),
            "notch_hz": 50.0 if fs_hz > 120.0 else None,
            "window_s": 16 * hop / fs_hz,
            "hop_s": hop / fs_hz,
            "features": ["rms"],
        },
        what=recording.name,
    )
