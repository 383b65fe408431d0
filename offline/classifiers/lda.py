"""Linear discriminant analysis with shrinkage, as the cohort report has it."""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError

from offline.classifiers.base import CalibratedClassifier
from offline.classifiers.linear import LinearHead
from offline.classifiers.shrinkage import ShrinkageLda
from offline.data.datasets import Int64
from rt_handdt.core.types import Float32


class LdaClassifier(CalibratedClassifier):
    """Gaussian classes with one common covariance, shrunk after Ledoit & Wolf 2004 (`ShrinkageLda`).

    Priors are the training samples' shares. Where no class varies at all (one sample each), the covariance is taken
    to be the identity, which leaves the nearest class mean.
    """

    name = "lda"

    def _fit_head(self, z: Float32, y: Int64, groups: Int64 | None, seed: int, *, final: bool) -> LinearHead:
        flat = z.reshape(len(z), -1).astype(np.float64)
        try:
            model = ShrinkageLda.fit(flat, y)
            weights, offsets = model.weights, model.offsets
            if not (np.isfinite(weights).all() and np.isfinite(offsets).all()):
                raise LinAlgError
        except LinAlgError:
            counts = np.bincount(y)
            means = np.stack([flat[y == k].mean(axis=0) for k in range(len(counts))])
            weights, offsets = means.T, np.log(counts / len(y)) - 0.5 * np.square(means).sum(axis=1)
            note = "lda: the samples of a label do not vary; the nearest class mean is used instead."
            return LinearHead.of(weights, offsets, (note,))
        return LinearHead.of(weights, offsets)
