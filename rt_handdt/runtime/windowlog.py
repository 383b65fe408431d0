"""What was decided, window by window: the basis of scores, latency figures and parity checks."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from rt_handdt.core.types import Float32, Float64


@dataclass(frozen=True)
class WindowTable:
    """A copy of the log. All arrays have one row a window.

    Attributes
    ----------
    newest_s
        LSL time of the window's newest sample, in the sender's clock.
    index
        Number of that sample since the stream was opened.
    latency_s, compute_s
        From that sample's time to the decision; and the part of it spent on filters, features, network and decoder.
    probabilities
        Shape (n, K): raw posterior.
    """

    newest_s: Float64
    index: Float64
    latency_s: Float64
    compute_s: Float64
    probabilities: Float32


class WindowLog:
    """Grows with the run; keeps the newest `limit` windows (4 h at 64 a second) and counts those forgotten."""

    def __init__(self, n_classes: int, limit: int = 1 << 20) -> None:
        self._limit = limit
        self._table = np.zeros((4096, 4))
        self._probabilities = np.zeros((4096, n_classes), np.float32)
        self._n = 0
        self.forgotten = 0
        self._lock = threading.Lock()

    def add(self, newest_s: float, index: int, latency_s: float, compute_s: float, probabilities: Float32) -> None:
        """Append one window."""
        with self._lock:
            if self._n == len(self._table):
                self._make_room()
            self._table[self._n] = (newest_s, index, latency_s, compute_s)
            self._probabilities[self._n] = probabilities
            self._n += 1

    def _make_room(self) -> None:
        if 2 * self._n <= self._limit:
            self._table = np.concatenate([self._table, np.zeros_like(self._table)])
            self._probabilities = np.concatenate([self._probabilities, np.zeros_like(self._probabilities)])
            return
        drop = self._n // 4
        self._table[: self._n - drop] = self._table[drop : self._n].copy()
        self._probabilities[: self._n - drop] = self._probabilities[drop : self._n].copy()
        self._n -= drop
        self.forgotten += drop

    def __len__(self) -> int:
        return self._n + self.forgotten

    def table(self, newest: int | None = None) -> WindowTable:
        """All windows, or the `newest` ones."""
        with self._lock:
            start = 0 if newest is None else max(0, self._n - newest)
            rows = self._table[start : self._n].copy()
            probabilities = self._probabilities[start : self._n].copy()
        return WindowTable(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3], probabilities)
