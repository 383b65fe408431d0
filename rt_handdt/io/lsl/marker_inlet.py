"""Markers in."""

from __future__ import annotations

import pylsl

from rt_handdt.io.lsl.setup import ANSWER_S, BUFFER_S, ensure_configured


class MarkerInlet:
    """A stream of text markers that belongs to a signal stream."""

    def __init__(self, info: pylsl.StreamInfo) -> None:
        self.name = info.name()
        self._inlet = pylsl.StreamInlet(info, max_buflen=BUFFER_S, recover=False, processing_flags=pylsl.proc_none)
        self._inlet.open_stream(timeout=ANSWER_S)

    @classmethod
    def beside(cls, signal_name: str, *, timeout_s: float = 1.0) -> MarkerInlet | None:
        """The marker stream of a signal stream: called ``<name>_markers``. None if there is none."""
        ensure_configured()
        infos = pylsl.resolve_byprop("name", f"{signal_name}_markers", minimum=1, timeout=timeout_s)
        try:
            return cls(infos[0]) if infos else None
        except (pylsl.util.TimeoutError, pylsl.util.LostError):
            return None

    def poll(self) -> list[tuple[float, str]]:
        """Markers that have come since the last call: (time in the sender's clock, label)."""
        try:
            samples, times = self._inlet.pull_chunk(timeout=0.0, max_samples=256)
        except pylsl.util.LostError:
            return []
        return [(float(time), str(sample[0])) for time, sample in zip(times, samples, strict=True)]

    def close(self) -> None:
        """Disconnect."""
        self._inlet.close_stream()
