"""Degrees of freedom of a hand, each between two opposite gestures."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import NamedTuple, Self

import numpy as np

from rt_handdt.core.gestures import REST
from rt_handdt.core.types import Float64
from rt_handdt.errors import ConfigError


class Dof(NamedTuple):
    """One degree of freedom.

    Attributes
    ----------
    name
        Of its velocity in messages.
    positive, negative
        Labels of the gestures that move it up and down.
    """

    name: str
    positive: str
    negative: str


OPEN_CLOSE = Dof("open_close", "hand_open", "hand_close")
FLEXION_EXTENSION = Dof("flexion_extension", "wrist_flexion", "wrist_extension")
ROTATION = Dof("rotation", "wrist_supination", "wrist_pronation")
KNOWN = {dof.name: dof for dof in (OPEN_CLOSE, FLEXION_EXTENSION, ROTATION)}


class DofPair(NamedTuple):
    """Two degrees of freedom that are moved at once; velocities have their order."""

    first: Dof = OPEN_CLOSE
    second: Dof = FLEXION_EXTENSION

    @classmethod
    def parse(cls, names: str | Iterable[str]) -> Self:
        """From two names, in one text parted by a comma or one by one.

        Raises
        ------
        ConfigError
            If they are not two that are known.

        Examples
        --------
        >>> DofPair.parse("open_close,rotation").names
        ('open_close', 'rotation')
        """
        given = [one.strip() for one in (names.split(",") if isinstance(names, str) else names)]
        if len(given) != 2 or len(set(given)) != 2 or not set(given) <= set(KNOWN):
            raise ConfigError(
                f"Two degrees of freedom must be named, of {', '.join(KNOWN)}; got '{','.join(given)[:80]}'."
            )
        return cls(KNOWN[given[0]], KNOWN[given[1]])

    @property
    def names(self) -> tuple[str, str]:
        """Of both."""
        return self.first.name, self.second.name

    @property
    def gestures(self) -> tuple[str, str, str, str]:
        """The four gestures that move one of them."""
        return self.first.positive, self.first.negative, self.second.positive, self.second.negative

    @property
    def combined(self) -> tuple[str, ...]:
        """Labels of the four movements of both at once, as Hyser has them: ``wrist_flexion_hand_close``."""
        return tuple(
            "_".join(sorted(two, key=lambda one: one.startswith("hand_")))
            for two in product(self.second[1:], self.first[1:])
        )

    def parts(self, label: str) -> tuple[str, ...]:
        """The gestures that a label is made of: itself, or one of each degree of freedom; none if it is no such label.

        Examples
        --------
        >>> DofPair().parts("wrist_flexion_hand_close"), DofPair().parts("thumb_extension")
        (('hand_close', 'wrist_flexion'), ())
        """
        if label in self.gestures:
            return (label,)
        for two in product(self.first[1:], self.second[1:]):
            if label in ("_".join(two), "_".join(two[::-1])):
                return two
        return ()

    def direction(self, label: str) -> Float64 | None:
        """Where a gesture moves the two, each −1, 0 or 1; None if it is none of theirs.

        Examples
        --------
        >>> DofPair().direction("wrist_flexion_hand_close").tolist(), DofPair().direction("rest").tolist()
        ([-1.0, 1.0], [0.0, 0.0])
        """
        parts = self.parts(label)
        if not parts and label != REST:
            return None
        return np.array([float(dof.positive in parts) - float(dof.negative in parts) for dof in self])
