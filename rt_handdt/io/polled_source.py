"""A base for sources that have nothing but blocks of samples to give."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from rt_handdt.core.types import Chunk
from rt_handdt.errors import StreamError
from rt_handdt.io.description import StreamDescription, shown
from rt_handdt.io.lsl import clock
from rt_handdt.io.timeline import Timeline


class PolledSource(ABC):
    """A `Source` of one method: `poll` gives the newest block of samples, and all else is done here.

    Samples are timed by their arrival on this computer's clock; where the description has a channel that counts samples
    (called ``COUNTER`` or the like), losses are known by it.

    Parameters
    ----------
    name
        What it is called, in messages and reports.
    channels
        Name of each column.
    fs_hz
        Samples a second.
    unit
        Of the electrodes' columns, such as ``"uV"``; of a column that counts it is not used.
    number_format
        Of the samples, as LSL names it: ``"float32"``, ``"int16"``, …; for the description alone.
    source_id
        Serial number or address: what tells this source from another of the same name.

    Examples
    --------
    >>> import numpy as np
    >>> class Silence(PolledSource):
    ...     def poll(self, timeout_s):
    ...         return np.zeros((8, 2))
    >>> source = Silence("silence", ["E1", "E2"], fs_hz=1000.0, unit="uV")
    >>> [chunk.samples.shape for chunk in source.read(12, timeout_s=1.0)]
    [(8, 2), (4, 2)]
    """

    def __init__(
        self,
        name: str,
        channels: list[str] | tuple[str, ...],
        fs_hz: float,
        unit: str,
        *,
        number_format: str = "float32",
        source_id: str = "",
    ) -> None:
        channels = tuple(channels)
        self._description = StreamDescription(
            name, "EMG", "this program", source_id, name, fs_hz, len(channels), number_format, channels,
            (unit,) * len(channels),
        )  # fmt: skip
        self.timeline = Timeline(fs_hz)
        # Two underscores: what subclasses call their own must not be ours.
        self.__waiting: list[Chunk] = []
        self.__first_s: float | None = None
        self.__sent = 0  # samples so far, lost ones counted

    @abstractmethod
    def poll(self, timeout_s: float) -> npt.ArrayLike | None:
        """The next block of samples, (n, number of channels), in order; n as it comes.

        Parameters
        ----------
        timeout_s
            How long to wait for it at most. None, or no samples, if none came.

        Raises
        ------
        StreamError
            If there will be no more.
        """

    def close(self) -> None:  # noqa: B027  # there may be nothing to do
        """Disconnect; nothing, if there is nothing to disconnect."""

    def describe(self) -> StreamDescription:
        """What it says of itself."""
        return self._description

    def read(self, n_samples: int, timeout_s: float) -> list[Chunk]:
        """See `rt_handdt.io.source.Source.read`."""
        deadline = clock() + timeout_s
        while sum(len(one.samples) for one in self.__waiting) < n_samples:
            asked_s = clock()
            try:
                block = self.poll(max(0.0, deadline - asked_s))
            except StreamError:
                if not self.__waiting:
                    raise
                break  # what came before the end is given first
            arrived_s = clock()
            if block is not None and len(samples := np.asarray(block)):
                self.__waiting += self._place(samples, arrived_s, asked_s)
            if arrived_s >= deadline:
                break
        return self._take(n_samples)

    def _place(self, samples: npt.NDArray[np.number], arrived_s: float, asked_s: float) -> list[Chunk]:
        wanted = self._description.n_channels
        if samples.ndim != 2 or samples.shape[1] != wanted:
            raise StreamError(
                f"The source '{shown(self._description.name)}' must give samples of shape (n, {wanted}); it gave "
                f"{samples.shape}."
            )
        stamps_s = arrived_s - np.arange(len(samples) - 1, -1, -1) / self._description.fs_hz
        counter = self._description.counter
        counts = None if counter is None else samples[:, counter]
        placed = self.timeline.place(stamps_s, arrived_s, counts, asked_s)
        # What is recorded are even times by count: those of arrival run back where a source has a backlog to send.
        if self.__first_s is None:
            self.__first_s = float(placed.times_s[0])
        numbers = self.__sent + np.cumsum(placed.missing) + np.arange(len(samples))
        self.__sent = int(numbers[-1]) + 1
        return placed.chunks(samples, self.__first_s + numbers / self._description.fs_hz)

    def _take(self, n_samples: int) -> list[Chunk]:
        taken: list[Chunk] = []
        while self.__waiting and n_samples > 0:
            chunk = self.__waiting.pop(0)
            n = len(chunk.samples)
            if n > n_samples:
                self.__waiting.insert(0, _part(chunk, slice(n_samples, None), 0))
                chunk = _part(chunk, slice(n_samples), chunk.gap_samples)
            taken.append(chunk)
            n_samples -= len(chunk.samples)
        return taken


def _part(chunk: Chunk, rows: slice, gap_samples: int) -> Chunk:
    stamps_s = None if chunk.stamps_s is None else chunk.stamps_s[rows]
    return Chunk(chunk.samples[rows], chunk.times_s[rows], gap_samples, chunk.offset_s, stamps_s)
