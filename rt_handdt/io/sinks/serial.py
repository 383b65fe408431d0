"""Decisions as short lines over a serial port, for a microcontroller."""

from __future__ import annotations

import binascii
import re

from pydantic import Field

from rt_handdt.core.gestures import REST
from rt_handdt.io.message import Message
from rt_handdt.io.sink import About, SinkSettings
from rt_handdt.io.sinks.base import ConfiguredSink
from rt_handdt.io.sinks.serial_port import SerialPort

#: First field of each line; a change that breaks a receiver gets another number.
PROTOCOL = "RH1"


class SerialSettings(SinkSettings):
    """Settings of a serial port.

    Attributes
    ----------
    device
        Such as ``/dev/ttyUSB0``.
    baud
        Bits a second.
    """

    positional = ("device",)

    device: str = Field(min_length=1)
    baud: int = Field(115200, ge=300)
    rate: float = Field(50.0, ge=0)


class SerialSink(ConfiguredSink):
    """``serial:DEVICE``; see `line` for what is sent."""

    Settings = SerialSettings

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        self._port = SerialPort(self.settings.device, self.settings.baud)

    def open(self, about: About) -> None:
        """Open the port for this program alone."""
        self._port.open()

    def send(self, message: Message) -> str | None:
        """Write its line; a rest takes the place of what has not left yet."""
        return self._port.write(line(message), urgent=message.label == REST)

    def close(self) -> None:
        """Let go of the port."""
        self._port.close()


def line(message: Message) -> bytes:
    """A message as a line: ``$RH1,SEQ,INDEX,LABEL,LEVEL,CONFIDENCE,AGE,STATE,CODE,TIME*CRC``.

    SEQ counts modulo 65536. INDEX is −1, and LABEL ``rest``, where the model has no class of rest. LEVEL and CONFIDENCE
    are in percent, AGE is in ms (at most 9999, also where there is no sample), TIME in ms on the computer's LSL clock
    (−1 where there is none). CRC is the CRC-16/XMODEM (polynomial 0x1021, from 0) of what stands between ``$`` and
    ``*``, as four hexadecimal digits. The line ends with CR LF; before ``$`` there is an LF, so that a line that was
    cut off spoils no other.

    Examples
    --------
    >>> nan = float("nan")
    >>> line(Message(7, nan, 1.0, "rest", 0, ("rest",), (0.0,), 0.0, True, 0.0, "lost", "lost"))
    b'\\n$RH1,7,0,rest,0,0,9999,lost,lost,-1*5036\\r\\n'
    """
    known = message.time_s == message.time_s
    body = ",".join(
        [
            PROTOCOL,
            str(message.seq % 65536),
            str(message.index),
            _plain(message.label),
            str(round(100 * message.level)),
            str(round(100 * message.confidence)),
            str(min(9999, max(0, round(message.age_ms))) if known else 9999),
            _plain(message.state),
            _plain(message.code),
            str(round(message.time_s * 1e3) if known else -1),
        ]
    ).encode("ascii")
    return b"\n$%s*%04X\r\n" % (body, binascii.crc_hqx(body, 0))


def _plain(text: str) -> str:
    """Letters that a microcontroller can take: labels may be anything."""
    return re.sub(r"[^A-Za-z0-9_.+-]", "_", text)[:31] or "_"
