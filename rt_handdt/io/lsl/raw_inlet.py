"""Any stream in, exactly as it is sent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pylsl

from rt_handdt.core.types import Float64
from rt_handdt.errors import StreamError
from rt_handdt.io.description import shown
from rt_handdt.io.lsl.description import describe
from rt_handdt.io.lsl.finder import Heard
from rt_handdt.io.lsl.setup import ANSWER_S, BUFFER_S, clock

_AT_ONCE = 4096
_BUFFER_SAMPLES = 100_000  # of a stream without a rate, where LSL counts its buffer in hundreds


class RawInlet:
    """Samples or texts of one stream with the stamps that came along: for recordings, not for decisions.

    It takes up by itself a source with an id that has gone and come back.

    Raises
    ------
    StreamError
        If the stream does not answer.

    Attributes
    ----------
    description
        What it says of itself, and as the XML that it sent (`xml`).
    """

    def __init__(self, heard: Heard) -> None:
        self._inlet = pylsl.StreamInlet(
            heard.info, max_buflen=BUFFER_S if heard.description.fs_hz else _BUFFER_SAMPLES // 100, recover=True,
            processing_flags=pylsl.proc_none,
        )  # fmt: skip
        try:
            full = self._inlet.info(timeout=ANSWER_S)
            self._inlet.open_stream(timeout=ANSWER_S)
        except (pylsl.util.TimeoutError, pylsl.util.LostError):
            name = shown(heard.description.name)
            raise StreamError(f"The stream '{name}' was found but does not answer; restart its source.") from None
        self.description = describe(full, full=True)
        self.xml: str = full.as_xml()
        self._text = self.description.number_format == "text"

    def read(self) -> tuple[Float64, Any]:
        """Stamps (n,) and values (n, n_channels) that have come since the last call; a list of lists where it is text.

        Raises
        ------
        StreamError
            If the source has gone for good.
        """
        try:
            values, stamps_s = self._inlet.pull_chunk(timeout=0.0, max_samples=_AT_ONCE, as_numpy=not self._text)
        except pylsl.util.LostError:
            raise StreamError(f"The stream '{shown(self.description.name)}' has ended or its source is gone.") from None
        return np.asarray(stamps_s, np.float64), values

    def offset(self) -> tuple[float, float] | None:
        """This computer's clock, and what has to be added to the stream's stamps to get it; None if nobody answers."""
        try:
            return clock(), float(self._inlet.time_correction(timeout=ANSWER_S))
        except (pylsl.util.TimeoutError, pylsl.util.LostError):
            return None

    def close(self) -> None:
        """Disconnect."""
        self._inlet.close_stream()
