"""A hand of one's own on a serial port."""

from __future__ import annotations

from rt_handdt.core.types import Float64
from rt_handdt.io.hands.lines import GripLine
from rt_handdt.io.sinks.hand import HandSink


class SerialHandSink(HandSink):
    """``hand:serial:DEVICE``: lines of grip, closing and the place of each axis (see `rt_handdt.io.hands.lines`)."""

    _seq = 0

    def _frame(self, number: int, share: float, place: Float64) -> bytes:
        line = GripLine(self._seq, number, share, place, self._state)
        self._seq += 1
        return line.encode()
