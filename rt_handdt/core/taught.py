"""What the user has labelled."""

from __future__ import annotations

from dataclasses import dataclass, field

from rt_handdt.core.memory import Kept, Moments
from rt_handdt.core.types import Float32

#: Windows kept of a gesture; more are thinned, and count as much together.
TAUGHT = 128


@dataclass
class Taught:
    """Labelled windows of a gesture, evenly thinned.

    Attributes
    ----------
    moments
        Of all of them.
    kept
        Those that are kept.
    start
        Of each of these, the probability that the start gives to its label; None where it was not asked.
    stride, seen
        One of so many is kept, of so many.
    """

    moments: Moments
    kept: list[Kept] = field(default_factory=list)
    start: list[float | None] = field(default_factory=list)
    stride: int = 1
    seen: int = 0

    def add(self, kept: Kept, away: Float32) -> None:
        """Take the next window, `away` (F, H, W) being its compressed maps less the training people's mean."""
        self.moments.add(away)
        if self.seen % self.stride == 0:
            self.kept.append(kept)
            if len(self.kept) > TAUGHT:
                self.kept, self.stride = self.kept[::2], 2 * self.stride
            self.start = [None] * len(self.kept)
        self.seen += 1
