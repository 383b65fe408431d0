"""A source without LSL: gives what it is told to, when it is told to."""

from __future__ import annotations

import threading
from collections import deque
from types import SimpleNamespace

import numpy as np

from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Chunk, Remark
from rt_handdt.errors import StreamError
from rt_handdt.io.description import StreamDescription
from rt_handdt.runtime.connect import Connection


class FakeSource:
    """Stands for a `SignalInlet` in an engine's connection.

    Attributes
    ----------
    timeline
        Its judge's findings; set them as wanted.
    """

    def __init__(self, spec: PipelineSpec) -> None:
        self._description = StreamDescription(
            "fake", "EMG", "here", "fake", "uid", spec.fs_hz, spec.layout.n_channels, "float32"
        )
        self.timeline = SimpleNamespace(
            loss_method="counter",
            same_clock=True,
            measured_hz=None,
            remarks=(),
            fault=None,
            taken_back=0,
            gaps_taken_back=0,
        )
        self._chunks: deque[Chunk | BaseException] = deque()
        self._came = threading.Condition()
        self.closed = False

    def give(self, chunk: Chunk | BaseException) -> None:
        """Have this read next; an exception is raised instead."""
        with self._came:
            self._chunks.append(chunk)
            self._came.notify()

    def read(self, n_samples: int, timeout_s: float) -> list[Chunk]:
        """The next chunk, whole: as long as it was given."""
        with self._came:
            if not self._chunks:
                self._came.wait(timeout_s)
            if not self._chunks:
                return []
            chunk = self._chunks.popleft()
        if isinstance(chunk, BaseException):
            self._chunks.appendleft(chunk)  # and again, as a lost inlet does
            raise chunk
        return [chunk]

    def describe(self) -> StreamDescription:
        """What it says of itself."""
        return self._description

    def close(self) -> None:
        """Remember it."""
        self.closed = True


def connected(spec: PipelineSpec, *, same_source: bool = True) -> Connection:
    """A connection to a `FakeSource`, with its columns in the layout's order and in µV."""
    n = spec.layout.n_channels
    return Connection(FakeSource(spec), None, np.arange(n), np.ones(n), same_source=same_source)  # type: ignore[arg-type]


def gone() -> StreamError:
    """What `read` raises when the source has gone."""
    return StreamError("The stream 'fake' has ended or its source is gone.")


def hum() -> Remark:
    """A reason not to decide."""
    return Remark("mains", "All electrodes carry mains hum.")
