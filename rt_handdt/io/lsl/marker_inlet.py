"""Markers in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import pylsl

from rt_handdt.errors import StreamError
from rt_handdt.io.description import StreamDescription
from rt_handdt.io.lsl.finder import Finder, Heard
from rt_handdt.io.lsl.setup import ANSWER_S, BUFFER_S


class MarkerInlet:
    """A stream of text markers that belongs to a signal stream."""

    def __init__(self, heard: Heard) -> None:
        self.description = heard.description
        self._inlet = pylsl.StreamInlet(
            heard.info, max_buflen=BUFFER_S, recover=False, processing_flags=pylsl.proc_none
        )
        try:
            self._inlet.open_stream(timeout=ANSWER_S)
        except (pylsl.util.TimeoutError, pylsl.util.LostError):
            words = self.description.words()
            raise StreamError(f"The marker stream {words} was found but does not answer.") from None

    @classmethod
    def beside(
        cls, signal: StreamDescription, *, heard: Sequence[Heard] | None = None, timeout_s: float = 1.5
    ) -> Self | None:
        """The marker stream of a signal: called ``<name>_markers``. None if there is none.

        Parameters
        ----------
        signal
            The signal; of several marker streams of that name the one of its own source counts, then of its computer.
        heard
            The streams that have answered, if that is known already.
        timeout_s
            Longest wait for one, where it is not.

        Raises
        ------
        StreamError
            If it does not answer, or several could be it; the message lists them.
        """
        name = f"{signal.name}_markers"
        if heard is None:
            heard = Finder().gather(timeout_s, lambda one: one.name == name)
        found = [one for one in heard if one.description.name == name and not one.description.is_signal]
        if signal.source_id:
            own = f"{signal.source_id}-markers"  # as this program's own streams call it
            found = [one for one in found if one.description.source_id == own] or found
        found = [one for one in found if one.description.host == signal.host] or found
        if len(found) > 1:
            listed = "; ".join(one.description.words() for one in found)
            raise StreamError(f"{len(found)} marker streams could belong to the signal, and none is taken: {listed}.")
        return cls(found[0]) if found else None

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
