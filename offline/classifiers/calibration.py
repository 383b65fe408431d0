"""Whether probabilities mean what they say, and the one number that mends them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from offline.data.datasets import Int64
from rt_handdt.core.types import Float64
from rt_handdt.errors import HanddtError

BINS = 15
_LOG_RANGE = (-12.0, 12.0)  # of the temperature: e±12, far beyond what any data asked for


def expected_calibration_error(p: npt.ArrayLike, y: npt.ArrayLike, bins: int = BINS) -> float:
    """ECE = Σ_m |B_m|/N · |accuracy(B_m) − confidence(B_m)| over equally wide bins of the top probability.

    Guo et al. 2017, "On calibration of modern neural networks", ICML, eq. 3. 0 is perfect, 1 the worst.

    Parameters
    ----------
    p
        (N, K) probabilities.
    y
        (N,) true labels.
    bins
        M; 15 as in the paper.

    Raises
    ------
    HanddtError
        If there are no samples, shapes do not fit, or rows are no probabilities.
    """
    probabilities, labels = _checked(p, y)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)  # bin m holds m/M < c ≤ (m + 1)/M
    gaps = np.bincount(place, right, bins) - np.bincount(place, confidence, bins)
    return float(np.abs(gaps).sum() / len(labels))


def fit_temperature(logits: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """The T that makes softmax(logits / T) most likely (Guo et al. 2017, section 4.2).

    One number for all classes: it never changes which label is chosen, and a handful of people cannot overfit it. The
    likelihood is concave in 1/T, so there is one optimum. Where all samples are recognized it would lie at T = 0; the
    true class's target is then (N + 1)/(N + 2) instead of 1, as in Platt 1999 ("Probabilistic outputs for support
    vector machines", section 2.2), and the likeliest other class has the rest.

    Parameters
    ----------
    logits
        (N, C); −inf for a class that the model did not know. It must have known two at least.
    y
        (N,) true classes; each must have a finite logit.

    Raises
    ------
    HanddtError
        If there are no samples, or a true class has no finite logit, or no rival.
    """
    return temperature_loss(logits, y)[0]


def temperature_loss(logits: npt.ArrayLike, y: npt.ArrayLike) -> tuple[float, float]:
    """The T of `fit_temperature`, and the mean −log p of the true classes at it."""
    scores, labels = np.asarray(logits, dtype=np.float64), np.asarray(y)
    rows = np.arange(len(labels))
    finite = np.isfinite(scores)
    if not len(labels) or not (finite[rows, labels] & (finite.sum(axis=1) > 1)).all():
        raise HanddtError(
            "A temperature can only be fitted to samples whose true class the model knew, and another one (a finite "
            f"logit each); got {len(labels)} samples."
        )
    without = scores.copy()
    without[rows, labels] = -np.inf
    rival = without.argmax(axis=1)
    separated = bool((scores[rows, labels] > without[rows, rival]).all())
    slack = 1.0 / (len(labels) + 2) if separated else 0.0

    def losses(log_temperature: float) -> tuple[float, float]:
        log_p = log_softmax(scores / np.exp(log_temperature), axis=1)
        own = float(-log_p[rows, labels].mean())
        return own, (1 - slack) * own - slack * float(log_p[rows, rival].mean())

    found = minimize_scalar(lambda t: losses(t)[1], bounds=_LOG_RANGE, method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x)), losses(float(found.x))[0]


def _checked(p: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Float64, Int64]:
    probabilities, labels = np.asarray(p, dtype=np.float64), np.asarray(y, dtype=np.int64)
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1] or not len(labels):
        raise HanddtError(
            "Calibration is judged on probabilities (N, K) and labels (N,) of at least one sample; got the shapes "
            f"{probabilities.shape} and {labels.shape}."
        )
    sums = probabilities.sum(axis=1)
    if not (np.abs(sums - 1) < 1e-3).all() or probabilities.min() < 0:
        raise HanddtError(
            "Calibration is judged on probabilities: rows that sum to 1, without NaN or negative values; got sums of "
            f"{sums.min():g} to {sums.max():g}."
        )
    if labels.min() < 0 or labels.max() >= probabilities.shape[1]:
        raise HanddtError(
            f"Labels must lie in 0..{probabilities.shape[1] - 1}, one for each column of the probabilities; "
            f"got {labels.min()}..{labels.max()}."
        )
    return probabilities, labels
