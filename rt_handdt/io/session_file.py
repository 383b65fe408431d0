"""What happens in a live run, as streams of one XDF file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from rt_handdt.core.types import Chunk
from rt_handdt.io.description import StreamDescription
from rt_handdt.io.message import Message
from rt_handdt.io.sink import About
from rt_handdt.io.sinks.lsl import columns, facts, mark, row
from rt_handdt.io.stream_kinds import DECISIONS, HEALTH
from rt_handdt.io.xdf_file import XdfFile

#: A mark by which readers find their way behind damage, and the clocks' offset, so often, in s.
BOUNDARY_S, OFFSET_S = 10.0, 5.0


class SessionFile:
    """Writes signal, markers, decisions, states and events.

    The signal is as it came: every channel, in its own number format, with its own stamps. Decisions are the two
    streams that the sink ``lsl`` makes (`rt_handdt.io.sinks.lsl`).

    Parameters
    ----------
    path
        The file; it must not exist.
    signal
        What the source says of itself.
    about
        What is decided; None: nothing is.

    Raises
    ------
    OSError
        If it cannot be written.
    """

    def __init__(self, path: Path, signal: StreamDescription, about: About | None) -> None:
        self.file = XdfFile(path)
        self.samples = self.markers = self.messages = 0
        self._about = about
        self._decisions = self._changes = 0
        self._health = self.file.add(f"{signal.name}_health", HEALTH, 1, "string", 0.0)
        self._said: tuple[str, str, str] | None = None
        self._offset_at = self._boundary_at = -np.inf
        self._known: dict[StreamDescription, tuple[int, int]] = {}
        self.source(signal)
        if about is not None:
            said = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in facts(about).items())
            wanted = columns(about)
            self._decisions = self.file.add(
                "rt_handdt", DECISIONS, len(wanted), "double64", about.rate_hz, source_id="rt_handdt",
                channels=wanted, description=f"<decisions>{said}</decisions>",
            )  # fmt: skip
            self._changes = self.file.add(
                "rt_handdt_markers", "Markers", 1, "string", 0.0, source_id="rt_handdt-markers",
                description=f"<decisions>{said}</decisions>",
            )  # fmt: skip

    def source(self, signal: StreamDescription) -> None:
        """The samples that follow come from this source; the same one goes on in its stream, another gets its own."""
        same = replace(signal, uid="")  # another after each restart
        if same not in self._known:
            what = (signal.channels, signal.units, signal.kinds)
            given = [one if len(one) == signal.n_channels else ("",) * signal.n_channels for one in what]
            stream = self.file.add(
                signal.name, signal.kind or "EMG", signal.n_channels, signal.number_format, signal.fs_hz,
                source_id=signal.source_id, host=signal.host,
                channels=list(zip(*given, strict=True)) if any(map(any, given)) else (),
                description="" if signal.speed == 1.0 else f"<replay><speed>{signal.speed!r}</speed></replay>",
            )  # fmt: skip
            marks = self.file.add(f"{signal.name}_markers", "Markers", 1, "string", 0.0, host=signal.host)
            self._known[same] = stream, marks
        self._signal, self._markers = self._known[same]
        self._offset_at = -np.inf

    @property
    def streams(self) -> dict[str, list[int]]:
        """Numbers, in the file, of the streams of samples, markers and decisions."""
        known = self._known.values()
        return {
            "samples": [stream for stream, _ in known],
            "markers": [marks for _, marks in known],
            "decisions": [self._decisions] if self._decisions else [],
        }

    def signal(self, chunk: Chunk) -> None:
        """Samples, as they came."""
        stamps_s = chunk.times_s if chunk.stamps_s is None else chunk.stamps_s
        self.file.samples(self._signal, stamps_s, chunk.samples)
        self.samples += len(stamps_s)
        now_s = float(chunk.times_s[-1]) + chunk.offset_s
        if now_s - self._offset_at > OFFSET_S:
            self._offset_at = now_s
            for stream in (self._signal, self._markers):
                self.file.offset(stream, now_s, chunk.offset_s)
            for stream in filter(None, (self._health, self._decisions, self._changes)):
                self.file.offset(stream, now_s, 0.0)
        if now_s - self._boundary_at > BOUNDARY_S:
            self._boundary_at = now_s
            self.file.boundary()

    def marked(self, markers: list[tuple[float, str]]) -> None:
        """Markers: (time on the signal's clock, label)."""
        self.file.texts(self._markers, [time_s for time_s, _ in markers], [[label] for _, label in markers])
        self.markers += len(markers)

    def told(self, message: Message) -> None:
        """What the hand was told."""
        assert self._about is not None
        self.file.samples(self._decisions, [message.told_s], np.array([row(message, self._about)], np.float64))
        if message.what != self._said:
            self._said = message.what
            self.file.texts(self._changes, [message.told_s], [[mark(message)]])
        self.messages += 1

    def event(self, at_s: float, **what: Any) -> None:
        """A state, or something that happened, on this computer's clock."""
        self.file.texts(self._health, [at_s], [[json.dumps(what)]])
