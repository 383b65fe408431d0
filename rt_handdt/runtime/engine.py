"""The live engine: one worker thread from stream to decision."""

from __future__ import annotations

import gc
import threading
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from rt_handdt.core.decoder import Decoder
from rt_handdt.core.gestures import REST
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.metrics import WindowScore, score_windows
from rt_handdt.core.preprocess import Preprocessor
from rt_handdt.core.types import Chunk, Decision, FeatureFrame, Float32
from rt_handdt.errors import HanddtError, StreamError
from rt_handdt.infer.stream import StreamRecognizer
from rt_handdt.io.lsl import clock
from rt_handdt.runtime.connect import Connection
from rt_handdt.runtime.ring import Ring
from rt_handdt.runtime.snapshot import HistoryPoint, Snapshot
from rt_handdt.runtime.windowlog import WindowLog

#: No sample for this long: the stream is stale, and the hand is told to rest.
STALE_S = 0.5
#: Latencies of the first second tell of starting up, not of running; they are not counted.
WARM_UP_S = 1.0
SLOW_S = 0.5
EXPLAIN_S = 0.1
MARKERS_S = 0.05
RECONNECT_S = 1.0
TRACE_S = 4.0
HISTORY_S = 10.0


class Engine:
    """Owns the worker thread that turns a stream into decisions.

    The worker asks for exactly the samples that complete the next window and decides as soon as they are there. What
    it shows of itself is a copy (`snapshot`); what feeds the filters is never dropped.

    Parameters
    ----------
    reader
        The model, warmed up, and calibrated if it shall be; one that was in use before goes on with what it learnt.
    connection
        A stream that fits it.
    reconnect
        Called after the stream was lost, once a second, until it returns a connection; it raises `StreamError` while
        the stream is away. None: a lost stream stays lost.
    on_decision
        Called on the worker thread with every decision; must be quick.
    explain
        Whether to compute the pattern component for display (of each window; ten times a second where the bundle's
        explainer is a decoder).
    """

    def __init__(
        self,
        reader: StreamRecognizer,
        connection: Connection,
        *,
        reconnect: Callable[[], Connection] | None = None,
        on_decision: Callable[[Decision], None] | None = None,
        explain: bool = False,
    ) -> None:
        recognizer = reader.recognizer
        bundle = recognizer.bundle
        self.recognizer = recognizer
        self.layout: ElectrodeLayout = bundle.spec.layout
        self.labels: tuple[str, ...] = bundle.gestures.labels
        self.spec = bundle.spec
        self.description = connection.inlet.description
        self.counted = connection.inlet.counted
        self.shared_pattern = recognizer.shared is not None
        self.error: BaseException | None = None
        self.log = WindowLog(len(self.labels))
        self.samples_received = 0
        self.samples_lost = 0
        self.gaps = 0
        self.reconnections = 0
        self._connection = connection
        self._reconnect = reconnect
        self._on_decision = on_decision
        self._explain = explain
        self._preprocessor = Preprocessor(self.spec)
        self._reader = reader
        self._forget = threading.Event()
        self._decoder = Decoder(bundle.manifest.decoder, bundle.gestures, self.spec.hop_samples / self.spec.fs_hz)
        self._ring = Ring(round(TRACE_S * self.spec.fs_hz), self.layout.n_channels)
        self._history: deque[HistoryPoint] = deque(maxlen=round(HISTORY_S * self.spec.fs_hz / self.spec.hop_samples))
        self._marks: list[tuple[float, str]] = []
        self._state = "connecting"
        self._message = f"Waiting for samples from '{self.description.name}'."
        self._decision: Decision | None = None
        self._posterior: Float32 | None = None
        self._rms: Float32 | None = None
        self._pattern: Float32 | None = None
        self._latent: Float32 | None = None
        self._latency_ms: dict[str, float] = {}
        self._accuracy: float | None = None
        self._first_sample_at: float | None = None  # this computer's clock
        self._last_sample_at = 0.0
        self._explained_at = self._polled_at = self._slow_at = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="handdt-engine", daemon=True)

    # -- control (any thread) ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the worker."""
        # Start-up leaves many long-lived objects; a full collection over them would stall a window by several ms.
        gc.collect()
        gc.freeze()
        self._thread.start()

    def stop(self) -> None:
        """Stop the worker and disconnect. Does not raise the worker's error (see `raise_error`)."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)
        self._connection.close()
        gc.unfreeze()
        if self._state != "failed":
            self._state, self._message = "stopped", ""

    def forget_person(self) -> None:
        """Somebody else is at the electrodes, or they were moved: learn anew from the next window on."""
        self._forget.set()

    def raise_error(self) -> None:
        """Raise what stopped the worker, if anything did."""
        if self.error is not None:
            raise self.error

    @property
    def state(self) -> str:
        """See `Snapshot.state`."""
        return self._state

    @property
    def markers(self) -> tuple[tuple[float, str], ...]:
        """Markers so far: (time in the sender's clock, label)."""
        return tuple(self._marks)

    @property
    def missing_values(self) -> int:
        """Single values that came as NaN (an amplifier's "missing") and were held at the channel's last good one."""
        return self._preprocessor.missing_values

    @property
    def has_markers(self) -> bool:
        """Whether the signal has a marker stream."""
        return self._connection.markers is not None or bool(self._marks)

    @property
    def learnt_s(self) -> float | None:
        """Seconds of signal from which the person was learnt; None if nothing is learnt."""
        learnt = self._reader.learnt
        return None if learnt is None else learnt * self.spec.hop_samples / self.spec.fs_hz

    @property
    def seconds(self) -> float:
        """Time since the first sample, s; 0 before it."""
        return 0.0 if self._first_sample_at is None else clock() - self._first_sample_at

    @property
    def silent_s(self) -> float:
        """Time since the newest sample came, s (since the start, if none has come)."""
        return clock() - self._last_sample_at if self._last_sample_at else 0.0

    def score(self, newest: int | None = None) -> WindowScore:
        """Score the raw posteriors (of the `newest` windows, or all) against the markers."""
        table = self.log.table(newest)
        times, labels = [time_s for time_s, _ in self._marks], [label for _, label in self._marks]
        length_s = (self.spec.window_samples - 1) / self.spec.fs_hz
        return score_windows(
            table.newest_s - length_s,
            table.newest_s,
            table.probabilities.argmax(axis=1),
            times,
            labels,
            self.labels,
            tolerance=0.5 / self.spec.fs_hz,
        )

    # -- the worker --------------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            self._last_sample_at = clock()
            while not self._stop.is_set():
                try:
                    chunks = self._connection.inlet.read(self._preprocessor.samples_to_next_frame, 0.1)
                except StreamError as exc:
                    self._lose(str(exc))
                    continue
                woken = clock()
                for chunk in chunks:
                    self._take(chunk, woken)
                self._watch(bool(chunks))
        except BaseException as exc:  # becomes visible state; raise_error() hands it on
            self.error = exc
            self._state = "failed"
            self._message = str(exc) if isinstance(exc, HanddtError) else f"{type(exc).__name__}: {exc}"
            self._rest()

    def _take(self, chunk: Chunk, woken: float) -> None:
        if chunk.gap_samples:
            self.gaps += 1
            self.samples_lost += chunk.gap_samples
            self._preprocessor.reset(skip_samples=chunk.gap_samples)
            self._decoder.reset()
        if self._first_sample_at is None:
            self._first_sample_at = woken
        self._last_sample_at = woken
        self.samples_received += len(chunk.samples)
        samples = chunk.samples[:, self._connection.order]
        if self._connection.to_uv != 1.0:
            samples = samples * np.float32(self._connection.to_uv)
        for frame in self._preprocessor.push(samples, chunk.times_s):
            self._decide(frame, woken)
        self._ring.push(self._preprocessor.filtered)

    def _decide(self, frame: FeatureFrame, woken: float) -> None:
        if self._forget.is_set():
            self._forget.clear()
            self._reader.reset()
        posterior = self._reader.judge(frame.maps)
        decision = self._decoder.step(posterior, frame.rms_uv, frame.index, frame.time_s)
        if self._on_decision is not None:
            self._on_decision(decision)
        now = clock()
        latency = now - (frame.time_s + self._connection.inlet.clock_correction_s)
        self.log.add(frame.time_s, frame.index, latency, now - woken, posterior.probabilities)
        self._decision, self._posterior, self._latent = decision, posterior.probabilities, posterior.latent
        self._rms = frame.rms_uv
        truth = self._marks[-1][1] if self._marks else None
        self._history.append(HistoryPoint(frame.time_s, decision.label, truth))
        self._reader.learn()

    def _watch(self, received: bool) -> None:
        """The slow things, done after the decision so that they delay none."""
        now = clock()
        if received and self._state != "running":
            self._state, self._message = "running", ""
        elif not received and self._state == "running" and now - self._last_sample_at > STALE_S:
            self._state, self._message = "stale", f"No samples for {STALE_S:g} s; the hand is told to rest."
            self._rest()
        if now - self._polled_at > MARKERS_S and self._connection.markers is not None:
            self._polled_at = now
            self._marks += self._connection.markers.poll()
        # Blending shared patterns takes 40 µs: picture and label are of the same window then. A decoder takes longer.
        pause_s = 0.0 if self.shared_pattern else EXPLAIN_S
        if now - self._explained_at > pause_s:
            self._explained_at = now
            self._paint()
        if now - self._slow_at > SLOW_S:
            self._slow_at = now
            self._connection.inlet.refresh_clock()
            self._latency_ms = self.latency_ms(newest=4096)
            if self._marks:
                score = self.score(newest=4096)
                self._accuracy = score.accuracy if score.windows else None

    def _paint(self) -> None:
        """The pattern component, from the smoothed probabilities, so that picture and decision agree."""
        if not self._explain or self._latent is None or self._decision is None:
            return
        probabilities = self._decision.probabilities
        if self._decision.label == REST and REST not in self.labels:  # rest that the level alone has called
            probabilities = np.zeros_like(probabilities)
        self._pattern = self.recognizer.pattern_grid(probabilities, self._latent)

    def _rest(self) -> None:
        """Nothing new is known: let go."""
        self._decoder.reset()
        if self._decision is not None:
            last = self._decision
            zero = np.zeros_like(last.probabilities)
            self._decision = Decision(REST, 0.0, zero, True, 0.0, last.index, last.time_s)
            if self._on_decision is not None:
                self._on_decision(self._decision)
        self._paint()

    def _lose(self, reason: str) -> None:
        if self._state != "lost":
            self._state = "lost"
            self._rest()
            if self._connection.markers is not None:  # what was still on its way belongs to the score
                self._marks += self._connection.markers.poll()
        self._message = reason + (" Waiting for it to come back." if self._reconnect else "")
        if self._reconnect is None:
            self._stop.wait(0.1)
            return
        self._stop.wait(RECONNECT_S)
        if self._stop.is_set():
            return
        try:
            connection = self._reconnect()
        except StreamError:
            return
        self._connection.close()
        self._connection = connection
        self.reconnections += 1
        # What was sent meanwhile is unknown, so it is a gap of unknown length: counted, but not as a number of samples.
        self.gaps += 1
        self._preprocessor.reset()
        self._decoder.reset()

    # -- what it shows -----------------------------------------------------------------------------------------

    def latency_ms(self, newest: int | None = None, *, compute: bool = False) -> dict[str, float]:
        """Percentiles in ms from a window's newest sample to its decision, or of the computing part alone.

        The first second is left out. Empty if nothing was decided after it.
        """
        table = self.log.table(newest)
        values = table.compute_s if compute else table.latency_s
        if len(values) and len(self.log) == len(values):
            # By the time of decision: what had piled up while the stream was opened is decided at once, and late.
            decided_s = table.newest_s + table.latency_s
            values = values[decided_s >= decided_s[0] + WARM_UP_S]
        if not len(values):
            return {}
        p50, p95, p99 = np.percentile(values, [50, 95, 99]) * 1e3
        return {
            "last": float(values[-1] * 1e3),
            "p50": float(p50),
            "p95": float(p95),
            "p99": float(p99),
            "max": float(values.max() * 1e3),
        }

    def snapshot(self, trace_channels: Sequence[int] | None = None, trace_seconds: float = 2.0) -> Snapshot:
        """A copy of what there is to show; cheap, any thread.

        Parameters
        ----------
        trace_channels
            Electrodes (in layout order) whose filtered signal is wanted.
        trace_seconds
            How much of it, at most 4 s.
        """
        traces = None
        if trace_channels is not None and len(trace_channels):
            # Every sample: leaving some out would fold EMG of up to 500 Hz into what is seen.
            traces = self._ring.latest(round(trace_seconds * self.spec.fs_hz), list(trace_channels))
        rms = self._rms
        return Snapshot(
            state=self._state,
            message=self._message,
            bundle_name=self.recognizer.bundle.manifest.name,
            stream_name=self.description.name,
            fs_hz=self.description.fs_hz,
            n_channels=self.layout.n_channels,
            provider=self.recognizer.provider,
            labels=self.labels,
            decision=self._decision,
            posterior=self._posterior,
            truth=self._marks[-1][1] if self._marks else None,
            rms_grid=None if rms is None else self.layout.to_grid(rms, fill=np.nan),
            pattern_grid=self._pattern,
            traces=traces,
            trace_channels=tuple(trace_channels or ()),
            trace_names=tuple(self.layout.channels[k] for k in trace_channels or ()),
            trace_fs_hz=self.spec.fs_hz,
            history=tuple(self._history),
            seconds=self.seconds,
            samples_expected=self.samples_received + self.samples_lost,
            samples_received=self.samples_received,
            samples_lost=self.samples_lost,
            gaps=self.gaps,
            windows=len(self.log),
            latency_ms=self._latency_ms,
            accuracy=self._accuracy,
            learnt_s=self.learnt_s,
        )
