"""What an engine keeps for those who look at it; nothing here decides anything."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rt_handdt.core.gestures import REST
from rt_handdt.core.types import Decision, Float32, Posterior
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.runtime.ring import Ring
from rt_handdt.runtime.snapshot import HistoryPoint, SinkShown, Snapshot

if TYPE_CHECKING:
    from rt_handdt.runtime.engine import Engine

TRACE_S = 4.0
HISTORY_S = 10.0
EXPLAIN_S = 0.1
#: Sinks are asked so often: they sort the delays of some thousand messages to answer.
SINKS_S = 0.3


class Shown:
    """The newest results, a little history and the last seconds of the filtered signal.

    The worker writes; any thread may take a snapshot.

    Parameters
    ----------
    classifier
        Whose results.
    explain
        Whether to compute the pattern component.
    """

    def __init__(self, classifier: StreamClassifier, *, explain: bool) -> None:
        spec = classifier.spec
        self._recognizer = classifier.reader.recognizer
        self._layout, self._labels, self._fs_hz = spec.layout, classifier.labels, spec.fs_hz
        self._explain = explain
        # Blending shared patterns takes 40 µs: picture and label are of the same window then. A decoder takes longer.
        self._pause_s = 0.0 if self._recognizer.shared is not None else EXPLAIN_S
        self._painted_at = 0.0
        self._ring = Ring(round(TRACE_S * spec.fs_hz), spec.layout.n_channels)
        self._history: deque[HistoryPoint] = deque(maxlen=round(HISTORY_S * spec.fs_hz / spec.hop_samples))
        self._posterior: Float32 | None = None
        self._latent: Float32 | None = None
        self._rms: Float32 | None = None
        self._pattern: Float32 | None = None
        self._sinks: tuple[SinkShown, ...] = ()
        self._sinks_at = -SINKS_S
        self.latency_ms: dict[str, float] = {}
        self.accuracy: float | None = None
        self.stages: Float32 | None = None

    def signal(self, filtered: Float32) -> None:
        """Keep the filtered signal (n, n_channels), µV, for traces."""
        self._ring.push(filtered)

    def signal_since(self, number: int) -> tuple[int, Float32]:
        """The filtered signal of all channels since the first `number` samples, at most 4 s; and how many came."""
        return self._ring.since(number)

    def window(self, posterior: Posterior, decision: Decision, rms_uv: Float32, truth: str | None) -> None:
        """A window was decided; `truth` is the newest marker's label."""
        self._posterior, self._latent, self._rms = posterior.probabilities, posterior.latent, rms_uv
        past, point = self._history, HistoryPoint(decision.time_s, decision.label, truth)
        # Of windows that agree only the first and the newest: the rest would only be carried about.
        if len(past) > 1 and past[-1][1:] == past[-2][1:] == point[1:]:
            past[-1] = point
        else:
            past.append(point)

    def nothing(self) -> None:
        """The newest window was refused: it has no probabilities."""
        self._posterior = None

    def paint(self, decision: Decision | None, now_s: float | None = None) -> None:
        """The pattern component, from the smoothed probabilities, so that picture and decision agree.

        Parameters
        ----------
        decision
            What the hand was last told.
        now_s
            Any clock: it is left out where it was painted a moment ago; None: paint.
        """
        if now_s is not None:
            if now_s - self._painted_at <= self._pause_s:
                return
            self._painted_at = now_s
        if not self._explain or self._latent is None or decision is None:
            return
        probabilities = decision.probabilities
        if decision.label == REST and REST not in self._labels:  # rest that the level alone has called
            probabilities = np.zeros_like(probabilities)
        self._pattern = self._recognizer.pattern_grid(probabilities, self._latent)

    def snapshot(self, engine: Engine, channels: Sequence[int] | None, seconds: float) -> Snapshot:
        """A copy of what there is to show, with the filtered signal of some channels (in layout order)."""
        traces = None
        if channels is not None and len(channels):
            # Every sample: leaving some out would fold EMG of up to 500 Hz into what is seen.
            traces = self._ring.latest(round(seconds * self._fs_hz), list(channels))
        rms, status = self._rms, engine.status
        return Snapshot(
            state=status.state,
            code=status.code,
            message=status.sentence or engine.electrodes.sentence(),
            bundle_name=self._recognizer.bundle.manifest.name,
            stream_name=engine.description.name,
            fs_hz=engine.description.fs_hz,
            n_channels=self._layout.n_channels,
            provider=self._recognizer.provider,
            labels=self._labels,
            dofs=engine.classifier.dofs,
            decision=engine.decision,
            posterior=self._posterior,
            truth=engine.truth,
            rms_grid=None if rms is None else self._layout.to_grid(rms, fill=np.nan),
            pattern_grid=self._pattern,
            bad_electrodes=engine.electrodes.bad,
            excluded=engine.electrodes.known,
            traces=traces,
            trace_channels=tuple(channels or ()),
            trace_names=tuple(self._layout.channels[k] for k in channels or ()),
            trace_fs_hz=self._fs_hz,
            history=tuple(self._history),
            seconds=engine.seconds,
            samples_expected=engine.samples_received + engine.samples_lost,
            samples_received=engine.samples_received,
            samples_lost=engine.samples_lost,
            gaps=engine.gaps,
            windows=len(engine.log),
            windows_skipped=engine.windows_skipped + engine.windows_late,
            latency_ms=self.latency_ms,
            stages=self.stages,
            accuracy=self.accuracy,
            learnt_s=engine.learnt_s,
            outputs=engine.outputs,
            recording=_recorded(engine),
            sinks=self._told(engine),
        )

    def _told(self, engine: Engine) -> tuple[SinkShown, ...]:
        """What became of the messages to the sinks."""
        now_s = time.monotonic()
        if now_s - self._sinks_at >= SINKS_S or engine.ended:
            self._sinks_at = now_s
            self._sinks = tuple(_shown(one) for one in engine.sinks)
        return self._sinks


def _shown(sink: dict[str, Any]) -> SinkShown:
    return SinkShown(why=sink["last_error"], **{key: sink[key] for key in SinkShown._fields if key != "why"})


def _recorded(engine: Engine) -> str:
    """The file that is being written; empty where none is, or no more."""
    report = engine.recording
    return report["path"] if report is not None and report["state"] in ("starting", "recording") else ""
