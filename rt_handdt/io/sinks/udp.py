"""Decisions as JSON over UDP: one object a datagram."""

from __future__ import annotations

from rt_handdt.io.message import Message
from rt_handdt.io.sink import About
from rt_handdt.io.sinks.base import ConfiguredSink
from rt_handdt.io.sinks.datagrams import Datagrams, DatagramSettings


class UdpSink(ConfiguredSink):
    """``udp:HOST:PORT``; each datagram is one JSON object and the end of its line.

    Examples
    --------
    >>> UdpSink(port=5006).settings.host
    '127.0.0.1'
    """

    Settings = DatagramSettings
    _out: Datagrams | None = None

    def open(self, about: About) -> None:
        """Get ready to send."""
        self._out = Datagrams(self.settings.host, self.settings.port)

    def send(self, message: Message) -> str | None:
        """Send it."""
        assert self._out is not None
        return self._out.send(message.json.encode() + b"\n")

    def close(self) -> None:
        """Let go."""
        if self._out is not None:
            self._out.close()
            self._out = None
