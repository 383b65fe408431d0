"""EMG in, in any number format, with every lost sample counted."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt
import pylsl

from rt_handdt.core.types import Chunk, Float64
from rt_handdt.errors import StreamError
from rt_handdt.io.choosing import answers_to, choose
from rt_handdt.io.description import StreamDescription, shown
from rt_handdt.io.lsl.description import describe
from rt_handdt.io.lsl.finder import Finder, Heard
from rt_handdt.io.lsl.setup import ANSWER_S, BUFFER_S, clock
from rt_handdt.io.timeline import Timeline

#: LSL measures the clocks' offset every few seconds in the background; so often is its estimate taken over.
CLOCK_S = 1.0


class SignalInlet:
    """A numeric stream, read in order, exactly, and without silent loss: LSL's `Source`.

    Use from one thread. Not recovering: when the source goes, `read` raises `StreamError` and the owner opens a new
    inlet, so that a restarted source is never taken for the old one.

    Parameters
    ----------
    stream
        A stream that was heard; or what names it (see `rt_handdt.io.choosing.answers_to`); None for the only EMG one.
    timeout_s
        Longest wait for streams to answer.

    Raises
    ------
    StreamError
        If it is not there, is not the only one, carries no signal, or does not answer.
    """

    def __init__(self, stream: Heard | str | None = None, *, timeout_s: float = 5.0) -> None:
        info = (stream if isinstance(stream, Heard) else _only(stream, timeout_s)).info
        self._inlet = pylsl.StreamInlet(
            info, max_buflen=BUFFER_S, max_chunklen=0, recover=False, processing_flags=pylsl.proc_none
        )
        try:
            full = self._inlet.info(timeout=ANSWER_S)
            self._description = describe(full, full=True)
            if not self._description.is_signal:
                raise StreamError(f"The stream {self._description.words()} is no signal: numbers at a fixed rate.")
            self._inlet.open_stream(timeout=ANSWER_S)
        except (pylsl.util.TimeoutError, pylsl.util.LostError):
            name = shown(info.name())
            raise StreamError(f"The stream '{name}' was found but does not answer; restart its source.") from None
        self._counter = self._description.counter
        self.timeline = Timeline(self._description.fs_hz)
        self._first_correction = self._correction = self._measure_clock(ANSWER_S) or 0.0
        self._clock_at = time.monotonic()

    def describe(self) -> StreamDescription:
        """What the stream says of itself."""
        return self._description

    @property
    def clock_correction_s(self) -> float:
        """What to add to the stream's times to get this computer's clock, as LSL measured it last."""
        return self._correction

    def read(self, n_samples: int, timeout_s: float) -> list[Chunk]:
        """Wait for the next `n_samples` samples, at most `timeout_s`.

        Returns
        -------
        list of Chunk
            The samples that came, in order and in the stream's own number format; cut where samples are missing.
            Empty if none came in time.

        Raises
        ------
        StreamError
            If the source has gone, or its number format cannot be read on this computer.
        """
        asked_s = clock()
        try:
            # A fresh array in the stream's own format each time: `dest_obj` would be filled as if it were float32.
            samples, stamps_s = self._inlet.pull_chunk(timeout=timeout_s, max_samples=n_samples, as_numpy=True)
        except pylsl.util.LostError:
            name = shown(self._description.name)
            raise StreamError(f"The stream '{name}' has ended or its source is gone.") from None
        except NotImplementedError:  # 64-bit integers, which LSL does not read on Windows and 32-bit systems
            raise StreamError(
                f"The stream '{shown(self._description.name)}' sends {self._description.number_format}, which LSL "
                "cannot read on this computer; let the source send int32, float32 or double64."
            ) from None
        arrived_s = clock()
        if time.monotonic() - self._clock_at > CLOCK_S:
            self._clock_at = time.monotonic()
            self._correction = self._measure_clock(0.01) or self._correction
        return self._cut(samples, stamps_s, arrived_s, asked_s) if len(stamps_s) else []

    def _cut(self, samples: npt.NDArray[Any], stamps_s: Float64, arrived_s: float, asked_s: float) -> list[Chunk]:
        counts = None if self._counter is None else samples[:, self._counter]
        # The judge sees stamps on this computer's clock, shifted by one constant: its estimate wanders, they must not.
        first = self._first_correction
        there = stamps_s != 0.0  # what is none must not become one by the shift
        seen = stamps_s + first if there.all() else np.where(there, stamps_s + first, np.nan)
        placed = self.timeline.place(seen, arrived_s, counts, asked_s)
        offset_s = placed.offset_s + (self._correction if self.timeline.same_clock else first)
        return placed._replace(times_s=placed.times_s - first, offset_s=offset_s).chunks(samples, stamps_s)

    def _measure_clock(self, timeout_s: float) -> float | None:
        try:
            return float(self._inlet.time_correction(timeout=timeout_s))
        except (pylsl.util.TimeoutError, pylsl.util.LostError):
            return None  # clocks are measured by UDP, which a firewall may hold back where samples pass

    def close(self) -> None:
        """Disconnect."""
        self._inlet.close_stream()


def _only(stream: str | None, timeout_s: float) -> Heard:
    heard = Finder().gather(timeout_s, lambda one: one.is_signal and answers_to(one, stream, None))
    chosen = choose([one.description for one in heard], stream, None, lambda _: True)
    return next(one for one in heard if one.description is chosen)
