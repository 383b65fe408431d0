"""EMG in, with every lost sample counted."""

from __future__ import annotations

import numpy as np
import pylsl

from rt_handdt.core.types import Chunk, Float32, Float64
from rt_handdt.errors import StreamError
from rt_handdt.io.lsl.description import describe
from rt_handdt.io.lsl.setup import ANSWER_S, BUFFER_S, COUNTER, clock, ensure_configured
from rt_handdt.io.timeline import Timeline


class SignalInlet:
    """A numeric stream, read in order and without silent loss.

    Use from one thread. Not recovering: when the source goes, `read` raises `StreamError` and the owner opens a new
    inlet, so that a restarted source is never taken for the old one.
    """

    def __init__(self, name: str | None = None, *, timeout_s: float = 5.0) -> None:
        ensure_configured()
        info = _resolve_signal(name, timeout_s)
        self._inlet = pylsl.StreamInlet(
            info, max_buflen=BUFFER_S, max_chunklen=0, recover=False, processing_flags=pylsl.proc_none
        )
        try:
            full = self._inlet.info(timeout=ANSWER_S)
        except (pylsl.util.TimeoutError, pylsl.util.LostError):
            raise StreamError(
                f"The stream '{info.name()}' was found but does not answer; restart its source."
            ) from None
        self.description = describe(full, full=True)
        if self.description.fs_hz <= 0:
            raise StreamError(f"The stream '{self.description.name}' has no fixed rate; a signal stream is needed.")
        if full.channel_format() == pylsl.cf_string:
            raise StreamError(f"The stream '{self.description.name}' carries text; give the name of a signal stream.")
        upper = [label.upper() for label in self.description.channels]
        self._counter = upper.index(COUNTER) if COUNTER in upper else None
        self.timeline = Timeline(self.description.fs_hz)
        self._buffer = np.zeros((1, self.description.n_channels), np.float32)
        self._correction = 0.0
        try:
            self._inlet.open_stream(timeout=ANSWER_S)
            self._correction = float(self._inlet.time_correction(timeout=ANSWER_S))
        except (pylsl.util.TimeoutError, pylsl.util.LostError):
            raise StreamError(
                f"The stream '{self.description.name}' was found but cannot be opened; restart its source."
            ) from None

    @property
    def counted(self) -> bool:
        """Whether a counter channel makes loss provable."""
        return self._counter is not None

    @property
    def clock_correction_s(self) -> float:
        """What to add to the stream's times to get this computer's clock (as of the last `refresh_clock`)."""
        return self._correction

    def refresh_clock(self) -> None:
        """Take over LSL's newest estimate of the clock offset; quick, since LSL measures in the background."""
        try:
            self._correction = float(self._inlet.time_correction(timeout=0.01))
        except (pylsl.util.TimeoutError, pylsl.util.LostError):
            return  # the old estimate stays good for minutes

    def read(self, n_samples: int, timeout_s: float) -> list[Chunk]:
        """Wait for the next `n_samples` samples, at most `timeout_s`.

        Returns
        -------
        list of Chunk
            The samples that came, in order; cut where samples are missing. Empty if none came in time.

        Raises
        ------
        StreamError
            If the source has gone.
        """
        if self.description.n_channels * n_samples > self._buffer.size:
            self._buffer = np.zeros((n_samples, self.description.n_channels), np.float32)
        try:
            _, times = self._inlet.pull_chunk(timeout=timeout_s, max_samples=n_samples, dest_obj=self._buffer)
        except pylsl.util.LostError:
            raise StreamError(f"The stream '{self.description.name}' has ended or its source is gone.") from None
        if not times:
            return []
        times_s = np.asarray(times, dtype=np.float64)
        return self._cut(self._buffer[: len(times_s)].copy(), times_s)

    def _cut(self, samples: Float32, stamps_s: Float64) -> list[Chunk]:
        counts = None if self._counter is None else samples[:, self._counter]
        self.timeline.correction_s = self._correction
        missing, times_s, offset_s = self.timeline.place(stamps_s, clock(), counts)
        cuts = np.flatnonzero(missing)
        starts = [0, *(int(cut) for cut in cuts if cut > 0)]
        stops = [*starts[1:], len(samples)]
        return [
            Chunk(samples[start:stop], times_s[start:stop], gap_samples=int(missing[start]), offset_s=offset_s)
            for start, stop in zip(starts, stops, strict=True)
        ]

    def close(self) -> None:
        """Disconnect."""
        self._inlet.close_stream()


def _resolve_signal(name: str | None, timeout_s: float) -> pylsl.StreamInfo:
    if name is not None:
        infos = list(pylsl.resolve_byprop("name", name, minimum=1, timeout=timeout_s))
        if len(infos) > 1:
            raise StreamError(f"{len(infos)} streams are called '{name}'; stop one of them or rename it.")
    else:
        infos = pylsl.resolve_byprop("type", "EMG", minimum=1, timeout=timeout_s)
        if len(infos) > 1:
            names = sorted(info.name() for info in infos)
            raise StreamError(f"Several EMG streams were found ({', '.join(names)}); choose one with --stream NAME.")
    if not infos:
        what = f"No LSL stream called '{name}'" if name is not None else "No LSL stream of type EMG"
        raise StreamError(
            f"{what} was found within {timeout_s:g} s; start the source first, look with 'rt-handdt streams', and use "
            "--network if it runs on another computer."
        )
    return infos[0]
