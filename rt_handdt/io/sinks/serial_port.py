"""A serial port that is written to, and that never holds anything up."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

from rt_handdt.errors import SinkError
from rt_handdt.io.sinks.base import needed

#: A port that takes nothing for so long is too slow, and what was to be written is left out.
WRITE_S = 0.05
#: More than so many bytes on their way are old by the time they are read.
WAITING = 256
SLOW = "the device does not read"


class SerialPort:
    """Closed at first.

    Parameters
    ----------
    device
        Such as ``/dev/ttyUSB0``.
    baud
        Bits a second.

    Raises
    ------
    ConfigError
        If pyserial is not installed.
    """

    def __init__(self, device: str, baud: int) -> None:
        self._serial = needed("serial", "pyserial")
        self._device, self._baud = device, baud
        self._port: Any = None

    def open(self) -> None:
        """Open it for this program alone.

        Raises
        ------
        SinkError
            If that cannot be.
        """
        try:
            self._port = self._serial.Serial(self._device, self._baud, timeout=0, write_timeout=WRITE_S, exclusive=True)
        except (OSError, ValueError) as exc:  # SerialException is an OSError
            raise SinkError(_why(self._device, exc)) from None

    def write(self, data: bytes, *, urgent: bool = False) -> str | None:
        """Write it, or give it up; what is urgent takes the place of what has not left yet.

        Returns
        -------
        str or None
            `SLOW` if the device does not read; None if it left.

        Raises
        ------
        SinkError
            If the device is gone.
        """
        assert self._port is not None
        try:
            if urgent and self._port.out_waiting:
                self._port.reset_output_buffer()
            elif self._port.out_waiting > WAITING:
                return SLOW
            self._port.write(data)
        except self._serial.SerialTimeoutException:
            # what stands in the queue will be old when the device reads again
            self._port.reset_output_buffer()
            return SLOW
        except OSError as exc:
            raise SinkError(_why(self._device, exc)) from None
        return None

    def read(self) -> bytes:
        """What has come; never waits.

        Raises
        ------
        SinkError
            If the device is gone.
        """
        assert self._port is not None
        try:
            return bytes(self._port.read(4096))
        except OSError as exc:
            raise SinkError(_why(self._device, exc)) from None

    def close(self) -> None:
        """Let go of it."""
        if self._port is not None:
            port, self._port = self._port, None
            port.close()


def _why(device: str, exc: Exception) -> str:
    """What is wrong with a port, and what to do."""
    number = getattr(exc, "errno", None)
    text = str(exc)
    if number == errno.ENOENT or not Path(device).exists():
        return "there is no such device; plug it in, or look for its name with: ls /dev/tty*"
    if number == errno.EACCES:
        group = _group(device)
        return f"no permission to open it; join the group '{group}' (sudo usermod -aG {group} $USER), and log in again."
    if number in (errno.EAGAIN, errno.EBUSY) or "exclusively lock" in text:
        return "another program has it open; close that one."
    if number in (errno.EIO, errno.ENXIO, errno.ENODEV, errno.EBADF) or "disconnected" in text:
        return "the device is gone; plug it in again."
    return f"it does not work as a serial port ({getattr(exc, 'strerror', None) or text}); check device and settings."


def _group(device: str) -> str:
    import grp

    try:
        return grp.getgrgid(Path(device).stat().st_gid).gr_name
    except (KeyError, OSError):
        return "dialout"
