"""A recording as a live LSL stream: at its speed or another, from here to there, once or again and again."""

from __future__ import annotations

import itertools
import math
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.recording import Marker, Recording, whole
from rt_handdt.core.types import Float32
from rt_handdt.errors import ConfigError
from rt_handdt.io.lsl import SignalOutlet, clock
from rt_handdt.io.lsl.decision_outlet import DecisionOutlet
from rt_handdt.io.pacing import PaceResult, Tally, wait_until
from rt_handdt.io.recorded_decisions import RecordedDecisions
from rt_handdt.io.stream_kinds import RECORDED_DECISIONS

#: Blocks read ahead: reading a file or simulating a person must not delay a chunk that is due.
READ_AHEAD_BLOCKS = 4
BLOCK_S = 0.5
SLOWEST, FASTEST = 0.25, 8.0
#: "As fast as possible" is so much: an outlet keeps a minute for its readers; what they do not fetch by then is lost.
AT_MOST = 32.0
#: Where the signal jumps, so much of a recording's time passes without a sample, in s: more than listeners bridge, so
#: that no window holds what never followed one another.
SEAM_S = 0.3
#: A pause is looked at so often, in s.
LOOK_S = 0.02
#: The reader of what comes next gets so long to end.
CLOSE_S = 5.0


