"""The motion test: make the movement that is asked for until a virtual hand has completed it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field

from rt_handdt.config import Settings
from rt_handdt.core.gestures import REST
from rt_handdt.core.types import Decision
from rt_handdt.errors import ConfigError
from rt_handdt.sim.aim import PromptScreen


class MotionSettings(Settings):
    """What is asked for.

    Attributes
    ----------
    repetitions
        Of each movement, in random order.
    complete_s
        So long the right movement must be decided, in all, until it is completed.
    timeout_s
        A movement that is not completed by then, from its onset, has failed.
    onset_s
        One that has not begun so long after it was asked for has failed too.
    pause_s
        Rest between two movements.
    """

    repetitions: int = Field(2, ge=1, le=100)
    complete_s: float = Field(1.0, gt=0)
    timeout_s: float = Field(5.0, gt=0)
    onset_s: float = Field(2.0, gt=0)
    pause_s: float = Field(1.5, ge=0)


@dataclass(frozen=True)
class Motion:
    """One movement.

    Attributes
    ----------
    label
        What was asked for.
    select_s, complete_s
        From the movement's onset to the first right decision, and until it was completed; NaN if that never was.
    others
        Share of the time from the onset in which another movement was decided.
    """

    label: str
    select_s: float
    complete_s: float
    others: float


@dataclass(frozen=True)
class MotionFigures:
    """What a test came to; NaN where there is nothing to take a mean of.

    Attributes
    ----------
    movements, completion
        How many, and the share that was completed.
    select_s
        Mean over movements that were ever decided.
    complete_s
        Mean over movements completed.
    others
        Mean share of the time in which another movement was decided.
    """

    movements: int
    completion: float
    select_s: float
    complete_s: float
    others: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values; None for NaN."""
        return {name: None if value != value else round(value, 4) for name, value in vars(self).items()}


class MotionTest:
    """Asks for movement after movement. No clock of its own: time is what `advance` is told.

    Parameters
    ----------
    labels
        What is asked for.
    settings
        How often, and for how long.
    proportional
        Whether the virtual hand moves at the decision's level; else at full speed.
    seed
        Decides the order.

    Raises
    ------
    ConfigError
        If there is nothing to ask for.

    References
    ----------
    Kuiken et al. 2009, JAMA 301:619: motion selection time, completion time and completion rate.
    """

    def __init__(
        self,
        labels: Sequence[str],
        settings: MotionSettings = MotionSettings(),
        *,
        proportional: bool = False,
        seed: int = 0,
    ) -> None:
        asked = [label for label in labels if label != REST]
        if not asked:
            raise ConfigError("A motion test needs a movement besides rest; name one or more gestures.")
        rng = np.random.default_rng([seed, 0x3071])
        self._plan = [asked[k] for _ in range(settings.repetitions) for k in rng.permutation(len(asked)).tolist()]
        self.settings, self._proportional = settings, proportional
        self.motions: list[Motion] = []
        self._shown = REST
        self._select_s, self._begun = math.nan, False
        self._begin()

    @property
    def done(self) -> bool:
        """Whether all was asked for."""
        return len(self.motions) == len(self._plan)

    @property
    def screen(self) -> PromptScreen:
        """What is to be shown now."""
        if self.done or self._pause_s > 0:
            return PromptScreen(None, self._shown)
        return PromptScreen(self._plan[len(self.motions)], self._shown)

    @property
    def gone(self) -> float:
        """How far the hand has gone, 0 to 1."""
        return min(1.0, self._right_s / self.settings.complete_s)

    @property
    def left_s(self) -> float:
        """For the present movement, or until it must have begun; in a pause, of that."""
        if self._pause_s > 0:
            return self._pause_s
        over = self.settings.timeout_s - self._at_s if self._begun else self.settings.onset_s - self._waited_s
        return max(0.0, over)

    @property
    def counted(self) -> tuple[int, int]:
        """How many movements are over, of how many."""
        return len(self.motions), len(self._plan)

    def advance(self, decision: Decision | None, seconds: float, *, moving: bool = False) -> None:
        """Go on by some time in which `decision` holds; `moving`: whether the muscles contract."""
        if self.done:
            return
        self._shown = REST if decision is None or decision.reason else decision.label
        if self._pause_s > 0:
            self._pause_s -= seconds
            return
        label = self._plan[len(self.motions)]
        self._waited_s += seconds
        if not self._begun:
            self._begun = moving
            if not self._begun:
                if self._waited_s >= self.settings.onset_s:
                    self._end(label, math.nan)
                return
        self._at_s += seconds
        if self._shown == label:
            if math.isnan(self._select_s):
                self._select_s = self._at_s
            assert decision is not None
            self._right_s += seconds * (min(decision.level, 1.0) if self._proportional else 1.0)
        elif self._shown != REST:
            self._other_s += seconds
        if self._right_s >= self.settings.complete_s - 1e-9:
            self._end(label, self._at_s)
        elif self._at_s >= self.settings.timeout_s:
            self._end(label, math.nan)

    def figures(self) -> MotionFigures:
        """Of the movements so far."""

        def mean(values: list[float]) -> float:
            known = [one for one in values if one == one]
            return sum(known) / len(known) if known else math.nan

        return MotionFigures(
            movements=len(self.motions),
            completion=mean([float(one.complete_s == one.complete_s) for one in self.motions]),
            select_s=mean([one.select_s for one in self.motions]),
            complete_s=mean([one.complete_s for one in self.motions]),
            others=mean([one.others for one in self.motions]),
        )

    def _begin(self) -> None:
        self._pause_s, self._at_s, self._waited_s = self.settings.pause_s, 0.0, 0.0
        self._right_s = self._other_s = 0.0
        self._select_s, self._begun = math.nan, False

    def _end(self, label: str, complete_s: float) -> None:
        others = self._other_s / self._at_s if self._at_s else 0.0
        self.motions.append(Motion(label, self._select_s, complete_s, others))
        self._begin()
