"""EMG and its markers out."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import numpy as np
import pylsl

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32
from rt_handdt.errors import StreamError
from rt_handdt.io.lsl.setup import BUFFER_S, COUNTER, COUNTER_MODULUS, ensure_configured

#: LSL tells a stream's name, and its source id with the name in it, in one datagram.
LONGEST_NAME = 1000


class SignalOutlet:
    """An EMG stream with its marker stream, as this program sends them.

    Parameters
    ----------
    name
        The marker stream is called ``<name>_markers``.
    channels, unit
        Label of each channel, and what they are measured in.
    layout
        If given, channels that it knows carry their grid cell.
    counter
        Add a channel ``COUNTER``.
    source
        What is sent, in words; with name and computer it makes the source id, so that a sender that is started again
        with the same is known to be the same.
    speed
        Of a replay: `fs_hz` is the recording's rate, and samples are sent, and declared, at `speed` times that.

    Raises
    ------
    StreamError
        If the name is empty, or so long that no answer on the network holds it.
    """

    def __init__(
        self,
        name: str,
        channels: Sequence[str],
        fs_hz: float,
        *,
        unit: str = "microvolts",
        layout: ElectrodeLayout | None = None,
        counter: bool = False,
        chunk_samples: int = 0,
        source: str = "",
        speed: float = 1.0,
    ) -> None:
        ensure_configured()
        if not 1 <= len(name.strip()) <= LONGEST_NAME:
            raise StreamError(
                f"A stream's name must have 1 to {LONGEST_NAME} characters; got {len(name)}; choose another."
            )
        self.name = name
        self.fs_hz = fs_hz * speed
        self._counter = counter
        self._sent = 0
        labels = [*channels, COUNTER] if counter else list(channels)
        source_id = "-".join(["rt-handdt", socket.gethostname(), name, *filter(None, [source])])
        info = pylsl.StreamInfo(name, "EMG", len(labels), self.fs_hz, pylsl.cf_float32, source_id)
        cells = dict(zip(layout.channels, layout.cells, strict=True)) if layout else {}
        described = info.desc().append_child("channels")
        for label in labels:
            channel = described.append_child("channel")
            channel.append_child_value("label", label)
            if label == COUNTER:
                channel.append_child_value("unit", "count").append_child_value("type", "counter")
                continue
            channel.append_child_value("unit", unit).append_child_value("type", "EMG")
            if label in cells:
                location = channel.append_child("location")
                location.append_child_value("row", str(cells[label][0]))
                location.append_child_value("column", str(cells[label][1]))
        info.desc().append_child("acquisition").append_child_value("manufacturer", "rt_handdt")
        if speed != 1.0:
            info.desc().append_child("replay").append_child_value("speed", repr(speed))
        self._outlet = pylsl.StreamOutlet(info, chunk_size=chunk_samples, max_buffered=BUFFER_S)
        marks = pylsl.StreamInfo(f"{name}_markers", "Markers", 1, 0.0, pylsl.cf_string, f"{info.source_id()}-markers")
        self._markers = pylsl.StreamOutlet(marks)

    def wait_for_listener(self, timeout_s: float) -> bool:
        """Wait until somebody reads the signal; True if somebody does."""
        return bool(self._outlet.wait_for_consumers(timeout_s))

    def wait_for_marker_listener(self, timeout_s: float) -> bool:
        """Wait until somebody reads the markers; True if somebody does."""
        return bool(self._markers.wait_for_consumers(timeout_s))

    def has_marker_listener(self) -> bool:
        """Whether anybody reads the markers."""
        return bool(self._markers.have_consumers())

    def push(self, samples: Float32, newest_s: float) -> None:
        """Send samples (n, n_channels); `newest_s` is the LSL time of the last one."""
        if self._counter:
            count = (self._sent + np.arange(len(samples))) % COUNTER_MODULUS
            samples = np.concatenate([samples, count[:, None].astype(np.float32)], axis=1)
        self._sent += len(samples)
        self._outlet.push_chunk(np.ascontiguousarray(samples, dtype=np.float32), newest_s)

    def skip(self, samples: int) -> None:
        """So many samples are not sent: the counter goes on without them, as the time stamps should."""
        self._sent += samples

    def mark(self, label: str, time_s: float) -> None:
        """Send a marker."""
        self._markers.push_sample([label], time_s)
