"""What was decided, window by window: the basis of scores, latency figures and parity checks."""

from __future__ import annotations

import threading
from array import array
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
    """Keeps what was decided of every window, and all details of the newest `limit` (17 minutes at 64 a second).

    Its memory is taken at once, so that a run of hours needs no more than one of seconds; of every window only its time
    and most probable class are added (9 bytes).
    """

    def __init__(self, n_classes: int, limit: int = 1 << 16) -> None:
        self._rows = np.ones((limit, _COLUMNS))  # ones: memory of zeros would only be taken when it is used
        self._probabilities = np.ones((limit, n_classes), np.float32)
        self._times = array("d")
        self._classes = array("B" if n_classes < 256 else "H")
        self._lock = threading.Lock()

    def add(self, newest_s: float, index: int, stages_s: tuple[float, ...], probabilities: Float32) -> None:
        """Append one window."""
        with self._lock:
            at = len(self._times) % len(self._rows)
            self._rows[at] = (newest_s, index, *stages_s, 0.0)
            self._probabilities[at] = probabilities
            self._times.append(newest_s)
            self._classes.append(int(probabilities.argmax()))

    def learnt(self, seconds: float) -> None:
        """Note how long learning from the newest window took."""
        with self._lock:
            if self._times:
                self._rows[(len(self._times) - 1) % len(self._rows), -1] = seconds

    def __len__(self) -> int:
        return len(self._times)

    def decided(self, newest: int | None = None) -> tuple[Float64, npt.NDArray[np.int64]]:
        """Time of the newest sample and most probable class of all windows, or of the `newest` ones."""
        with self._lock:
            start = 0 if newest is None else max(0, len(self._times) - newest)
            return np.array(self._times[start:], np.float64), np.array(self._classes[start:], np.int64)

    def table(self, newest: int | None = None) -> WindowTable:
        """The details of all windows that are kept, or of the `newest` ones."""
        with self._lock:
            n, limit = len(self._times), len(self._rows)
            count = min(n, limit) if newest is None else min(n, limit, newest)
            rows = np.arange(n - count, n) % limit
            table, probabilities = self._rows[rows], self._probabilities[rows]
        return WindowTable(table[:, 0], table[:, 1], table[:, 2:-1], table[:, -1], probabilities)
