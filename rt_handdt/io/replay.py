"""A recording as a live LSL stream: at its speed or another, from here to there, once or again and again."""

from __future__ import annotations

import math
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.recording import Marker, Recording
from rt_handdt.core.types import Float32
from rt_handdt.errors import ConfigError
from rt_handdt.io.lsl import SignalOutlet, clock
from rt_handdt.io.lsl.decision_outlet import DecisionOutlet
from rt_handdt.io.pacing import PaceResult, Tally, wait_until
from rt_handdt.io.recorded_decisions import RecordedDecisions

#: Blocks read ahead: reading a file or simulating a person must not delay a chunk that is due.
READ_AHEAD_BLOCKS = 4
BLOCK_S = 0.5
SLOWEST, FASTEST = 0.25, 8.0
#: "As fast as possible" is so much: an outlet keeps a minute for its readers; what they do not fetch by then is lost.
AT_MOST = 32.0
#: A pause is looked at so often, in s.
LOOK_S = 0.02


class Replayer:
    """Streams a recording, as a player plays: it can be paused, and sent to another place, from any thread.

    Sample i of those sent carries the time t₀ + i / rate and leaves when that time has come, so time stamps never lead
    the clock; after a pause t₀ is later by as much. At another speed the stream declares the rate at which samples
    come, and says the speed in its description, by which `rt-handdt live` knows at which rate they were taken. Reading
    runs ahead on a thread of its own; `run` paces and sends.

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
        Samples per push; default: about 2 ms, so that a window waits little for the chunk that completes it.
    speed
        0.25 to 8; infinite: as fast as possible, with stamps that end now: for those who record, not for `live`.
    first_s, last_s
        What is sent of the recording, s.
    loop
        Begin again at the end. The signal jumps there; stamps and counter go on.
    decisions
        What was decided in the recording: sent along as ``<their name> (recorded)``.

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
        self.recording = recording
        self.first = round(first_s * fs)
        self.last = recording.n_samples if last_s is None else min(recording.n_samples, round(last_s * fs))
        if not 0 <= self.first < recording.n_samples:
            raise ConfigError(
                f"--from: the recording is {recording.duration_s:.1f} s long; got {first_s:g} s, which lies outside."
            )
        if self.last <= self.first:
            raise ConfigError(f"--to: must come after --from ({first_s:g} s); got {last_s:g} s.")
        self.chunk_samples = chunk_samples or max(1, round(fs / 512))
        self._speed, self._fastest, self._loop = (1.0 if fastest else speed), fastest, loop
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
        self._told = None if decisions is None else _outlet(decisions, self._speed)
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
    def paused(self) -> bool:
        """Whether it is."""
        return not self._playing.is_set()

    def pause(self) -> None:
        """Send nothing, until `play`. Who listens without a counter takes the pause for a loss of samples."""
        self._playing.clear()

    def play(self) -> None:
        """Go on."""
        self._playing.set()

    def seek(self, position_s: float) -> None:
        """Go on from another second of the recording, in the bounds that were given."""
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
        """Send it, or the first `seconds` of it; `progress` is told the number of samples sent."""
        stop = stop or threading.Event()
        fs, rate = self.recording.fs_hz, self.outlet.fs_hz
        most = math.inf if seconds is None else max(1, round(seconds * fs))
        tally, sent = Tally(), 0
        ahead = _ReadAhead(self.recording, self.first)
        cues = self._cues(self.first)
        # As fast as possible: the stamps of the last sample are now, and those before it lie in the past.
        start = clock() - ((self.last - self.first) / fs if self._fastest else 0.0)
        began = clock()
        try:
            while not stop.is_set() and sent < most:
                start += self._rest(stop)
                place = self._next_place()
                if place is not None:
                    ahead.close()
                    ahead, cues = _ReadAhead(self.recording, place), self._cues(place)
                    self._at = place
                size = int(min(self.chunk_samples, self.last - self._at, most - sent))
                if size <= 0:
                    if not self._loop:
                        break
                    self.seek(self.first / fs)
                    continue
                chunk = ahead.take(size)
                if sent == 0 and not self._fastest:
                    start = clock()  # reading and simulating may take a while to begin
                newest = start + (sent + size - 1) / rate
                due = began + (sent + size) / (fs * AT_MOST) if self._fastest else newest
                if not wait_until(due, stop):
                    break
                for index, send in cues.before(self._at + size):
                    send(start + (sent + index - self._at) / rate)
                behind = clock() - due
                self.outlet.push(chunk, newest)
                sent += size
                self._at += size
                tally.add(size, 0.0 if self._fastest else behind)
                if progress is not None:
                    progress(sent)
            return tally.result()
        finally:
            ahead.close()
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
                found.append((index, lambda at, row=row, mark=mark: _tell(told, row, mark, at)))  # type: ignore[misc]
        return _Due(sorted(found, key=lambda one: one[0]))

    def _mark(self, marker: Marker) -> Callable[[float], None]:
        return lambda at_s: self.outlet.mark(marker.label, at_s)


def _tell(outlet: DecisionOutlet, row: list[float], mark: str | None, at_s: float) -> None:
    outlet.push(row, at_s)
    if mark is not None:
        outlet.mark(mark, at_s)


def _outlet(decisions: RecordedDecisions, speed: float) -> DecisionOutlet:
    return DecisionOutlet(f"{decisions.name} (recorded)", decisions.columns, decisions.rate_hz * speed, decisions.facts)


class _Due:
    """What goes out when its sample does."""

    def __init__(self, found: list[tuple[int, Callable[[float], None]]]) -> None:
        self._found = deque(found)

    def before(self, index: int) -> Iterator[tuple[int, Callable[[float], None]]]:
        while self._found and self._found[0][0] < index:
            yield self._found.popleft()


class _ReadAhead:
    """Samples from a place on, that a thread reads in advance; an error in the thread is raised here."""

    def __init__(self, recording: Recording, first: int) -> None:
        self._queue: queue.Queue[Float32 | BaseException | None] = queue.Queue(maxsize=READ_AHEAD_BLOCKS)
        self._rest: Float32 = np.zeros((0, len(recording.channels)), np.float32)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._fill, args=(recording, first), name="replay-reader", daemon=True)
        self._thread.start()

    def take(self, size: int) -> Float32:
        """The next `size` samples; fewer at the end of the recording."""
        while len(self._rest) < size:
            item = self._queue.get()
            if isinstance(item, BaseException):
                raise item
            if item is None:
                self._queue.put(None)
                break
            self._rest = item if not len(self._rest) else np.concatenate([self._rest, item])
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5.0)

    def _fill(self, recording: Recording, first: int) -> None:
        try:
            done = 0
            for block in recording.blocks(max(1, round(BLOCK_S * recording.fs_hz))):
                done += len(block)
                if done <= first:
                    continue
                if not self._put(block[max(0, len(block) - (done - first)) :]):
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
