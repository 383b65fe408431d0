"""A device on a serial port, played by a pseudo-terminal."""

from __future__ import annotations

import binascii
import contextlib
import os
import pty
import threading
import tty
from pathlib import Path


class Device:
    """A microcontroller at the other end of a cable that can be pulled."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[list[str]] = []
        self.spoilt = 0
        self.reading = threading.Event()
        self.reading.set()
        self.plug()

    def plug(self) -> None:
        self._here, there = pty.openpty()
        tty.setraw(there)
        self.path.symlink_to(os.ttyname(there))
        os.close(there)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, name="device")
        self._thread.start()

    def pull(self) -> None:
        self._stop.set()
        self._thread.join()
        self.path.unlink()
        os.close(self._here)

    def _read(self) -> None:
        rest = b""
        os.set_blocking(self._here, False)
        while not self._stop.wait(0.002):
            if not self.reading.is_set():
                continue
            with contextlib.suppress(OSError):  # nothing there, or nobody has opened it
                rest += os.read(self._here, 65536)
            *whole, rest = rest.split(b"\n")
            for one in filter(None, (part.strip() for part in whole)):
                body, _, check = one[1:].partition(b"*")
                if one[:1] != b"$" or check != b"%04X" % binascii.crc_hqx(body, 0):
                    self.spoilt += 1
                    continue
                self.lines.append(body.decode().split(","))
