"""A source without LSL: gives what it is told to, when it is told to."""

from __future__ import annotations

import threading
from collections import deque
from types import SimpleNamespace
from typing import Any

import numpy as np

from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Chunk, Remark
from rt_handdt.errors import StreamError


class FakeSource:
    """Stands for a `SignalInlet` in an engine's connection.

    Attributes
    ----------
    timeline
        Its judge's findings; set them as wanted.
    """

    def __init__(self, spec: PipelineSpec) -> None:
        self.description = SimpleNamespace(name="fake", source_id="fake", host="here", fs_hz=spec.fs_hz)
        self.timeline = SimpleNamespace(
            loss_method="counter", same_clock=True, measured_hz=None, remarks=(), fault=None
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

    def refresh_clock(self) -> None:
        """Nothing to measure."""

    def close(self) -> None:
        """Remember it."""
        self.closed = True


def connected(spec: PipelineSpec) -> Any:
    """A connection to a `FakeSource`, with its columns in the layout's order and in µV."""
    source = FakeSource(spec)
    return SimpleNamespace(
        inlet=source, markers=None, order=np.arange(spec.layout.n_channels), to_uv=1.0, close=source.close
    )


def gone() -> StreamError:
    """What `read` raises when the source has gone."""
    return StreamError("The stream 'fake' has ended or its source is gone.")


def hum() -> Remark:
    """A reason not to decide."""
    return Remark("mains", "All electrodes carry mains hum.")
