"""From regressed velocities to a command that a hand can follow: rest gate, smoothing, dead band."""

from __future__ import annotations

import math

import numpy as np
from pydantic import Field

from rt_handdt.config import Settings
from rt_handdt.core.population import Population
from rt_handdt.core.regression import VelocityRegression, loudness
from rt_handdt.core.types import Float32, Float64


class VelocitySettings(Settings):
    """How velocities become commands.

    Attributes
    ----------
    smoothing_s
        Time constant of their exponential mean; 0 for none. A window is a mean already: whatever is added delays what a
        user can correct.
    dead_band
        A velocity up to this is 0; above it begins at 0 and reaches 1 where it did.
    gate_ratio
        Windows quieter than so many times the subject's rest have no velocity.
    """

    smoothing_s: float = Field(0.0, ge=0)
    dead_band: float = Field(0.04, ge=0, lt=1)
    gate_ratio: float = Field(1.4, ge=0)


class VelocityDecoder:
    """Turns windows into velocities, one after another. Pure: the same windows give the same velocities.

    Parameters
    ----------
    regression, population
        What is asked about windows, and how they become log features.
    hop_s
        Time between two windows.
    settings
        How.
    """

    def __init__(
        self,
        regression: VelocityRegression,
        population: Population,
        hop_s: float,
        settings: VelocitySettings = VelocitySettings(),
    ) -> None:
        self.regression, self.settings = regression, settings
        self._population = population
        self._alpha = 1.0 if settings.smoothing_s == 0 else 1 - math.exp(-hop_s / settings.smoothing_s)
        self.reset()

    def reset(self) -> None:
        """Forget the past (after a gap): nothing moves."""
        self._smoothed: Float64 = np.zeros(2)

    def step(self, maps: Float32) -> tuple[float, float]:
        """Take the next window's raw maps (F, H, W)."""
        regression, population = self.regression, self._population
        loud = float(loudness(maps[None], population, regression.occupied)[0])
        if loud < self.settings.gate_ratio * regression.rest_loudness:
            self.reset()
        else:
            found = regression.predict(maps[None], population)[0]
            self._smoothed = self._smoothed + self._alpha * (found - self._smoothed)
        first, second = self._smoothed.tolist()
        return self._banded(first), self._banded(second)

    def _banded(self, velocity: float) -> float:
        band = self.settings.dead_band
        return math.copysign(max(0.0, abs(velocity) - band) / (1 - band), velocity)
