"""An amplifier, and a line to it, that break in the ways that amplifiers and lines break."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pylsl

from rt_handdt.core.types import Float32, Float64
from rt_handdt.io.lsl import clock, configure

#: Stamps of a packet: None where LSL is to stamp each sample as it is pushed.
Stamps = Float64 | None


@dataclass(frozen=True)
class Packet:
    """What the amplifier sends at once.

    Attributes
    ----------
    number
        Of the first sample, counted from the first one taken.
    samples
        Shape (n, n_channels), µV.
    counts
        Shape (n,): what the counter says, if there is one.
    stamps_s
        Shape (n,): time of each sample on LSL's clock, as sent.
    due_s
        When it is delivered.
    """

    number: int
    samples: Float32
    counts: Float64
    stamps_s: Stamps
    due_s: float


#: What the line makes of a packet, by the time since the start at which its first sample was taken: none, one, or more.
Line = Callable[[Packet, float], Iterable[Packet]]


@dataclass(frozen=True)
class Delivery:
    """One packet that left: numbers of its samples [first, stop), when they were taken, when it was delivered."""

    first: int
    stop: int
    taken_s: float
    delivered_s: float


@dataclass
class FaultySource:
    """Plays samples in a loop, packet by packet, in real time, over LSL on this computer.

    Parameters
    ----------
    samples
        Shape (n, n_channels): what is played, again and again.
    channels, fs_hz
        What the stream says of itself.
    packet
        Samples sent at once.
    line
        What becomes of each packet.
    true_hz
        The rate at which samples are really taken.
    counter
        Name of a counter column; empty: none.
    """

    samples: Float32
    channels: Sequence[str]
    fs_hz: float
    name: str = "faulty"
    kind: str = "EMG"
    unit: str = "microvolts"
    source_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    packet: int = 32
    line: Line = lambda packet, at_s: (packet,)
    true_hz: float | None = None
    counter: str = "COUNTER"
    sent: list[Delivery] = field(default_factory=list)
    began_s: float = 0.0

    def __post_init__(self) -> None:
        configure()
        columns = [*self.channels, *([self.counter] if self.counter else [])]
        info = pylsl.StreamInfo(self.name, self.kind, len(columns), self.fs_hz, pylsl.cf_float32, self.source_id)
        described = info.desc().append_child("channels")
        for label in columns:
            channel = described.append_child("channel").append_child_value("label", label)
            channel.append_child_value("unit", "count" if label == self.counter else self.unit)
        self._outlet: pylsl.StreamOutlet | None = pylsl.StreamOutlet(info, max_buffered=60)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, name="faulty-source", daemon=True)

    def __enter__(self) -> FaultySource:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the amplifier away."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._outlet = None

    def at(self, seconds: float) -> float:
        """A moment of the source's own time, on LSL's clock."""
        return self.began_s + seconds

    def wait_until(self, seconds: float) -> None:
        """Wait until so much has been played."""
        while not self.began_s or clock() < self.at(seconds):
            if self._stop.wait(0.002):
                return

    def _send(self) -> None:
        assert self._outlet is not None
        while not self._outlet.wait_for_consumers(0.1):
            if self._stop.is_set():
                return
        fs, n = self.true_hz or self.fs_hz, self.packet
        self.began_s = clock()
        for first in range(0, 1 << 40, n):
            rows = np.arange(first, first + n)
            taken_s = self.began_s + (rows + 1) / fs
            packet = Packet(first, self.samples[rows % len(self.samples)], rows % 65536.0, taken_s, float(taken_s[-1]))
            for sent in self.line(packet, first / fs):
                while (left := sent.due_s - clock()) > 0:
                    if self._stop.wait(min(left, 0.05)):
                        return
                self._push(sent, float(self.began_s + (sent.number + len(sent.samples)) / fs))
            if self._stop.is_set():
                return

    def _push(self, packet: Packet, taken_s: float) -> None:
        assert self._outlet is not None
        columns = [packet.samples, packet.counts[:, None]] if self.counter else [packet.samples]
        values = np.ascontiguousarray(np.concatenate(columns, axis=1), dtype=np.float32)
        if packet.stamps_s is None:
            for row in values:
                self._outlet.push_sample(row)
        else:
            self._outlet.push_chunk(values, packet.stamps_s.tolist())
        self.sent.append(Delivery(packet.number, packet.number + len(values), taken_s, clock()))

    @property
    def delivered(self) -> int:
        """Samples that left."""
        return sum(one.stop - one.first for one in self.sent)


# -- lines ---------------------------------------------------------------------------------------------------------


def during(start_s: float, stop_s: float, line: Line) -> Line:
    """A line that is broken for a while."""
    return lambda packet, at_s: line(packet, at_s) if start_s <= at_s < stop_s else (packet,)


def lose(packet: Packet, at_s: float) -> Iterable[Packet]:
    """Everything is lost."""
    return ()


def lose_every(lost: int, period: int) -> Line:
    """Of every `period` samples the first `lost` are lost."""

    def line(packet: Packet, at_s: float) -> Iterable[Packet]:
        keep = (packet.number + np.arange(len(packet.samples))) % period >= lost
        for run in np.split(np.arange(len(keep)), np.flatnonzero(np.diff(keep)) + 1):
            if keep[run[0]]:
                yield cut(packet, slice(int(run[0]), int(run[-1]) + 1))

    return line


def cut(packet: Packet, rows: slice) -> Packet:
    """Some samples of a packet."""
    stamps = None if packet.stamps_s is None else packet.stamps_s[rows]
    return replace(
        packet,
        number=packet.number + rows.start,
        samples=packet.samples[rows],
        counts=packet.counts[rows],
        stamps_s=stamps,
    )


def stall(start_s: float, stop_s: float) -> Line:
    """What is taken in the meantime comes all at once afterwards."""
    return lambda packet, at_s: (
        (replace(packet, due_s=packet.due_s + stop_s - at_s),) if start_s <= at_s < stop_s else (packet,)
    )


def stamped(stamps: Callable[[Packet, float], Stamps]) -> Line:
    """The amplifier's program stamps otherwise."""
    return lambda packet, at_s: (replace(packet, stamps_s=stamps(packet, at_s)),)


def counted(counts: Callable[[Float64], Float64]) -> Line:
    """The counter is another one; called with the true numbers of the samples."""
    return lambda packet, at_s: (
        replace(packet, counts=counts(packet.number + np.arange(len(packet.samples), dtype=np.float64))),
    )


def measuring(samples: Callable[[Packet, float], Float32]) -> Line:
    """The amplifier measures something else."""
    return lambda packet, at_s: (replace(packet, samples=samples(packet, at_s)),)
