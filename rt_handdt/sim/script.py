"""What a virtual person is told to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rt_handdt.config import Settings, nearest
from rt_handdt.core.gestures import HYSER_GESTURES, REST
from rt_handdt.core.recording import Marker
from rt_handdt.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Cue:
    """Do `label` for `seconds` at `level` (1 = the person's usual strength).

    With a `mixture`, pairs of a gesture and its share (0..1), that is what is done, and `label` only names it.
    """

    label: str
    seconds: float
    level: float = 1.0
    mixture: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if self.mixture:
            if not self.label or self.label == REST:
                raise ConfigError(f"A mixture of gestures needs a name other than '{REST}'; got '{self.label}'.")
            for part, share in self.mixture:
                if part not in HYSER_GESTURES:
                    raise ConfigError(f"A mixture is of Hyser's gestures; '{part}' is none{_hint(part)}")
                if not 0 < share <= 1:
                    raise ConfigError(f"A share in a mixture must lie above 0 and up to 1; '{part}' has {share:g}.")
        elif self.label != REST and self.label not in HYSER_GESTURES:
            raise ConfigError(f"The virtual forearm cannot do '{self.label}'{_hint(self.label)}")
        if not self.seconds > 0:
            raise ConfigError(f"A cue must last more than 0 s; '{self.label}' has {self.seconds:g} s.")
        if not 0 <= self.level <= 2:
            raise ConfigError(f"The level of a cue must lie between 0 and 2; '{self.label}' has {self.level:g}.")


@dataclass(frozen=True, slots=True)
class Script:
    """Cues, one after another."""

    cues: tuple[Cue, ...]

    def __post_init__(self) -> None:
        if not self.cues:
            raise ConfigError("A script needs at least one cue.")

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return sum(cue.seconds for cue in self.cues)

    def starts(self, fs_hz: float) -> tuple[int, ...]:
        """First sample of each cue, and at the end the number of samples in all."""
        return tuple(round(float(at) * fs_hz) for at in np.cumsum([0.0, *(cue.seconds for cue in self.cues)]))

    def markers(self, fs_hz: float) -> tuple[Marker, ...]:
        """A marker at every cue."""
        return tuple(Marker(at, cue.label) for at, cue in zip(self.starts(fs_hz), self.cues, strict=False))

    def cut(self, seconds: float) -> Script:
        """Its first `seconds`."""
        kept: list[Cue] = []
        left = seconds
        for cue in self.cues:
            if left <= 1e-9:
                break
            kept.append(replace(cue, seconds=min(cue.seconds, left)))
            left -= cue.seconds
        return Script(tuple(kept))


def random_script(
    rng: np.random.Generator,
    gestures: Sequence[str],
    *,
    gesture_s: float = 3.0,
    rest_s: float = 2.0,
    repetitions: int = 1,
    level_spread: float = 0.1,
) -> Script:
    """Rest → gesture → rest …, every gesture once per repetition, in random order.

    Parameters
    ----------
    rng
        Decides order and levels.
    gestures
        Labels of Hyser's gestures.
    gesture_s, rest_s
        How long each is held; the script starts and ends with rest.
    repetitions
        Of the whole set.
    level_spread
        Standard deviation of the logarithm of the level asked for.

    Raises
    ------
    ConfigError
        If a gesture is unknown, or a number makes no sense.
    """
    if not gestures:
        raise ConfigError("A script needs at least one gesture; name some of Hyser's 34.")
    if repetitions < 1:
        raise ConfigError(f"A script needs at least one repetition; got {repetitions}.")
    cues = [Cue(REST, rest_s)]
    for _ in range(repetitions):
        for number in rng.permutation(len(gestures)):
            level = float(np.clip(np.exp(rng.normal(0.0, level_spread)), 0.6, 1.5))
            cues += [Cue(gestures[number], gesture_s, level), Cue(REST, rest_s)]
    return Script(tuple(cues))


def endless_cues(
    rng: np.random.Generator, gestures: Sequence[str], *, gesture_s: float = 3.0, rest_s: float = 2.0
) -> Iterator[Cue]:
    """Rest → gesture → rest …, every gesture once per round, without end."""
    yield Cue(REST, rest_s)
    while True:
        yield from random_script(rng, gestures, gesture_s=gesture_s, rest_s=rest_s).cues[1:]


class _Entry(Settings):
    label: str
    seconds: float
    level: float = 1.0
    mixture: dict[str, float] | None = None

    def cue(self) -> Cue:
        if self.mixture == {}:
            raise ConfigError("its mixture is empty; name gestures and their shares, or leave the key out.")
        return Cue(self.label, self.seconds, self.level, tuple((self.mixture or {}).items()))


class _File(Settings):
    cue: tuple[dict[str, Any], ...]


def read_script(path: str | Path) -> Script:
    """Read a script: a TOML file of tables ``[[cue]]``.

    The keys are ``label``, ``seconds`` and, if wanted, ``level`` and ``mixture``::

        [[cue]]
        label = "flexion_while_opening"    # any name, where there is a mixture; else a gesture or "rest"
        seconds = 3.0
        level = 0.8
        mixture = { wrist_flexion = 0.5, hand_open = 0.7 }

    Raises
    ------
    ConfigError
        If it cannot be read, or asks for what cannot be done: with the file, the number of the cue (from 1) and, for an
        unknown key or gesture, the nearest known one.
    """
    file = _File.from_toml(path)
    cues: list[Cue] = []
    for number, entry in enumerate(file.cue, 1):
        what = f"{path}: cue {number}"
        values = _Entry.parse(entry, what=what)
        try:
            cues.append(values.cue())
        except ConfigError as exc:
            raise ConfigError(f"{what}: {exc}") from None
    if not cues:
        raise ConfigError(f"{path}: a script needs at least one [[cue]].")
    return Script(tuple(cues))


def _hint(gesture: str) -> str:
    return nearest(gesture, [REST, *HYSER_GESTURES])
