"""Which grip a gesture is: a table that a user can write, and what the drawn poses say where it is silent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from rt_handdt.config import Settings, nearest
from rt_handdt.core.gestures import HYSER_GESTURES, REST, hyser_code
from rt_handdt.core.poses import shipped_poses
from rt_handdt.core.types import Float64
from rt_handdt.errors import ConfigError
from rt_handdt.io.description import shown
from rt_handdt.io.hands.axes import AXES, DIGITS, WRIST, axes_of

Closing = Annotated[float, Field(ge=0, le=1)]
Turn = Annotated[float, Field(ge=-1, le=1)]
#: The number of an open hand.
OPEN = 0


class GripSettings(Settings):
    """One gesture's grip. Axes that are not named stay open (or, with `like`, as there).

    Attributes
    ----------
    grip
        The number that ``hand:serial`` tells; a gesture of Hyser's has its own (1 to 34).
    like
        A gesture of Hyser's to begin with.
    proportional
        Close as far as the muscle is tense; else fully.
    thumb, thumb_rotation, index, middle, ring, little
        Closing, 0 to 1.
    wrist_flexion, wrist_deviation, wrist_rotation
        −1 to 1.
    """

    grip: int | None = Field(None, ge=1, le=255)
    like: str | None = None
    proportional: bool = True
    thumb: Closing | None = None
    thumb_rotation: Closing | None = None
    index: Closing | None = None
    middle: Closing | None = None
    ring: Closing | None = None
    little: Closing | None = None
    wrist_flexion: Turn | None = None
    wrist_deviation: Turn | None = None
    wrist_rotation: Turn | None = None

    @field_validator("like")
    @classmethod
    def _known(cls, like: str | None) -> str | None:
        if like is not None and like not in HYSER_GESTURES:
            raise ValueError(f"there is no gesture '{shown(like)}'{nearest(like, list(HYSER_GESTURES))}")
        return like


class MotionSettings(Settings):
    """How a hand may move.

    Attributes
    ----------
    closing, opening
        Fastest way to a grip, and back: whole closings a second.
    dead_band
        Levels up to this leave the hand open.
    full_level
        The level at which a grip is closed.
    """

    closing: float = Field(4.0, gt=0, le=50)
    opening: float = Field(8.0, ge=2, le=50)  # slower would not be open when the program has ended
    dead_band: float = Field(0.05, ge=0, lt=1)
    full_level: float = Field(1.0, gt=0, le=2)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.dead_band >= self.full_level:
            raise ValueError(f"dead_band ({self.dead_band:g}) must be smaller than full_level ({self.full_level:g})")
        return self


class LimitSettings(Settings):
    """The furthest that each axis may go (wrist: to either side), whatever a grip says."""

    thumb: Closing = 1.0
    thumb_rotation: Closing = 1.0
    index: Closing = 1.0
    middle: Closing = 1.0
    ring: Closing = 1.0
    little: Closing = 1.0
    wrist_flexion: Closing = 1.0
    wrist_deviation: Closing = 1.0
    wrist_rotation: Closing = 1.0


class GripTable(Settings):
    """A file of grips (TOML): all of it may be left out.

    Examples
    --------
    >>> table = GripTable.parse({"grips": {"fist": {"like": "hand_close", "grip": 40}}}, what="example")
    >>> table.made(("rest", "fist"), what="example")["fist"].number
    40
    """

    motion: MotionSettings = MotionSettings()
    limits: LimitSettings = LimitSettings()
    grips: dict[str, GripSettings] = Field(default_factory=dict)

    @field_validator("grips")
    @classmethod
    def _no_rest(cls, grips: dict[str, GripSettings]) -> dict[str, GripSettings]:
        if REST in grips:
            raise ValueError(f"'{REST}' has no grip: at rest the hand opens; take it out")
        return grips

    @classmethod
    def load(cls, path: Path | None) -> GripTable:
        """From a file; None: without one.

        Raises
        ------
        ConfigError
            If it is missing or something in it is not as it should be.
        """
        return cls() if path is None else cls.from_toml(path)

    def made(self, labels: Sequence[str], *, numbered: bool = True, what: str) -> dict[str, Grip]:
        """The grip of each label but rest.

        Parameters
        ----------
        labels
            The model's.
        numbered
            The hand is told numbers: each grip needs one of its own.
        what
            Names the table in a message.

        Raises
        ------
        ConfigError
            If a label has no grip, a grip's label is none, or two have one number.
        """
        known = list(dict.fromkeys((*labels, *HYSER_GESTURES)))
        for label in self.grips:
            if label not in known:
                hint = nearest(label, [one for one in known if one != REST])
                raise ConfigError(f"{what}: grips.{shown(label)}: the model knows no such gesture{hint}")
        moved = [label for label in labels if label != REST]
        lacking = [label for label in moved if label not in self.grips and label not in HYSER_GESTURES]
        if lacking:
            names = ", ".join(f"'{shown(one)}'" for one in lacking)
            raise ConfigError(
                f"{what}: no grip is known for {names}; add a table [grips.NAME] for each, as docs/hands.md shows."
            )
        grips = {label: self._grip(label, what, numbered) for label in moved}
        if numbered:
            by_number: dict[int, str] = {}
            for label, grip in grips.items():
                if grip.number in by_number:
                    raise ConfigError(
                        f"{what}: '{by_number[grip.number]}' and '{label}' both have the grip {grip.number}; give each "
                        "its own."
                    )
                by_number[grip.number] = label
        return grips

    def _grip(self, label: str, what: str, numbered: bool) -> Grip:
        own = self.grips.get(label, GripSettings(like=label if label in HYSER_GESTURES else None))
        goal = np.zeros(len(AXES)) if own.like is None else _drawn(own.like)
        for k, axis in enumerate(AXES):
            value = getattr(own, axis)
            if value is not None:
                goal[k] = value
            furthest = getattr(self.limits, axis)
            goal[k] = min(furthest, max(-furthest, goal[k]))
        number = own.grip
        if number is None and label in HYSER_GESTURES:
            number = hyser_code(label)
        if number is None and numbered:
            raise ConfigError(f"{what}: grips.{shown(label)}: the hand is told numbers; add grip = 1 to 255.")
        return Grip(OPEN if number is None else number, goal, own.proportional)


@dataclass(frozen=True)
class Grip:
    """What a hand does for one gesture.

    Attributes
    ----------
    number
        Of the grip.
    goal
        How far each of `AXES` goes.
    proportional
        As far as the muscle is tense.
    """

    number: int
    goal: Float64
    proportional: bool

    def at(self, level: float, motion: MotionSettings) -> tuple[float, Float64]:
        """How far it is closed at a level, 0 to 1, and where each axis is to go; what is not finite is no level."""
        if not (math.isfinite(level) and level > motion.dead_band):
            return 0.0, np.zeros(len(AXES))
        share = 1.0
        if self.proportional:
            share = min(1.0, (level - motion.dead_band) / (motion.full_level - motion.dead_band))
        return share, share * self.goal


def _drawn(label: str) -> Float64:
    table = shipped_poses()
    return axes_of(table.of(label), table.of(REST), table.of("hand_close"))


assert set(LimitSettings.model_fields) == {*DIGITS, *WRIST}
