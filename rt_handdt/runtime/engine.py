"""The live engine: one worker thread from stream to decision, and a watchdog beside it."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.metrics import WindowScore, score_windows
from rt_handdt.core.types import Chunk, Decision, FeatureFrame, Float32, Remark
from rt_handdt.errors import HanddtError, StreamError, sentence_of
from rt_handdt.infer.classifier import StreamClassifier, electrode
from rt_handdt.io.lsl import MarkerInlet, clock
from rt_handdt.runtime.connect import Connection
from rt_handdt.runtime.electrode_notes import ElectrodeNotes
from rt_handdt.runtime.figures import latency_ms, stage_histogram
from rt_handdt.runtime.limits import LiveLimits
from rt_handdt.runtime.output_switch import OutputSwitch, Told
from rt_handdt.runtime.pace import Pace
from rt_handdt.runtime.priority import ask_for_priority
from rt_handdt.runtime.publisher import Publisher
from rt_handdt.runtime.shown import Shown
from rt_handdt.runtime.snapshot import Snapshot
from rt_handdt.runtime.status import State, Status
from rt_handdt.runtime.stream_notes import StreamNotes
from rt_handdt.runtime.tap import Tap
from rt_handdt.runtime.watchdog import Vitals, Watchdog
from rt_handdt.runtime.windowlog import WindowLog

SLOW_S = 0.5
MARKERS_S = 0.05
RECONNECT_S = 0.1
#: The worker catches up until the newest sample is no older than this share of the limit: else it would go on at the
#: limit's edge.
CAUGHT_UP = 1 / 3
#: What a source still had is counted for at most so long; one that makes samples at once has no end of them.
COUNT_S = 0.2


class Engine:
    """Owns the worker thread that turns a stream into decisions.

    The worker asks for exactly the samples that complete the next window and decides as soon as they are there. What
    feeds the filters is never dropped; windows that have become too old to act on are passed over and counted. What it
    shows of itself is a copy (`snapshot`).

    Parameters
    ----------
    classifier
        The model, calibrated if it shall be; one that was in use before goes on with what it learnt.
    connection
        A stream that fits it.
    reconnect
        Called after the stream was lost, again and again, until it returns a connection; it raises `HanddtError` while
        the source is away, and its text says what is there instead. None: a lost stream stays lost.
    on_decision
        Called with every decision, on the worker's or the watchdog's thread, one at a time; must be quick.
    explain
        Whether to compute the pattern component for display (of each window; ten times a second where the bundle's
        explainer is a decoder).
    priority
        The process is the engine's own: ask the system to run the worker before other work (what became of it is in
        `real_time`), and keep the garbage collector away from what is there at the start.
    limits
        When the hand is told to rest.
    hub
        The sinks, opened; they are told all that the hand is told, and closed when the engine is stopped.
    outputs
        Whether they are from the start; False: they are told rest until `set_outputs`.
    tap
        Records all that comes and all that is told; closed when the engine is stopped.
    """

    def __init__(
        self,
        classifier: StreamClassifier,
        connection: Connection,
        *,
        reconnect: Callable[[], Connection] | None = None,
        on_decision: Callable[[Decision], None] | None = None,
        explain: bool = False,
        priority: bool = False,
        limits: LiveLimits | None = None,
        hub: Told | None = None,
        outputs: bool = True,
        tap: Tap | None = None,
    ) -> None:
        self.classifier = classifier
        self.recognizer = classifier.reader.recognizer
        self.spec = classifier.spec
        self.layout: ElectrodeLayout = self.spec.layout
        self.labels = classifier.labels
        self.limits = limits or LiveLimits()
        self.description = connection.inlet.describe()
        self.shared_pattern = self.recognizer.shared is not None
        self.error: BaseException | None = None
        self.log = WindowLog(len(self.labels))
        self.samples_received = 0
        self._lost = 0
        self.samples_unread = 0
        self._gaps = 0
        self.bridged = 0
        self.reconnections = 0
        self.windows_skipped = 0
        self.windows_refused: dict[str, int] = {}
        self.stream_notes = StreamNotes()
        self.electrodes = ElectrodeNotes(self.layout, classifier.bad)
        self._connection = connection
        self._hub = None if hub is None else OutputSwitch(hub, on=outputs)
        self._tap = tap
        self._reconnect = reconnect
        self._shown = Shown(classifier, explain=explain)
        self._priority = priority
        self.real_time = False
        self._forget = threading.Event()
        #: Electrodes that the user calls bad; what the worker has taken over of it.
        self._called_bad = self._taken_bad = self.electrodes.known
        self._marks: list[tuple[float, str]] = []
        self._publisher = Publisher(len(self.labels), self.limits.max_age_s, on_decision, self._told())
        self._publisher.say(
            Status(State.CONNECTING, "connecting", f"Waiting for samples from '{self.description.name}'.")
        )
        self._vitals = Vitals()
        self._watchdog = Watchdog(self._vitals, self._publisher, self.limits, self._break)
        self._pace = Pace(classifier, self._vitals)
        self._catching_up = False
        self._first_sample_at: float | None = None  # this computer's clock
        self._last_sample_at = 0.0
        self._polled_at = self._slow_at = 0.0
        self._health: dict[str, Any] = {}
        self._stop = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._work, name="handdt-engine", daemon=True)

    # -- control (any thread) ----------------------------------------------------------------------------------

    def _told(self) -> Callable[[Decision, Status, float], None] | None:
        hub, tap = self._hub, self._tap
        if hub is None or tap is None:
            return hub.tell if hub is not None else tap.told if tap is not None else None

        def both(decision: Decision, status: Status, sampled_s: float) -> None:
            hub.tell(decision, status, sampled_s)
            tap.told(decision, status, sampled_s)

        return both

    def start(self) -> None:
        """Start the worker and its watchdog."""
        if self._priority:
            # Start-up leaves many long-lived objects; a full collection over them would stall a window by several ms.
            gc.collect()
            gc.freeze()
        self._thread.start()
        self._watchdog.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Let the hand rest, stop the worker and disconnect; a second time, nothing. Does not raise the worker's error
        (see `raise_error`).

        Parameters
        ----------
        timeout_s
            How long a worker that is busy (or looks for a lost source) is waited for.
        """
        if self._ended:
            return
        self._ended = True
        self._stop.set()
        self._watchdog.stop()
        if self._thread.is_alive():
            self._thread.join(timeout=timeout_s)
        with ExitStack() as last:  # from the last line to the first, whatever one of them raises
            if self._priority:
                last.callback(gc.unfreeze)
            if self._tap is not None:
                last.callback(self._tap.close)
            if not self._thread.is_alive():  # else the worker may still be using it; it is a daemon and ends with us
                last.callback(self._leave_source)
            if self._hub is not None:
                last.callback(self._hub.close)
            if self.state != State.FAILED:
                self._publisher.rest(Status(State.STOPPED, "stopped"))

    @property
    def ended(self) -> bool:
        """Whether `stop` was called."""
        return self._ended

    @property
    def outputs(self) -> bool | None:
        """Whether sinks are told decisions, or rest; None without sinks."""
        return None if self._hub is None else self._hub.on

    def set_outputs(self, on: bool) -> None:
        """Switch the sinks: off, their receivers rest, whatever is decided."""
        if self._hub is not None:
            self._hub.turn(on)

    def forget_person(self) -> None:
        """Somebody else is at the electrodes, or they were moved: learn anew from the next window on."""
        self._forget.set()

    def set_bad(self, names: Sequence[str]) -> None:
        """Do without these electrodes, and no others but those found to be bad, from the next window on.

        Raises
        ------
        ConfigError
            If one of them is unknown; nothing is changed then.
        """
        for name in names:
            electrode(name, self.layout.channels)
        self._called_bad = tuple(names)

    def raise_error(self) -> None:
        """Raise what stopped the worker, if anything did."""
        if self.error is not None:
            raise self.error

    @property
    def status(self) -> Status:
        """State, code and sentence."""
        return self._publisher.status

    @property
    def state(self) -> State:
        """See `rt_handdt.runtime.status`."""
        return self._publisher.status.state

    @property
    def decision(self) -> Decision | None:
        """What the hand was last told; None before the first decision."""
        return self._publisher.decision

    @property
    def seconds_in(self) -> dict[State, float]:
        """How long each state has lasted, s."""
        return self._publisher.seconds_in()

    @property
    def windows_given(self) -> int:
        """Windows whose decisions left the engine."""
        return self._publisher.given

    @property
    def windows_late(self) -> int:
        """Windows that were decided, and then too old to act on: not given."""
        return self._publisher.late

    @property
    def markers(self) -> tuple[tuple[float, str], ...]:
        """Markers so far: (time in the sender's clock, label)."""
        return tuple(self._marks)

    @property
    def truth(self) -> str | None:
        """The newest marker's label; None without a marker."""
        return self._marks[-1][1] if self._marks else None

    @property
    def samples_lost(self) -> int:
        """Samples that were sent and did not come; less those that seemed so, of a source slower than it says."""
        return self._lost - self._connection.timeline.taken_back

    @property
    def gaps(self) -> int:
        """Places where samples were lost, or a source was away."""
        return self._gaps - self._connection.timeline.gaps_taken_back

    @property
    def missing_values(self) -> int:
        """Single values that came as NaN (an amplifier's "missing") and were held at the channel's last good one."""
        return self.classifier.missing_values

    @property
    def has_markers(self) -> bool:
        """Whether the signal has a marker stream."""
        return self._connection.markers is not None or bool(self._marks)

    @property
    def measured_hz(self) -> float | None:
        """The rate at which samples really come; None while unknown."""
        return self._connection.timeline.measured_hz

    @property
    def sinks(self) -> list[dict[str, Any]]:
        """What became of the messages to each sink (see `SinkWorker.report`)."""
        return [] if self._hub is None else self._hub.report()

    @property
    def recording(self) -> dict[str, Any] | None:
        """What is recorded so far; None: nothing is."""
        return None if self._tap is None else self._tap.report()

    @property
    def learnt_s(self) -> float | None:
        """Seconds of signal from which the person was learnt; None if nothing is learnt."""
        return self.classifier.learnt_s

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
        newest_s, predicted = self.log.decided(newest)
        times, labels = [time_s for time_s, _ in self._marks], [label for _, label in self._marks]
        fs_hz = self.spec.fs_hz * self.description.speed
        length_s = (self.spec.window_samples - 1) / fs_hz
        return score_windows(
            newest_s - length_s,
            newest_s,
            predicted,
            times,
            labels,
            self.labels,
            tolerance=0.5 / fs_hz,
        )

    # -- the worker --------------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            self.real_time = self._priority and ask_for_priority()
            self._last_sample_at = clock()
            while not self._stop.is_set():
                try:
                    chunks = self._pace.read(self._connection.inlet, catching_up=self._catching_up)
                except StreamError as exc:
                    self._lose(str(exc))
                    continue
                woken = clock()
                self._vitals.busy_s = woken
                for chunk in chunks:
                    self._take(chunk, woken)
                self._look_after(clock())
                self._vitals.busy_s = 0.0
            self._note_stream()  # what was noticed since the last look belongs to the report
        except BaseException as exc:  # becomes visible state; raise_error() hands it on
            self._break(exc)

    def _break(self, exc: BaseException) -> None:
        self.error = exc
        sentence = sentence_of(exc)
        self._stop.set()
        try:
            self._publisher.rest(Status(State.FAILED, "failed", sentence))
        except BaseException:  # what broke may be the very thing that tells the hand
            self._publisher.say(Status(State.FAILED, "failed", sentence))

    def _take(self, chunk: Chunk, woken: float) -> None:
        vitals = self._vitals
        called = self._called_bad
        if called is not self._taken_bad:
            self._taken_bad = called
            self.classifier.set_bad(called)
            self.electrodes.call_bad(self.classifier.bad)
            self._changed(float(chunk.times_s[0]) + chunk.offset_s, called_bad=list(called))
        age_s = woken - (float(chunk.times_s[-1]) + chunk.offset_s)
        vitals.age_s = age_s
        if self._first_sample_at is None:
            self._first_sample_at = woken
            self._publisher.say(Status(State.CONNECTING, "first_window", "The first window fills."))
        if age_s <= self.limits.max_age_s:
            if woken - vitals.fresh_s > self.limits.silence_s:
                vitals.decided_s = max(vitals.decided_s, woken)  # a first window after silence has its time again
            vitals.fresh_s = woken
        vitals.arrived_s = self._last_sample_at = woken
        if self._tap is not None:
            self._tap.signal(chunk)
        if chunk.gap_samples:
            self._gaps += 1
            self._lost += chunk.gap_samples
            if self.classifier.gap(chunk.gap_samples):
                self.bridged += 1
            else:
                vitals.restarts = (*vitals.restarts[-15:], woken)
        self.samples_received += len(chunk.samples)
        frames = self.classifier.windows(self._connection.microvolts(chunk), chunk.times_s)
        for frame in frames:
            self._decide(frame, frame.time_s + chunk.offset_s, woken)
        self._pace.completed(len(frames), woken)
        # The decision is out: now there is time for the signal's quality. Asked for here, on the one thread that may.
        self.electrodes.quality = self.classifier.quality
        self._shown.signal(self.classifier.filtered)

    def _decide(self, frame: FeatureFrame, sampled_s: float, woken: float) -> None:
        if self._forget.is_set():
            self._forget.clear()
            self.classifier.reset_subject()
            self._changed(sampled_s, reset_subject=True)
        self.electrodes.note(frame)
        fault = frame.fault or self._connection.timeline.fault
        self._vitals.refused = fault is not None
        if fault is not None:
            self._refuse(fault)
            return
        began = clock()
        if self._too_old(began - sampled_s):
            self.windows_skipped += 1
            return
        posterior = self.classifier.judge(frame)
        judged = clock()
        decision = self.classifier.decide(frame, posterior)
        decoded = clock()
        if self._publisher.give(decision, sampled_s):
            self._vitals.decided_s = decoded
        now = clock()
        arrival_s = woken - sampled_s if self._connection.timeline.same_clock else float("nan")
        # Where a packet completes several windows, the later ones wait for the earlier: part of their features' time.
        stages = (arrival_s, began - woken, judged - began, decoded - judged, now - decoded)
        self.log.add(frame.time_s, frame.index, stages, posterior.probabilities)
        self._shown.window(posterior, decision, frame.rms_uv, self.truth)
        self.classifier.learn()
        self.log.learnt(clock() - now)

    def _too_old(self, age_s: float) -> bool:
        """Whether a window is to be passed over; once one is, so are all until the newest samples are near."""
        newest_s = self._vitals.age_s
        if age_s > self.limits.max_age_s:
            self._catching_up = True
            # A long packet begins with old samples and ends with fresh ones; here the newest there are are old.
            if newest_s > self.limits.max_age_s:
                self.classifier.pass_over()  # what it would smooth over lies in the past
                self._publisher.rest(
                    Status(
                        State.BEHIND,
                        "old_samples",
                        f"Samples are {newest_s:.2f} s old when they are reached (at most {self.limits.max_age_s:g} s "
                        "are acted on); the engine catches up, and the hand rests.",
                    )
                )
        elif newest_s <= CAUGHT_UP * self.limits.max_age_s:
            self._catching_up = False
        return self._catching_up

    def _refuse(self, fault: Remark) -> None:
        """A window of something that is no EMG: the hand rests, and nothing is learnt from it."""
        self.windows_refused[fault.code] = self.windows_refused.get(fault.code, 0) + 1
        self.classifier.pass_over()
        self._shown.nothing()
        self._publisher.rest(Status(State.BAD_SIGNAL, fault.code, fault.sentence))

    def _look_after(self, now: float) -> None:
        """The slow things, done after the decision so that they delay none."""
        if now - self._polled_at > MARKERS_S and self._connection.markers is not None:
            self._polled_at = now
            self._take_markers(self._connection.markers)
        self._shown.paint(self._publisher.decision, now)
        if now - self._slow_at > SLOW_S:
            self._slow_at = now
            self._note_stream()
            self._note_health()
            table = self.log.table(4096)
            whole = len(self.log) == len(table.index)
            self._shown.latency_ms = latency_ms(table, whole=whole)
            self._shown.stages = stage_histogram(table, whole=whole) if self.stream_notes.same_clock else None
            if self._marks and self.stream_notes.same_clock:
                score = self.score(newest=4096)
                self._shown.accuracy = score.accuracy if score.windows else None

    def _take_markers(self, inlet: MarkerInlet) -> None:
        found = inlet.poll()
        self._marks += found
        if self._tap is not None:
            self._tap.markers(found)

    def _changed(self, since_s: float, **what: Any) -> None:
        """For the recording: something is otherwise from a sample on, so that the run can be decided again."""
        if self._tap is not None:
            self._tap.event(since=since_s, **what)

    def _note_health(self) -> None:
        """For the recording, what is not in the decisions: where it has changed."""
        if self._tap is None:
            return
        health = {"bad": self.electrodes.bad, "lost": self.samples_lost, "gaps": self.gaps}
        health["remarks"] = [remark.code for remark in self.stream_notes.remarks]
        if health != self._health:
            self._health = health
            self._tap.event(**health)

    def _note_stream(self) -> None:
        if self._vitals.arrived_s:  # before that the judge of its time has judged nothing
            self.stream_notes.note(self._connection.timeline)

    def _lose(self, reason: str) -> None:
        self._vitals.busy_s = 0.0
        if not self._vitals.away:
            self._vitals.away = True
            self._note_stream()
            self.classifier.pass_over()
            if self._connection.markers is not None:  # what was still on its way belongs to the score
                self._take_markers(self._connection.markers)
            waiting = " Waiting for it to come back; the hand rests." if self._reconnect else " The hand rests."
            self._publisher.rest(Status(State.LOST, "lost", reason + waiting))
            self._shown.paint(self._publisher.decision)
        if self._reconnect is None:
            self._stop.wait(0.1)
            return
        self._stop.wait(RECONNECT_S)
        if self._stop.is_set():
            return
        try:
            connection = self._reconnect()
        except HanddtError as exc:
            self._publisher.say(Status(State.LOST, "lost", f"{reason} {exc} The hand rests."))
            return
        self._connection.close()
        self._lost, self._gaps, self._connection = self.samples_lost, self.gaps, connection
        self.description = connection.inlet.describe()
        if self._tap is not None:
            self._tap.source(self.description)
        self.reconnections += 1
        if not connection.same_source:  # taken by the user's leave: what was learnt was another's
            self.classifier.reset_subject()
            self._changed(clock(), reset_subject=True)
        # What was sent meanwhile is unknown, so it is a gap of unknown length: counted, but not as a number of samples.
        self._gaps += 1
        self.classifier.gap()
        self._catching_up = False
        self._pace.forget()
        self._vitals.arrived_s = self._vitals.fresh_s = 0.0
        self._vitals.away = False
        self._publisher.say(Status(State.CONNECTING, "first_window", "The source is back; the first window fills."))

    def _leave_source(self) -> None:
        """Count what it still had, and disconnect; of a source of somebody else's making, anything can go wrong."""
        for last in (
            (self._connection.close,) if self.error is not None else (self._count_unread, self._connection.close)
        ):
            try:
                last()
            except Exception as exc:
                self.error = self.error or exc

    def _count_unread(self) -> None:
        until_s = clock() + COUNT_S
        try:
            while clock() < until_s and (chunks := self._connection.inlet.read(round(self.spec.fs_hz), 0.0)):
                for chunk in chunks:
                    self.samples_unread += len(chunk.samples)
                    if chunk.gap_samples:
                        self._gaps += 1
                        self._lost += chunk.gap_samples
        except StreamError:
            pass  # the source has ended too

    # -- what it shows -----------------------------------------------------------------------------------------

    def latency_ms(self, newest: int | None = None, *, compute: bool = False) -> dict[str, float]:
        """Percentiles in ms from a window's newest sample to its decision, or of the computing part alone.

        The first second is left out. Empty if nothing was decided after it, or while the sender's clock is another one.
        """
        table = self.log.table(newest)
        return latency_ms(table, whole=len(self.log) == len(table.index), compute=compute)

    def snapshot(self, trace_channels: Sequence[int] | None = None, trace_seconds: float = 2.0) -> Snapshot:
        """A copy of what there is to show; cheap, any thread.

        Parameters
        ----------
        trace_channels
            Electrodes (in layout order) whose filtered signal is wanted.
        trace_seconds
            How much of it, at most 4 s.
        """
        return self._shown.snapshot(self, trace_channels, trace_seconds)

    def signal_since(self, number: int) -> tuple[int, Float32]:
        """The filtered signal that came after the first `number` samples, at most 4 s of it; any thread.

        Returns
        -------
        came, samples
            How many samples came until now; (n, n_channels) in layout order, µV, newest last.
        """
        return self._shown.signal_since(number)
