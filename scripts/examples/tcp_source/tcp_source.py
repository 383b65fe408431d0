"""An amplifier that sends 256 electrodes over TCP, as a source of rt_handdt.

It sends int16, little-endian, sample after sample, each the electrodes' values (0.25 µV a step) in the order of Hyser's
layout and a counter; change the constants to what yours sends.
"""

from __future__ import annotations

import socket

import numpy as np

import rt_handdt as hd

FS_HZ = 2048.0
STEP_UV = 0.25


class TcpSource(hd.PolledSource):
    """Reads from a connection as much as there is."""

    def __init__(self, host: str, port: int, electrodes: list[str], fs_hz: float) -> None:
        super().__init__(
            "tcp", [*electrodes, "COUNTER"], fs_hz, "uV", number_format="float32", source_id=f"{host}:{port}"
        )
        self._bytes = 2 * (len(electrodes) + 1)  # of one sample
        self._rest = b""
        self._socket = socket.create_connection((host, port), timeout=5.0)

    def poll(self, timeout_s: float) -> np.ndarray | None:
        self._socket.settimeout(max(timeout_s, 0.001))
        try:
            data = self._socket.recv(1 << 20)
        except TimeoutError:
            return None
        except OSError as exc:
            raise hd.StreamError(f"The connection to the amplifier broke ({exc}).") from None
        if not data:
            raise hd.StreamError("The amplifier has closed the connection.")
        data = self._rest + data
        whole = len(data) // self._bytes * self._bytes
        self._rest = data[whole:]
        samples = np.frombuffer(data[:whole], "<i2").reshape(-1, self._bytes // 2).astype(np.float32)
        samples[:, :-1] *= STEP_UV
        return samples

    def close(self) -> None:
        self._socket.close()


def open_tcp(text: str) -> TcpSource:
    """What stands behind ``--source tcp:``, as HOST:PORT."""
    host, _, port = text.rpartition(":")
    if not port.isdigit():
        raise hd.ConfigError(f"--source tcp: the place of the amplifier must be HOST:PORT; got '{text}'.")
    return TcpSource(host or "127.0.0.1", int(port), list(hd.load("default").spec.layout.channels), FS_HZ)
