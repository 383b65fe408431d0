"""A recording with what was decided on it, to be looked at."""

from __future__ import annotations

import bisect
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.live_figures import LiveFigures
from rt_handdt.core.metrics import WindowScore
from rt_handdt.core.recording import UNLABELLED, Segment
from rt_handdt.core.types import Decision, Float32, Float64
from rt_handdt.runtime.snapshot import Snapshot
from rt_handdt.runtime.status import State

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Decided:
    """What a hand was told, m times, in order.

    Attributes
    ----------
    index
        (m,) number of the newest sample that a decision rests on; of what rests on none, of the one that was newest.
    label
        (m,) labels.
    confidence, level
        (m,).
    rejected
        (m,) whether the last label was held because none was probable enough.
    state
        (m,) states of the engine, see `State`.
    reason
        (m,) codes of why the hand rests; empty where it was decided.
    probabilities
        (m, K), in the order of `Review.labels`.
    """

    index: Indices
    label: tuple[str, ...]
    confidence: Float32
    level: Float32
    rejected: npt.NDArray[np.bool_]
    state: tuple[State, ...]
    reason: tuple[str, ...]
    probabilities: Float32

    def __len__(self) -> int:
        return len(self.index)


@dataclass(frozen=True, eq=False)
class Seen:
    """What the electrodes heard, window after window.

    Attributes
    ----------
    index
        (n,) number of each window's newest sample.
    mean_uv
        (n,) mean RMS over the electrodes, µV.
    every
        Of so many windows one is kept in `rms_uv`.
    rms_uv
        (⌈n / every⌉, C) RMS of each electrode, µV.
    bad
        From which window on which electrodes are bad, and why, in order.
    """

    index: Indices
    mean_uv: Float32
    every: int
    rms_uv: npt.NDArray[np.float16]
    bad: tuple[tuple[int, dict[str, str]], ...]


@dataclass(frozen=True, eq=False)
class Review:
    """A recording and its decisions.

    Attributes
    ----------
    name
        Of the recording.
    fs_hz, n_samples
        Its rate and length.
    layout
        Of its electrodes.
    labels
        The K labels that can be decided.
    segments
        What was asked for (or done), by the recording's markers.
    seen, decided
        See there.
    decided_by
        Who decided: ``"recorded"``, the name of a model, or "" if nobody did.
    notes
        What is to be known, one sentence each.
    figures
        Live figures; None without markers or decisions.
    score
        Windows that lie wholly inside one segment, by what was decided; None without markers or decisions.
    states
        (sample, sentence): what the engine said then; of recorded decisions.
    pattern
        Paints the pattern component of a decision, by its number; None where no model can.
    shared_pattern
        Whether that is what people share of a gesture, or a decoder's reconstruction.
    """

    name: str
    fs_hz: float
    n_samples: int
    layout: ElectrodeLayout
    labels: tuple[str, ...]
    segments: tuple[Segment, ...]
    seen: Seen
    decided: Decided
    decided_by: str = ""
    notes: tuple[str, ...] = ()
    figures: LiveFigures | None = None
    score: WindowScore | None = None
    states: tuple[tuple[int, str], ...] = ()
    pattern: Callable[[int], Float32] | None = field(default=None, repr=False)
    shared_pattern: bool = True

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return self.n_samples / self.fs_hz

    @property
    def missing(self) -> str:
        """Why there is nothing to compare; empty where there is."""
        if not len(self.decided):
            return "Nothing was decided"
        return "" if self.segments else "No cues to compare with"

    def cue(self, sample: int) -> str | None:
        """What was asked for at a sample; None: nothing is known."""
        number = bisect.bisect_right(self.segments, sample, key=lambda one: one.start) - 1
        if number < 0 or sample >= self.segments[number].stop:
            return None
        label = self.segments[number].label
        return None if label == UNLABELLED else label

    def moments(self, cue: str, label: str) -> list[int]:
        """Samples from which on `label` was decided while `cue` was asked for, in order."""
        found, was = [], False
        for sample, decided in zip(self.decided.index.tolist(), self.decided.label, strict=True):
            now = decided == label and self.cue(sample) == cue
            if now and not was:
                found.append(sample)
            was = now
        return found

    def decision(self, sample: int) -> int:
        """Number of the newest decision at a sample; −1 before the first."""
        return int(np.searchsorted(self.decided.index, sample, side="right")) - 1

    def at(self, sample: int) -> Snapshot:
        """What a live page would have shown at a sample, without traces and history."""
        number, window = self.decision(sample), self._window(sample)
        decision: Decision | None = None
        state, pattern, sentence = State.STOPPED, None, ""
        if number >= 0:
            told = self.decided
            state = told.state[number]
            decision = Decision(
                label=told.label[number],
                confidence=float(told.confidence[number]),
                probabilities=told.probabilities[number],
                rejected=bool(told.rejected[number]),
                level=float(told.level[number]),
                index=int(told.index[number]),
                time_s=int(told.index[number]) / self.fs_hz,
                reason=told.reason[number],
            )
            pattern = None if self.pattern is None else self.pattern(number)
            sentence = "" if state == State.RUNNING else self._said(sample)
        rms = None
        if window >= 0:
            rms = self.seen.rms_uv[window // self.seen.every].astype(np.float32)
        return Snapshot(
            state=state,
            code=decision.reason if decision is not None and decision.reason else str(state),
            message=sentence,
            labels=self.labels,
            decision=decision,
            truth=self.cue(sample),
            rms_grid=None if rms is None else self.layout.to_grid(rms, fill=np.nan),
            pattern_grid=pattern,
            bad_electrodes=self._bad(window),
            fs_hz=self.fs_hz,
            n_channels=self.layout.n_channels,
            seconds=sample / self.fs_hz,
        )

    def loudest_uv(self, percent: float = 99.5) -> float:
        """RMS that a share of all electrodes' windows stays below: one range for the maps of the whole file."""
        rms = self.seen.rms_uv
        some: Float64 = rms[:: max(1, len(rms) // 500)].astype(np.float64)
        return float(np.nanpercentile(some, percent)) if some.size else 1.0

    def _window(self, sample: int) -> int:
        return int(np.searchsorted(self.seen.index, sample, side="right")) - 1

    def _bad(self, window: int) -> dict[str, str]:
        return next((names for since, names in reversed(self.seen.bad) if since <= window), {})

    def _said(self, sample: int) -> str:
        return next((sentence for since, sentence in reversed(self.states) if since <= sample), "")
