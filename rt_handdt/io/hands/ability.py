"""What goes over the wire to and from a Psyonic Ability Hand.

Facts from its makers' published interface (https://github.com/psyonicinc/ability-hand-api, MIT licence: README and
``ability-hand`` 0.2.2): a frame is address, command, payload, and a byte that makes the sum 0 (modulo 256), framed by
0x7E, with 0x7D before each 0x7E and 0x7D within, which are XORed with 0x20 (as PPP does, RFC 1662). Positions are six
int16, little-endian, 32767 = 150°, in the order index, middle, ring, little, thumb flexion, thumb rotation; the last
goes from 0 to −100°, the others from 0 to 100°. Command 0x10 + variant sets positions; the hand answers each. It leaves
the mode in which it obeys when it hears nothing for 300 ms.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence

import numpy as np

from rt_handdt.core.types import Float64
from rt_handdt.io.hands.axes import AXES

BAUD = 460800
ADDRESS = 0x50
#: Set positions; answer with positions, currents and velocities (the shortest answer).
POSITIONS = 0x12
#: The hand's own time limit.
TIMEOUT_S = 0.3
#: The furthest each motor goes, in degrees, in the hand's order.
RANGES_DEG = (100.0, 100.0, 100.0, 100.0, 100.0, -100.0)
_ORDER = tuple(AXES.index(name) for name in ("index", "middle", "ring", "little", "thumb", "thumb_rotation"))
_PER_DEG = 32767 / 150
_FLAG, _ESCAPE, _MASK = 0x7E, 0x7D, 0x20
_ANSWER = struct.Struct("<B18hb")
#: No frame is longer.
LONGEST = 256


def degrees_of(axes: Float64) -> list[float]:
    """Positions of the six motors, within their ranges; an axis that is not finite stays open.

    Parameters
    ----------
    axes
        Closings, in the order of `rt_handdt.io.hands.axes.AXES`; the wrist's are left out.
    """
    found = []
    for k, furthest in zip(_ORDER, RANGES_DEG, strict=True):
        share = float(axes[k])
        found.append(furthest * min(1.0, max(0.0, share)) if math.isfinite(share) else 0.0)
    return found


def axes_at(degrees: Sequence[float]) -> Float64:
    """The axes whose positions these are; those of the wrist are 0."""
    axes = np.zeros(len(AXES))
    axes[list(_ORDER)] = np.asarray(degrees) / np.asarray(RANGES_DEG)
    return axes


def position_frame(degrees: Sequence[float]) -> bytes:
    """The frame that sets six positions.

    Examples
    --------
    >>> position_frame([0.0] * 6).hex()
    '7e50120000000000000000000000009e7e'
    """
    codes = (int(one * _PER_DEG) for one in degrees)  # towards 0: no code lies beyond a range
    return framed(struct.pack("<BB6h", ADDRESS, POSITIONS, *codes))


def positions_in(frame: bytes) -> list[float] | None:
    """The positions (degrees) that a frame sets; None if it is another."""
    if len(frame) != 14 or frame[0] != ADDRESS or frame[1] not in (0x10, 0x11, 0x12):
        return None
    return [code / _PER_DEG for code in struct.unpack("<6h", frame[2:])]


def answer_frame(degrees: Sequence[float]) -> bytes:
    """What a hand answers to `position_frame`: where it is; no current, no velocity, nothing wrong."""
    codes = [value for one in degrees for value in (round(one * _PER_DEG), 0)]
    return framed(_ANSWER.pack(POSITIONS, *codes, *(0,) * 6, 0))


def answer_in(frame: bytes) -> list[float] | None:
    """Where a hand's motors are (degrees); None if this is no answer to `position_frame`."""
    if len(frame) != _ANSWER.size or frame[0] != POSITIONS:
        return None
    return [code / _PER_DEG for code in _ANSWER.unpack(frame)[1:13:2]]


def framed(body: bytes) -> bytes:
    """With its check, and made safe between two flags."""
    whole = body + bytes((-sum(body) & 0xFF,))
    safe = bytearray((_FLAG,))
    for byte in whole:
        safe += bytes((_ESCAPE, byte ^ _MASK)) if byte in (_FLAG, _ESCAPE) else bytes((byte,))
    return bytes(safe) + bytes((_FLAG,))


class Unframer:
    """Finds frames in what comes, in whatever pieces.

    Attributes
    ----------
    spoilt
        Frames whose check failed.
    """

    def __init__(self) -> None:
        self.spoilt = 0
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The whole frames, without their check."""
        self._held += data
        *whole, self._held = self._held.split(bytes((_FLAG,)))
        if len(self._held) > LONGEST:
            self.spoilt += 1
            self._held.clear()
        for one in whole:
            found = self._checked(one)
            if found is not None:
                yield found

    def _checked(self, one: bytearray) -> bytes | None:
        if len(one) < 3:  # between two frames; adapters add zeros there
            return None
        plain, masked = bytearray(), False
        for byte in one:
            if byte == _ESCAPE and not masked:
                masked = True
                continue
            plain.append(byte ^ _MASK if masked else byte)
            masked = False
        if masked or sum(plain) & 0xFF:
            self.spoilt += 1
            return None
        return bytes(plain[:-1])
