"""What a hand with motors can move."""

from __future__ import annotations

from rt_handdt.core.pose import FINGERS, Pose
from rt_handdt.core.types import Float64

#: Closing of each digit (0 open, 1 closed); of the thumb, flexion and opposition apart.
DIGITS = ("thumb", "thumb_rotation", *FINGERS)
#: −1 to 1: flexion, radial deviation, pronation.
WRIST = ("wrist_flexion", "wrist_deviation", "wrist_rotation")
#: The order in all vectors.
AXES = (*DIGITS, *WRIST)


def axes_of(pose: Pose, rest: Pose, closed: Pose) -> Float64:
    """How far each axis has gone from rest to a closed hand; a digit that is stretched beyond rest is open.

    Parameters
    ----------
    pose
        What the hand does.
    rest, closed
        The ends of all digits; the wrist is measured against 60° of flexion, 30° of deviation, 90° of rotation.
    """
    import numpy as np

    def share(value: float, low: float, high: float) -> float:
        return min(1.0, max(0.0, (value - low) / (high - low)))

    def bent(one: Pose) -> list[float]:
        return [one.thumb.knuckle + one.thumb.tip, *(angles.knuckle + angles.middle for angles in one.fingers)]

    thumb, *fingers = (share(*three) for three in zip(bent(pose), bent(rest), bent(closed), strict=True))
    opposed = share(pose.thumb.opposition, rest.thumb.opposition, closed.thumb.opposition)
    wrist = (pose.wrist.flexion / 60, pose.wrist.deviation / 30, pose.wrist.rotation / 90)
    return np.asarray([thumb, opposed, *fingers, *(min(1.0, max(-1.0, one)) for one in wrist)], np.float64)
