"""No faster than a hand may move."""

from __future__ import annotations

import numpy as np

from rt_handdt.core.types import Float64
from rt_handdt.io.hands.axes import AXES

#: What a stall may add to a step (s): after it the hand goes on from where it stood, and does not jump.
LONGEST_STEP_S = 0.1


class Motion:
    """Where each axis is, on its way to where it is to go.

    Parameters
    ----------
    closing, opening
        Fastest ways from and to 0, a second.

    Attributes
    ----------
    place
        Where each of `AXES` is told to be now.

    Examples
    --------
    >>> motion = Motion(4.0, 8.0)
    >>> goal = np.ones(len(AXES))
    >>> [round(float(motion.stepped(goal, now)[0]), 2) for now in (0.0,)]
    [0.0]
    >>> motion.place = motion.stepped(goal, 0.0)
    >>> float(motion.stepped(goal, 0.05)[0])
    0.2
    """

    def __init__(self, closing: float, opening: float) -> None:
        self._closing, self._opening = closing, opening
        self.reset()

    def reset(self) -> None:
        """Begin with an open hand."""
        self.place: Float64 = np.zeros(len(AXES))
        self._at_s: float | None = None

    def stepped(self, goal: Float64, now_s: float) -> Float64:
        """Where each axis may be now; set `place` to it once it has been told."""
        passed_s = 0.0 if self._at_s is None else min(LONGEST_STEP_S, max(0.0, now_s - self._at_s))
        aim = np.clip(np.nan_to_num(goal, nan=0.0, posinf=0.0, neginf=0.0), -1.0, 1.0)
        away = (np.abs(aim) > np.abs(self.place)) & (aim * self.place >= 0)
        fastest = np.where(away, self._closing, self._opening) * passed_s
        self._at_s = now_s
        moved: Float64 = self.place + np.clip(aim - self.place, -fastest, fastest)
        return moved

    @property
    def is_open(self) -> bool:
        """Whether all axes are at 0."""
        return not np.any(self.place)
