"""Where the gestures lie in the space of the population model."""

from __future__ import annotations

import numpy as np

from rt_handdt.core.types import Float64


class ClassMeans:
    """Means (G, d) of the gestures, with the variance (G, d) of their posterior: ready to compare windows with."""

    def __init__(self, means: Float64, variance: Float64) -> None:
        precision = 1.0 / (1.0 + variance)
        weighted = means * precision
        self._precision, self._weighted = precision.T.copy(), -2.0 * weighted.T
        self._constant = (means * weighted).sum(axis=1)
        self._volume = np.log(precision).sum(axis=1)
        self._d = max(means.shape[1], 1)

    def compare(self, points: Float64) -> tuple[Float64, Float64]:
        """Points (N, d) with each class.

        Returns
        -------
        score
            (N, G) log density under each gesture, but for a constant.
        distance
            (N,) mean squared distance to the nearest class mean, 1 being expected; 0 where there are no dimensions.
        """
        square = np.square(points) @ self._precision + points @ self._weighted + self._constant
        return -0.5 * (square - self._volume), square.min(axis=1) / self._d
