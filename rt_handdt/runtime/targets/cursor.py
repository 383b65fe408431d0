"""A cursor with two degrees of freedom that decisions move, as they would move a hand."""

from __future__ import annotations

import numpy as np

from rt_handdt.core.dof import DofPair
from rt_handdt.core.types import Decision, Float64, Mode

#: Half the side of the square that it cannot leave; targets lie within 1 of the middle.
EDGE = 1.3
#: Where the size of a velocity does not count, one below this is none.
NOTICED = 0.2


class Cursor:
    """Moves at the level, or the velocities, of the newest decision; what rests for a reason does not move.

    Parameters
    ----------
    dofs
        What moves it along its two axes.
    mode
        ``"classification"``: one axis at a time, by the label and the level. ``"regression"``: by the velocities.
    speed
        Units a second at level, or velocity, 1.
    steady
        The level at which it moves whatever the level is; None: at the level. A velocity counts from `NOTICED` on.
    """

    def __init__(self, dofs: DofPair, mode: Mode, speed: float, *, steady: float | None = None) -> None:
        self._dofs, self._mode, self._speed, self._steady = dofs, mode, speed, steady
        self.place: Float64 = np.zeros(2)

    def put(self, place: Float64) -> None:
        """Set it somewhere."""
        self.place = np.array(place, np.float64)

    def move(self, decision: Decision | None, seconds: float) -> float:
        """Go on, and return how far that was."""
        before = self.place
        self.place = np.clip(before + self._velocity(decision) * (self._speed * seconds), -EDGE, EDGE)
        return float(np.hypot(*(self.place - before)))

    def _velocity(self, decision: Decision | None) -> Float64:
        if decision is None or decision.reason:
            return np.zeros(2)
        if self._mode == "regression":
            velocity = np.array(decision.velocities or (0.0, 0.0))
            if self._steady is None:
                return velocity
            return np.asarray(np.sign(velocity) * (np.abs(velocity) > NOTICED) * self._steady)
        direction = self._dofs.direction(decision.label)
        if direction is None:
            return np.zeros(2)
        return direction * (min(decision.level, 1.0) if self._steady is None else self._steady)
