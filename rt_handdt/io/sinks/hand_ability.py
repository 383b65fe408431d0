"""The Psyonic Ability Hand on a serial port."""

from __future__ import annotations

import time

from pydantic import Field

from rt_handdt.core.types import Float64
from rt_handdt.io.hands import ability
from rt_handdt.io.sink import About
from rt_handdt.io.sinks.hand import HandSettings, HandSink

#: A hand that has not answered for so long does not obey, or is not there.
ANSWER_S = 0.5
SILENT = "the hand does not answer; switch it on, wire it both ways, and set it to serial control with byte stuffing"


class AbilitySettings(HandSettings):
    """Settings of an Ability Hand.

    Attributes
    ----------
    answers
        Whether the hand's answers come back; false where only the line to the hand is wired.
    """

    baud: int = Field(ability.BAUD, ge=9600)
    answers: bool = True


class AbilityHandSink(HandSink):
    """``hand:ability:DEVICE``: positions of the six motors (see `rt_handdt.io.hands.ability`)."""

    Settings = AbilitySettings
    numbered = False

    def open(self, about: About) -> None:
        """See `HandSink.open`."""
        super().open(about)
        self._frames = ability.Unframer()
        self._answered_s = time.monotonic()

    def _frame(self, number: int, share: float, place: Float64) -> bytes:
        return ability.position_frame(ability.degrees_of(place))

    def _heard(self) -> str | None:
        if not self.settings.answers:
            return None
        now = time.monotonic()
        if any(ability.answer_in(frame) for frame in self._frames.feed(self._port.read())):
            self._answered_s = now
        return SILENT if now - self._answered_s > ANSWER_S else None
