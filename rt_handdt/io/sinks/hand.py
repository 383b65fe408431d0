"""What all hands with motors have in common: gestures become grips, grips become movement, the end is an open hand."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from rt_handdt.core.gestures import REST
from rt_handdt.core.types import Float64
from rt_handdt.io.hands.grips import OPEN, GripTable
from rt_handdt.io.hands.motion import Motion
from rt_handdt.io.message import Message
from rt_handdt.io.sink import About, SinkSettings
from rt_handdt.io.sinks.base import ConfiguredSink
from rt_handdt.io.sinks.serial_port import SerialPort

#: At the end the hand is opened for so long at most, a step at a time.
OPENING_S, STEP_S = 0.2, 0.01


class HandSettings(SinkSettings):
    """Settings of a hand.

    Attributes
    ----------
    device
        Such as ``/dev/ttyUSB0``.
    grips
        A table of grips (TOML); without it, the drawn poses say how far each finger closes.
    baud
        Bits a second.
    """

    positional = ("device",)

    device: str = Field(min_length=1)
    grips: Path | None = None
    baud: int = Field(115200, ge=9600)
    rate: float = Field(50.0, ge=0)
    heartbeat: float = Field(0.05, gt=0, le=0.1)  # hands open, or let go, when they hear nothing for 200 to 300 ms

    @model_validator(mode="after")
    def _often(self) -> Self:
        if 0 < self.rate < 10:
            raise ValueError(
                f"rate must be 0 (all) or at least 10 a second, or the hand takes us for gone; got {self.rate:g}"
            )
        return self


class HandSink(ConfiguredSink):
    """Base of the hands. A subclass says what is written (`_frame`), and may look at what comes back (`_heard`).

    Safe by these rules: everything but a gesture of a running engine means open; what is told first is an open hand; no
    axis goes beyond its limit or faster than it may; `close` opens the hand before it lets go. What wire and computer
    can no longer do, the hand's own time limit must.
    """

    Settings = HandSettings
    #: Whether each grip needs a number of its own.
    numbered = True

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        given: HandSettings = self.settings
        self._table = GripTable.load(given.grips)
        self._motion = Motion(self._table.motion.closing, self._table.motion.opening)
        self._port = SerialPort(given.device, given.baud)
        self._up = False
        self._state = "stopped"

    def open(self, about: About) -> None:
        """Find a grip for each gesture, and open the port for this program alone."""
        what = str(self.settings.grips or "the grips")
        self._grips = self._table.made(about.labels, numbered=self.numbered, what=what)
        self._port.open()
        self._motion.reset()
        self._up = True

    def send(self, message: Message) -> str | None:
        """Move the hand a step towards what the message asks for."""
        number, share, goal = OPEN, 0.0, 0 * self._motion.place
        grip = self._grips.get(message.label)
        if message.running and message.label != REST and grip is not None:
            share, goal = grip.at(message.level, self._table.motion)
            number = grip.number if share else OPEN
        self._state = message.code
        return self._move(number, share, goal)

    def close(self) -> None:
        """Open the hand, and let go of the port."""
        if not self._up:
            return
        self._up = False
        try:
            until = time.monotonic() + OPENING_S
            self._move(OPEN, 0.0, 0 * self._motion.place)
            while not self._motion.is_open and time.monotonic() < until:
                time.sleep(STEP_S)
                self._move(OPEN, 0.0, 0 * self._motion.place)
            if not self._motion.is_open:  # it is slow by its settings: the rest of the way is left to the hand
                self._motion.reset()
                self._move(OPEN, 0.0, self._motion.place)
        finally:
            self._port.close()

    def _move(self, number: int, share: float, goal: Float64) -> str | None:
        place = self._motion.stepped(goal, time.monotonic())
        # urgent by the share: a gesture without a grip may have the number of OPEN, too
        refused = self._port.write(self._frame(number, share, place), urgent=share == 0.0)
        if refused is None:  # what was not told has not moved
            self._motion.place = place
        return refused or self._heard()

    def _frame(self, number: int, share: float, place: Float64) -> bytes:
        raise NotImplementedError

    def _heard(self) -> str | None:
        return None
