"""Proportional control: how far a gesture is contracted, as a hand can follow it."""

from __future__ import annotations

import math

from pydantic import Field

from rt_handdt.config import Settings

#: Cut-off of the One-Euro filter's own estimate of speed, Hz (Casiez et al. 2012 recommend 1).
SPEED_CUTOFF_HZ = 1.0


class LevelSettings(Settings):
    """How contraction becomes a level of 0 to 1.

    Attributes
    ----------
    dead_band
        Up to this share of the way from rest to a comfortable contraction the level is 0; above, it rises evenly to 1.
    cutoff_hz, speed
        One-Euro filter (Casiez et al. 2012): the level is low-passed at `cutoff_hz` + `speed` · |its change a second|,
        so that it is calm when held and quick when moved. 0 Hz for no filter.
    ramp_s
        Velocity ramp (Simon et al. 2011): a gesture reaches its level only once it was decided for so long, and loses
        it as fast while another is; a short misclassification then hardly moves a hand. 0 for none.
    """

    dead_band: float = Field(0.05, ge=0, lt=1)
    cutoff_hz: float = Field(10.0, ge=0, le=1e4)
    speed: float = Field(10.0, ge=0, le=1e4)
    ramp_s: float = Field(0.0, ge=0, le=60)


class ProportionalLevel:
    """The level of the gesture that is held, window after window.

    Of a given gesture, more contraction never gives less level in the same window. At rest it is 0 at once.

    Parameters
    ----------
    settings
        How.
    hop_s
        Time between two windows, s.
    n_classes
        K.

    Examples
    --------
    >>> level = ProportionalLevel(LevelSettings(dead_band=0.2, cutoff_hz=0), hop_s=0.02, n_classes=2)
    >>> [round(level.step(1, share), 2) for share in (0.1, 0.6, 3.0)]
    [0.0, 0.5, 1.0]
    """

    def __init__(self, settings: LevelSettings, hop_s: float, n_classes: int) -> None:
        self._settings, self._hop_s = settings, hop_s
        self._ramp = max(1, round(settings.ramp_s / hop_s)) if settings.ramp_s else 0
        self._decided = [0] * n_classes
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        self._decided = [0] * len(self._decided)
        self._level = self._speed = 0.0

    def rest(self) -> float:
        """Nothing is held: 0."""
        self._count(-1)
        self._level = self._speed = 0.0
        return 0.0

    def step(self, held: int, share: float) -> float:
        """The level of a gesture.

        Parameters
        ----------
        held
            Which class is held.
        share
            Of the way from rest to a comfortable contraction; below 0 and above 1 as it comes.
        """
        band = self._settings.dead_band
        wanted = min(max((share - band) / (1.0 - band), 0.0), 1.0)
        self._count(held)
        if self._ramp:
            wanted *= self._decided[held] / self._ramp
        if not self._settings.cutoff_hz:
            self._level = wanted
            return wanted
        # The cut-off is that of the speed before this window: with its own, more contraction could give less level.
        moved = wanted - self._level
        self._level += self._alpha(self._settings.cutoff_hz + self._settings.speed * abs(self._speed)) * moved
        self._speed += self._alpha(SPEED_CUTOFF_HZ) * (moved / self._hop_s - self._speed)
        return self._level

    def _alpha(self, cutoff_hz: float) -> float:
        return 1.0 / (1.0 + 1.0 / (2.0 * math.pi * cutoff_hz * self._hop_s))

    def _count(self, held: int) -> None:
        if self._ramp:
            self._decided = [
                min(count + 1, self._ramp) if k == held else max(count - 1, 0) for k, count in enumerate(self._decided)
            ]
