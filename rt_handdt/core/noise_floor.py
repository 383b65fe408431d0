"""How loud the electrodes are while the muscles are still: tracked live, so that rest is known as rest."""

from __future__ import annotations

import math
from collections import deque

from pydantic import Field

from rt_handdt.config import Settings

#: Amplitude below which nothing is told apart, in the level's unit: keeps the logarithm of a flat signal finite.
_LEAST = 1e-6
#: A sudden fall to less than this share of the floor is a lost contact rather than a quieter muscle, and a rise counts
#: as one of at most its inverse.
_SUDDEN = 1 / 3
#: From rest to a gesture, the level changes by more than this.
CONTRAST = 2.0
#: Of a contraction's level 250 ms windows vary by some 12 %, and far less within 60 ms.
RELEASING, FALLING = 0.85, 0.98


class FloorSettings(Settings):
    """How the noise floor follows the level.

    Attributes
    ----------
    on_ratio
        A movement begins where the level exceeds the floor so many times, and
    off_ratio
        ends where it falls below this.
    release_ratio, release_s
        Where the level falls fast (in `release_s` to less than `RELEASING` of what it was), it ends below this already.
    fall_s, follow_s
        Time constants towards a level below the floor, and towards one near it.
    rest_s
        The same towards a louder one that the network takes for rest.
    start_s
        Where a stream began too loud for rest, and went up and down by more than `CONTRAST` since, its lowest level is
        taken for the floor after so long: another amplifier, or a noisier arm than any in training.
    slow_s
        The same during a movement, and after a sudden fall. Of the longest contraction or lost contact that should not
        move the floor, a few times.
    """

    on_ratio: float = Field(1.25, gt=1)
    off_ratio: float = Field(1.15, gt=1)
    release_ratio: float = Field(2.5, gt=1)
    release_s: float = Field(0.06, gt=0)
    fall_s: float = Field(0.25, gt=0)
    follow_s: float = Field(20.0, gt=0)
    rest_s: float = Field(5.0, gt=0)
    start_s: float = Field(2.0, gt=0)
    slow_s: float = Field(120.0, gt=0)


class NoiseFloor:
    """Tells rest from movement by the level alone, beginning with what the first window shows.

    Parameters
    ----------
    settings
        Frozen.
    hop_s
        From one level to the next.
    start_at_most
        The first level is not taken for a floor louder than this (a stream may begin in the middle of a contraction).

    Attributes
    ----------
    quiet
        Whether the newest level is one of rest.
    """

    def __init__(self, settings: FloorSettings, hop_s: float, start_at_most: float) -> None:
        self.settings = settings
        self._past: deque[float] = deque(maxlen=max(1, round(settings.release_s / hop_s)))
        self._hop_s, self._start = hop_s, math.log(max(start_at_most, _LEAST))
        self.reset()

    def reset(self) -> None:
        """Forget the floor."""
        self._floor: float | None = None
        self._lowest, self._highest, self._count = math.inf, -math.inf, 0
        self._found = False  # whether anything was quiet yet
        self._past.clear()
        self.quiet = True

    @property
    def level(self) -> float:
        """The floor, in the level's unit; before the first level, the loudest that it may begin with."""
        return math.exp(self._start if self._floor is None else self._floor)

    def step(self, level: float, *, resting: bool) -> bool:
        """Take the next level, and say whether it is one of rest.

        Parameters
        ----------
        level
            An amplitude, 0 or more.
        resting
            Whether something else (the network) takes the window for rest.
        """
        settings, now = self.settings, math.log(max(level, _LEAST))
        if self._floor is None:
            self._floor = min(now, self._start)
        if not self._found:
            self._start_anew(now)
        above = now - self._floor
        change = now - max(self._past) if self._past else 0.0
        self._past.append(now)
        if self.quiet:  # a movement begins with a rise
            self.quiet = above < math.log(settings.on_ratio) or change < math.log(FALLING)
        else:
            releasing = change < math.log(RELEASING)
            self.quiet = above < math.log(settings.release_ratio if releasing else settings.off_ratio)
        self._found |= self.quiet
        if above < math.log(_SUDDEN):
            tau_s = settings.slow_s
        elif above < 0:
            tau_s = settings.fall_s
        elif self.quiet:
            tau_s = settings.follow_s
        else:
            tau_s = settings.rest_s if resting else settings.slow_s
            above = min(above, -math.log(_SUDDEN))
        self._floor += above * (1.0 - math.exp(-self._hop_s / tau_s))
        return self.quiet

    def _start_anew(self, now: float) -> None:
        """Where nothing was quiet so far: take the lowest level for the floor, if there were others well above it."""
        assert self._floor is not None
        self._count += 1
        self._lowest, self._highest = min(self._lowest, now), max(self._highest, now)
        late = self._count * self._hop_s > self.settings.start_s
        if late and self._highest - self._lowest > math.log(CONTRAST):
            self._floor = max(self._floor, self._lowest)
