"""What is kept of a user's unlabelled movements: bounded, and balanced over gestures and contractions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from rt_handdt.core.types import Float32, Float64


@dataclass
class Kept:
    """One window of movement that the class means rest on.

    Attributes
    ----------
    maps
        (F, H, W) compressed.
    point
        (d,) where it lies, under mean and spread of some moment not long ago.
    evidence
        (G,) log shares of the gestures.
    weight
        How probably it is a movement at all.
    """

    maps: Float32
    point: Float64
    evidence: Float64
    weight: float


@dataclass
class Moments:
    """Sums over compressed maps, relative to the training people's mean.

    Attributes
    ----------
    count
        Windows; not always whole, where older ones are forgotten.
    total, squares
        (F, H, W).
    """

    count: float
    total: Float64
    squares: Float64

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> Moments:
        """Of no windows."""
        return cls(0.0, np.zeros(shape), np.zeros(shape))

    def add(self, away: Float32, keep: float = 1.0) -> None:
        """Take a window, what came before being worth `keep` of what it was."""
        self.count = self.count * keep + 1.0
        self.total = self.total * keep + away
        self.squares = self.squares * keep + away * away


@dataclass
class Contraction:
    """One movement, however long: evenly thinned windows of it, and the moments of all."""

    moments: Moments
    last: int
    kept: list[Kept] = field(default_factory=list)
    stride: int = 1
    seen: int = 0

    def add(self, kept: Kept, away: Float32, limit: int) -> None:
        """Take its next window; every other one is dropped, and from then on not kept, where they become too many."""
        self.moments.add(away)
        if self.seen % self.stride == 0:
            self.kept.append(kept)
            if len(self.kept) > limit:
                self.kept = self.kept[::2]
                self.stride *= 2
        self.seen += 1


class Memory:
    """Windows of movement by contraction and predicted gesture.

    A contraction lasts from one rest to the next; within it, each predicted gesture has one of its own, so that
    predictions that flicker do not make many of one.

    Parameters
    ----------
    n_gestures
        How many gestures there are.
    size
        Windows kept in all; each gesture has an equal part of them, and forgets its own oldest contraction.
    limit
        Windows kept of one contraction.
    patience
        A gesture that was not predicted for so many windows begins a contraction of its own when it comes back.
    """

    def __init__(self, n_gestures: int, size: int, limit: int, patience: int) -> None:
        self._per_gesture = max(size // max(n_gestures, 1), 1)
        self._limit, self._patience = min(limit, self._per_gesture), patience
        self._all: list[list[Contraction]] = [[] for _ in range(n_gestures)]
        self._open: dict[int, Contraction] = {}
        self._now = 0
        self._windows: list[Kept] | None = []

    def rest(self) -> None:
        """Contractions so far are over."""
        self._open.clear()

    def add(self, kept: Kept, away: Float32, gesture: int) -> None:
        """Keep a window.

        Parameters
        ----------
        kept
            The window.
        away
            (F, H, W) compressed maps less the training people's mean.
        gesture
            Position of the predicted one among the gestures.
        """
        self._now += 1
        self._windows = None
        mine, found = self._all[gesture], self._open.get(gesture)
        if found is None or self._now - found.last > self._patience:
            found = self._open[gesture] = Contraction(Moments.none(away.shape), self._now)
            mine.append(found)
        found.last = self._now
        found.add(kept, away, self._limit)
        while len(mine) > 1 and sum(len(one.kept) for one in mine) > self._per_gesture:
            mine.pop(0)

    @property
    def windows(self) -> list[Kept]:
        """All that are kept, by gesture and time."""
        if self._windows is None:
            self._windows = [kept for mine in self._all for one in mine for kept in one.kept]
        return self._windows

    def moments(self) -> Iterator[tuple[int, Moments]]:
        """Of each gesture that was predicted: its contractions counting the same, however long they were."""
        for gesture, mine in enumerate(self._all):
            if not mine:
                continue
            count = float(sum(min(one.moments.count, self._limit) for one in mine))
            share = [min(one.moments.count, self._limit) / one.moments.count for one in mine]
            total = sum(part * one.moments.total for part, one in zip(share, mine, strict=True))
            squares = sum(part * one.moments.squares for part, one in zip(share, mine, strict=True))
            yield gesture, Moments(count, np.asarray(total), np.asarray(squares))
