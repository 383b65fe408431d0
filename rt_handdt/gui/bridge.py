"""From a snapshot to what the window shows: texts, colours and levels, worked out without Qt."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rt_handdt.core.gestures import REST, title
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.pose import Pose
from rt_handdt.core.poses import shipped_poses
from rt_handdt.core.types import Decision, Float32
from rt_handdt.gui import theme
from rt_handdt.gui.health import AILING, SLOW_MS, Health
from rt_handdt.gui.pattern_style import PatternStyle, pattern_style
from rt_handdt.gui.scale import Scale
from rt_handdt.gui.state_history import StateHistory, Stretch
from rt_handdt.runtime.driven_pose import DrivenPose
from rt_handdt.runtime.snapshot import HistoryPoint, Snapshot
from rt_handdt.runtime.status import State, state_title
from rt_handdt.runtime.windowlog import STAGES

NONE = "–"
WAITING = "Waiting for signal"
HISTORY_S = 10.0

_PROVIDERS = {"CPUExecutionProvider": "CPU", "CUDAExecutionProvider": "CUDA", "TensorrtExecutionProvider": "TensorRT"}


@dataclass(frozen=True, slots=True)
class Headline:
    """The decided gesture.

    Attributes
    ----------
    text, colour
        The gesture as people read it, and its class colour.
    note
        What to know about it ("held: no gesture is likely enough"); may be empty.
    confidence, level
        0..1 and 0..1 (clipped), or None where there is no decision.
    live
        False if the decision is old: it is then shown dimmed, so that nobody acts on it.
    label
        The gesture's; empty where there is no decision.
    pose
        Where velocities have driven the hand; None where gestures move it.
    """

    text: str
    colour: str
    note: str
    confidence: float | None
    level: float | None
    live: bool
    label: str = ""
    pose: Pose | None = None


@dataclass(frozen=True, slots=True)
class Cue:
    """The gesture that was asked for; `verdict` is ``"Match"``, ``"Mismatch"`` or empty."""

    text: str
    verdict: str
    colour: str


@dataclass(frozen=True, slots=True)
class Bars:
    """Probabilities in the model's order; `current` is the decided class, or -1."""

    smoothed: tuple[float, ...]
    raw: tuple[float, ...]
    current: int
    live: bool


@dataclass(frozen=True, slots=True)
class Stat:
    """One figure of the status bar, with its tone (a colour), what else is to be known of it, and perhaps a histogram:
    for each bin the share of each part of it, 1 for the highest."""

    caption: str
    value: str
    tone: str
    detail: str = ""
    bars: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Band:
    """One stretch of the strip, and the colour of its text; times in s before now (0 = now)."""

    start_s: float
    end_s: float
    text: str
    colour: str
    ink: str


