"""Whether what was learnt of a subject is worth having: compared with a frozen copy of the start."""

from __future__ import annotations

from typing import Literal

#: What a window is known to be without any prediction: loud or quiet.
Kind = Literal["movement", "rest"]
#: Share of `check_windows` that must have been seen of a kind before it says anything.
_ENOUGH = 0.5


class Guard:
    """Means of how sure of the right thing the learnt state and the start are, over the newest windows of each kind.

    Parameters
    ----------
    windows
        Older ones than about so many are forgotten.
    margin
        By how much the learnt state may be the worse one.
    """

    def __init__(self, windows: int, margin: float) -> None:
        self._windows, self._margin = windows, margin
        self.reset()

    def reset(self) -> None:
        """Forget what was compared."""
        self._count: dict[Kind, int] = {}
        self._gain: dict[Kind, float] = {}

    def see(self, kind: Kind, learnt: float, start: float) -> None:
        """Take the probability that either state gives to what a window is known to be, or is most likely to be."""
        count = self._count.get(kind, 0) + 1
        before = self._gain.get(kind, 0.0)
        self._count[kind] = count
        self._gain[kind] = before + (learnt - start - before) / min(count, self._windows)

    @property
    def gains(self) -> dict[Kind, float]:
        """Mean gain in probability, of each kind that was seen often enough."""
        least = max(_ENOUGH * self._windows, 1)
        return {kind: gain for kind, gain in self._gain.items() if self._count[kind] >= least}

    @property
    def worse(self) -> bool:
        """Whether the start was better, rest and movement counting the same."""
        gains = self.gains
        return bool(gains) and sum(gains.values()) / len(gains) < -self._margin
