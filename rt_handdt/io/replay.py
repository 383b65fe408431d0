"""A recording as a live LSL stream, in real time."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.recording import Marker, Recording
from rt_handdt.core.types import Float32
from rt_handdt.io.lsl import SignalOutlet
from rt_handdt.io.pacing import PaceResult, pace

#: Blocks read ahead: reading a file or simulating a person must not delay a chunk that is due.
READ_AHEAD_BLOCKS = 4
BLOCK_S = 0.5


class Replayer:
    """Streams a recording at its true rate.

    Sample i carries the time t₀ + i / fs and leaves when that time has come, so time stamps never lead the clock.
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
        Samples per push; default: about 2 ms, so that a window waits little for the chunk that completes it.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        name: str | None = None,
        layout: ElectrodeLayout | None = None,
        counter: bool = False,
        chunk_samples: int | None = None,
    ) -> None:
        self.recording = recording
        self.chunk_samples = chunk_samples or max(1, round(recording.fs_hz / 512))
        self.outlet = SignalOutlet(
            name or recording.name,
            recording.channels,
            recording.fs_hz,
            layout=layout,
            counter=counter,
            source=recording.name,
        )

    def wait_for_listener(self, timeout_s: float) -> bool:
        """Wait for a reader of the signal, then a moment for one of the markers; True if somebody listens."""
        if not self.outlet.wait_for_listener(timeout_s):
            return False
        self.outlet.wait_for_marker_listener(1.0)
        return True

    def run(
        self,
        *,
        seconds: float | None = None,
        stop: threading.Event | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> PaceResult:
        """Send the recording, or its first `seconds`; `progress` is told the number of samples sent."""
        stop = stop or threading.Event()
        fs = self.recording.fs_hz
        limit = self.recording.n_samples if seconds is None else min(self.recording.n_samples, round(seconds * fs))
        markers = deque(self.recording.markers)
        ahead = _ReadAhead(self.recording.blocks(max(1, round(BLOCK_S * fs))))

        def due(before: int) -> list[Marker]:
            found = []
            while markers and markers[0].index < before:
                found.append(markers.popleft())
            return found

        try:
            return pace(
                self.outlet, _rechunk(ahead, self.chunk_samples, limit), stop=stop, markers=due, progress=progress
            )
        finally:
            ahead.close()


def _rechunk(blocks: Iterator[Float32], size: int, limit: int) -> Iterator[Float32]:
    """Cut blocks of any size into chunks of `size` (the last may be shorter), `limit` samples in all."""
    rest: Float32 | None = None
    given = 0
    for block in blocks:
        rest = block if rest is None or not len(rest) else np.concatenate([rest, block])
        while len(rest) >= size and given < limit:
            chunk = rest[: min(size, limit - given)]
            given += len(chunk)
            rest = rest[size:]
            yield chunk
        if given >= limit:
            return
    if rest is not None and len(rest) and given < limit:
        yield rest[: limit - given]


class _ReadAhead:
    """Iterates over blocks that a thread reads in advance; an error in the thread is raised here."""

    def __init__(self, blocks: Iterator[Float32]) -> None:
        self._queue: queue.Queue[Float32 | BaseException | None] = queue.Queue(maxsize=READ_AHEAD_BLOCKS)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._fill, args=(blocks,), name="replay-reader", daemon=True)
        self._thread.start()

    def _fill(self, blocks: Iterator[Float32]) -> None:
        try:
            for block in blocks:
                if not self._put(block):
                    return
            self._put(None)
        except BaseException as exc:  # handed over: raised where the blocks are used
            self._put(exc)

    def _put(self, item: Float32 | BaseException | None) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def __iter__(self) -> Iterator[Float32]:
        return self

    def __next__(self) -> Float32:
        item = self._queue.get()
        if item is None:
            raise StopIteration
        if isinstance(item, BaseException):
            raise item
        return item

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5.0)
