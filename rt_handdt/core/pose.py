"""What a hand does, as the angles of its joints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rt_handdt.core.types import Float64

#: The four, from the thumb's side.
FINGERS = ("index", "middle", "ring", "little")
DIGITS = ("thumb", *FINGERS)
PARTS = (*DIGITS, "wrist")


class FingerAngles(NamedTuple):
    """Of one finger, in degrees: flexion of knuckle and middle joint, spread away from the middle finger."""

    knuckle: float
    middle: float
    spread: float


class ThumbAngles(NamedTuple):
    """In degrees: opposition (0 beside the palm, 90 before it), abduction, flexion of its two joints."""

    opposition: float
    abduction: float
    knuckle: float
    tip: float


class WristAngles(NamedTuple):
    """In degrees: flexion (−: extension), deviation (+: radial, −: ulnar), rotation (+: pronation, −: supination)."""

    flexion: float
    deviation: float
    rotation: float


@dataclass(frozen=True)
class Pose:
    """Joint angles of a right hand (a left one is its mirror image).

    Attributes
    ----------
    thumb, fingers, wrist
        Angles; `fingers` in the order of `FINGERS`.
    active
        The parts (of `PARTS`) that the gesture is made with: what a picture brings out.
    """

    thumb: ThumbAngles
    fingers: tuple[FingerAngles, FingerAngles, FingerAngles, FingerAngles]
    wrist: WristAngles
    active: frozenset[str] = frozenset()

    def vector(self) -> Float64:
        """All 19 angles, in degrees."""
        return np.asarray([*self.thumb, *(angle for one in self.fingers for angle in one), *self.wrist], np.float64)

    @classmethod
    def of(cls, vector: Float64, active: frozenset[str] = frozenset()) -> Pose:
        """From what `vector` has given."""
        values = [float(value) for value in vector]
        index, middle, ring, little = (FingerAngles(*values[k : k + 3]) for k in (4, 7, 10, 13))
        return cls(ThumbAngles(*values[:4]), (index, middle, ring, little), WristAngles(*values[16:]), active)

    def towards(self, other: Pose, share: float) -> Pose:
        """On the way to another pose: 0 is this one, 1 the other; what is no number counts as 0.

        Examples
        --------
        >>> straight = Pose(ThumbAngles(0, 0, 0, 0), (FingerAngles(0, 0, 0),) * 4, WristAngles(0, 0, 0))
        >>> bent = Pose(ThumbAngles(0, 0, 0, 0), (FingerAngles(80, 90, 0),) * 4, WristAngles(0, 0, 0))
        >>> straight.towards(bent, 0.25).fingers[0]
        FingerAngles(knuckle=20.0, middle=22.5, spread=0.0)
        """
        part = min(1.0, max(0.0, share)) if share == share else 0.0
        here = self.vector()
        return Pose.of(here + part * (other.vector() - here), other.active if part > 0 else self.active)
