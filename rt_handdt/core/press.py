"""Which electrode is pressed with a finger."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from rt_handdt.core.types import Float64

#: How long one holds still first, and over what a press is averaged, in windows a second times these, s.
STILL_S, PRESS_S = 1.5, 0.2
#: A press is so many times louder than before, after what all electrodes do together is taken out.
TIMES = 2.5
#: It is so many of the electrode's own deviations off, whose least is this (in the logarithm).
DEVIATIONS, LEAST = 4.0, 0.15
#: Below this (µV) nothing is told apart from silence.
FLOOR_UV = 2.0


class Pressed(NamedTuple):
    """An electrode (its number), and how many times louder it is than while one held still."""

    channel: int
    times: float


class PressFinder:
    """Compares each electrode's swing with that of a still moment; the one that changes most is the one pressed.

    A finger moves the skin and the electrode on it: slow swings of one electrode, many times what is there at rest. A
    cable or the reference that is touched moves all electrodes, and is none of them: the median change is taken out.

    Parameters
    ----------
    rate_hz
        Windows a second.

    Examples
    --------
    >>> finder = PressFinder(rate_hz=10.0)
    >>> while not finder.ready:
    ...     finder.step(np.asarray([5.0, 5.2, 4.9]))
    >>> for _ in range(3):
    ...     found = finder.step(np.asarray([5.0, 60.0, 5.0]))
    >>> found.channel, round(found.times)
    (1, 8)
    """

    def __init__(self, rate_hz: float) -> None:
        self._wanted = max(3, math.ceil(STILL_S * rate_hz))
        self._share = 1.0 / max(1.0, PRESS_S * rate_hz)
        self._still: list[Float64] = []
        self._usual: Float64 | None = None
        self._spread: Float64 | None = None
        self._change: Float64 | None = None

    @property
    def ready(self) -> bool:
        """Whether it knows what is still."""
        return self._usual is not None

    @property
    def share(self) -> float:
        """How much of the still moment it has heard, 0 to 1."""
        return 1.0 if self.ready else len(self._still) / self._wanted

    def step(self, swing_uv: Float64) -> Pressed | None:
        """Take the next window: how far each electrode's unfiltered signal swings, (C,) µV.

        Returns
        -------
        Pressed or None
            None while nothing is pressed, or before it knows what is still.
        """
        level = np.log(np.maximum(np.nan_to_num(swing_uv), 0.0) + FLOOR_UV)
        if self._usual is None or self._spread is None:
            self._still.append(level)
            if len(self._still) >= self._wanted:
                heard = np.stack(self._still)
                self._usual = np.median(heard, axis=0)
                self._spread = 1.4826 * np.median(np.abs(heard - self._usual), axis=0)
                self._still.clear()
            return None
        change = level - self._usual
        change -= np.median(change)
        before = change if self._change is None else self._change
        self._change = before + self._share * (change - before)
        best = int(self._change.argmax())
        most = float(self._change[best])
        if most < math.log(TIMES) or most < DEVIATIONS * max(float(self._spread[best]), LEAST):
            return None
        return Pressed(best, math.exp(most))
