"""What the engine shows of itself at one moment: the only thing that a view may read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from rt_handdt.core.types import Decision, Float32
from rt_handdt.runtime.status import State


class HistoryPoint(NamedTuple):
    """One past decision and what was asked for at the time.

    Attributes
    ----------
    time_s
        LSL time of the window's newest sample.
    label
        The gesture decided.
    truth
        The newest marker's label at that time; None without a marker stream.
    """

    time_s: float
    label: str
    truth: str | None


class SinkShown(NamedTuple):
    """What became of the messages to one sink so far (see `rt_handdt.runtime.sink_worker.SinkWorker`).

    Attributes
    ----------
    name
        As the user asked for it.
    state
        ``"open"``, ``"failed"``, ``"closed"``, ``"stuck"``, or why nobody takes them, in a few words (``"no page is
        open"``).
    told, sent, skipped, dropped, untaken, waiting
        Messages; the first is the sum of the others.
    failures
        How often it has failed.
    why
        What was wrong the last time; empty while it has never failed.
    """

    name: str
    state: str
    told: int = 0
    sent: int = 0
    skipped: int = 0
    dropped: int = 0
    untaken: int = 0
    waiting: int = 0
    failures: int = 0
    why: str = ""

    @property
    def well(self) -> bool:
        """Whether the newest message was taken."""
        return self.state == "open"


@dataclass(frozen=True)
class Snapshot:
    """The engine's state, its newest results and its counters. The defaults are those of an engine still connecting.

    Attributes
    ----------
    state
        See `rt_handdt.runtime.status.State`: ``"connecting"``, ``"running"``, ``"behind"``, ``"no_signal"``, …
    code
        Why the engine is in that state, for programs; the state's own name where there is nothing to add.
    message
        One sentence for the status line; empty when all is well.
    bundle_name, stream_name, provider
        The model, the LSL stream and the ONNX Runtime provider in use; empty while unknown.
    fs_hz, n_channels
        Rate of the stream, and its electrodes (without a counter channel); 0 while unknown.
    labels
        The K gestures, in the order of the model's outputs.
    dofs
        The two degrees of freedom whose velocities decisions carry; empty where they carry none.
    decision
        The newest decision, if there is one.
    posterior
        Shape (K,): the newest window's raw probabilities.
    truth
        The newest marker's label; None without a marker stream.
    rms_grid
        Shape (H, W), µV: RMS of the newest window; NaN in empty cells.
    pattern_grid
        Shape (H, W), NaN in empty cells: the pattern component (`Recognizer.pattern_grid`); None if it is not computed.
    bad_electrodes
        The electrodes that are rebuilt from their neighbours, and what is wrong with each.
    excluded
        Those that the user has called bad.
    traces
        Shape (n, n_shown), µV: filtered signal of the channels asked for, newest last.
    trace_channels, trace_names
        Which channels those are, and what they are called.
    trace_fs_hz
        Rate of `traces`, in Hz.
    history
        The decisions of at least the last 10 s, oldest first: of those that agree the first and the newest.
    seconds
        Time since the first sample, in s.
    samples_expected, samples_received, samples_lost, gaps
        Counted since the first sample.
    windows, windows_skipped
        Windows decided so far.
    latency_ms
        Push to decision: ``"last"``, ``"p50"``, ``"p95"``, ``"p99"``, ``"max"``, in ms; empty before the first.
    stages
        Shape (n_bins, n_stages): how long decisions took of late, and in which stage
        (`rt_handdt.runtime.figures.stage_histogram`); None before the first.
    accuracy
        Share of right raw decisions among the windows that lie inside one marker segment; None without markers.
    learnt_s
        Seconds of signal from which the person was learnt; None if the model learns nothing live.
    outputs
        Whether sinks are told the decisions, or rest; None without sinks.
    recording
        The file that is recorded; empty: none.
    sinks
        What became of the messages to each sink, in the order in which they were asked for; up to .3 s old.
    """

    state: State = State.CONNECTING
    code: str = "connecting"
    message: str = ""
    bundle_name: str = ""
    stream_name: str = ""
    fs_hz: float = 0.0
    n_channels: int = 0
    provider: str = ""
    labels: tuple[str, ...] = ()
    dofs: tuple[str, ...] = ()
    decision: Decision | None = None
    posterior: Float32 | None = None
    truth: str | None = None
    rms_grid: Float32 | None = None
    pattern_grid: Float32 | None = None
    bad_electrodes: dict[str, str] = field(default_factory=dict)
    excluded: tuple[str, ...] = ()
    traces: Float32 | None = None
    trace_channels: tuple[int, ...] = ()
    trace_names: tuple[str, ...] = ()
    trace_fs_hz: float = 0.0
    history: tuple[HistoryPoint, ...] = ()
    seconds: float = 0.0
    samples_expected: int = 0
    samples_received: int = 0
    samples_lost: int = 0
    gaps: int = 0
    windows: int = 0
    windows_skipped: int = 0
    latency_ms: dict[str, float] = field(default_factory=dict)
    stages: Float32 | None = None
    accuracy: float | None = None
    learnt_s: float | None = None
    outputs: bool | None = None
    recording: str = ""
    sinks: tuple[SinkShown, ...] = ()
