"""Which pose belongs to which gesture: a table in TOML that a user can add to."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import Field, model_validator

from rt_handdt.config import Settings, nearest, read_toml
from rt_handdt.core.gestures import REST
from rt_handdt.core.pose import DIGITS, FINGERS, FingerAngles, Pose, ThumbAngles, WristAngles
from rt_handdt.paths import shipped

#: Postures that a gesture is not made with.
_IDLE = ("relaxed", "aside", "easy", "folded")
_STRAIGHT = "straight"

Joint = Annotated[float, Field(ge=-30, le=120)]
Spread = Annotated[float, Field(ge=-20, le=30)]
T = TypeVar("T")


class FingerPosture(Settings):
    """See `rt_handdt.core.pose.FingerAngles`."""

    knuckle: Joint
    middle: Joint
    spread: Spread = 0.0


class ThumbPosture(Settings):
    """See `rt_handdt.core.pose.ThumbAngles`."""

    opposition: Annotated[float, Field(ge=-10, le=110)]
    abduction: Annotated[float, Field(ge=0, le=80)]
    knuckle: Joint
    tip: Joint


class WristPosture(Settings):
    """See `rt_handdt.core.pose.WristAngles`."""

    flexion: Annotated[float, Field(ge=-90, le=90)] = 0.0
    deviation: Annotated[float, Field(ge=-45, le=45)] = 0.0
    rotation: Annotated[float, Field(ge=-110, le=110)] = 0.0


class GesturePosture(Settings):
    """Names of postures; None: as `fingers` says (of a finger), or as the gesture it is like.

    Attributes
    ----------
    like
        A gesture whose postures are taken where this one names none.
    """

    like: str | None = None
    thumb: str | None = None
    fingers: str | None = None
    index: str | None = None
    middle: str | None = None
    ring: str | None = None
    little: str | None = None
    wrist: str | None = None


class Poses(Settings):
    """The poses of all gestures; ``configs/poses.toml`` holds Hyser's 34 and rest.

    Attributes
    ----------
    fingers, thumbs, wrists
        Postures by name.
    gestures
        By label, what each part of the hand does.

    Examples
    --------
    >>> poses = Poses.load()
    >>> poses.of("index_extension").fingers[0].knuckle, poses.knows("juggling")
    (-4.0, False)
    """

    fingers: dict[str, FingerPosture]
    thumbs: dict[str, ThumbPosture]
    wrists: dict[str, WristPosture]
    gestures: dict[str, GesturePosture]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if REST not in self.gestures:
            raise ValueError(f"the gesture '{REST}' is missing; add [gestures.{REST}]")
        for label in self.gestures:
            self._made(label)  # what it names is there
        return self

    @classmethod
    def load(cls, path: str | Path | None = None) -> Poses:
        """The shipped table, with what a file of the user's adds or changes.

        Raises
        ------
        ConfigError
            If the file is missing or names what is not there.
        """
        table = read_toml(shipped("configs", "poses.toml"))
        if path is None:
            return cls.parse(table, what="configs/poses.toml")
        for key, own in read_toml(path).items():
            known = table.get(key)
            # what is no table is told by `parse`; a gesture of the user's takes the place of the shipped one as a whole
            table[key] = known | own if isinstance(known, dict) and isinstance(own, dict) else own
        return cls.parse(table, what=str(path))

    def knows(self, label: str) -> bool:
        """Whether a gesture has a pose of its own."""
        return label in self.gestures

    def of(self, label: str) -> Pose:
        """The pose of a gesture; of one that is not known, that of rest."""
        return self._made(label if label in self.gestures else REST)

    def at(self, label: str, level: float) -> Pose:
        """Between rest and the gesture's pose, by a level of 0 to 1."""
        return self.of(REST).towards(self.of(label), level)

    def _made(self, label: str) -> Pose:
        named = self._named(label, ())
        thumb = _found(self.thumbs, named["thumb"], label, "thumbs")
        index, middle, ring, little = (_found(self.fingers, named[one], label, "fingers") for one in FINGERS)
        wrist = _found(self.wrists, named["wrist"], label, "wrists")
        active = {part for part in DIGITS if named[part] not in _IDLE}
        if named["wrist"] != _STRAIGHT:
            active.add("wrist")
        return Pose(
            ThumbAngles(thumb.opposition, thumb.abduction, thumb.knuckle, thumb.tip),
            (_finger(index), _finger(middle), _finger(ring), _finger(little)),
            WristAngles(wrist.flexion, wrist.deviation, wrist.rotation),
            frozenset(active),
        )

    def _named(self, label: str, before: tuple[str, ...]) -> dict[str, str]:
        one = self.gestures[label]
        base = {**dict.fromkeys(DIGITS, "relaxed"), "wrist": _STRAIGHT}
        if one.like is not None:
            if one.like in (*before, label):
                raise ValueError(f"gestures.{label}: is like itself ({' → '.join((*before, label, one.like))})")
            if one.like not in self.gestures:
                hint = nearest(one.like, list(self.gestures))
                raise ValueError(f"gestures.{label}: there is no gesture '{one.like}'{hint}")
            base = self._named(one.like, (*before, label))
        if one.fingers is not None:
            base |= dict.fromkeys(FINGERS, one.fingers)
        own: dict[str, Any] = {part: getattr(one, part) for part in base}
        return base | {part: name for part, name in own.items() if name is not None}


def _found(table: dict[str, T], name: str, label: str, what: str) -> T:
    if name not in table:
        raise ValueError(f"gestures.{label}: there is no posture '{name}' among the {what}{nearest(name, list(table))}")
    return table[name]


def _finger(posture: FingerPosture) -> FingerAngles:
    return FingerAngles(posture.knuckle, posture.middle, posture.spread)


@lru_cache(maxsize=1)
def shipped_poses() -> Poses:
    """The shipped table, read once."""
    return Poses.load()
