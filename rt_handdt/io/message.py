"""What leaves the program: a decision as its receivers are told it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from rt_handdt.core.gestures import REST
from rt_handdt.core.types import Decision
from rt_handdt.io.lsl import clock

#: Of the JSON objects and the columns of files; a change that breaks a reader gets another number.
SCHEMA = "rt-handdt.decision/1"
#: Of a message that repeats a gesture whose samples have become too old meanwhile.
STALE = ("behind", "stale")


@dataclass(frozen=True)
class Message:
    """One decision, or the state of an engine that decides nothing, as it is told to a hand.

    Attributes
    ----------
    seq
        Number of the decision, from 0; what a receiver does not see was left out for it or lost.
    time_s
        When the newest sample was taken, on this computer's LSL clock; NaN where there is none.
    told_s
        When this was told, on the same clock.
    label, index
        The gesture, and its position among the model's labels (−1: rest, where the model has no such class).
    labels, probabilities
        The K labels and how probable each is; all 0 where nothing was decided.
    confidence, rejected, level
        See `rt_handdt.core.types.Decision`.
    state, code
        Of the engine: ``"running"``, or why the hand rests, such as ``"no_signal"``.
    dofs, velocities
        Names of the degrees of freedom that move at once, and their velocities, −1 to 1; nothing where none are
        regressed.
    repeat
        Told again, for nothing new was: a receiver hears something every 50 ms, or the connection is broken.
    """

    seq: int
    time_s: float
    told_s: float
    label: str
    index: int
    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    confidence: float
    rejected: bool
    level: float
    state: str
    code: str
    repeat: bool = False
    dofs: tuple[str, ...] = ()
    velocities: tuple[float, ...] = ()

    @classmethod
    def of(
        cls,
        seq: int,
        decision: Decision,
        state: str,
        code: str,
        sampled_s: float,
        labels: tuple[str, ...],
        *,
        told_s: float | None = None,
        dofs: tuple[str, ...] = (),
    ) -> Message:
        """A decision that is told now, or was at `told_s`.

        Parameters
        ----------
        decision, state, code
            What the hand is told, and the engine's state.
        sampled_s
            When its newest sample was taken (see `time_s`).
        dofs
            What velocities are of; a decision that has none rests in all of them.
        """
        return cls(
            seq=seq,
            time_s=sampled_s,
            told_s=clock() if told_s is None else told_s,
            label=decision.label,
            index=labels.index(decision.label) if decision.label in labels else -1,
            labels=labels,
            probabilities=tuple(decision.probabilities.tolist()),
            confidence=decision.confidence,
            rejected=decision.rejected,
            level=decision.level,
            state=str(state),
            code=code,
            dofs=dofs,
            velocities=decision.velocities or (0.0,) * len(dofs) if dofs else (),
        )

    def resting(self, seq: int, now_s: float, state: str, code: str) -> Message:
        """What follows it where there is no decision any more."""
        return replace(
            self,
            seq=seq,
            time_s=math.nan,
            told_s=now_s,
            label=REST,
            index=self.labels.index(REST) if REST in self.labels else -1,
            probabilities=(0.0,) * len(self.labels),
            confidence=0.0,
            rejected=True,
            level=0.0,
            state=str(state),
            code=code,
            repeat=False,
            velocities=(0.0,) * len(self.dofs),
        )

    @property
    def age_ms(self) -> float:
        """How old the newest sample was when this was told; NaN where there is none."""
        return (self.told_s - self.time_s) * 1e3

    @property
    def running(self) -> bool:
        """Whether it was decided from EMG; else the hand rests because of the state."""
        return self.state == "running"

    @property
    def moves(self) -> bool:
        """Whether a hand that obeys it moves, or holds a gesture: what nobody may act on once it is old."""
        return self.label != REST or any(self.velocities)

    @property
    def what(self) -> tuple[str, str, str]:
        """Label, state and code: what "on change" goes by."""
        return self.label, self.state, self.code

    def too_old(self, now_s: float, max_age_s: float) -> bool:
        """Whether it is a gesture, or a velocity, whose samples nobody may act on any more."""
        return self.moves and not now_s - self.time_s <= max_age_s

    def again(self, now_s: float, max_age_s: float) -> Message:
        """The same, told once more at another moment; rest, if the gesture has become too old."""
        if self.too_old(now_s, max_age_s):
            return replace(self.resting(self.seq, now_s, *STALE), time_s=self.time_s, repeat=True)
        return replace(self, told_s=now_s, repeat=True)

    def values(self) -> dict[str, Any]:
        """Plain values, as they stand in JSON: no NaN, nothing longer than it is exact."""
        velocities = {name: _rounded(value, 4) for name, value in zip(self.dofs, self.velocities, strict=True)}
        return {
            "schema": SCHEMA,
            "seq": self.seq,
            "repeat": self.repeat,
            "time": _rounded(self.time_s, 6),
            "age_ms": _rounded(self.age_ms, 3),
            "told": _rounded(self.told_s, 6),
            "label": self.label,
            "index": self.index,
            "confidence": _rounded(self.confidence, 4),
            "probabilities": {label: _rounded(p, 4) for label, p in zip(self.labels, self.probabilities, strict=True)},
            "rejected": self.rejected,
            "level": _rounded(self.level, 4),
            "state": self.state,
            "code": self.code,
            **({"velocities": velocities} if velocities else {}),
        }

    @cached_property  # several sinks send the same text
    def json(self) -> str:
        """One JSON object on one line, without its end."""
        return json.dumps(self.values(), ensure_ascii=True, separators=(",", ":"))


def _rounded(value: float, digits: int) -> float | None:
    return round(value, digits) if math.isfinite(value) else None
