"""What goes over the wire to a hand of one's own: short lines with number and check."""

from __future__ import annotations

import binascii
import math
import re
from dataclasses import dataclass

import numpy as np

from rt_handdt.core.types import Float64
from rt_handdt.io.hands.axes import AXES

#: First field of each line; a change that breaks a receiver gets another number.
PROTOCOL = "RG1"
#: A hand that hears nothing for so long has to open.
TIMEOUT_S = 0.2
_FIELDS = 5 + len(AXES)


@dataclass(frozen=True)
class GripLine:
    """One line.

    Attributes
    ----------
    seq
        Counts lines, modulo 65536.
    grip
        Number of the grip; 0: open.
    closing
        How far it is to be closed, 0 to 1: what the muscle says, before speed limits.
    axes
        Where each of `AXES` is to be now, after them.
    state
        Code of the engine's state; ``running``, or why the hand opens.
    """

    seq: int
    grip: int
    closing: float
    axes: Float64
    state: str

    def encode(self) -> bytes:
        """``$RG1,SEQ,GRIP,CLOSING,<the nine axes>,STATE*CRC``; numbers in percent, else as ``serial``'s lines.

        Examples
        --------
        >>> GripLine(7, 30, 0.5, np.zeros(9), "running").encode()
        b'\\n$RG1,7,30,50,0,0,0,0,0,0,0,0,0,running*0BC9\\r\\n'
        """
        numbers = [self.seq % 65536, self.grip, _percent(self.closing), *map(_percent, self.axes.tolist())]
        state = re.sub(r"[^A-Za-z0-9_.+-]", "_", self.state)[:31] or "_"
        body = ",".join([PROTOCOL, *map(str, numbers), state]).encode("ascii")
        return b"\n$%s*%04X\r\n" % (body, binascii.crc_hqx(body, 0))

    @classmethod
    def decode(cls, line: bytes) -> GripLine | None:
        """From a line; None if its check fails or it is another."""
        body, star, check = line.strip()[1:].partition(b"*")
        fields = body.split(b",")
        if not line.strip().startswith(b"$") or not star or len(fields) != _FIELDS or fields[0] != PROTOCOL.encode():
            return None
        if check.upper() != b"%04X" % binascii.crc_hqx(body, 0):
            return None
        try:
            seq, grip, closing, *axes = (int(field) for field in fields[1:-1])
        except ValueError:
            return None
        return cls(seq, grip, closing / 100, np.asarray(axes) / 100, fields[-1].decode("ascii", "replace"))


def _percent(value: float) -> int:
    return round(100 * min(1.0, max(-1.0, value))) if math.isfinite(value) else 0
