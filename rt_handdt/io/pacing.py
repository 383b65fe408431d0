"""Chunks of samples, sent at their true rate."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from rt_handdt.core.recording import Marker
from rt_handdt.core.types import Float32
from rt_handdt.io.lsl import SignalOutlet, clock

LATE_S = 0.004


@dataclass(frozen=True, slots=True)
class PaceResult:
    """What was sent. `late_chunks` left more than `LATE_S` after they were due; `worst_late_s` is the worst delay."""

    samples: int
    chunks: int
    late_chunks: int
    worst_late_s: float


class Tally:
    """What was sent so far; may be read from any thread while it is written."""

    def __init__(self) -> None:
        self._now = PaceResult(0, 0, 0, 0.0)

    def add(self, samples: int, behind_s: float) -> None:
        """One more chunk."""
        now = self._now
        self._now = PaceResult(
            now.samples + samples,
            now.chunks + 1,
            now.late_chunks + (behind_s > LATE_S),
            max(now.worst_late_s, behind_s),
        )

    def result(self) -> PaceResult:
        """As of now."""
        return self._now


def wait_until(due_s: float, stop: threading.Event) -> bool:
    """Wait for a moment of LSL's clock, and not a hair less; False if `stop` was set before."""
    delay = due_s - clock()
    if delay > 0 and stop.wait(delay):
        return False
    # An event may return a hair early; a stamp must never lead the clock.
    while clock() < due_s:
        time.sleep(0)
    return not stop.is_set()


def pace(
    outlet: SignalOutlet,
    chunks: Iterator[Float32],
    *,
    stop: threading.Event,
    markers: Callable[[int], Iterable[Marker]],
    progress: Callable[[int], None] | None = None,
    tally: Tally | None = None,
) -> PaceResult:
    """Send chunks until they end or `stop` is set.

    Sample i carries the time t₀ + i / fs and leaves when that time has come, so time stamps never lead the clock. The
    next chunk is asked for right after one was sent.

    Parameters
    ----------
    outlet
        Where to; it knows the rate.
    chunks
        What to send; t₀ is when the first one is there.
    stop
        Ends it from outside.
    markers
        Asked before each chunk, with the index of the first sample after it, for the markers that have become due.
    progress
        Is told the number of samples sent.
    tally
        Counts along, for those who want to know meanwhile.
    """
    fs = outlet.fs_hz
    tally = tally or Tally()
    sent = 0
    start: float | None = None
    for chunk in chunks:
        if start is None:
            start = clock()
        newest = start + (sent + len(chunk) - 1) / fs
        if not wait_until(newest, stop):
            break
        for marker in markers(sent + len(chunk)):
            outlet.mark(marker.label, start + marker.index / fs)
        behind = clock() - newest
        outlet.push(chunk, newest)
        sent += len(chunk)
        tally.add(len(chunk), behind)
        if progress is not None:
            progress(sent)
    return tally.result()
