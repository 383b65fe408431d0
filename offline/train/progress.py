"""A training on the console: a bar, or in a log file a line every ten seconds; and how to go on after Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from offline.train.epoch import Epoch

LINE_S = 10.0


def bar(console: Console) -> Progress:
    """A bar with counts, times and a note (``task.fields[note]``)."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
        disable=not console.is_terminal,
    )


@contextmanager
def shown_epochs(console: Console, total: int) -> Iterator[Callable[[Epoch], None]]:
    """Gives what is to be called after each epoch of so many.

    Ctrl-C is passed on, after a sentence on what is kept.
    """
    spoken, done = time.monotonic(), 0
    with bar(console) as progress:
        task = progress.add_task("Training", total=total, note="")

        def on_epoch(epoch: Epoch) -> None:
            nonlocal spoken, done
            done += 1
            note = f"loss {epoch.losses['total']:.3f}"
            if "accuracy" in epoch.valid:
                balanced = epoch.valid["balanced_accuracy"]
                note += f", validation {epoch.valid['accuracy']:.3f} (balanced {balanced:.3f})"
            elif "knn" in epoch.valid:
                note += f", validation {epoch.valid['knn']:.3f} by nearest neighbours"
            progress.update(task, completed=max(epoch.number, done), note=note)
            if not console.is_terminal and time.monotonic() - spoken >= LINE_S:
                spoken = time.monotonic()
                console.print(f"Epoch {epoch.number} of {total}: {note}", markup=False, highlight=False)

        try:
            yield on_epoch
        except KeyboardInterrupt:
            progress.stop()
            console.print("Stopped. The same command goes on from the last checkpoint.", highlight=False)
            raise
