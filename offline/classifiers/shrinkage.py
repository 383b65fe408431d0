"""Linear discriminant analysis with Ledoit–Wolf shrinkage, the way scikit-learn defines it, but faster."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve

from rt_handdt.core.types import Float64


@dataclass(frozen=True)
class ShrinkageLda:
    """A fitted ``LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")``.

    Each class's covariance is shrunk on its own (Ledoit & Wolf 2004, on standardised features), and the pooled one is
    their mean weighted by class size. All of it is one matrix product and a Cholesky solve, where scikit-learn makes
    one blocked product per class and a singular value decomposition: 512 features and 300 windows take some 10 ms. A
    test compares the two.

    Attributes
    ----------
    classes
        Shape (K,), ascending.
    weights, offsets
        Shapes (n_features, K) and (K,) of the discriminant functions.
    """

    classes: npt.NDArray[np.int64]
    weights: Float64
    offsets: Float64

    @classmethod
    def fit(cls, x: Float64, y: npt.NDArray[np.int64], shrinkage: float | None = None) -> ShrinkageLda:
        """Fit to windows `x`, shape (n, n_features), with labels `y`, shape (n,).

        With `shrinkage`, a share from 0 to 1, the pooled covariance is shrunk by it towards its mean variance instead.
        """
        classes, counts = np.unique(y, return_counts=True)
        n_features = x.shape[1]
        means = np.empty((len(classes), n_features))
        parts, diagonal = [], np.zeros(n_features)
        for k, label in enumerate(classes):
            own = x[y == label]
            means[k] = own.mean(axis=0)
            centred = own - means[k]
            if shrinkage is not None:
                parts.append(centred * np.sqrt((1 - shrinkage) / len(x)))
                diagonal += shrinkage * float(np.square(centred).sum()) / len(x) / n_features
                continue
            scale = centred.std(axis=0)
            # as scikit-learn: a feature that does not vary (but for rounding) is left as it is
            scale[scale < 10 * np.finfo(np.float64).eps * np.maximum(np.abs(means[k]), 1.0)] = 1.0
            own_shrinkage, mean_variance = _ledoit_wolf(centred / scale)
            parts.append(centred * np.sqrt((1 - own_shrinkage) / len(x)))
            diagonal += counts[k] / len(x) * own_shrinkage * mean_variance * scale**2
        stacked = np.concatenate(parts)
        covariance = stacked.T @ stacked
        covariance[np.diag_indices(n_features)] += diagonal
        weights = cho_solve(cho_factor(covariance, check_finite=False), means.T, check_finite=False)
        offsets = -0.5 * np.einsum("kf,fk->k", means, weights) + np.log(counts / len(x))
        return cls(classes.astype(np.int64), np.asarray(weights, dtype=np.float64), offsets)

    def predict(self, x: Float64) -> npt.NDArray[np.int64]:
        """Label of each window: (n, n_features) → (n,)."""
        return np.asarray(self.classes[np.argmax(x @ self.weights + self.offsets, axis=1)], dtype=np.int64)


def _ledoit_wolf(z: Float64) -> tuple[float, float]:
    """Shrinkage and target variance for centred data (n, p): Ledoit & Wolf 2004, "A well-conditioned estimator …"."""
    n, p = z.shape
    # the squared norm of the covariance is that of the smaller Gram matrix
    gram = z @ z.T if n < p else z.T @ z
    norm = float(np.square(gram).sum()) / n**2
    energy = np.square(z).sum(axis=1)
    mean_variance = float(energy.sum()) / n / p
    spread = (float(np.square(energy).sum()) / n - norm) / (n * p)
    distance = (norm - p * mean_variance**2) / p
    spread = min(spread, distance)
    return (0.0 if spread <= 0 else spread / distance), mean_variance
