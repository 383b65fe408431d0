"""The last half minute of the signal as it is drawn: the least and the largest value of each short stretch."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Self

import numpy as np

from rt_handdt.core.types import Float32

#: Stretches a second: a trace of two seconds on 512 pixels.
RATE_HZ = 256.0
#: What a viewer can go back, and what is seen then.
SECONDS = 36.0


class SignalMemory:
    """Keeps the lows and highs of all channels; one thread writes, any may read.

    Of 256 channels it takes 19 MB, where the samples of half a minute would take 60.

    Parameters
    ----------
    n_channels, fs_hz
        Of the signal.
    seconds
        How far back, s.

    Examples
    --------
    >>> memory = SignalMemory(2, 512.0)
    >>> memory.push(np.asarray([[0, 5], [1, -5], [2, 5], [3, -5]], np.float32))
    >>> memory.written, memory.rate_hz
    (2, 256.0)
    >>> low, high = memory.read(0, 2)
    >>> low.tolist(), high.tolist()
    ([[0.0, -5.0], [2.0, -5.0]], [[1.0, 5.0], [3.0, 5.0]])
    """

    def __init__(self, n_channels: int, fs_hz: float, seconds: float = SECONDS) -> None:
        self.n_channels = n_channels
        self._samples = max(1, round(fs_hz / RATE_HZ))
        #: Stretches a second.
        self.rate_hz = fs_hz / self._samples
        self._low = np.full((max(1, round(seconds * self.rate_hz)), n_channels), np.nan, np.float32)
        self._high = self._low.copy()
        self._rest: Float32 = np.zeros((0, n_channels), np.float32)
        self._written = 0
        self._lock = threading.Lock()

    @property
    def written(self) -> int:
        """Number of stretches that ever came; the newest is one less."""
        return self._written

    @property
    def held(self) -> int:
        """Number of the oldest stretch that is still there."""
        return max(0, self._written - len(self._low))

    def push(self, samples: Float32) -> None:
        """Take the next samples (n, n_channels), µV."""
        joined = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        count = len(joined) // self._samples
        self._rest = joined[count * self._samples :].copy()
        if not count:
            return
        parts = joined[: count * self._samples].reshape(count, self._samples, self.n_channels)
        self._add(parts.min(axis=1), parts.max(axis=1))

    def skip(self, samples: int) -> None:
        """Samples were lost here: at least a twentieth of a second is left blank, and at most one."""
        self._rest = self._rest[:0]
        count = int(min(max(samples / self._samples, 0.05 * self.rate_hz), self.rate_hz))
        blank = np.full((count, self.n_channels), np.nan, np.float32)
        self._add(blank, blank)

    def read(self, first: int, last: int, channels: Sequence[int] | None = None) -> tuple[Float32, Float32]:
        """Lows and highs of the stretches first … last − 1, (last − first, channels); NaN where nothing is held."""
        with self._lock:
            wanted = np.arange(first, last)
            there = (wanted >= self.held) & (wanted < self._written)
            at = wanted % len(self._low)
            if channels is None:
                low, high = self._low[at], self._high[at]
            else:
                columns = np.asarray(channels, np.intp)
                low, high = self._low[at].take(columns, axis=1), self._high[at].take(columns, axis=1)
        if not there.all():
            low[~there] = high[~there] = np.nan
        return low, high

    def frozen(self) -> Self:
        """A copy that nobody writes to."""
        with self._lock:
            copy = type(self).__new__(type(self))
            copy.__dict__.update(self.__dict__)
            copy._low, copy._high, copy._lock = self._low.copy(), self._high.copy(), threading.Lock()
        return copy

    def _add(self, low: Float32, high: Float32) -> None:
        low, high = low[-len(self._low) :], high[-len(self._low) :]
        with self._lock:
            at = (self._written + np.arange(len(low))) % len(self._low)
            self._low[at], self._high[at] = low, high
            self._written += len(low)