class Replayer:
    """Streams a recording, as a player plays: it can be paused, and sent to another place, from any thread.

    Sample i carries the time t₀ + i / rate and leaves when that time has come, so time stamps never lead the clock.
    While nothing is sent (in a pause, where the signal jumps, where the recording has lost samples) i goes on, and so
    does the counter: for who listens, samples are missing there. At another speed the stream declares the rate at which
    samples come, and says the speed in its description, by which `rt-handdt live` knows at which rate they were taken.
    Reading runs ahead on a thread of its own; `run` paces and sends.

    Parameters
    ----------
    recording
        What to send. Its markers go out on the marker stream, at the time of their sample.
    name
        Of the stream; default: the recording's own name.
    layout
        Adds the grid cell of each channel to the stream's metadata.
    counter
        Adds a channel that counts samples.
    chunk_samples
        Samples per push; default: about 2 ms of them, so that a window waits little for the chunk that completes it.
    speed
        0.25 to 8; infinite: as fast as possible, with stamps that end now: for those who record, not for `live`.
    first_s, last_s
        What is sent of the recording, s.
    loop
        Begin again at the end, after a gap.
    decisions
        What was decided in the recording: sent along as ``<their name> (recorded)``, of a type of its own, the ends of
        windows in the time of the replay.

    Raises
    ------
    ConfigError
        If speed or part are not as they should be.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        name: str | None = None,
        layout: ElectrodeLayout | None = None,
        counter: bool = False,
        chunk_samples: int | None = None,
        speed: float = 1.0,
        first_s: float = 0.0,
        last_s: float | None = None,
        loop: bool = False,
        decisions: RecordedDecisions | None = None,
    ) -> None:
        fastest = math.isinf(speed)
        if not fastest and not SLOWEST <= speed <= FASTEST:
            raise ConfigError(f"--speed: must be {SLOWEST:g} to {FASTEST:g}; got {speed:g}.")
        if fastest and loop:
            raise ConfigError("--loop and --as-fast-as-possible together have no end; give one of them.")
        fs = recording.fs_hz
        for option, value in (("--from", first_s), ("--to", last_s or 0.0)):
            if not math.isfinite(value):
                raise ConfigError(f"{option}: must be a second of the recording; got {value:g}.")
        self.recording = recording
        self.first = round(first_s * fs)
        self.last = recording.n_samples if last_s is None else min(recording.n_samples, round(last_s * fs))
        if not 0 <= self.first < recording.n_samples:
            raise ConfigError(
                f"--from: the recording is {recording.duration_s:.1f} s long; got {first_s:g} s, which lies outside."
            )
        if self.last <= self.first:
            raise ConfigError(f"--to: must come after --from ({first_s:g} s); got {last_s:g} s.")
        self.chunk_samples = chunk_samples or max(1, round(fs * (AT_MOST if fastest else speed) / 512))
        self._speed, self._fastest, self._loop = (1.0 if fastest else speed), fastest, loop
        # Before anybody can listen: a virtual person takes seconds to begin, and a listener would find a mute stream.
        blocks = _blocks_from(recording, self.first)
        first = list(itertools.islice(blocks, 1))
        self._begun: Iterator[Float32] | None = itertools.chain(first, blocks)
        self.outlet = SignalOutlet(
            name or recording.name,
            recording.channels,
            fs,
            layout=layout,
            counter=counter,
            source=recording.name,
            speed=self._speed,
        )
        self._decisions = decisions
        self._told = None if decisions is None else _Told(decisions, self._speed)
        self._playing = threading.Event()
        self._playing.set()
        self._wanted: int | None = None
        self._turn = threading.Lock()
        self._at = self.first

    def wait_for_listener(self, timeout_s: float) -> bool:
        """Wait for a reader of the signal, then a moment for one of the markers; True if somebody listens."""
        if not self.outlet.wait_for_listener(timeout_s):
            return False
        self.outlet.wait_for_marker_listener(1.0)
        return True

    # -- any thread --------------------------------------------------------------------------------------------

    @property
    def position_s(self) -> float:
        """Which second of the recording is sent next."""
        return self._at / self.recording.fs_hz

    @property
    def speed(self) -> float:
        """How many times faster than it was recorded; infinite: as fast as possible."""
        return math.inf if self._fastest else self._speed

    @property
    def paused(self) -> bool:
        """Whether it is."""
        return not self._playing.is_set()

    def pause(self) -> None:
        """Send nothing, until `play`."""
        self._playing.clear()

    def play(self) -> None:
        """Go on."""
        self._playing.set()

    def seek(self, position_s: float) -> None:
        """Go on from another second of the recording, in the bounds that were given, after a gap.

        Raises
        ------
        ConfigError
            If it is sent as fast as possible: its stamps, which end now, leave no room for more.
        """
        if self._fastest:
            raise ConfigError("What is sent as fast as possible cannot be moved; give --speed.")
        self._go_to(position_s)

    def _go_to(self, position_s: float) -> None:
        with self._turn:
            wanted = round(position_s * self.recording.fs_hz)
            self._wanted = min(max(wanted, self.first), self.last - 1)

    # -- the thread that sends ---------------------------------------------------------------------------------

    def run(
        self,
        *,
        seconds: float | None = None,
        stop: threading.Event | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> PaceResult:
        """Send it, or the first `seconds` of it; `progress` is told how many of its samples are over."""
        stop = stop or threading.Event()
        fs, rate = self.recording.fs_hz, self.outlet.fs_hz
        wanted = math.inf if seconds is None else max(1, round(seconds * fs))
        tally, played = Tally(), 0
        ahead = _ReadAhead(self.recording, self._begun or _blocks_from(self.recording, self.first))
        self._begun = None
        cues = self._cues(self.first)
        # As fast as possible: the stamps of the last sample are now, and those before it lie in the past.
        began = clock()
        start, slot = began - min(wanted, self.last - self.first) / fs, 0
        try:
            while not stop.is_set() and played < wanted:
                paused_s = self._rest(stop)
                began += paused_s
                place = self._next_place()
                if place is not None:
                    ahead.close()
                    ahead = _ReadAhead(self.recording, _blocks_from(self.recording, place))
                    cues = self._cues(place)
                    self._at = place
                size = int(min(self.chunk_samples, self.last - self._at, wanted - played))
                if size <= 0:
                    if not self._loop:
                        break
                    self._go_to(self.first / fs)
                    continue
                chunk = ahead.take(size, stop)
                if stop.is_set():
                    break
                if played == 0 and not self._fastest:
                    start = clock()  # reading and simulating may take a while to begin
                elif (paused_s or place is not None) and not self._fastest:
                    missed = math.ceil((clock() - start) * rate) - slot
                    missed = max(missed, 0 if place is None else round(SEAM_S * fs) + 1)
                    self.outlet.skip(missed)
                    slot += missed
                newest = start + (slot + size - 1) / rate
                due = began + (slot + size) / (fs * AT_MOST) if self._fastest else newest
                if not wait_until(due, stop):
                    break
                for index, send in cues.before(self._at + size):
                    send(start + (slot + index - self._at) / rate)
                behind = clock() - due
                for lost, samples in whole(chunk):
                    self.outlet.skip(lost)
                    slot += lost + len(samples)
                    if len(samples):
                        self.outlet.push(samples, start + (slot - 1) / rate)
                        tally.add(len(samples), 0.0 if self._fastest else behind)
                played += size
                self._at += size
                if progress is not None:
                    progress(played)
            return tally.result()
        finally:
            ahead.close(0.0 if stop.is_set() else CLOSE_S)
            if self._told is not None:
                self._told.close()

    def _rest(self, stop: threading.Event) -> float:
        """How long it was paused, s."""
        if self._playing.is_set():
            return 0.0
        began = clock()
        while not stop.is_set() and not self._playing.wait(LOOK_S):
            with self._turn:
                if self._wanted is not None:
                    self._at = self._wanted
        return clock() - began

    def _next_place(self) -> int | None:
        with self._turn:
            place, self._wanted = self._wanted, None
        return place

    def _cues(self, first: int) -> _Due:
        """What goes out beside the signal from a sample on: markers, the one in force first, and decisions."""
        found: list[tuple[int, Callable[[float], None]]] = []
        markers = self.recording.markers
        before = [one for one in markers if one.index < first]
        if before:
            found.append((first, self._mark(before[-1])))
        found += [(one.index, self._mark(one)) for one in markers if one.index >= first]
        told = self._told
        if told is not None and self._decisions is not None:
            for index, row, mark in self._decisions.events(first):
                found.append((index, lambda at, row=row, mark=mark: told(row, mark, at)))  # type: ignore[misc]
        return _Due(sorted(found, key=lambda one: one[0]))

    def _mark(self, marker: Marker) -> Callable[[float], None]:
        return lambda at_s: self.outlet.mark(marker.label, at_s)


class _Told:
    """Sends what was decided in the recording."""

    def __init__(self, decisions: RecordedDecisions, speed: float) -> None:
        name, rate_hz = f"{decisions.name} (recorded)", decisions.rate_hz * speed
        self._outlet = DecisionOutlet(name, decisions.columns, rate_hz, decisions.facts, RECORDED_DECISIONS)
        self._end = [label for label, _, _ in decisions.columns].index("window_end")

    def __call__(self, row: list[float], mark: str | None, at_s: float) -> None:
        if math.isfinite(row[self._end]):
            row = [*row[: self._end], at_s, *row[self._end + 1 :]]
        self._outlet.push(row, at_s)
        if mark is not None:
            self._outlet.mark(mark, at_s)

    def close(self) -> None:
        """Take the streams away."""
        self._outlet.close()


class _Due:
    """What goes out when its sample does."""

    def __init__(self, found: list[tuple[int, Callable[[float], None]]]) -> None:
        self._found = deque(found)

    def before(self, index: int) -> Iterator[tuple[int, Callable[[float], None]]]:
        while self._found and self._found[0][0] < index:
            yield self._found.popleft()


def _blocks_from(recording: Recording, first: int) -> Iterator[Float32]:
    """The samples from a place on."""
    done = 0
    for block in recording.blocks(max(1, round(BLOCK_S * recording.fs_hz))):
        done += len(block)
        if done > first:
            yield block[max(0, len(block) - (done - first)) :]


class _ReadAhead:
    """Blocks that a thread reads in advance; an error in the thread is raised here."""

    def __init__(self, recording: Recording, blocks: Iterator[Float32]) -> None:
        self._queue: queue.Queue[Float32 | BaseException | None] = queue.Queue(maxsize=READ_AHEAD_BLOCKS)
        self._rest: Float32 = np.zeros((0, len(recording.channels)), np.float32)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._fill, args=(blocks,), name="replay-reader", daemon=True)
        self._thread.start()

    def take(self, size: int, stop: threading.Event) -> Float32:
        """The next `size` samples; fewer at the end of the recording, and once it is to stop."""
        while len(self._rest) < size:
            try:
                item = self._queue.get(timeout=LOOK_S)  # the first may take seconds to be simulated
            except queue.Empty:
                if stop.is_set():
                    break
                continue
            if isinstance(item, BaseException):
                raise item
            if item is None:
                self._queue.put(None)
                break
            self._rest = item if not len(self._rest) else np.concatenate([self._rest, item])
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def close(self, timeout_s: float = CLOSE_S) -> None:
        self._stop.set()
        self._thread.join(timeout_s)

    def _fill(self, blocks: Iterator[Float32]) -> None:
        try:
            for block in blocks:
                if not self._put(block):
                    return
            self._put(None)
        except BaseException as exc:  # handed over: raised where the samples are used
            self._put(exc)

    def _put(self, item: Float32 | BaseException | None) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False
