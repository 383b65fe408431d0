"""How well maps show gestures: alike between people, different between gestures, compact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rt_handdt.core.types import Float64

_TINY = 1e-12


@dataclass(frozen=True)
class PatternScores:
    """Scores of mean maps, one of each gesture and person; correlations are over the cells that hold an electrode.

    Attributes
    ----------
    same, other
        (P,) mean correlation of a person's maps with other people's, of the same gesture and of the others.
    named
        (P,) share of a person's gestures whose most similar map, among those of all other people, is of the same one.
    named_by_one
        (P,) the same, among the maps of one other person; mean over these.
    wide
        (P,) share of the cells whose value is above half of the map's maximum, mean over the gestures.
    """

    same: Float64
    other: Float64
    named: Float64
    named_by_one: Float64
    wide: Float64


def pattern_scores(cells: Float64, occupied: npt.NDArray[np.bool_]) -> PatternScores:
    """Score maps (K, P, H, W) of gestures that are no rest; NaN where a person lacks a gesture. Needs two people.

    A map without any difference between its cells is like no other (correlation 0).
    """
    n_gestures, n_people = cells.shape[:2]
    flat = cells[:, :, occupied].swapaxes(0, 1).astype(np.float64)  # (P, K, E)
    there = np.asarray(np.isfinite(flat).all(axis=2))
    centred = np.where(there[:, :, None], flat - flat.mean(axis=2, keepdims=True), 0.0)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=2, keepdims=True), _TINY)
    alike = np.einsum("pke,qhe->pkqh", unit, unit)  # person, gesture; other person, gesture
    others = ~np.eye(n_people, dtype=bool)
    both = np.asarray(there[:, :, None, None] & there[None, None] & others[:, None, :, None])
    gesture = np.arange(n_gestures)
    equal = np.broadcast_to((gesture[:, None] == gesture)[None, :, None, :], both.shape)
    rivals = np.where(both, alike, -np.inf)
    right = rivals.reshape(n_people, n_gestures, -1).argmax(axis=2) % n_gestures == gesture
    found_any = np.asarray(both.any(axis=(2, 3)))
    right_by_one = rivals.argmax(axis=3) == gesture[None, :, None]
    peak = flat.max(axis=2, keepdims=True)
    wide = ((flat > peak / 2) & (peak > 0)).mean(axis=2)
    return PatternScores(
        same=_means(alike, both & equal),
        other=_means(alike, both & ~equal),
        named=_means(right, there & found_any),
        named_by_one=_means(right_by_one, np.asarray(both.any(axis=3))),
        wide=_means(wide, there),
    )


def _means(values: npt.NDArray[np.generic], counted: npt.NDArray[np.bool_]) -> Float64:
    """Mean over all axes but the first of what is counted; NaN where nothing is."""
    axes = tuple(range(1, counted.ndim))
    total = np.where(counted, values, 0.0).sum(axis=axes)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / counted.sum(axis=axes), np.float64)
