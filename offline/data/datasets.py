"""From recordings to training windows, through the very `Preprocessor` that a live run uses.

A window is taken if it lies wholly inside one marker segment, the same rule by which live runs are scored. Movements
marked "other" are no gesture; they are learned only where the configuration names that label.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from offline.config import TrainConfig
from offline.data.windows import live_windows
from offline.util import share_out
from rt_handdt.core.gestures import GestureSet
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.preprocess import Preprocessor
from rt_handdt.core.recording import Recording
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.sim.continuous import OTHER

Int64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Trial:
    """One marker segment of one recording."""

    recording: str
    person: str
    session: str
    label: str


@dataclass(frozen=True)
class WindowSet:
    """Labelled windows of several recordings, in order of recording and time.

    Attributes
    ----------
    spec, gestures
        The pipeline that made the maps, and the labels.
    maps
        (N, F, H, W) float32, as the pipeline gives them.
    label, person, trial
        (N,) int64: positions in `gestures`, `people` and `trials`.
    since_cue_s
        (N,) float32: from the segment's beginning to the window's first sample.
    level_uv
        (N,) float32: RMS over the window, mean over the electrodes.
    people, trials
        What the numbers mean.
    notes
        What was left out, one sentence each.
    """

    spec: PipelineSpec
    gestures: GestureSet
    maps: Float32
    label: Int64
    person: Int64
    trial: Int64
    since_cue_s: Float32
    level_uv: Float32
    people: tuple[str, ...]
    trials: tuple[Trial, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.label)


def collect(
    recordings: Sequence[Recording],
    layout: ElectrodeLayout,
    config: TrainConfig,
    on_recording: Callable[[], None] = lambda: None,
    workers: int = 1,
) -> WindowSet:
    """Turn recordings into windows; those that live use would refuse as no EMG are left out.

    Parameters
    ----------
    recordings
        All of one rate.
    on_recording
        Called after each one, on any thread: for a progress bar.
    workers
        Processes that share the recordings; the result is the same for any number.

    Raises
    ------
    RecordingError
        If there are none, rates differ, one has no markers, or no window fits a segment.
    ConfigError
        If fewer than two labels are there to learn, or a wanted one is missing.
    """
    spec = config.pipeline.spec(common_rate(recordings), layout)
    gestures = _gestures(recordings, config.gestures)
    people = tuple(dict.fromkeys(recording.subject for recording in recordings))
    parts: list[_Part] = []
    trials: list[Trial] = []
    work = partial(_windows_of, spec=spec, gestures=gestures, stride=config.stride)
    made = share_out(work, [(one,) for one in recordings], workers, lambda _: on_recording())
    for recording, part in zip(recordings, made, strict=True):
        parts.append(replace(part, trial=part.trial + len(trials)))
        who = (recording.name, recording.subject, recording.session)
        trials += [Trial(*who, segment.label) for segment in recording.segments()]
    found = np.unique(np.concatenate([part.label for part in parts]))
    if len(found) < len(gestures):
        lost = [label for k, label in enumerate(gestures.labels) if k not in found]
        refused = sum((part.refused for part in parts), Counter[tuple[str, str]]())
        if codes := sorted({code for label, code in refused if label in lost}):
            raise RecordingError(
                f"All windows of {', '.join(lost)} are such as live use refuses as no EMG ({', '.join(codes)}): see "
                "what 'rt-handdt inspect' says of the recordings, and record these labels again, or name the others "
                "under 'gestures' in the configuration."
            )
        raise RecordingError(
            f"No window of {spec.window_s:g} s fits any segment of: {', '.join(lost)}; "
            "shorten the window, or name the other labels under 'gestures' in the configuration."
        )
    return WindowSet(
        spec=spec,
        gestures=gestures,
        maps=np.concatenate([part.maps for part in parts]),
        label=np.concatenate([part.label for part in parts]),
        person=np.concatenate(
            [np.full(len(part.label), people.index(rec.subject)) for part, rec in zip(parts, recordings, strict=True)]
        ).astype(np.int64),
        trial=np.concatenate([part.trial for part in parts]),
        since_cue_s=np.concatenate([part.since_cue_s for part in parts]),
        level_uv=np.concatenate([part.level_uv for part in parts]),
        people=people,
        trials=tuple(trials),
        notes=tuple(
            f"{recording.name}: windows that live use would refuse as no EMG are left out: "
            + ", ".join(f"{label}, {code} ({count})" for (label, code), count in part.refused.most_common())
            for recording, part in zip(recordings, parts, strict=True)
            if part.refused
        ),
    )


@dataclass(frozen=True)
class _Part:
    maps: Float32
    label: Int64
    trial: Int64
    since_cue_s: Float32
    level_uv: Float32
    refused: Counter[tuple[str, str]]  # of a label, by a code


def _windows_of(recording: Recording, spec: PipelineSpec, gestures: GestureSet, stride: int) -> _Part:
    number = {label: k for k, label in enumerate(gestures.labels)}
    place = {segment.trial: k for k, segment in enumerate(recording.segments())}  # empty ones have been left out
    maps: list[Float32] = []
    rows: list[tuple[int, int, float, float]] = []
    refused = Counter[tuple[str, str]]()
    for window in live_windows(recording, Preprocessor(spec), stride=stride):
        segment, frame = window.segment, window.frame
        assert segment is not None
        if segment.label not in number:
            continue
        if frame.fault is not None:
            refused[segment.label, frame.fault.code] += 1
            continue
        maps.append(frame.maps)
        rows.append((number[segment.label], place[segment.trial], window.since_cue_s, float(frame.rms_uv.mean())))
    if any(not np.isfinite(values).all() for values in maps):
        raise RecordingError(f"{recording.name}: its features are not finite; the recording holds impossible values.")
    label, trial, since_cue, level = np.asarray(rows, dtype=np.float64).reshape(-1, 4).T
    return _Part(
        maps=np.stack(maps) if maps else np.zeros((0, *spec.frame_shape), np.float32),
        label=label.astype(np.int64),
        trial=trial.astype(np.int64),
        since_cue_s=since_cue.astype(np.float32),
        level_uv=level.astype(np.float32),
        refused=refused,
    )


def common_rate(recordings: Sequence[Recording]) -> float:
    """The sampling rate of all recordings.

    Raises
    ------
    RecordingError
        If there are none, or their rates differ.
    """
    if not recordings:
        raise RecordingError("Training needs at least one recording; got none.")
    slowest = min(recordings, key=lambda recording: recording.fs_hz)
    fastest = max(recordings, key=lambda recording: recording.fs_hz)
    if fastest.fs_hz - slowest.fs_hz > 1e-3 * fastest.fs_hz:
        raise RecordingError(
            f"All recordings of a training run need one sampling rate; {slowest.name} has {slowest.fs_hz:g} Hz and "
            f"{fastest.name} has {fastest.fs_hz:g} Hz. Train on one kind, or resample."
        )
    # The nominal rate: a device's measured rate differs from it by parts per million, from file to file.
    nominal = float(round(fastest.fs_hz))
    return nominal if abs(fastest.fs_hz - nominal) < 1e-3 * nominal else fastest.fs_hz


def _gestures(recordings: Sequence[Recording], wanted: tuple[str, ...]) -> GestureSet:
    for recording in recordings:
        if not recording.markers:
            raise RecordingError(
                f"{recording.name}: has no markers, so nothing says which gesture is made when; "
                "training needs a recording with a marker stream or label file."
            )
    there = {segment.label for recording in recordings for segment in recording.segments()}
    missing = [label for label in wanted if label not in there]
    if missing:
        raise ConfigError(
            f"'gestures' names {', '.join(missing)}, which the data does not have; it has {', '.join(sorted(there))}."
        )
    labels = set(wanted) or there - {OTHER}
    if len(labels) < 2:
        raise ConfigError(f"Training needs at least two labels to tell apart; there is only '{', '.join(labels)}'.")
    return GestureSet.ordered(labels)
