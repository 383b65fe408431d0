"""Batches that hold what triplets need: every gesture of every person in them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from offline.config.optimiser import OptimiserConfig
from offline.data.datasets import Int64
from offline.train.schedule import epoch_size


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
    rows
        (N,): what the positions are called; None: 0 … N−1.
    """

    def __init__(self, gesture: Int64, person: Int64, batch: int, *, coverage: bool, rows: Int64 | None = None) -> None:
        self._rows = np.arange(len(gesture)) if rows is None else rows
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

    @property
    def steps(self) -> int:
        """Batches of an epoch, about."""
        return max(1, math.ceil(self.n / self.batch))

    def epoch(self, rng: np.random.Generator) -> Iterator[Int64]:
        """The batches of one epoch, positions (n,) each, in random order within and among them."""
        if not self.coverage:
            for part in np.array_split(rng.permutation(self.n), self.steps):
                yield self._rows[part]
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
            yield self._rows[made[position]]


class Draws:
    """Draws the samples of an epoch, as often as their label's frequency and `balance` say, and divides them.

    Parameters
    ----------
    rows, label
        (N,): positions of the training samples, and their labels.
    settings
        ``epoch_windows``, ``batch`` and ``balance`` (0: without replacement, so that each sample is seen).
    """

    def __init__(self, rows: Int64, label: Int64, settings: OptimiserConfig) -> None:
        self._rows, self._label, self._balance = rows, label, settings.balance
        self._n, self.steps = epoch_size(len(rows), settings)

    def epoch(self, rng: np.random.Generator) -> Iterator[Int64]:
        """The batches of one epoch, positions (n,) each."""
        if self._balance == 0:
            drawn = rng.permutation(self._rows)[: self._n]
        else:
            weight = (np.bincount(self._label)[self._label] / len(self._label)) ** -self._balance
            drawn = rng.choice(self._rows, size=self._n, p=weight / weight.sum())
        yield from np.array_split(drawn, self.steps)


def dealer(rows: Int64, label: Int64, person: Int64, settings: OptimiserConfig) -> Batches | Draws:
    """What deals the training samples, given by their positions and those of all samples' labels and people."""
    if settings.coverage:
        return Batches(label[rows], person[rows], settings.batch, coverage=True, rows=rows)
    if settings.balance or settings.epoch_windows:
        return Draws(rows, label[rows], settings)
    return Batches(label[rows], person[rows], settings.batch, coverage=False, rows=rows)
