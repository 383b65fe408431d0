"""What was decided, window by window: the basis of scores, latency figures and parity checks."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from rt_handdt.core.types import Float32, Float64

#: What happens to a window, in order: its newest sample travels, features are computed, network and what was learnt of
#: the person judge, the decoder decides, the decision is handed on.
STAGES = ("arrival", "features", "judge", "decode", "publish")
_COLUMNS = 2 + len(STAGES) + 1


@dataclass(frozen=True)
class WindowTable:
    """A copy of the log. All arrays have one row a window.

    Attributes
    ----------
    newest_s
        LSL time of the window's newest sample, in the sender's clock.
    index
        Number of that sample since the stream was opened.
    stages_s
        Shape (n, 5): time spent in each of `STAGES`; NaN for arrival where the sender's clock is another one.
    learning_s
        Time spent on learning from the window, after its decision.
    probabilities
        Shape (n, K): raw posterior.
    """

    newest_s: Float64
    index: Float64
    stages_s: Float64
    learning_s: Float64
    probabilities: Float32

    @property
    def latency_s(self) -> Float64:
        """From the newest sample's time to the decision."""
        return np.asarray(self.stages_s.sum(axis=1))

    @property
    def compute_s(self) -> Float64:
        """The part of it spent on filters, features, network and decoder."""
        return np.asarray(self.stages_s[:, 1:].sum(axis=1))


class WindowLog:
    """Grows with the run; keeps the newest `limit` windows (4 h at 64 a second) and counts those forgotten."""

    def __init__(self, n_classes: int, limit: int = 1 << 20) -> None:
        self._limit = limit
        self._table = np.zeros((4096, _COLUMNS))
        self._probabilities = np.zeros((4096, n_classes), np.float32)
        self._n = 0
        self.forgotten = 0
        self._lock = threading.Lock()

    def add(self, newest_s: float, index: int, stages_s: tuple[float, ...], probabilities: Float32) -> None:
        """Append one window."""
        with self._lock:
            if self._n == len(self._table):
                self._make_room()
            self._table[self._n] = (newest_s, index, *stages_s, 0.0)
            self._probabilities[self._n] = probabilities
            self._n += 1

    def learnt(self, seconds: float) -> None:
        """Note how long learning from the newest window took."""
        with self._lock:
            if self._n:
                self._table[self._n - 1, -1] = seconds

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
        return WindowTable(rows[:, 0], rows[:, 1], rows[:, 2:-1], rows[:, -1], probabilities)
