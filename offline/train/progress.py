"""A training on the console, epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from offline.train.epoch import Epoch
from offline.util import Bar


@contextmanager
def shown_epochs(console: Console, total: int) -> Iterator[Callable[[Epoch], None]]:
    """Gives what is to be called after each epoch of so many."""
    with Bar(console) as bar:
        row, begun = bar.begin("Training", total), False

        def on_epoch(epoch: Epoch) -> None:
            nonlocal begun
            said = f"loss {epoch.losses['total']:.3f}"
            if "accuracy" in epoch.valid:
                balanced = epoch.valid["balanced_accuracy"]
                said += f", validation {epoch.valid['accuracy']:.3f} (balanced {balanced:.3f})"
            elif "knn" in epoch.valid:
                said += f", validation {epoch.valid['knn']:.3f} by nearest neighbours"
            bar.done(row, 1 if begun else epoch.number, said)  # the first may be of a training that goes on
            begun = True

        yield on_epoch
