"""How muscles tire: fibres conduct more slowly, units fire less often, and more of them are needed."""

from __future__ import annotations

import numpy as np

from rt_handdt.core.types import Float32, Float64

#: A muscle at full excitation tires, and a tired one at rest recovers, with these time constants.
TIRES_S, RECOVERS_S = 30.0, 90.0
#: Of a muscle as tired as it can be: conduction velocity and firing rates have fallen by these shares, and the
#: excitation for the same force has risen by this one (Merletti, Knaflitz & De Luca 1990, J Appl Physiol 69:1810, found
#: velocities 10 to 30 % lower after half a minute at 80 % of the maximum).
SLOWER, LESS_OFTEN, MORE_EXCITATION = 0.25, 0.2, 0.4


class Fatigue:
    """The state of every muscle, from 0 (fresh) to 1.

    Parameters
    ----------
    n_muscles
        How many there are.
    step_s
        Time between two calls of `step`.

    Attributes
    ----------
    level
        Shape (n_muscles,).
    """

    #: A discharge of the most tired unit lasts so many times as long as that of a fresh one.
    LONGEST = 1 / (1 - SLOWER)

    def __init__(self, n_muscles: int, step_s: float) -> None:
        self.level: Float64 = np.zeros(n_muscles)
        self._step_s = step_s

    def step(self, excitation: Float64) -> Float64:
        """Excitation (n_muscles,) wanted → excitation needed, 0..1; and go on by one step."""
        needed = np.minimum(excitation * (1 + MORE_EXCITATION * self.level), 1.0)
        change = needed * (1 - self.level) / TIRES_S - self.level / RECOVERS_S
        self.level = self.level + change * self._step_s
        return needed

    def rates(self, rates_hz: Float64, muscle: np.ndarray) -> Float64:
        """Firing rates of units (n_units,) of these muscles, as fatigue leaves them."""
        return np.asarray(rates_hz * (1 - LESS_OFTEN * self.level[muscle]), np.float64)

    def slowed(self, delay: int, wave: Float32, muscle: int) -> tuple[int, Float32]:
        """A discharge as slower fibres show it: the same places in the same order, later.

        With the geometry unchanged, a source at a fraction s of its speed gives the potential φ(s t).
        """
        if self.level[muscle] < 1e-3:
            return delay, wave
        speed = 1 - SLOWER * self.level[muscle]
        first, last = int(np.ceil(delay / speed)), int((delay + len(wave) - 1) / speed)
        at = np.arange(first, last + 1) * speed - delay
        row = np.minimum(at.astype(int), len(wave) - 2)
        share = (at - row).astype(np.float32)[:, None]
        return first, wave[row] * (1 - share) + wave[row + 1] * share
