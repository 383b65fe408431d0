"""A decision as whoever drives a hand hears it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rt_handdt.core.gestures import REST
from rt_handdt.io.message import SCHEMA

#: No message for so long, and a hand opens (docs/sinks.md).
SILENCE_S = 0.2


@dataclass(frozen=True)
class Told:
    """What was told, and when it came.

    Attributes
    ----------
    label, level
        What the hand is to do, and how strongly; ``"rest"`` and 0 unless the engine runs.
    state, code
        The engine's, see docs/live.md.
    age_ms
        How old the newest sample was when this was told; NaN where there is none.
    told_s
        When it was told, on the teller's clock: grows from message to message.
    heard_s
        When it came, on this computer's LSL clock.
    labels
        The model's.
    velocities
        By degree of freedom, −1 to 1, all 0 unless the engine runs; empty where none are told.
    """

    label: str
    level: float
    state: str
    code: str
    age_ms: float
    told_s: float
    heard_s: float
    labels: tuple[str, ...] = ()
    velocities: dict[str, float] = field(default_factory=dict)


class Receiver(Protocol):
    """Hears decisions. Use from one thread.

    Attributes
    ----------
    trouble
        A sentence on what came and could not be taken, or on what is waited for; empty while all is well.
    """

    @property
    def trouble(self) -> str: ...

    def read(self, timeout_s: float) -> Told | None:
        """The newest decision that has come since the last call, after waiting at most so long for one.

        Raises
        ------
        HanddtError
            If there can be none any more.
        """

    def close(self) -> None:
        """Let go."""


class _Json(BaseModel):
    """A message of schema ``rt-handdt.decision/1``; what later versions of the program add is passed over."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    schema_: Literal["rt-handdt.decision/1"] = Field(alias="schema")
    label: str = Field(min_length=1, max_length=200)
    level: float = Field(ge=0)
    state: str = Field(max_length=60)
    code: str = Field(max_length=60)
    age_ms: float | None
    told: float
    probabilities: dict[Annotated[str, Field(max_length=200)], float] = Field(max_length=1024)
    velocities: dict[Annotated[str, Field(max_length=200)], Annotated[float, Field(ge=-1, le=1)]] = Field(
        default={}, max_length=16
    )


def from_json(data: bytes, heard_s: float) -> Told | None:
    """From the JSON of a message (docs/sinks.md); None if it is none, or one of another version.

    Examples
    --------
    >>> from_json(b'{"schema":"rt-handdt.decision/2"}', 0.0) is None
    True
    """
    assert SCHEMA == "rt-handdt.decision/1"
    try:
        one = _Json.model_validate_json(data)
    except ValidationError:
        return None
    running = one.state == "running"
    return Told(
        label=one.label if running else REST,
        level=one.level if running else 0.0,
        state=one.state,
        code=one.code,
        age_ms=math.nan if one.age_ms is None else one.age_ms,
        told_s=one.told,
        heard_s=heard_s,
        labels=tuple(one.probabilities),
        velocities={name: value if running else 0.0 for name, value in one.velocities.items()},
    )
