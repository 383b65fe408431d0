"""Streams as amplifiers, their programs and lines make them, without LSL: stamps, arrivals, counters, true losses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from rt_handdt.core.types import Float64

Int64 = npt.NDArray[np.int64]

#: How samples are stamped: each when it was taken; the last of a packet by the sending program and the others by the
#: declared rate before it, as LSL does; all of a packet alike; in a loop, microseconds apart.
Stamping = Literal["even", "chunk", "same", "loop"]


class Pull(NamedTuple):
    """What one reading brings: stamps, arrival, when it was asked for, and numbers of the samples (lost ones too)."""

    stamps_s: Float64
    arrived_s: float
    asked_s: float
    numbers: Int64


@dataclass(frozen=True)
class TimedStream:
    """A stream of `seconds`, which loses samples and is stamped, delayed and read in some way.

    Attributes
    ----------
    fs_hz, drift
        Declared rate, and by which share the real one is higher.
    packet
        Samples sent at once; two numbers: between these, at random.
    stamping, device_clock
        See `Stamping`; whether packets are stamped by when their last sample was taken, else by when they are sent.
    jitter_s, early
        Spread of the sending (exponential, late only; `early`: normal, stamps early and late).
    losses
        (number of the first, how many) of the samples that are lost.
    late
        (from, to) of times, in s: what is taken in between is sent at the end of it.
    jumps
        (from, by) in s: the stamps' clock is set.
    wild
        (number, stamp) of samples that are stamped so.
    pauses
        (from, to) in s: the reader does not read.
    begin_s
        What the stamps' clock says at the beginning; this computer's says 1000.
    hop
        Samples read at once.
    """

    seconds: float
    fs_hz: float = 2048.0
    drift: float = 0.0
    packet: int | tuple[int, int] = 32
    stamping: Stamping = "even"
    device_clock: bool = True
    jitter_s: float = 0.0
    early: bool = False
    losses: tuple[tuple[int, int], ...] = ()
    late: tuple[tuple[float, float], ...] = ()
    jumps: tuple[tuple[float, float], ...] = ()
    wild: tuple[tuple[int, float], ...] = ()
    pauses: tuple[tuple[float, float], ...] = ()
    begin_s: float = 1000.0
    hop: int = 32
    seed: int = 0

    @property
    def numbers(self) -> Int64:
        """Numbers of the samples that come."""
        kept = np.ones(round(self.seconds * self.fs_hz), dtype=bool)
        for first, lost in self.losses:
            kept[first : first + lost] = False
        return np.flatnonzero(kept)

    @property
    def lost(self) -> int:
        """Samples lost between the first and the last that come."""
        numbers = self.numbers
        return int(numbers[-1] - numbers[0] + 1 - len(numbers))

    def pulls(self) -> Iterator[Pull]:
        """What the reader gets, reading by reading."""
        rng = np.random.default_rng(self.seed)
        numbers = self.numbers
        n = len(numbers)
        taken = numbers / (self.fs_hz * (1 + self.drift))
        ends = self._packet_ends(n, rng)
        packet = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
        jitter = np.abs(rng.exponential(self.jitter_s, len(ends))) if self.jitter_s and not self.early else 0.0
        sent = taken[ends - 1] + 0.003 + jitter
        for start, stop in self.late:
            sent = np.where((sent >= start) & (sent < stop), stop + 1e-5 * np.arange(len(sent)) % 0.01, sent)
        sent = np.maximum.accumulate(sent)
        stamp = taken[ends - 1] if self.device_clock else sent
        if self.early:
            stamp = stamp + rng.normal(0, self.jitter_s, len(ends))
        place = ends[packet] - 1 - np.arange(n)  # samples of the packet that follow
        if self.stamping == "even":
            stamps = taken.copy()
        elif self.stamping == "chunk":
            stamps = stamp[packet] - place / self.fs_hz
        elif self.stamping == "same":
            stamps = stamp[packet]
        else:
            stamps = stamp[packet] - 8e-6 * place
        for start, by in self.jumps:
            stamps = stamps + np.where(taken >= start, by, 0.0)
        stamps = stamps + self.begin_s
        for number, value in self.wild:
            stamps[np.searchsorted(numbers, number)] = value
        there = 1000 + sent[packet]
        now = 1000.0
        for first in range(0, n, self.hop):
            rows = slice(first, min(first + self.hop, n))
            for start, stop in self.pauses:
                if start <= now - 1000 < stop:
                    now = 1000 + stop
            asked = now
            now = max(now, float(there[rows][-1])) + 1e-4
            yield Pull(stamps[rows], now, asked, numbers[rows])
            now += 3e-4

    def _packet_ends(self, n: int, rng: np.random.Generator) -> Int64:
        if isinstance(self.packet, int):
            ends = np.arange(self.packet, n + self.packet, self.packet)
        else:
            low, high = self.packet
            ends = np.cumsum(rng.integers(low, high + 1, size=n // low + 1))
        return np.minimum(ends[: int(np.searchsorted(ends, n)) + 1], n)


def counted(
    numbers: Int64, *, modulus: int | None = 65536, start: int = 0, step: int = 1, base: int = 0, kind: Any = np.float64
) -> npt.NDArray[Any]:
    """What a counter says of samples: from `base` on, by `step`, turning after `modulus` samples."""
    turned = numbers + start if modulus is None else (numbers + start) % modulus
    return np.asarray(base + step * turned).astype(kind)
