"""How many samples are missing in a stream: proved by a counter, or judged by time stamps."""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from rt_handdt.core.types import Float64

Int64 = npt.NDArray[np.int64]

#: Steps between chunks that are remembered to tell what is usual in a stream.
REMEMBERED = 64
#: Less than this many samples off, two samples are of the same chunk (or of a source that keeps perfect time).
STEADY = 0.01


class CountedGaps:
    """Reads a channel that counts samples modulo `modulus`. No loss shorter than the modulus escapes it."""

    def __init__(self, modulus: int) -> None:
        self._modulus = modulus
        self._last: int | None = None

    def missing(self, counts: npt.NDArray[np.floating]) -> Int64:
        """Samples missing right before each of the next ones, of which the counter read `counts` (n,)."""
        whole = np.rint(counts).astype(np.int64)
        last = whole[0] - 1 if self._last is None else self._last
        self._last = int(whole[-1])
        return np.asarray((np.diff(whole, prepend=last) - 1) % self._modulus)


class TimedGaps:
    """Judges by time stamps, where nothing counts.

    Sources that keep perfect time show a loss from half a sample on. Others stamp each chunk when they send it, and
    are early or late by milliseconds; there, a jump is a loss only if it stands out from what is usual: it must exceed
    twice the largest recent step backwards (jitter goes both ways, loss only forwards) and four times the median step
    between chunks (a source slower than it says is always a little late). The first second only teaches.
    """

    def __init__(self, fs_hz: float) -> None:
        self._fs_hz = fs_hz
        self._last_s: float | None = None
        self._backward = 0.0  # largest recent step backwards, in samples
        self._steps: deque[float] = deque(maxlen=REMEMBERED)
        self._seen = 0

    def missing(self, times_s: Float64) -> Int64:
        """Samples missing right before each of the next ones, stamped `times_s` (n,)."""
        previous = times_s[0] - 1 / self._fs_hz if self._last_s is None else self._last_s
        over = np.diff(times_s, prepend=previous) * self._fs_hz - 1  # in samples
        self._last_s = float(times_s[-1])
        self._seen += len(over)
        self._backward = max(self._backward * 0.9999 ** len(over), float(-over.min()))
        usual = float(np.median(self._steps)) if self._steps else 0.0
        limit = max(0.5, 2 * self._backward, 4 * usual)
        border = np.abs(over) > STEADY
        # A source that keeps time has no steps to remember; each quiet stretch counts as one step of zero.
        self._steps.extend(np.abs(over[border]).tolist() if border.any() else [0.0])
        if self._seen <= self._fs_hz:
            return np.zeros(len(over), dtype=np.int64)
        return np.where(over > limit, np.rint(over), 0).astype(np.int64)
