"""Decisions that come over UDP."""

from __future__ import annotations

import math
import socket
import struct
import sys
import time
from dataclasses import replace
from typing import Any

from rt_handdt.errors import StreamError
from rt_handdt.io.description import shown
from rt_handdt.io.lsl import clock
from rt_handdt.io.receivers.told import SILENCE_S, Told, from_json

#: Linux: the kernel notes when a datagram came, so that one that has waited is not taken for a fresh one.
_STAMPED = 35  # SO_TIMESTAMPNS, and the kind of message that brings it
_LARGEST = 65536
#: Two computers' clocks may drift apart by so much (s a second).
_DRIFT = 1e-3
#: So long it is said what could not be taken.
SAID_S = 2.0
#: So many datagrams are read at once at most; a flood must not hold up the rule of 200 ms.
_AT_ONCE = 1000


class UdpReceiver:
    """Hears one teller at a time: another is passed over until the first has been silent for 200 ms.

    Parameters
    ----------
    host, port
        Where to listen.

    Attributes
    ----------
    foreign, spoilt, late
        Datagrams of other tellers; that were no decisions; that came after newer ones.

    Raises
    ------
    StreamError
        If nobody can listen there.
    """

    def __init__(self, host: str, port: int) -> None:
        self._said: tuple[str, float] = ("", 0.0)
        self.foreign = self.spoilt = self.late = 0
        self._port = port
        self._teller: Any = None
        self._last: Told | None = None
        self._ahead_s = math.inf
        self._read_s = 0.0
        try:
            self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        except OSError as exc:
            raise StreamError(f"UDP cannot be used here ({exc.strerror}).") from None
        try:
            self._socket.bind((host.strip("[]"), port))
            if sys.platform == "linux":  # elsewhere a datagram is taken to have come when it is read
                self._socket.setsockopt(socket.SOL_SOCKET, _STAMPED, 1)
        except OSError as exc:
            self._socket.close()
            raise StreamError(
                f"udp:{shown(host)}:{port} cannot be listened on ({exc.strerror or exc}); end the program that has it, "
                "or choose another port or host."
            ) from None
        except OverflowError:
            self._socket.close()
            raise StreamError(f"udp:{port}: ports go from 1 to 65535.") from None

    @property
    def trouble(self) -> str:
        """See `rt_handdt.io.receivers.told.Receiver`."""
        words, said_s = self._said
        if words and clock() - said_s < SAID_S:
            return words
        if self._last is None:
            return f"Nothing has come on UDP port {self._port} yet: rt-handdt live --sink udp:{self._port}"
        return ""

    def read(self, timeout_s: float) -> Told | None:
        """See `rt_handdt.io.receivers.told.Receiver.read`."""
        newest = None
        self._socket.settimeout(max(0.001, timeout_s))
        for _ in range(_AT_ONCE):
            try:
                data, extra, _, teller = self._socket.recvmsg(_LARGEST, 64)
            except (TimeoutError, BlockingIOError):
                break
            except OSError as exc:
                raise StreamError(f"UDP port {self._port} cannot be read any more ({exc.strerror or exc}).") from None
            self._socket.settimeout(0)
            newest = self._taken(data, teller, _came_s(extra)) or newest
        return newest

    def _taken(self, data: bytes, teller: Any, came_s: float) -> Told | None:
        now = clock()
        told = from_json(data, came_s)
        if told is None:
            self.spoilt += 1
            self._said = ("What comes is no decision of this version of the program.", clock())
            return None
        if self._last is not None and came_s - self._last.heard_s <= SILENCE_S:
            if teller != self._teller:
                self.foreign += 1
                words = f"Another program sends decisions, too ({shown(str(teller[0]))}); it is passed over."
                self._said = (words, clock())
                return None
            if told.told_s < self._last.told_s:
                self.late += 1
                return None
            self._ahead_s += _DRIFT * (now - self._read_s)
        else:
            self._ahead_s = math.inf  # another clock, perhaps
        # How far our clock is ahead of the teller's, at most: what was on its way for longer is that much older. This
        # holds where the kernel's stamp does not: the time of day may be set while a datagram waits.
        self._ahead_s = min(self._ahead_s, now - told.told_s)
        told = replace(told, heard_s=min(came_s, told.told_s + self._ahead_s))
        self._teller, self._last, self._read_s = teller, told, now
        return told

    def close(self) -> None:
        """Let go of the port."""
        self._socket.close()


def _came_s(extra: list[tuple[int, int, bytes]]) -> float:
    """When a datagram came, on the LSL clock."""
    now = clock()
    for level, kind, data in extra:
        if (level, kind) == (socket.SOL_SOCKET, _STAMPED) and len(data) >= 16:
            seconds, nanoseconds = struct.unpack("qq", data[:16])
            return float(now - max(0.0, time.time() - (seconds + nanoseconds * 1e-9)))
    return now
