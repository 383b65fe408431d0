"""Where the joints of a hand are: forward kinematics from a pose's angles.

Lengths are those of a hand 190 mm long, after the proportions of phalanges in Buryanov & Kotiuk 2010 ("Proportions of
hand segments", Int J Morphol 28(3)); radii are rounded by eye.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rt_handdt.core.pose import DIGITS, FINGERS, Pose
from rt_handdt.core.types import Float64

#: Place of each knuckle (mm from the wrist: towards the thumb, towards the fingertips, out of the palm), lengths of the
#: three phalanges (mm), radii at knuckle, two joints and tip (mm), direction of the straight finger (degrees towards
#: the thumb), and which way it spreads.
_FINGERS = {
    "index": ((25.0, 88.0, 1.0), (44.0, 26.0, 18.0), (12.0, 10.8, 9.8, 8.4), 3.0, 1.0),
    "middle": ((5.0, 92.0, -1.0), (49.0, 30.0, 19.0), (12.2, 11.0, 10.0, 8.6), 0.0, 0.0),
    "ring": ((-14.5, 87.0, 0.0), (45.0, 28.0, 19.0), (11.6, 10.5, 9.6, 8.2), -3.0, -1.0),
    "little": ((-32.0, 77.0, 3.0), (36.0, 21.0, 17.0), (10.6, 9.3, 8.5, 7.3), -7.0, -1.6),
}
_THUMB_ROOT = (19.0, 20.0, 7.0)
_THUMB_LENGTHS = (42.0, 33.0, 25.0)
_THUMB_RADII = (16.0, 13.4, 12.0, 9.6)
#: Where the thumb's bending takes it: across the palm.
_ACROSS = np.asarray((-0.86, 0.30, -0.20))
#: The last joint bends with the middle one (its tendon is the same).
_LAST = 0.62


@dataclass(frozen=True)
class Skeleton:
    """Places in mm, in the frame of the forearm: x towards the thumb (of a straight right hand), y towards the
    fingertips, z out of the palm; the wrist is the origin.

    Attributes
    ----------
    digits
        By name, four joints from knuckle to tip (4, 3); of the thumb from its root.
    radii
        By name, four radii.
    backs
        By name, unit vector out of the nail (3,).
    turn
        Rotation of the hand against the forearm (3, 3).
    """

    digits: dict[str, Float64]
    radii: dict[str, tuple[float, float, float, float]]
    backs: dict[str, Float64]
    turn: Float64


def skeleton(pose: Pose) -> Skeleton:
    """Where the joints are.

    Examples
    --------
    >>> from rt_handdt.core.poses import shipped_poses
    >>> tips = skeleton(shipped_poses().of("hand_open")).digits["middle"]
    >>> bool(tips[3, 1] > 180)
    True
    """
    flexion, deviation, rotation = np.radians(pose.wrist)
    turn = _about_y(-rotation) @ _about_x(flexion) @ _about_z(-deviation)
    digits, backs = {}, {}
    digits["thumb"], backs["thumb"] = _thumb(pose)
    for name, angles in zip(FINGERS, pose.fingers, strict=True):
        digits[name], backs[name] = _finger(name, *angles)
    return Skeleton(
        {name: digits[name] @ turn.T for name in DIGITS},
        {"thumb": _THUMB_RADII, **{name: _FINGERS[name][2] for name in FINGERS}},
        {name: turn @ backs[name] for name in DIGITS},
        turn,
    )


def _finger(name: str, knuckle: float, middle: float, spread: float) -> tuple[Float64, Float64]:
    root, lengths, _, lean, way = _FINGERS[name]
    bends = np.cumsum(np.radians((knuckle, middle, _LAST * middle)))
    # a bent finger cannot be spread, and points to the root of the thumb
    free = max(0.0, float(np.cos(bends[0])))
    side = np.radians((lean + way * spread) * free - 0.12 * lean * (1 - free))
    joints = [np.asarray(root)]
    for bend, length in zip(bends, lengths, strict=True):
        joints.append(joints[-1] + length * (_about_z(-side) @ (0.0, np.cos(bend), np.sin(bend))))
    back = _about_z(-side) @ (0.0, np.sin(bends[2]), -np.cos(bends[2]))
    return np.asarray(joints), back


def _thumb(pose: Pose) -> tuple[Float64, Float64]:
    opposition, abduction, knuckle, tip = np.radians(pose.thumb)
    first = np.asarray(
        (np.sin(abduction) * np.cos(opposition), np.cos(abduction), np.sin(abduction) * np.sin(opposition))
    )
    inwards = _ACROSS - first * (_ACROSS @ first)
    inwards /= np.linalg.norm(inwards)
    joints = [np.asarray(_THUMB_ROOT)]
    bent = 0.0
    for bend, length in zip((0.0, knuckle, tip), _THUMB_LENGTHS, strict=True):
        bent += bend
        joints.append(joints[-1] + length * (np.cos(bent) * first + np.sin(bent) * inwards))
    return np.asarray(joints), np.sin(bent) * first - np.cos(bent) * inwards


def _about_x(angle: float) -> Float64:
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray(((1.0, 0.0, 0.0), (0.0, c, -s), (0.0, s, c)))


def _about_y(angle: float) -> Float64:
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray(((c, 0.0, s), (0.0, 1.0, 0.0), (-s, 0.0, c)))


def _about_z(angle: float) -> Float64:
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray(((c, -s, 0.0), (s, c, 0.0), (0.0, 0.0, 1.0)))
