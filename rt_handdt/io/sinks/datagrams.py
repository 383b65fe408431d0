"""Datagrams to one receiver, who may not be there."""

from __future__ import annotations

import contextlib
import socket

from pydantic import Field

from rt_handdt.errors import SinkError
from rt_handdt.io.sink import SinkSettings

NOBODY = "nobody listens"


class DatagramSettings(SinkSettings):
    """Settings of a sink that sends datagrams.

    Attributes
    ----------
    host, port
        Where to: this computer, unless told otherwise.
    """

    positional = ("host", "port")

    host: str = Field("127.0.0.1", min_length=1)
    port: int = Field(ge=1, le=65535)


class Datagrams:
    """Sends, and never waits.

    Parameters
    ----------
    host, port
        Of the receiver.

    Raises
    ------
    SinkError
        If the host is unknown or cannot be reached from here.
    """

    def __init__(self, host: str, port: int) -> None:
        bare = host.strip("[]")  # as IPv6 addresses are written beside a port
        try:
            ways = socket.getaddrinfo(bare, port, type=socket.SOCK_DGRAM)
            # "localhost" may be both; most receivers listen on 127.0.0.1 alone
            family, kind, protocol, _, address = min(ways, key=lambda way: way[0] != socket.AF_INET)
            self._socket = socket.socket(family, kind, protocol)
        except OSError as exc:
            raise SinkError(f"there is no way to '{host}' ({exc.strerror or exc}); check the host.") from None
        try:
            self._socket.setblocking(False)
            # connected: the system tells us then if nobody listens (on this computer, and on many others)
            self._socket.connect(address)
        except OSError as exc:
            self._socket.close()
            raise SinkError(
                f"{host}:{port} cannot be reached ({exc.strerror or exc}); check host and network."
            ) from None

    def send(self, data: bytes) -> str | None:
        """Send one; see `rt_handdt.io.sink.Sink.send`."""
        refused = None
        try:
            self._socket.send(data)
        except ConnectionRefusedError:  # said of the one before; this one has not left yet
            refused = NOBODY
            with contextlib.suppress(ConnectionRefusedError):
                self._socket.send(data)
        except BlockingIOError:
            return "the network is too slow"
        return refused

    def close(self) -> None:
        """Let go."""
        self._socket.close()
