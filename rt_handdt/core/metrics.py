"""Scores of window-level recognition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rt_handdt.core.gestures import REST

Confusion = npt.NDArray[np.int64]


def confusion(true: npt.ArrayLike, predicted: npt.ArrayLike, n_classes: int) -> Confusion:
    """Counts, shape (n_classes, n_classes): row = true class, column = predicted class."""
    t = np.asarray(true, dtype=np.intp)
    p = np.asarray(predicted, dtype=np.intp)
    counts = np.bincount(t * n_classes + p, minlength=n_classes * n_classes)
    return counts.reshape(n_classes, n_classes).astype(np.int64)


def accuracy(counts: Confusion) -> float:
    """Share of windows recognized; NaN if there are none."""
    return float(np.trace(counts) / counts.sum()) if counts.sum() else float("nan")


def balanced_accuracy(counts: Confusion) -> float:
    """Mean recall over the classes that occur; NaN if none does."""
    occurs = counts.sum(axis=1)
    recall = np.diag(counts)[occurs > 0] / occurs[occurs > 0]
    return float(recall.mean()) if len(recall) else float("nan")


@dataclass(frozen=True, slots=True)
class WindowScore:
    """Score over the windows that lie wholly inside one marker segment.

    Attributes
    ----------
    windows, accuracy, balanced_accuracy, labels, confusion
        Of the segments whose label the model knows.
    ignored, ignored_active
        Windows in the other segments (movements that are none of the model's gestures), and how many of them were taken
        for a gesture; they count neither as right nor as wrong.
    rest_windows, false_activations
        Windows at rest; and how often, among successive ones of a segment, rest gave way to a gesture (or a segment's
        first window was one).
    """

    windows: int
    accuracy: float
    balanced_accuracy: float
    labels: tuple[str, ...]
    confusion: Confusion
    ignored: int
    ignored_active: int = 0
    rest_windows: int = 0
    false_activations: int = 0


def score_windows(
    first: npt.ArrayLike,
    newest: npt.ArrayLike,
    predicted: npt.ArrayLike,
    marker_at: npt.ArrayLike,
    marker_labels: Sequence[str],
    labels: Sequence[str],
    tolerance: float = 0.0,
) -> WindowScore:
    """Score windows against markers.

    Parameters
    ----------
    first, newest
        Position of each window's first and newest sample: sample numbers, or times in s.
    predicted
        Class of each window, as index into `labels`.
    marker_at, marker_labels
        Where each segment begins, ascending, in the same positions; a segment ends where the next begins.
    labels
        The classes.
    tolerance
        Slack at the borders for positions that are not exact (half a sample, for times).

    Returns
    -------
    WindowScore
        Windows that touch two segments, or lie before the first marker, are left out.
    """
    first = np.asarray(first, dtype=np.float64)
    newest = np.asarray(newest, dtype=np.float64)
    predicted = np.asarray(predicted, dtype=np.intp)
    at = np.asarray(marker_at, dtype=np.float64)
    known = {label: k for k, label in enumerate(labels)}
    of_marker = np.asarray([known.get(label, -1) for label in marker_labels], dtype=np.intp)
    if not len(at) or not len(first):
        empty = confusion([], [], len(labels))
        return WindowScore(0, float("nan"), float("nan"), tuple(labels), empty, 0)
    begins_in = np.searchsorted(at, first + tolerance, side="right") - 1
    ends_in = np.searchsorted(at, newest + tolerance, side="right") - 1
    inside = (begins_in >= 0) & (begins_in == ends_in)
    true = np.where(inside, of_marker[np.maximum(begins_in, 0)], -1)
    scored = inside & (true >= 0)
    counts = confusion(true[scored], predicted[scored], len(labels))
    ignored = inside & (true < 0)
    rest = known.get(REST, -1)
    active = predicted != rest
    resting = inside & (true == rest) if rest >= 0 else np.zeros_like(inside)
    began = active[resting]
    same_segment = np.diff(begins_in[resting], prepend=-1) == 0
    began[1:] &= ~(active[resting][:-1] & same_segment[1:])
    return WindowScore(
        windows=int(scored.sum()),
        accuracy=accuracy(counts),
        balanced_accuracy=balanced_accuracy(counts),
        labels=tuple(labels),
        confusion=counts,
        ignored=int(ignored.sum()),
        ignored_active=int((ignored & active).sum()),
        rest_windows=int(resting.sum()),
        false_activations=int(began.sum()),
    )
