"""The newest samples, for display."""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

from rt_handdt.core.types import Float32


class Ring:
    """A ring buffer with one writer and any readers; old samples are overwritten, never waited for."""

    def __init__(self, capacity: int, n_channels: int) -> None:
        self._data = np.zeros((capacity, n_channels), np.float32)
        self._written = 0
        self._lock = threading.Lock()

    def push(self, samples: Float32) -> None:
        """Append samples (n, n_channels)."""
        capacity = len(self._data)
        samples = samples[-capacity:]
        with self._lock:
            at = self._written % capacity
            head = min(len(samples), capacity - at)
            self._data[at : at + head] = samples[:head]
            self._data[: len(samples) - head] = samples[head:]
            self._written += len(samples)

    def since(self, number: int) -> tuple[int, Float32]:
        """The samples that came after the first `number`, as far as they are there: number of all, and a copy."""
        with self._lock:
            n = min(max(0, self._written - number), len(self._data))
            start = (self._written - n) % len(self._data)
            rest = max(0, start + n - len(self._data))
            return self._written, np.concatenate([self._data[start : start + n - rest], self._data[:rest]])

    def latest(self, n: int, channels: npt.ArrayLike) -> Float32:
        """The newest samples of some channels, oldest first: shape (≤ n, len(channels)), a copy."""
        with self._lock:
            n = min(n, self._written, len(self._data))
            start = (self._written - n) % len(self._data)
            rest = max(0, start + n - len(self._data))
            wanted = np.asarray(channels, dtype=np.intp)
            # By `take`, in two runs of rows: indexing with rows and columns is slower.
            parts = (self._data[start : start + n - rest], self._data[:rest])
            return np.concatenate([part.take(wanted, axis=1) for part in parts])
