"""Linear discriminant analysis of a few labelled windows, steadied by what other people's windows look like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve, eigh

from rt_handdt.core.types import Float32, Float64

#: A feature's spread is at least this share of the median feature's: one that stood still in the repetition (a dead
#: electrode) would otherwise outvote all others as soon as it moves.
LEAST_SPREAD = 0.05
#: Least share of the covariance that is spherical; with none, fewer windows than features would leave it singular.
LEAST_SHRINK = 1e-4


@dataclass(frozen=True)
class Discriminant:
    """A fitted discriminant: all classes equally probable, one covariance.

    Attributes
    ----------
    mean, scale
        (D,): windows are standardised by these, their own.
    weights, offsets
        (K, D) and (K,): log density of each class, but for what all have in common.
    axes, centres
        (r, D) and (K, r): directions in which the classes differ, r < K, scaled so that the scatter within a class is
        1 in each, and where the classes lie on them.
    margin
        Median lead of the right class over the next one, over the windows it was fitted to; at least 1.
    """

    mean: Float64
    scale: Float64
    weights: Float64
    offsets: Float64
    axes: Float64
    centres: Float64
    margin: float

    @classmethod
    def fit(
        cls,
        x: npt.NDArray[np.floating],
        y: npt.NDArray[np.int64],
        *,
        shrink: float,
        within: Float32 | None = None,
        pooled: float = 0.0,
    ) -> Discriminant:
        """Fit to windows `x` (N, D) with classes `y` (N,) in 0..K−1, each of which has windows.

        Parameters
        ----------
        shrink
            Share of the within-class covariance that is taken to be spherical.
        within
            (r, D): other people's within-class covariance is ``within.T @ within``, in features standardised per
            person.
        pooled
            Share of the covariance that is theirs.

        Notes
        -----
        With fewer rows than features the inverse comes from the rows' Gram matrix (Woodbury's identity): 1000 windows
        of 2560 features cost a tenth of a second.
        """
        mean = x.mean(axis=0, dtype=np.float64)
        scale = np.asarray(x.std(axis=0, dtype=np.float64))
        typical = float(np.median(scale))
        scale = np.maximum(scale, LEAST_SPREAD * typical if typical > 0 else 1.0)
        z = ((x - mean) / scale).astype(np.float32)
        classes = int(y.max()) + 1
        means = np.stack([z[y == k].mean(axis=0, dtype=np.float64) for k in range(classes)])
        rows = (z - means[y].astype(np.float32)) / np.float32(np.sqrt(len(z)))
        if within is not None and pooled:
            rows = np.concatenate([rows * np.float32(np.sqrt(1 - pooled)), within * np.float32(np.sqrt(pooled))])
        shrink = max(shrink, LEAST_SHRINK)
        n_features = z.shape[1]
        spherical = shrink * max(float(np.square(rows, dtype=np.float64).sum()) / n_features, 1e-12)
        rows = rows * np.float32(np.sqrt(1 - shrink))
        weights = _solved(rows, spherical, means)
        centred = means - means.mean(axis=0)
        towards = weights - weights.mean(axis=0)
        apart, vectors = eigh(centred @ towards.T)
        keep = apart > 1e-9 * max(float(apart[-1]), 1e-300)
        axes = (vectors[:, keep] / np.sqrt(apart[keep])).T @ towards
        offsets = -0.5 * np.einsum("kd,kd->k", weights, means)
        scores = z.astype(np.float64) @ weights.T + offsets
        right = scores[np.arange(len(y)), y]
        scores[np.arange(len(y)), y] = -np.inf
        margin = max(float(np.median(right - scores.max(axis=1))), 1.0)
        return cls(mean, scale, weights, offsets, axes, means @ axes.T, margin)

    def scores(self, x: npt.NDArray[np.floating]) -> Float64:
        """Windows (N, D) → (N, K), in units of `margin`: about 1 between the right class and the next."""
        z = (x - self.mean) / self.scale
        return np.asarray((z @ self.weights.T + self.offsets) / self.margin)

    def squared_distances(self, x: npt.NDArray[np.floating]) -> Float64:
        """Windows (N, D) → (N, K): squared distance to each class along `axes`, in units of the scatter within."""
        at = ((x - self.mean) / self.scale) @ self.axes.T
        return np.asarray(np.square(at[:, None] - self.centres).sum(axis=2))


def _solved(rows: Float32, spherical: float, targets: Float64) -> Float64:
    """``targets @ inverse(rows.T @ rows + spherical · 1)``: (K, D)."""
    if rows.shape[0] >= rows.shape[1]:
        covariance = (rows.T @ rows).astype(np.float64)
        covariance[np.diag_indices(len(covariance))] += spherical
        return np.asarray(cho_solve(cho_factor(covariance, check_finite=False), targets.T, check_finite=False).T)
    gram = (rows @ rows.T).astype(np.float64)
    gram[np.diag_indices(len(gram))] += spherical
    inner = cho_solve(cho_factor(gram, check_finite=False), rows @ targets.T, check_finite=False)
    return np.asarray((targets - (rows.T @ inner).T) / spherical)
