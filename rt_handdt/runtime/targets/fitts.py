"""A target test after Fitts: steer a cursor into circles, near and far, wide and narrow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from pydantic import Field

from rt_handdt.config import Settings
from rt_handdt.core.types import Decision, Float64
from rt_handdt.runtime.targets.cursor import Cursor
from rt_handdt.sim.aim import CursorScreen


class FittsSettings(Settings):
    """What is asked for.

    Attributes
    ----------
    targets
        How many.
    distances, widths
        From the middle, and diameters, of the targets; half the width of the cursor's field is 1.
    directions
        Targets lie in so many directions, the first along the first axis.
    dwell_s
        A target is reached when the cursor has stayed within it for so long.
    timeout_s
        A target that is not reached by then is missed.
    pause_s
        Between two targets; the cursor stands in the middle.
    speed
        Of the cursor at full level, a second.
    steady
        The level at which it moves where levels do not count.
    """

    targets: int = Field(16, ge=1, le=1000)
    distances: tuple[float, ...] = (0.5, 0.9)
    widths: tuple[float, ...] = (0.2, 0.35)
    directions: int = Field(8, ge=1, le=64)
    dwell_s: float = Field(1.0, gt=0)
    timeout_s: float = Field(15.0, gt=0)
    pause_s: float = Field(1.5, ge=0)
    speed: float = Field(0.8, gt=0)
    steady: float = Field(0.5, gt=0, le=1)


@dataclass(frozen=True)
class Reach:
    """One target.

    Attributes
    ----------
    bits
        Index of difficulty, log2(distance / width + 1) (MacKenzie 1992).
    reached, seconds
        Whether, and how long it took to come in for good, without the dwell; NaN if it was missed.
    straight, path
        The straight way to where the cursor came in for good, and the way it took.
    overshoots
        How often the cursor left it again.
    """

    bits: float
    reached: bool
    seconds: float
    straight: float
    path: float
    overshoots: int


@dataclass(frozen=True)
class FittsFigures:
    """What a test came to; NaN where no target was reached.

    Attributes
    ----------
    targets, completion
        How many, and the share that was reached.
    throughput
        bit/s: mean over targets reached of difficulty by time.
    efficiency
        Mean over targets reached of the straight way by the way taken.
    overshoots
        A target, missed ones too.
    seconds
        Mean over targets reached.
    """

    targets: int
    completion: float
    throughput: float
    efficiency: float
    overshoots: float
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values; None for NaN."""
        return {name: None if value != value else round(value, 4) for name, value in vars(self).items()}


class FittsTest:
    """Shows target after target. No clock of its own: time is what `advance` is told.

    Parameters
    ----------
    cursor
        What is steered.
    settings
        What is asked for.
    seed
        Decides order and directions.
    """

    def __init__(self, cursor: Cursor, settings: FittsSettings = FittsSettings(), seed: int = 0) -> None:
        self.cursor, self.settings = cursor, settings
        self.reaches: list[Reach] = []
        rng = np.random.default_rng([seed, 0xF177])
        kinds = list(product(settings.distances, settings.widths))
        turns = 2 * np.pi / settings.directions
        self._plan: list[tuple[float, float, float]] = []  # distance, width, angle
        while len(self._plan) < settings.targets:  # every kind, and every direction, as often as may be
            order = rng.permutation(len(kinds) * settings.directions)
            self._plan += [(*kinds[k % len(kinds)], turns * (k // len(kinds))) for k in order.tolist()]
        del self._plan[settings.targets :]
        self._inside_s: float | None = None
        self._radius = 0.0
        self._begin()

    @property
    def done(self) -> bool:
        """Whether all was asked for."""
        return len(self.reaches) == self.settings.targets

    @property
    def screen(self) -> CursorScreen:
        """What is to be shown now."""
        if self.done or self._pause_s > 0:
            return CursorScreen(self.cursor.place, None, 0.0)
        return CursorScreen(self.cursor.place, self._target, self._radius)

    @property
    def dwelt(self) -> float:
        """How much of the dwell is over, 0 to 1."""
        return 0.0 if self._inside_s is None else min(1.0, (self._at_s - self._inside_s) / self.settings.dwell_s)

    @property
    def left_s(self) -> float:
        """For the present target; in a pause, of that."""
        return max(0.0, self._pause_s if self._pause_s > 0 else self.settings.timeout_s - self._at_s)

    @property
    def counted(self) -> tuple[int, int]:
        """How many targets are over, of how many."""
        return len(self.reaches), self.settings.targets

    def advance(self, decision: Decision | None, seconds: float, *, moving: bool = False) -> None:
        """Go on by some time in which `decision` holds."""
        if self.done:
            return
        if self._pause_s > 0:
            self._pause_s -= seconds
            return
        self._path += self.cursor.move(decision, seconds)
        self._at_s += seconds
        inside = bool(np.hypot(*(self.cursor.place - self._target)) <= self._radius)
        if inside and self._inside_s is None:
            self._inside_s, self._way, self._came = self._at_s, self._path, self.cursor.place
        elif not inside and self._inside_s is not None:
            self._inside_s = None
            self._overshoots += 1
        if self._inside_s is not None and self._at_s - self._inside_s >= self.settings.dwell_s - 1e-9:
            self._end(True)
        elif self._at_s >= self.settings.timeout_s:
            self._end(False)

    def figures(self) -> FittsFigures:
        """Of the targets so far."""
        good = [one for one in self.reaches if one.reached]

        def mean(values: list[float]) -> float:
            return sum(values) / len(values) if values else math.nan

        return FittsFigures(
            targets=len(self.reaches),
            completion=mean([float(one.reached) for one in self.reaches]),
            throughput=mean([one.bits / one.seconds for one in good]),
            efficiency=mean([min(1.0, one.straight / one.path) for one in good]),
            overshoots=mean([float(one.overshoots) for one in self.reaches]),
            seconds=mean([one.seconds for one in good]),
        )

    def _begin(self) -> None:
        self._pause_s, self._at_s, self._path, self._overshoots = self.settings.pause_s, 0.0, 0.0, 0
        self._inside_s = None
        self._way, self._came = 0.0, np.zeros(2)
        self.cursor.put(np.zeros(2))
        if not self.done:
            self._distance, self._width, angle = self._plan[len(self.reaches)]
            self._target: Float64 = self._distance * np.array([math.cos(angle), math.sin(angle)])
            self._radius = self._width / 2

    def _end(self, reached: bool) -> None:
        seconds = self._inside_s if reached and self._inside_s is not None else math.nan
        straight = float(np.hypot(*self._came))
        bits = math.log2(self._distance / self._width + 1)
        self.reaches.append(Reach(bits, reached, seconds, straight, self._way, self._overshoots))
        self._begin()
