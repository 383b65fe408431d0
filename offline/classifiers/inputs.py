"""What goes into a classifier: checked arrays, latents of several runs side by side, and the scaling of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from offline.data.datasets import Int64
from rt_handdt.core.types import Float32
from rt_handdt.errors import HanddtError


@dataclass(frozen=True)
class Samples:
    """Training samples that have passed all checks.

    Attributes
    ----------
    x
        (N, \\*latent_shape) float32, finite.
    y
        (N,) int64: 0..C−1, positions in `classes`.
    groups
        (N,) int64, or None where each sample stands alone.
    classes
        (C,) int64, ascending: the labels that occur, of 0..`n_labels` − 1.
    n_labels
        K, all labels that there are.
    """

    x: Float32
    y: Int64
    groups: Int64 | None
    classes: Int64
    n_labels: int


def checked_samples(
    x: npt.ArrayLike, y: npt.ArrayLike, groups: npt.ArrayLike | None, n_labels: int, who: str
) -> Samples:
    """Check what a classifier is to learn from.

    Raises
    ------
    HanddtError
        If shapes do not fit, values are not finite, a label is out of range, or fewer than two labels occur.
    """
    values, labels = checked_latents(x, who), np.asarray(y)
    n = len(values)
    if labels.shape != (n,) or labels.dtype.kind not in "iu":
        raise HanddtError(
            f"{who}: needs one whole-number label for each of the {n} samples; got an array of shape {labels.shape} "
            f"and type {labels.dtype}; pass positions in the gesture set."
        )
    if n and (labels.min() < 0 or labels.max() >= n_labels):
        raise HanddtError(
            f"{who}: labels must lie in 0..{n_labels - 1}; got {labels.min()}..{labels.max()}; give 'n_labels' of the "
            "gesture set that they are positions in."
        )
    classes, compact = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise HanddtError(
            f"{who}: needs samples of at least two labels to tell apart; got {len(classes)} in {n} samples; "
            "choose data with more gestures."
        )
    members = None if groups is None else np.asarray(groups)
    if members is not None and (members.shape != (n,) or members.dtype.kind not in "iu"):
        raise HanddtError(
            f"{who}: 'groups' must number the person (or trial) of each of the {n} samples; got shape {members.shape} "
            f"and type {members.dtype}."
        )
    return Samples(
        values,
        np.asarray(compact, np.int64),
        None if members is None else members.astype(np.int64),
        classes.astype(np.int64),
        n_labels,
    )


def checked_latents(x: npt.ArrayLike, who: str, shape: tuple[int, ...] | None = None) -> Float32:
    """(N, \\*shape) as contiguous float32.

    Raises
    ------
    HanddtError
        If a value is not finite, or the shape is not (N, \\*shape).
    """
    values = np.ascontiguousarray(x, dtype=np.float32)
    if values.ndim < 2 or not all(values.shape[1:]) or (shape is not None and values.shape[1:] != shape):
        wanted = ", ".join(str(n) for n in shape) if shape else "*latent_shape"
        raise HanddtError(f"{who}: latents must have the shape (N, {wanted}); got {values.shape}.")
    bad = np.logical_not(np.isfinite(values).all(axis=tuple(range(1, values.ndim))))
    if bad.any():
        raise HanddtError(
            f"{who}: latents must be finite; {int(bad.sum())} of {values.shape[0]} samples hold NaN or infinity "
            f"(the first is number {int(np.argmax(bad))}); mend or leave out these samples."
        )
    return values


def concatenate(latents: Sequence[npt.ArrayLike]) -> Float32:
    """Latents of several runs, for the same samples in the same order, side by side.

    Maps (N, C, h, w) on the same grid join along C; anything else is made flat first.

    Raises
    ------
    HanddtError
        If there are none, or they differ in N.
    """
    arrays = [np.asarray(values, dtype=np.float32) for values in latents]
    lengths = {values.shape[:1] for values in arrays}
    if len(lengths) != 1 or min(values.ndim for values in arrays) < 2:
        raise HanddtError(
            "Latents of several runs must be arrays (N, ...) of the same N samples; got the shapes "
            f"{[values.shape for values in arrays]}; encode the same table with each run."
        )
    if len({values.shape[2:] for values in arrays}) > 1:
        arrays = [values.reshape(len(values), -1) for values in arrays]
    return np.concatenate(arrays, axis=1)


@dataclass(frozen=True)
class Standardiser:
    """Each element of a latent less its training mean, over its training standard deviation.

    Attributes
    ----------
    mean, scale
        (\\*latent_shape) float32; scale is 1/sd, or 1 where the training samples do not vary.
    """

    mean: Float32
    scale: Float32

    @classmethod
    def fit(cls, x: Float32) -> Standardiser:
        """Take the statistics of training samples, and of no others."""
        mean = x.mean(axis=0, dtype=np.float64)
        spread = x.std(axis=0, dtype=np.float64)
        # rounding of a constant must not be blown up to unit variance
        varies = spread > 1e-6 * np.maximum(np.abs(mean), 1e-6)
        return cls(mean.astype(np.float32), (1.0 / np.where(varies, spread, 1.0)).astype(np.float32))

    def __call__(self, x: Float32) -> Float32:
        """(N, \\*latent_shape) → the same, standardised."""
        return (x - self.mean) * self.scale
