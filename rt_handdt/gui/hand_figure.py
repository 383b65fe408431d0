"""A hand as flat shapes, back to front: what a painter has to fill. No Qt here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np

from rt_handdt.core.hand_skeleton import Skeleton, skeleton
from rt_handdt.core.pose import FINGERS, Pose
from rt_handdt.core.types import Float64

Kind = Literal["arm", "palm", "digit", "nail", "crease", "arrow"]

#: The eye looks from the thumb's side and a little from above, so that bent fingers are seen (degrees).
_AROUND, _ABOVE = 26.0, 12.0
#: The picture's middle (mm, before the turn), and what its half height shows (mm).
_MIDDLE = np.asarray((2.0, 74.0, 8.0))
_HALF_MM = 142.0
#: Of the eye, in half heights of the picture: a little perspective.
_DISTANCE = 5.5
#: Of outlines.
_LINE = 0.013
_TURNS = np.linspace(0, 2 * np.pi, 40, endpoint=False)
_WAYS = np.stack((np.cos(_TURNS), np.sin(_TURNS)), axis=1)


@dataclass(frozen=True)
class Shape:
    """One shape: to be filled and outlined, or (creases and arrows) a line.

    Attributes
    ----------
    kind, part
        What it is, and the part of the hand that it belongs to (``"palm"``, or one of `rt_handdt.core.pose.PARTS`).
    points
        Corners (n, 2); the picture's middle is 0, its edges are ±1, y points up.
    depth
        Towards the eye; between −1 and 1 or so.
    outline
        The same, a little larger: filled below it, it is the outline (strokes cost ten times as much). None of lines.
    """

    kind: Kind
    part: str
    points: Float64
    depth: float = 0.0
    outline: Float64 | None = None


def hand_shapes(pose: Pose, *, left: bool = False) -> list[Shape]:
    """The shapes of a hand, those at the back first.

    Parameters
    ----------
    pose
        What the hand does.
    left
        The mirror image.

    Examples
    --------
    >>> from rt_handdt.core.poses import shipped_poses
    >>> shapes = hand_shapes(shipped_poses().of("index_extension"))
    >>> sorted({shape.kind for shape in shapes})
    ['arm', 'crease', 'digit', 'nail', 'palm']
    """
    bones = skeleton(pose)
    shapes = [_arm(), *_palm(bones), *_digits(bones)]
    shapes.sort(key=lambda one: one.depth)
    shapes += _arrow(pose, bones)
    if left:
        mirror = np.asarray((-1.0, 1.0))
        shapes = [
            replace(one, points=one.points * mirror, outline=None if one.outline is None else one.outline * mirror)
            for one in shapes
        ]
    return shapes


# -- the eye ---------------------------------------------------------------------------------------------------


def _turned(points: Float64) -> Float64:
    """Places (n, 3) in half heights, as the eye has them: x to the right, y up, z to the eye."""
    a, b = np.radians((_AROUND, _ABOVE))
    around = np.asarray(((np.cos(a), 0.0, -np.sin(a)), (0.0, 1.0, 0.0), (np.sin(a), 0.0, np.cos(a))))
    above = np.asarray(((1.0, 0.0, 0.0), (0.0, np.cos(b), -np.sin(b)), (0.0, np.sin(b), np.cos(b))))
    turned: Float64 = (np.atleast_2d(points) - _MIDDLE) @ (above @ around).T / _HALF_MM
    return turned


def _seen(points: Float64) -> tuple[Float64, Float64, Float64]:
    """On the picture (n, 2), towards the eye (n,), and how large something there appears (n,)."""
    turned = _turned(points)
    scale = _DISTANCE / (_DISTANCE - turned[:, 2])
    return turned[:, :2] * scale[:, None], turned[:, 2], scale


def _facing(direction: Float64) -> float:
    """How far a direction points to the eye: −1 to 1."""
    return float((_turned(direction + _MIDDLE) * _HALF_MM)[0, 2])


# -- the parts -------------------------------------------------------------------------------------------------


@cache
def _arm() -> Shape:
    places = np.asarray(((15.0, -8.0, 0.0), (-15.0, -8.0, 0.0), (21.0, -140.0, 0.0), (-21.0, -140.0, 0.0)))
    return _blob("arm", "arm", places, np.asarray((13.5, 13.5, 19.0, 19.0)), -0.6)


def _palm(bones: Skeleton) -> list[Shape]:
    wrist = np.asarray(((15.0, 2.0, 0.0), (-15.0, 2.0, 0.0))) @ bones.turn.T
    knuckles = np.asarray([bones.digits[name][0] for name in FINGERS])
    sides = np.asarray(((26.0, 55.0, 0.0), (-32.0, 40.0, 2.0))) @ bones.turn.T
    places = np.concatenate((wrist, knuckles, sides))
    radii = np.asarray((13.5, 13.5, 12.0, 12.0, 11.5, 10.8, 10.0, 12.0))
    depth = float(_seen(places)[1].mean())
    shapes = [_blob("palm", "palm", places, radii, depth)]
    out = bones.turn @ (0.0, 0.0, 1.0)
    if _facing(out) > 0.25:  # the palm's lines, seen from its side only
        for line in _LINES:
            on = _curve(np.asarray(line)) @ bones.turn.T
            shapes.append(Shape("crease", "palm", _seen(on)[0], depth + 1e-4))
    elif _facing(out) < -0.1:  # tendons on the back
        for name in FINGERS:
            knuckle = bones.digits[name][0] - 11.0 * out
            root = bones.turn @ (0.12 * (np.linalg.inv(bones.turn) @ bones.digits[name][0])[0], 22.0, -11.0)
            on = np.asarray((root + 0.45 * (knuckle - root), root + 0.88 * (knuckle - root)))
            shapes.append(Shape("crease", "palm", _seen(on)[0], depth + 1e-4))
    return shapes


#: Lines of the palm (mm): of life, head and heart.
_LINES = (
    ((30.0, 62.0, 12.0), (14.0, 56.0, 13.0), (4.0, 36.0, 13.0), (4.0, 14.0, 13.0)),
    ((30.0, 64.0, 12.0), (8.0, 58.0, 13.0), (-16.0, 48.0, 13.0)),
    ((16.0, 82.0, 11.0), (6.0, 72.0, 12.0), (-12.0, 66.0, 12.0), (-34.0, 66.0, 11.0)),
)


def _digits(bones: Skeleton) -> list[Shape]:
    names = tuple(bones.digits)
    joints = np.stack([bones.digits[name] for name in names])
    radii = np.asarray([bones.radii[name] for name in names])
    seen, depths, scale = _seen(joints.reshape(-1, 3))
    seen, depths = seen.reshape(*joints.shape[:2], 2), depths.reshape(radii.shape)
    round_ = radii * scale.reshape(radii.shape) / _HALF_MM
    # each bone is two balls and what lies between them
    ends = (np.stack((seen[:, :-1], seen[:, 1:]), axis=2), np.stack((round_[:, :-1], round_[:, 1:]), axis=2))
    points, outlines = _hulls(ends[0].reshape(-1, 2, 2), ends[1].reshape(-1, 2))
    shapes = []
    for number, name in enumerate(names):
        for k in range(3):
            near = float(depths[number, k : k + 2].mean() + 0.02)
            shapes.append(Shape("digit", name, points[3 * number + k], near, outlines[3 * number + k]))
        shapes += _nail(bones, name, shapes[-1].depth + 1e-4)
    return shapes


def _nail(bones: Skeleton, name: str, depth: float) -> list[Shape]:
    back, joints, radius = bones.backs[name], bones.digits[name], bones.radii[name][3]
    if _facing(back) <= 0.12:
        return []
    along = (joints[3] - joints[2]) / np.linalg.norm(joints[3] - joints[2])
    side = np.cross(along, back)
    ways = 0.72 * (_WAYS[:, :1] * side * 0.8 + _WAYS[:, 1:] * along * 1.15)
    centre = joints[3] + radius * (0.82 * back - 0.1 * along)
    points, _, _ = _seen(np.concatenate((centre + radius * ways, centre[None])))
    middle = points[-1]
    larger = middle + (points[:-1] - middle) * (1 + _LINE / 0.045)
    return [Shape("nail", name, points[:-1], depth, larger)]


def _arrow(pose: Pose, bones: Skeleton) -> list[Shape]:
    """Which way the wrist moves: a line with a head, beside or around the forearm."""
    flexion, deviation, rotation = pose.wrist
    if "wrist" not in pose.active:
        return []
    reach = min(198.0, 20.0 + max(float(np.linalg.norm(one, axis=1).max()) for one in bones.digits.values()))
    if abs(rotation) > 8:
        way = np.sign(rotation)
        turns = np.radians(np.linspace(-118, 118, 30)) * way + np.radians(90)
        line = np.stack((44.0 * np.cos(turns), np.full(30, -46.0), 44.0 * np.sin(turns)), axis=1)
    elif abs(deviation) > 4:
        way = np.sign(deviation)
        turns = np.radians(90 - way * np.linspace(-2, 26, 20))
        line = np.stack((reach * np.cos(turns), reach * np.sin(turns), np.zeros(20)), axis=1)
    elif abs(flexion) > 8:
        way = np.sign(flexion)
        turns = np.radians(np.linspace(6, 50, 20)) * way
        beside = -4.0 if way > 0 else 56.0  # where the hand does not hide it
        line = np.stack((np.full(20, beside), reach * np.cos(turns), reach * np.sin(turns)), axis=1)
    else:
        return []
    return [Shape("arrow", "wrist", _seen(line)[0], 2.0)]


# -- flat geometry ---------------------------------------------------------------------------------------------


def _blob(kind: Kind, part: str, places: Float64, radii: Float64, depth: float) -> Shape:
    """Balls and what lies between them."""
    seen, _, scale = _seen(places)
    points, outlines = _hulls(seen[None], (radii * scale / _HALF_MM)[None])
    return Shape(kind, part, points[0], depth, outlines[0])


def _hulls(centres: Float64, radii: Float64) -> tuple[Float64, Float64]:
    """Hulls of circles, and the same with a line's breadth more: in each direction the circle that reaches furthest.

    Parameters
    ----------
    centres, radii
        Of m hulls of k circles: (m, k, 2) and (m, k).

    Returns
    -------
    tuple of numpy.ndarray
        Corners (m, n, 2) of both.
    """
    furthest = np.argmax(centres @ _WAYS.T + radii[..., None], axis=1)
    middle = np.take_along_axis(centres, furthest[..., None], axis=1)
    reach = np.take_along_axis(radii, furthest, axis=1)[..., None]
    return middle + reach * _WAYS, middle + (reach + _LINE) * _WAYS


def _curve(knots: Float64) -> Float64:
    """A smooth line through knots (Catmull & Rom 1974)."""
    padded = np.concatenate((2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]))
    t = np.linspace(0, 1, 8, endpoint=False)[:, None]
    parts = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        parts.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.concatenate((*parts, knots[-1:]))
