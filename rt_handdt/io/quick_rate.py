"""A rate that is far off the declared one, known within two to three seconds."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np

#: The least delay in each of so many stretches of so long, in s, is looked at; they may lie so far apart.
STRETCHES, STRETCH_S, SPREAD_S = 8, 0.25, 4.5
#: A rate is far off by this share at least.
FAR_OFF = 0.08
#: Delays are on a line if they are off it by no more than this share of what it rises.
STRAIGHT = 0.2
#: Samples that grow old by more than this share of what is missing are a backlog.
BACKLOG = 0.5
#: A backlog that is worked off never goes below what was seen before, in s.
SLACK_S = 0.01


class Delay(NamedTuple):
    """When samples came, how much later than so many samples take, and than they are stamped; in s."""

    at_s: float
    behind_s: float
    age_s: float


class QuickRate:
    """Looks whether the newest samples fall behind, or run ahead, along a line.

    One loss is a step; a stall that is made up for falls back to where it was; a link that is too slow delivers samples
    that grow old. Only a rate that is not the declared one goes on evenly, with samples of one age.

    Attributes
    ----------
    off
        For how many stretches in a row it has.
    slope
        By how much, the last time: 0.5 where half of the declared samples come.
    """

    def __init__(self) -> None:
        self._points: deque[Delay] = deque(maxlen=STRETCHES)
        self._least: Delay | None = None
        self._since_s = -np.inf
        self._deepest = np.inf
        self.off = 0
        self.slope = 0.0

    def see(self, newest: Delay) -> None:
        """Take in the newest samples there were, when a reader had to wait for more."""
        if newest.at_s - self._since_s >= STRETCH_S:
            self._since_s = newest.at_s
            if self._least is not None:
                if len(self._points) == STRETCHES:
                    self._deepest = min(self._deepest, self._points[0].behind_s)
                self._points.append(self._least)
                slope = self._line()
                self.off = 0 if slope is None else self.off + 1
                self.slope = slope or 0.0
            self._least = newest
        elif self._least is None or newest.behind_s < self._least.behind_s:
            self._least = newest

    def _line(self) -> float | None:
        """The slope of the delays, if they are on a line that is far off."""
        at, behind, age = np.asarray(self._points).T
        if len(at) < STRETCHES or at[-1] - at[0] > SPREAD_S:
            return None
        half = STRETCHES // 2
        apart = at[half:] - at[:half]
        slope = float(np.median((behind[half:] - behind[:half]) / apart))
        off_line = behind - slope * at
        if abs(slope) < FAR_OFF or np.abs(off_line - np.median(off_line)).max() > STRAIGHT * abs(slope) * np.ptp(at):
            return None
        if slope > 0:
            backlog = float(np.median((age[half:] - age[:half]) / apart)) > BACKLOG * slope
        else:
            backlog = bool(behind[-1] > self._deepest - SLACK_S)
        return None if backlog else slope
