"""Where samples come from."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from rt_handdt.core.types import Chunk, Remark
from rt_handdt.io.description import StreamDescription

#: Entry points of sources elsewhere: name → a callable that takes the text after the colon, and opens a `Source`.
ENTRY_POINTS = "rt_handdt.sources"


@runtime_checkable
class Source(Protocol):
    """An open stream of samples, used from one thread. LSL's is `rt_handdt.io.lsl.SignalInlet`.

    It may have a `timeline` that fits `TimeJudge`; without one its chunks are believed. `rt_handdt.io.polled_source`
    has a base for sources that only have blocks of samples to give, and judges their time by the arrival.
    """

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


class TimeJudge(Protocol):
    """What is known of a source's time; `rt_handdt.io.timeline.Timeline` finds it out."""

    @property
    def loss_method(self) -> str:
        """How losses are known."""

    @property
    def same_clock(self) -> bool:
        """Whether stamps are on this computer's LSL clock; else latency and score are withheld."""

    @property
    def measured_hz(self) -> float | None:
        """The rate at which samples really come; None while unknown."""

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What a user should know."""

    @property
    def fault(self) -> Remark | None:
        """Why nothing is to be decided from it now."""

    @property
    def taken_back(self) -> int:
        """Samples that chunks told to be lost, and that were not."""

    @property
    def gaps_taken_back(self) -> int:
        """In so many places."""


class Believed:
    """The time of a source that nobody judges: its stamps are LSL's, and its gaps are all that was lost."""

    loss_method = "source"
    same_clock = True
    measured_hz: float | None = None
    remarks: tuple[Remark, ...] = ()
    fault: Remark | None = None
    taken_back = gaps_taken_back = 0


def time_judge(source: Source) -> TimeJudge:
    """The judge of a source's time."""
    judge: TimeJudge | None = getattr(source, "timeline", None)
    return Believed() if judge is None else judge
