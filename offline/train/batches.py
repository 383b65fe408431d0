"""Batches that hold what triplets need: every gesture of every person in them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from offline.data.datasets import Int64


class Batches:
    """Deals the samples of an epoch into batches of at most `batch` (one or two more where cells are uneven).

    With `coverage` each batch holds all of its people's gestures. Where a batch is too small for everybody's, each
    holds some people (two at least), drawn anew each epoch. A gesture of a person with fewer samples than there are
    batches is repeated, so that none goes without; a gesture that a person has no sample of stays missing.

    Parameters
    ----------
    gesture, person
        (N,) int64.
    batch
        Samples.
    """

    def __init__(self, gesture: Int64, person: Int64, batch: int, *, coverage: bool) -> None:
        self.n, self.batch, self.coverage = len(gesture), batch, coverage
        people = np.unique(person)
        self.cells = {
            int(who): [
                np.flatnonzero((person == who) & (gesture == what)) for what in np.unique(gesture[person == who])
            ]
            for who in people
        }
        n_cells = sum(len(cells) for cells in self.cells.values())
        self.groups = max(1, min(math.ceil(n_cells / batch), len(people) // 2)) if coverage else 1

    def epoch(self, rng: np.random.Generator) -> Iterator[Int64]:
        """The batches of one epoch, positions (n,) each, in random order within and among them."""
        if not self.coverage:
            yield from np.array_split(rng.permutation(self.n), max(1, math.ceil(self.n / self.batch)))
            return
        made: list[Int64] = []
        for people in np.array_split(rng.permutation(list(self.cells)), self.groups):
            cells = [rng.permutation(cell) for who in people for cell in self.cells[int(who)]]
            n_batches = max(1, math.ceil(sum(map(len, cells)) / self.batch))
            parts: list[list[Int64]] = [[] for _ in range(n_batches)]
            filled = np.zeros(n_batches, np.int64)
            for cell in cells:
                pieces = np.array_split(cell, n_batches)  # the first ones are the larger, by one
                for where, piece in zip(np.argsort(filled, kind="stable"), pieces, strict=True):
                    chosen = piece if len(piece) else rng.choice(cell, 1)
                    parts[where].append(chosen)
                    filled[where] += len(chosen)
            made += [rng.permutation(np.concatenate(part)) for part in parts]
        for position in rng.permutation(len(made)):
            yield made[position]
