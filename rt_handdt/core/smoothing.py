"""Ways to smooth posteriors over time: none, an exponential mean, one that knows change, a majority vote."""

from __future__ import annotations

import math
from collections import deque
from typing import Literal, Protocol

import numpy as np

from rt_handdt.core.types import Float32

SmoothingName = Literal["none", "exponential", "change", "majority"]


class Smoothing(Protocol):
    """Takes the posteriors of a stream, window after window."""

    def step(self, probabilities: Float32) -> Float32:
        """(K,) smoothed, after the next window's (K,)."""
        ...

    def reset(self) -> None:
        """Forget the past."""
        ...


class Unsmoothed:
    """The posteriors as they come."""

    def step(self, probabilities: Float32) -> Float32:
        return probabilities.astype(np.float32)

    def reset(self) -> None:
        pass


class Exponential:
    """Exponential mean with one time constant.

    Parameters
    ----------
    time_s, hop_s
        Time constant, and time between two windows, s.
    """

    def __init__(self, time_s: float, hop_s: float) -> None:
        self._alpha = np.float32(1.0 if time_s == 0 else 1 - math.exp(-hop_s / time_s))
        self._mean: Float32 | None = None

    def step(self, probabilities: Float32) -> Float32:
        if self._mean is None:
            self._mean = probabilities.astype(np.float32)
        else:
            self._mean = (self._mean + self._alpha * (probabilities - self._mean)).astype(np.float32)
        return self._mean

    def reset(self) -> None:
        self._mean = None


class ChangeInformed:
    """Exponential mean that hurries where the posterior moves away from it, and is patient where it stays.

    The time constant is `time_s` · (1 − d), d the total variation distance ½ Σ |p − mean| between the newest posterior
    and the mean: 0 where they agree, 1 where they share nothing.

    Parameters
    ----------
    time_s, hop_s
        Time constant where nothing changes, and time between two windows, s.
    """

    def __init__(self, time_s: float, hop_s: float) -> None:
        self._time_s, self._hop_s = time_s, hop_s
        self._mean: Float32 | None = None

    def step(self, probabilities: Float32) -> Float32:
        if self._mean is None or self._time_s == 0:
            self._mean = probabilities.astype(np.float32)
            return self._mean
        moved = probabilities - self._mean
        time_s = self._time_s * (1.0 - min(0.5 * float(np.abs(moved).sum()), 1.0))
        alpha = 1.0 if time_s <= 0 else 1 - math.exp(-self._hop_s / time_s)
        self._mean = (self._mean + np.float32(alpha) * moved).astype(np.float32)
        return self._mean

    def reset(self) -> None:
        self._mean = None


class MajorityVote:
    """Share of the last windows that voted for each class (Englehart & Hudgins 2003).

    Parameters
    ----------
    time_s, hop_s
        Length of the vote, and time between two windows, s.
    """

    def __init__(self, time_s: float, hop_s: float) -> None:
        self._votes: deque[int] = deque(maxlen=max(1, round(time_s / hop_s)))

    def step(self, probabilities: Float32) -> Float32:
        self._votes.append(int(probabilities.argmax()))
        shares: Float32 = np.bincount(self._votes, minlength=len(probabilities)).astype(np.float32)
        return shares / np.float32(len(self._votes))

    def reset(self) -> None:
        self._votes.clear()


def smoothing(name: SmoothingName, time_s: float, hop_s: float) -> Smoothing:
    """One of the ways, by its name.

    Parameters
    ----------
    name
        ``"none"``, ``"exponential"``, ``"change"`` (`ChangeInformed`) or ``"majority"``.
    time_s, hop_s
        Time constant or length of the vote, and time between two windows, s.

    Examples
    --------
    >>> vote = smoothing("majority", time_s=0.06, hop_s=0.02)
    >>> [vote.step(np.array(p, np.float32)).round(2).tolist() for p in ([0.9, 0.1], [0.4, 0.6], [0.2, 0.8])]
    [[1.0, 0.0], [0.5, 0.5], [0.33, 0.67]]
    """
    if name == "none":
        return Unsmoothed()
    if name == "majority":
        return MajorityVote(time_s, hop_s)
    return ChangeInformed(time_s, hop_s) if name == "change" else Exponential(time_s, hop_s)
