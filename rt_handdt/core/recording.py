"""A continuous recording with markers: what readers return, replay streams and the trainer learns from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from rt_handdt.core.types import Float32
from rt_handdt.core.units import POSSIBLE_UV
from rt_handdt.errors import RecordingError

#: Label of a marker after which nothing is said: it ends the segment before it, and begins none.
UNLABELLED = ""


@dataclass(frozen=True, slots=True)
class Marker:
    """From sample `index` on, the cued gesture is `label`; with `UNLABELLED`, nothing is known of what follows."""

    index: int
    label: str


@dataclass(frozen=True, slots=True)
class Segment:
    """Samples start..stop−1 carry one label. `trial` numbers the segments of a recording from 0."""

    start: int
    stop: int
    label: str
    trial: int

    def holds(self, first: int, last: int) -> bool:
        """Whether samples first..last (both included) lie wholly inside."""
        return self.start <= first and last < self.stop


@dataclass(frozen=True)
class Recording(ABC):
    """A recording of one person in one session.

    Attributes
    ----------
    name
        Shown to the user and used as stream name.
    fs_hz
        Samples per second.
    unit
        ``"uV"``: readers convert, whatever the file held. Missing values are NaN.
    channels
        Names in the order of the columns.
    n_samples
        Length.
    markers
        In order of `index`. May be empty (an unlabelled recording).
    subject, session
        Who and when, for splits by person; free text.
    columns
        The column of each channel in its file, counted from 0; empty where a file has no such numbers.
    notes
        What a reader had to decide or mend, one sentence each; shown to the user.
    """

    name: str
    fs_hz: float
    channels: tuple[str, ...]
    n_samples: int
    markers: tuple[Marker, ...] = ()
    subject: str = "unknown"
    session: str = "1"
    unit: str = field(default="uV", kw_only=True)
    columns: tuple[int, ...] = field(default=(), kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        if self.fs_hz <= 0:
            raise RecordingError(f"{self.name}: a sampling rate must be above 0 Hz; got {self.fs_hz:g}.")
        if self.n_samples < 1:
            raise RecordingError(f"{self.name}: the recording holds no samples.")
        indices = [marker.index for marker in self.markers]
        if indices != sorted(indices):
            raise RecordingError(f"{self.name}: markers must be in order of time.")

    @abstractmethod
    def blocks(self, block_samples: int = 4096) -> Iterator[Float32]:
        """The samples in order, as arrays of shape (≤ block_samples, n_channels), float32, µV, NaN = missing."""

    def pieces(self, block_samples: int = 4096) -> Iterator[tuple[int, Float32]]:
        """The samples as a live stream brings them: those that were lost are left out, and counted.

        Lost is a sample that no channel has.

        Yields
        ------
        lost, samples
            How many were lost right before; shape (≤ block_samples, n_channels), empty only behind the last one.
        """
        lost = 0
        for block in self.blocks(block_samples):
            for before, samples in whole(block):
                lost += before
                if len(samples):
                    yield lost, samples
                    lost = 0
        if lost:
            yield lost, np.zeros((0, len(self.channels)), np.float32)

    def segments(self) -> tuple[Segment, ...]:
        """The labelled stretches: each lasts from its marker to the next, the last one to the end.

        What follows a marker `UNLABELLED` belongs to none of them.
        """
        if not self.markers:
            return ()
        ends = [marker.index for marker in self.markers[1:]] + [self.n_samples]
        return tuple(
            Segment(marker.index, end, marker.label, trial)
            for trial, (marker, end) in enumerate(zip(self.markers, ends, strict=True))
            if end > marker.index and marker.label != UNLABELLED
        )

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.fs_hz


def whole(samples: Float32) -> Iterator[tuple[int, Float32]]:
    """Cut samples (n, n_channels) where some have no value in any channel: how many before a piece, and the piece."""
    lost = np.isnan(samples[:, 0])
    if not lost.any():  # the usual case costs one column
        yield 0, samples
        return
    lost &= np.isnan(samples).all(axis=1)
    edges = np.flatnonzero(np.diff(lost, prepend=True, append=True))
    done = 0
    for start, stop in edges.reshape(-1, 2).tolist():
        yield start - done, samples[start:stop]
        done = stop
    if done < len(samples):
        yield len(samples) - done, samples[:0]


@dataclass(frozen=True)
class ArrayRecording(Recording):
    """A recording that lies in memory: `samples` is (n_samples, n_channels), float32, µV.

    What no electrode measures, infinite values above all, is missing, as it is in a live stream; a note says so.
    """

    samples: Float32 = field(default_factory=lambda: np.zeros((0, 0), np.float32), kw_only=True, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.samples.shape != (self.n_samples, len(self.channels)):
            raise RecordingError(
                f"{self.name}: samples must have the shape {(self.n_samples, len(self.channels))}; "
                f"got {self.samples.shape}."
            )
        low, high = (one.reduce(self.samples, axis=None, initial=0.0) for one in (np.fmin, np.fmax))
        if low < -POSSIBLE_UV or high > POSSIBLE_UV:  # a pass that needs no room tells that nearly all are well
            impossible = np.abs(self.samples) > POSSIBLE_UV
            infinite = int(np.isinf(self.samples).sum())
            count = int(impossible.sum())
            object.__setattr__(self, "samples", np.where(impossible, np.float32(np.nan), self.samples))
            said = f"{count} values cannot be (infinite, or beyond 10 V)"
            if infinite == count:
                said = f"{count} values are infinite"
            object.__setattr__(self, "notes", (*self.notes, f"{said}; they count as missing."))

    def blocks(self, block_samples: int = 4096) -> Iterator[Float32]:
        for start in range(0, self.n_samples, block_samples):
            yield self.samples[start : start + block_samples]
