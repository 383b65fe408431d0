"""A hand that two velocities drive: each degree of freedom goes on from where it is, and stays there at none."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rt_handdt.core.dof import KNOWN
from rt_handdt.core.gestures import REST
from rt_handdt.core.pose import PARTS, Pose
from rt_handdt.core.poses import Poses

#: From the middle to either end at full speed, s.
REACH_S = 0.8
#: After a longer pause nobody knows what was wanted meanwhile, s.
LONGEST_S = 0.1
#: A velocity below this moves nothing that one could see.
SEEN = 0.02


class DrivenPose:
    """Where the degrees of freedom have got to. No clock of its own: time is what `drive` is told.

    Parameters
    ----------
    poses
        Rest is the middle of each degree of freedom, the poses of its two gestures are its ends.

    Examples
    --------
    >>> from rt_handdt.core.poses import shipped_poses
    >>> driven = DrivenPose(shipped_poses())
    >>> for _ in range(20):
    ...     pose = driven.drive({"open_close": -0.5}, 0.02)
    >>> round(driven.places["open_close"], 3)  # it was open
    0.75
    """

    def __init__(self, poses: Poses) -> None:
        self._poses = poses
        self.places: dict[str, float] = {}

    def rest(self) -> None:
        """It was open for a while, and told nothing: it goes on from there."""
        self.places = {}

    def drive(self, velocities: Mapping[str, float], seconds: float) -> Pose:
        """Go on at these velocities (−1 to 1, by degree of freedom) for so long; unknown names move nothing."""
        step = min(max(seconds, 0.0), LONGEST_S) / REACH_S
        rest = self._poses.of(REST)
        vector, active = rest.vector(), set[str]()
        for name, velocity in velocities.items():
            dof = KNOWN.get(name)
            if dof is None or not math.isfinite(velocity):
                continue
            # An open hand is what it begins with: so silence has left it.
            place = self.places.get(name, 1.0 if dof.positive == "hand_open" else 0.0) + step * velocity
            place = self.places[name] = min(1.0, max(-1.0, place))
            end = self._poses.of(dof.positive if place > 0 else dof.negative)
            vector = vector + abs(place) * (end.vector() - rest.vector())
            if abs(velocity) > SEEN:
                active |= end.active
        return Pose.of(vector, frozenset(active) & frozenset(PARTS))
