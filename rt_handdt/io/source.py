"""Where samples come from."""

from __future__ import annotations

from typing import Protocol

from rt_handdt.core.types import Chunk
from rt_handdt.io.description import StreamDescription
from rt_handdt.io.timeline import Timeline


class Source(Protocol):
    """An open stream of samples, used from one thread. LSL's is `rt_handdt.io.lsl.SignalInlet`."""

    @property
    def timeline(self) -> Timeline:
        """Judge of its time: losses, clock, true rate."""

    def describe(self) -> StreamDescription:
        """What it says of itself; does not change while it is open."""

    def read(self, n_samples: int, timeout_s: float) -> list[Chunk]:
        """Wait for the next `n_samples` samples, at most `timeout_s`.

        Returns
        -------
        list of Chunk
            The samples that came, in order and exactly as sent; cut where samples are missing. Empty if none came.

        Raises
        ------
        StreamError
            If the source has gone.
        """

    def close(self) -> None:
        """Disconnect."""
