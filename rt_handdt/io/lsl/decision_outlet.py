"""Decisions out: numbers at each, and a marker where they change."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

import numpy as np
import pylsl

from rt_handdt.io.lsl.setup import BUFFER_S, ensure_configured
from rt_handdt.io.stream_kinds import DECISIONS

#: LSL sends on threads of its own, and an outlet that is taken away takes along what they have not sent yet.
SENT_S = 0.1


class DecisionOutlet:
    """Two streams: `name` (float64, a row a decision) and ``<name>_markers`` (text).

    Parameters
    ----------
    channels
        Label, unit and type of each column.
    rate_hz
        Rows a second.
    about
        Plain facts for the stream's description, by name.
    kind
        Its type.
    """

    def __init__(
        self,
        name: str,
        channels: Sequence[tuple[str, str, str]],
        rate_hz: float,
        about: dict[str, str],
        kind: str = DECISIONS,
    ) -> None:
        ensure_configured()
        source_id = f"rt-handdt-{socket.gethostname()}-{name}"
        info = pylsl.StreamInfo(name, kind, len(channels), rate_hz, pylsl.cf_double64, source_id)
        described = info.desc().append_child("channels")
        for label, unit, of in channels:
            channel = described.append_child("channel")
            channel.append_child_value("label", label).append_child_value("unit", unit)
            channel.append_child_value("type", of)
        self._describe(info, about)
        self._outlet = pylsl.StreamOutlet(info, chunk_size=1, max_buffered=BUFFER_S)
        marks = pylsl.StreamInfo(f"{name}_markers", "Markers", 1, 0.0, pylsl.cf_string, f"{source_id}-markers")
        self._describe(marks, about)
        self._markers = pylsl.StreamOutlet(marks)

    def push(self, row: Sequence[float], time_s: float) -> None:
        """Send a row."""
        self._outlet.push_sample(np.asarray(row, np.float64), time_s)

    def mark(self, text: str, time_s: float) -> None:
        """Send a marker."""
        self._markers.push_sample([text], time_s)

    def close(self) -> None:
        """Take the streams away, once what was sent is on its way to whoever reads them."""
        if self._outlet.have_consumers() or self._markers.have_consumers():
            time.sleep(SENT_S)
        del self._outlet, self._markers

    @staticmethod
    def _describe(info: pylsl.StreamInfo, about: dict[str, str]) -> None:
        info.desc().append_child("acquisition").append_child_value("manufacturer", "rt_handdt")
        facts = info.desc().append_child("decisions")
        for name, text in about.items():
            facts.append_child_value(name, text)
