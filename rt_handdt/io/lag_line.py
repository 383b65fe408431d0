"""The lag that is expected of the next samples."""

from __future__ import annotations


class LagLine:
    """A level (samples) that drifts with the samples; see `rt_handdt.io.stamps`.

    Attributes
    ----------
    level, at
        The lag of the sample of this number.
    drift
        Lag that each sample adds.
    """

    __slots__ = ("at", "drift", "level")

    def __init__(self, at: float) -> None:
        self.level, self.at, self.drift = 0.0, at, 0.0

    def expected(self, number: float) -> float:
        """Lag of a sample that is in time."""
        return self.level + self.drift * (number - self.at)

    def put(self, number: float, lag: float) -> None:
        """That is where it is now."""
        self.level, self.at = lag, number

    def turn(self, number: float, drift: float) -> None:
        """Let it drift otherwise, about where it is at that number."""
        self.put(number, self.expected(number))
        self.drift = drift

    def move(self, lost: float) -> None:
        """So many samples were lost: the numbers after them are greater."""
        self.level -= lost
        self.at += lost
