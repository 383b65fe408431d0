"""Stamps as far as there are any: single ones that are absent are filled in, and where all are, arrival takes over."""

from __future__ import annotations

import numpy as np

from rt_handdt.core.types import Float64

#: Stamps that stand still for so long, in s, are none; and stamps that go on for so long are some again.
STUCK_S = 1.0
#: Those that go on run at this computer's pace but for this share.
PACE = 0.1


class UsableStamps:
    """Makes stamps of what a stream has of them.

    Some programs stamp only the first or the last sample of each packet, and leave 0 or not-a-number with the others:
    these get what the declared rate makes of the nearest stamp.

    Attributes
    ----------
    stampless
        Whether the time of arrival is taken instead.
    """

    def __init__(self, fs_hz: float) -> None:
        self._fs_hz = fs_hz
        self._last = np.nan  # stamp of the newest sample
        self._beyond = 0  # samples since the newest one that had a stamp
        self._stuck = 0
        self.stampless = False
        self._again: list[tuple[float, float]] = []  # (stamp, arrival) of stamps that may have become good again

    def take(self, stamps_s: Float64, arrived_s: float) -> Float64:
        """What to judge by, of the next samples' stamps (n,), n ≥ 1."""
        stamps_s, standing = self._filled(stamps_s)
        self._stuck = self._stuck + len(stamps_s) if standing else 0
        if self._stuck > STUCK_S * self._fs_hz:
            self.give_up()
        if self.stampless and not (not standing and self._runs(arrived_s)):
            return np.full(len(stamps_s), arrived_s)
        return stamps_s

    def give_up(self) -> None:
        """They are nonsense."""
        if not self.stampless:
            self.stampless = True
            self._again.clear()

    def _filled(self, stamps_s: Float64) -> tuple[Float64, bool]:
        """The stamps without holes; whether they tell nothing new."""
        n = len(stamps_s)
        there = np.isfinite(stamps_s) & (stamps_s != 0)
        if there.all():
            standing = float(stamps_s[-1]) == self._last == float(stamps_s[0])
            self._last, self._beyond = float(stamps_s[-1]), 0
            return stamps_s, standing
        at = np.flatnonzero(there)
        if not len(at):
            begin = self._beyond + 1
            self._beyond += n
            return self._last + np.arange(begin, begin + n) / self._fs_hz, True
        nearest = at[np.minimum(np.searchsorted(at, np.arange(n)), len(at) - 1)]
        self._last, self._beyond = float(stamps_s[at[-1]]), n - 1 - int(at[-1])
        return stamps_s[nearest] + (np.arange(n) - nearest) / self._fs_hz, False

    def _runs(self, arrived_s: float) -> bool:
        """Whether stamps that were none have gone on as time does, for a while."""
        again = self._again
        if not again or arrived_s - again[-1][1] >= STUCK_S:
            again.append((self._last, arrived_s))
            if len(again) > 3:
                again.pop(0)
                ran = np.diff(np.asarray(again), axis=0)
                self.stampless = bool((np.abs(ran[:, 0] / ran[:, 1] - 1) >= PACE).any())
                if not self.stampless:
                    self._stuck = 0
        return not self.stampless