@dataclass(frozen=True, slots=True)
class Strip:
    """The last seconds: what was cued, what was decided, and in which state, where that says more than "running"."""

    cued: tuple[Band, ...]
    decided: tuple[Band, ...]
    states: tuple[Band, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """Everything the window shows, except the arrays, which it takes from the snapshot as they are.

    `live` is False if nothing new comes; every picture is then dimmed.
    """

    state: str
    state_colour: str
    message: str
    message_colour: str
    model: str
    clock: str
    headline: Headline
    cue: Cue
    bars: Bars
    stats: tuple[Stat, ...]
    strip: Strip
    rms_max_uv: float
    pattern_range: tuple[float, float]
    live: bool


class Presenter:
    """Turns snapshots into views. Its only state are the display scales, which must not jump from frame to frame.

    Parameters
    ----------
    labels
        The model's gestures, in the order of its outputs.
    style
        Of the pattern component; by default that of shared patterns.
    now
        Seconds that never go back; read for what goes on when a stream does not.
    reject_below
        The decoder's threshold; None: not known.
    """

    def __init__(
        self,
        labels: Sequence[str],
        style: PatternStyle | None = None,
        now: Callable[[], float] = time.monotonic,
        *,
        reject_below: float | None = None,
    ) -> None:
        self.labels = tuple(labels)
        self.titles = tuple(title(label) for label in self.labels)
        self.colours = theme.class_colours(self.labels)
        self._colour_of = dict(zip(self.labels, self.colours, strict=True))
        self._ink_of = {label: theme.ink(tone) for label, tone in self._colour_of.items()}
        self._rms = Scale(floor=20.0)
        self.style = style or pattern_style(shared=True)
        self._pattern = Scale(floor=0.5)
        self._seconds = 0.0
        self._states = StateHistory(HISTORY_S, now)
        self._health = Health(now)
        self._driven = DrivenPose(shipped_poses())
        self._reject_below = reject_below

    def view(self, snapshot: Snapshot) -> View:
        """What to show of `snapshot`."""
        elapsed_s = max(snapshot.seconds - self._seconds, 0.0)
        self._seconds = snapshot.seconds
        live = snapshot.state == State.RUNNING
        still_s = self._states.note(snapshot)
        ailing = self._health.sentence(snapshot)
        state_colour = theme.STATE_COLOURS.get(snapshot.state, theme.MUTED)
        return View(
            state=state_title(snapshot.state),
            state_colour=state_colour,
            # Why the hand rests is never pushed out of sight by a figure.
            message=" · ".join(part for part in (ailing, snapshot.message) if part) if live else snapshot.message,
            message_colour=theme.WARN if live else state_colour,
            model=snapshot.bundle_name or NONE,
            clock=clock(snapshot.seconds),
            headline=self._headline(snapshot, live, self._pose(snapshot, elapsed_s)),
            cue=self._cue(snapshot, live),
            bars=self._bars(snapshot, live),
            stats=stats(snapshot),
            strip=self._strip(snapshot.history, still_s),
            rms_max_uv=self._rms.update(_peak(snapshot.rms_grid, 99.0), elapsed_s),
            pattern_range=self._pattern_range(snapshot, elapsed_s),
            live=live,
        )

    def look_away(self) -> None:
        """The display is held from now to the next view."""
        self._states.look_away()

    def _pattern_range(self, snapshot: Snapshot, elapsed_s: float) -> tuple[float, float]:
        style = self.style
        high = style.high or self._pattern.update(_peak(snapshot.pattern_grid, 99.0), elapsed_s)
        return (-high if style.signed else 0.0, high)

    def _pose(self, snapshot: Snapshot, elapsed_s: float) -> Pose | None:
        """Where velocities have driven the hand, as the virtual hand shows it; None where decisions carry none."""
        decision = snapshot.decision
        if not snapshot.dofs or decision is None or decision.velocities is None:
            return None
        return self._driven.drive(dict(zip(snapshot.dofs, decision.velocities, strict=True)), elapsed_s)

    def _why_none(self, decision: Decision) -> str:
        """Why a decision that rests is no command: what is likely enough and refused all the same was strange."""
        known = self._reject_below
        if known is not None and float(decision.probabilities.max()) >= known:
            return "No command: perhaps no gesture that is known"
        return "No command: no gesture is likely enough"

    def _headline(self, snapshot: Snapshot, live: bool, pose: Pose | None) -> Headline:
        decision = snapshot.decision
        if decision is None:
            text = WAITING if snapshot.state in (State.CONNECTING, State.RUNNING) else "No decision"
            return Headline(text, theme.FAINT, "", None, None, live=False)
        note = ""
        if not live:
            note = "The hand is told to rest" if decision.reason else "Last decision, not live"
        elif decision.rejected:
            resting = decision.label == REST
            note = self._why_none(decision) if resting else "Unsure: the last gesture is held"
        return Headline(
            text=title(decision.label),
            colour=self._colour_of.get(decision.label, theme.MUTED) if live else theme.FAINT,
            note=note,
            confidence=_unit(decision.confidence),
            level=_unit(decision.level),
            live=live,
            label=decision.label,
            pose=pose,
        )

    def _cue(self, snapshot: Snapshot, live: bool) -> Cue:
        if snapshot.truth is None:
            return Cue(NONE, "", theme.MUTED)
        text = title(snapshot.truth)
        # A cue outside the model's gestures ("transition") can neither be met nor missed.
        if snapshot.decision is None or not live or snapshot.truth not in self._colour_of:
            return Cue(text, "", theme.MUTED)
        if snapshot.decision.label == snapshot.truth:
            return Cue(text, "Match", theme.GOOD)
        return Cue(text, "Mismatch", theme.BAD)

    def _bars(self, snapshot: Snapshot, live: bool) -> Bars:
        nothing = (0.0,) * len(self.labels)
        decision, posterior = snapshot.decision, snapshot.posterior
        smoothed = nothing if decision is None else _row(decision.probabilities, len(self.labels))
        raw = nothing if posterior is None else _row(posterior, len(self.labels))
        current = self.labels.index(decision.label) if decision and decision.label in self._colour_of else -1
        return Bars(smoothed, raw, current, live)

    def _strip(self, history: Sequence[HistoryPoint], still_s: float) -> Strip:
        """The lanes; `still_s` after the newest decision, which is not drawn out to now: nobody decided since."""
        states = tuple(self._state_band(stretch) for stretch in self._states.stretches())
        if not history or still_s >= HISTORY_S:
            return Strip((), (), states)
        now_s = history[-1][0] + still_s
        recent = [point for point in history if point[0] >= now_s - HISTORY_S]
        if len(recent) < len(history):  # what had begun before goes on at the left edge
            recent.insert(0, history[-len(recent) - 1]._replace(time_s=now_s - HISTORY_S))
        return Strip(
            cued=self._bands([(time_s - now_s, truth) for time_s, _, truth in recent], -still_s),
            decided=self._bands([(time_s - now_s, label) for time_s, label, _ in recent], -still_s),
            states=states,
        )

    @staticmethod
    def _state_band(stretch: Stretch) -> Band:
        tone = theme.WARN if stretch.state == State.RUNNING else theme.STATE_COLOURS.get(stretch.state, theme.MUTED)
        return Band(stretch.start_s, stretch.end_s, stretch.word, tone, theme.ink(tone))

    def _bands(self, points: Sequence[tuple[float, str | None]], last_s: float) -> tuple[Band, ...]:
        """Join equal neighbours; each band reaches to the start of the next, and the newest to `last_s`."""
        runs: list[tuple[float, str | None]] = []
        for time_s, label in points:
            if not runs or label != runs[-1][1]:
                runs.append((time_s, label))
        ends = [start_s for start_s, _ in runs[1:]] + [last_s]
        return tuple(
            Band(
                start_s,
                end_s,
                title(label),
                self._colour_of.get(label, theme.FAINT),
                self._ink_of.get(label, theme.TEXT),
            )
            for (start_s, label), end_s in zip(runs, ends, strict=True)
            if label is not None
        )


def stats(snapshot: Snapshot) -> tuple[Stat, ...]:
    """The figures of the status bar; the same captions in the same order for every snapshot."""
    known = snapshot.n_channels > 0
    lost = snapshot.samples_lost + snapshot.gaps > 0
    latency = snapshot.latency_ms
    slow = latency.get("p99", 0.0) > SLOW_MS
    return (
        Stat("Stream", snapshot.stream_name or NONE, theme.TEXT, snapshot.stream_name),  # names may be long
        Stat("Channels × rate", f"{snapshot.n_channels} × {snapshot.fs_hz:,.0f} Hz" if known else NONE, theme.TEXT),
        Stat(
            "Provider",
            _PROVIDERS.get(snapshot.provider, snapshot.provider.removesuffix("ExecutionProvider")) or NONE,
            theme.TEXT,
        ),
        _told(snapshot),
        Stat("Lost / gaps", f"{snapshot.samples_lost:,} / {snapshot.gaps:,}", theme.WARN if lost else theme.TEXT),
        Stat("Windows / old", *_windows(snapshot)),
        Stat("Learnt of you", NONE if snapshot.learnt_s is None else clock(snapshot.learnt_s), theme.TEXT),
        Stat(
            "Push to decision p50 / p99",
            _latency(latency),
            theme.WARN if slow else theme.TEXT,
            _stage_words(snapshot.stages),
            _stage_bars(snapshot.stages),
        ),
        Stat("Accuracy", NONE if snapshot.accuracy is None else f"{100 * snapshot.accuracy:.1f} %", theme.TEXT),
    )


def _told(snapshot: Snapshot) -> Stat:
    """What became of the messages to sinks; without sinks, how many samples have come."""
    sinks = snapshot.sinks
    if not sinks:
        return Stat("Samples received", f"{snapshot.samples_received:,}", theme.TEXT)
    # What nobody listened to is no loss, and stands in the detail.
    sent, lost = sum(one.sent for one in sinks), sum(one.dropped for one in sinks)
    lines = [
        f"{one.name}: {one.state}; {one.sent:,} sent, {one.skipped:,} left out as asked, {one.dropped:,} dropped, "
        f"{one.untaken:,} not taken, {one.waiting:,} waiting{f'; {one.why}' if one.why and not one.well else ''}"
        for one in sinks
    ]
    well = not lost and all(one.state not in AILING for one in sinks)
    return Stat("Outputs sent / lost", f"{sent:,} / {lost:,}", theme.TEXT if well else theme.WARN, "\n".join(lines))


def _stage_bars(stages: Float32 | None) -> tuple[tuple[float, ...], ...]:
    """Of the histogram, highest bin 1."""
    if stages is None or not stages.any():
        return ()
    shares = stages / stages.sum(axis=1).max()
    return tuple(tuple(round(one, 3) for one in row) for row in shares.tolist())


def _stage_words(stages: Float32 | None) -> str:
    """Which part of the time each stage took."""
    if stages is None or not stages.any():
        return ""
    parts = stages.sum(axis=0) / stages.sum()
    named = (f"{name} {100 * part:.0f} %" for name, part in zip(STAGES, parts.tolist(), strict=True))
    return f"Of the time between a sample and its decision: {', '.join(named)}"


def _windows(snapshot: Snapshot) -> tuple[str, str]:
    skipped = snapshot.windows_skipped
    return f"{snapshot.windows:,} / {skipped:,}", theme.WARN if skipped else theme.TEXT


def clock(seconds: float) -> str:
    """Elapsed time as m:ss, or h:mm:ss from an hour on."""
    whole = int(max(seconds, 0.0))
    hours, rest = divmod(whole, 3600)
    text = f"{rest // 60}:{rest % 60:02d}"
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else text


def choose_traces(layout: ElectrodeLayout, count: int = 16) -> tuple[int, ...]:
    """About `count` channels spread evenly over the grid, array by array, each array in reading order.

    Every sixteenth channel would not do: on a 16-wide grid they all lie in one column.
    """
    height, width = layout.shape
    if layout.n_channels <= count:
        chosen = set(range(layout.n_channels))
    else:
        rows = int(np.clip(round((count * height / width) ** 0.5), max(1, -(-count // width)), min(height, count)))
        columns = min(width, max(1, count // rows))
        cells = np.asarray(layout.cells, dtype=np.float64)
        chosen = set()
        for row in (np.arange(rows) + 0.5) * height / rows - 0.5:
            for column in (np.arange(columns) + 0.5) * width / columns - 0.5:
                # On a grid with holes two places may share their nearest electrode; the set then holds fewer.
                chosen.add(int(np.argmin((cells[:, 0] - row) ** 2 + (cells[:, 1] - column) ** 2)))

    def key(channel: int) -> tuple[int, int, int]:
        row, column = layout.cells[channel]
        inside = (
            number
            for number, block in enumerate(layout.arrays)
            if block.rows[0] <= row <= block.rows[1] and block.columns[0] <= column <= block.columns[1]
        )
        return (next(inside, len(layout.arrays)), row, column)

    return tuple(sorted(chosen, key=key))


def _latency(latency_ms: dict[str, float]) -> str:
    if "p50" not in latency_ms or "p99" not in latency_ms:
        return NONE
    return f"{latency_ms['p50']:.1f} / {latency_ms['p99']:.1f} ms"


def _unit(value: float) -> float:
    return float(min(max(value, 0.0), 1.0)) if value == value else 0.0


def _row(values: np.ndarray, size: int) -> tuple[float, ...]:
    if len(values) != size:
        raise ValueError(f"{len(values)} probabilities for {size} labels")
    return tuple(values.tolist())


def _peak(values: np.ndarray | None, percentile: float) -> float | None:
    """A robust maximum of |values|; None if nothing finite is there."""
    if values is None:
        return None
    # The traces hold tens of thousands of values; a part gives the same percentile. Skip rows (moments), never along
    # the flattened array: a step that is a multiple of the row length would see one channel only.
    flat = np.abs(values[:: max(1, values.size // 8192)]).ravel()
    finite = flat[np.isfinite(flat)]
    if not finite.size:
        return None
    rank = min(int(finite.size * percentile / 100.0), finite.size - 1)
    return float(np.partition(finite, rank)[rank])
