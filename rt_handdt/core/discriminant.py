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
        independent: float | None = None,
        within: Float32 | None = None,
        pooled: float = 0.0,
    ) -> Discriminant:
        """Fit to windows `x` (N, D) with classes `y` (N,) in 0..K−1, each of which has windows.

        Parameters
        ----------
        shrink
            Share of the within-class covariance that is taken to be spherical.
        independent
            How many of the windows are worth an independent one, for neighbours share samples. With it, `shrink` is in
            units of the share that `oracle_shrinkage` asks for.
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
        more = within * np.float32(np.sqrt(pooled)) if within is not None and pooled else np.zeros_like(rows[:0])
        scatter = _Scatter(rows, np.float32(np.sqrt(1 - pooled if len(more) else 1.0)), more)
        if independent is not None:
            shrink *= oracle_shrinkage(scatter.trace, scatter.trace_of_square, z.shape[1], independent)
        weights = scatter.solved(min(max(shrink, LEAST_SHRINK), 1 - LEAST_SHRINK), means)
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


def oracle_shrinkage(trace: float, trace_of_square: float, n_features: int, n: float) -> float:
    """Share of a covariance from `n` independent windows that had better be spherical, 0 to 1.

    Notes
    -----
    The oracle-approximating shrinkage of Chen, Wiesel, Eldar and Hero, IEEE Trans. Signal Process. 58 (2010) 5016, eq.
    23: the more features for each window, and the more alike their variances in all directions, the more.

    Examples
    --------
    >>> [round(oracle_shrinkage(100.0, 400.0, 100, n), 3) for n in (50, 5000)]
    [0.679, 0.007]
    """
    spread = (n + 1 - 2 / n_features) * (trace_of_square - trace**2 / n_features)
    if spread <= 0:
        return 1.0
    return float(min(1.0, ((1 - 2 / n_features) * trace_of_square + trace**2) / spread))


class _Scatter:
    """``first.T @ first · scale² + more.T @ more``, (D, D), by whichever of it and its Gram matrix is smaller.

    Attributes
    ----------
    trace, trace_of_square
        Of ``first.T @ first``.
    """

    def __init__(self, first: Float32, scale: np.float32, more: Float32) -> None:
        self._wide = len(first) + len(more) < first.shape[1]
        own = first @ first.T if self._wide else first.T @ first
        self.trace = float(np.trace(own, dtype=np.float64))
        self.trace_of_square = float(np.square(own, dtype=np.float64).sum())
        self._rows = np.concatenate([first * scale, more])
        if self._wide:
            n = len(first)
            self._product = np.empty((len(self._rows),) * 2)
            self._product[:n, :n] = own * scale**2
            self._product[n:] = more @ self._rows.T
            self._product[:n, n:] = self._product[n:, :n].T
        else:
            self._product = (own * scale**2 + more.T @ more).astype(np.float64)

    def solved(self, shrink: float, targets: Float64) -> Float64:
        """``targets @ inverse`` of it with a share that is spherical: (K, D)."""
        n_features = self._rows.shape[1]
        spherical = shrink * max(float(np.trace(self._product)) / n_features, 1e-12)
        product = self._product * (1 - shrink)
        product[np.diag_indices(len(product))] += spherical
        if not self._wide:
            return np.asarray(cho_solve(cho_factor(product, check_finite=False), targets.T, check_finite=False).T)
        rows = self._rows * np.float32(np.sqrt(1 - shrink))
        inner = cho_solve(cho_factor(product, check_finite=False), rows @ targets.T, check_finite=False)
        return np.asarray((targets - (rows.T @ inner).T) / spherical)
