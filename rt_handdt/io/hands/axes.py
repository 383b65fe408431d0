"""What a hand with motors can move."""

from __future__ import annotations

from typing import cast

import numpy as np

from rt_handdt.core.pose import FINGERS, FingerAngles, Pose, ThumbAngles, WristAngles
from rt_handdt.core.types import Float64

#: Closing of each digit (0 open, 1 closed); of the thumb, flexion and opposition apart.
DIGITS = ("thumb", "thumb_rotation", *FINGERS)
#: −1 to 1: flexion, radial deviation, pronation.
WRIST = ("wrist_flexion", "wrist_deviation", "wrist_rotation")
#: What 1 is of these, degrees.
_WRIST_DEG = (60.0, 30.0, 90.0)
#: The order in all vectors.
AXES = (*DIGITS, *WRIST)


def axes_of(pose: Pose, rest: Pose, closed: Pose) -> Float64:
    """How far each axis has gone from rest to a closed hand; a digit that is stretched beyond rest is open.

    Parameters
    ----------
    pose
        What the hand does.
    rest, closed
        The ends of all digits; the wrist is measured against `_WRIST_DEG`.
    """

    def share(value: float, low: float, high: float) -> float:
        return min(1.0, max(0.0, (value - low) / (high - low)))

    def bent(one: Pose) -> list[float]:
        return [one.thumb.knuckle + one.thumb.tip, *(angles.knuckle + angles.middle for angles in one.fingers)]

    thumb, *fingers = (share(*three) for three in zip(bent(pose), bent(rest), bent(closed), strict=True))
    opposed = share(pose.thumb.opposition, rest.thumb.opposition, closed.thumb.opposition)
    wrist = (one / full for one, full in zip(pose.wrist, _WRIST_DEG, strict=True))
    return np.asarray([thumb, opposed, *fingers, *(min(1.0, max(-1.0, one)) for one in wrist)], np.float64)


def pose_at(axes: Float64, opened: Pose, closed: Pose) -> Pose:
    """The pose of a hand whose axes are there.

    Parameters
    ----------
    axes
        In the order of `AXES`.
    opened, closed
        The ends of all digits.
    """
    thumb, turned, *fingers = (float(one) for one in axes[: len(DIGITS)])

    def between(share: float, ends: tuple[tuple[float, ...], tuple[float, ...]]) -> list[float]:
        return [low + share * (high - low) for low, high in zip(*ends, strict=True)]

    bent = ThumbAngles(*between(thumb, (opened.thumb, closed.thumb)))
    opposed = ThumbAngles(*between(turned, (opened.thumb, closed.thumb)))
    rows = zip(fingers, opened.fingers, closed.fingers, strict=True)
    made = [FingerAngles(*between(share, (low, high))) for share, low, high in rows]
    wrist = WristAngles(*(full * float(one) for one, full in zip(axes[len(DIGITS) :], _WRIST_DEG, strict=True)))
    moved = {name for name, one in zip(AXES, axes, strict=True) if abs(one) > 0.02}
    active = {name for name in ("thumb", *FINGERS) if name in moved}
    active |= {"thumb"} if "thumb_rotation" in moved else set()
    active |= {"wrist"} if moved & set(WRIST) else set()
    return Pose(
        ThumbAngles(opposed.opposition, opposed.abduction, bent.knuckle, bent.tip),
        cast("tuple[FingerAngles, FingerAngles, FingerAngles, FingerAngles]", tuple(made)),
        wrist,
        frozenset(active),
    )
