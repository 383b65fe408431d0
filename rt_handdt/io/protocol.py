"""What a subject is asked to do while recording: a protocol of cues."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field, field_validator

from rt_handdt.config import Settings, nearest
from rt_handdt.core.gestures import REST
from rt_handdt.errors import ConfigError


class CueSettings(Settings):
    """One gesture of a protocol.

    Attributes
    ----------
    gesture
        Its label.
    seconds
        How long it is held.
    repetitions
        How often; None: as often as the protocol says.
    """

    gesture: str = Field(min_length=1, max_length=100)
    seconds: float = Field(3.0, gt=0, le=600)
    repetitions: int | None = Field(None, ge=1, le=1000)


class Cue(NamedTuple):
    """What is asked for, and for how long."""

    label: str
    seconds: float


class Protocol(Settings):
    """Gestures with rest before, between and after.

    Attributes
    ----------
    rest_s
        Rest before each gesture, and after the last.
    repetitions
        How often the whole is gone through.
    order
        Of each round: as given, or at random (`seed`).
    cue
        The gestures.

    Examples
    --------
    >>> protocol = Protocol.parse({"rest_s": 2, "cue": [{"gesture": "hand_close", "seconds": 3}]}, what="example")
    >>> protocol.cues()
    (Cue(label='rest', seconds=2.0), Cue(label='hand_close', seconds=3.0), Cue(label='rest', seconds=2.0))
    """

    rest_s: float = Field(3.0, ge=0, le=600)
    repetitions: int = Field(1, ge=1, le=1000)
    order: Literal["given", "random"] = "given"
    seed: int = 0
    cue: tuple[CueSettings, ...] = Field(min_length=1)

    @field_validator("cue")
    @classmethod
    def _no_rest(cls, cues: tuple[CueSettings, ...]) -> tuple[CueSettings, ...]:
        if any(one.gesture == REST for one in cues):
            raise ValueError("rest is asked for between the gestures anyhow (rest_s); leave it out")
        return cues

    @classmethod
    def read(cls, path: Path, labels: Sequence[str] | None = None) -> Protocol:
        """Read a TOML file.

        Parameters
        ----------
        path
            The file.
        labels
            Those that may be asked for; None: any.

        Raises
        ------
        ConfigError
            If it is no protocol, or asks for another label.
        """
        protocol = cls.from_toml(path)
        for one in protocol.cue:
            if labels is not None and one.gesture not in labels:
                raise ConfigError(
                    f"{path}: the model knows no gesture '{one.gesture}'{nearest(one.gesture, list(labels))}"
                )
        return protocol

    def cues(self) -> tuple[Cue, ...]:
        """What is asked for, one after the other."""
        draw = random.Random(self.seed)
        found: list[Cue] = []
        most = max(one.repetitions or self.repetitions for one in self.cue)
        for number in range(most):
            around = [one for one in self.cue if number < (one.repetitions or self.repetitions)]
            if self.order == "random":
                draw.shuffle(around)
            for one in around:
                if self.rest_s:
                    found.append(Cue(REST, self.rest_s))
                found.append(Cue(one.gesture, one.seconds))
        if self.rest_s:
            found.append(Cue(REST, self.rest_s))
        return tuple(found)

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return sum(one.seconds for one in self.cues())
