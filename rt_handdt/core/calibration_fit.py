"""Fitting a calibrated classifier to a person's labelled repetitions, and choosing its weights by those left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from rt_handdt.core.calibration import CalibratedClassifier, CalibrationSettings, fused
from rt_handdt.core.discriminant import Discriminant
from rt_handdt.core.labelled import LabelledWindows
from rt_handdt.core.likeness import Ground, Likeness
from rt_handdt.core.population import Population
from rt_handdt.core.types import Float32, Float64

Int64 = npt.NDArray[np.int64]
#: The network, asked about compressed maps (N, F, H, W) of this person: log probabilities (N, K), latents (N, D).
Network = Callable[[Float32], tuple[Float64, Float32]]

#: Windows of a fit at most, evenly taken, where they are fewer than their features: it takes their square …
MOST_WINDOWS = 1200
#: … and where they are more, so many products of two features; neighbours say little new, but not nothing.
MOST_PRODUCTS = 3e9
#: Of a fit that is only there to try weights.
MOST_TRIED = 500
#: Repetitions that are left out in turn, at most.
MOST_FOLDS = 4


def fit_calibration(
    windows: LabelledWindows,
    population: Population,
    occupied: npt.NDArray[np.bool_],
    settings: CalibrationSettings,
    network: Callable[[Float32, Float32], Network],
    *,
    ground: Ground | None = None,
    rest: int | None = None,
) -> tuple[CalibratedClassifier, Float64]:
    """Fit to a person's windows, of two labels or more.

    Parameters
    ----------
    occupied
        (H, W) bool: cells that hold an electrode.
    network
        Called with the mean and spread (F, H, W) of the person's log features; returns the network as it sees this
        person.
    ground
        What a likeness looks at; None: without one.
    rest
        Which of the K labels is rest; None: none of them.

    Returns
    -------
    classifier
        Fitted to all windows.
    confusion
        (P, P) windows of the classifier's labels (rows: made, columns: predicted) that were not fitted to: each
        repetition left out in turn; or, with one, each half of it, which flatters.
    """
    compressed = population.compress(windows.maps)
    mean, spread = _balanced(compressed, windows.label)
    ask = network(mean, spread)
    log_network, latents = ask(compressed)
    views = _Views(compressed[:, :, occupied].reshape(len(windows), -1), latents, log_network)
    repeated = min(int(windows.repetition[windows.label == k].max()) + 1 for k in np.unique(windows.label))
    fold = _folds(windows, repeated)
    quiet = _among(rest, np.unique(windows.label))
    tried = _tried(views, windows, fold, population, settings, ground, quiet)
    if repeated > 1:
        settings = _chosen(tried, settings)
    counts = _confusion(tried, settings)
    rows = _thinned(windows.label, max(MOST_WINDOWS, int(MOST_PRODUCTS / views.features.shape[1] ** 2)))
    labels = np.unique(windows.label)
    y = np.searchsorted(labels, windows.label)
    features, latent = _discriminants(views, y, rows, population, settings, _independent(windows, np.arange(len(y))))
    alike = None if ground is None else Likeness.fit(views.features[rows], y[rows], quiet, ground, settings.likeness)
    distance = tried.distance
    if not len(distance):
        distance = features.squared_distances(views.features)[np.arange(len(y)), y]
    centres = np.stack([views.features[y == k].mean(axis=0, dtype=np.float64) for k in range(len(labels))])
    usual = max(float(np.percentile(distance, 95)), 1.0)
    drift = settings.drift.model_copy(update={"prior_windows": repeated * settings.drift.prior_windows})
    settings = settings.model_copy(update={"drift": drift})
    found = CalibratedClassifier(
        labels, np.asarray(occupied), mean, spread, centres, features, latent, alike, usual, settings
    )
    return found, counts


@dataclass(frozen=True)
class _Views:
    features: Float32  # (N, F · electrodes)
    latents: Float32  # (N, D)
    network: Float64  # (N, K) log probabilities


@dataclass(frozen=True)
class _Tried:
    """Scores of windows that the discriminants were not fitted to."""

    labels: Int64
    label: Int64  # (N,) positions among the K
    features: Float64  # (N, P)
    alike: Float64 | None  # (N, P)
    latents: Float64  # (N, P)
    network: Float64  # (N, K)
    distance: Float64  # (N,) squared, to their own label

    def scores(self, settings: CalibrationSettings) -> Float64:
        own = settings.own(self.features, self.alike, self.latents)
        return fused(own, self.network, self.labels, settings.network)


def _balanced(compressed: Float32, label: Int64) -> tuple[Float32, Float32]:
    """Mean and spread over windows, each label counting the same however long it was held."""
    means, squares = [], []
    for k in np.unique(label):
        own = compressed[label == k].astype(np.float64)
        means.append(own.mean(axis=0))
        squares.append(np.square(own).mean(axis=0))
    mean = np.mean(means, axis=0)
    variance = np.maximum(np.mean(squares, axis=0) - mean**2, 0.0)
    return mean.astype(np.float32), np.sqrt(variance + 1e-12).astype(np.float32)


def _discriminants(
    views: _Views, y: Int64, rows: Int64, population: Population, settings: CalibrationSettings, independent: float
) -> tuple[Discriminant, Discriminant]:
    """Fitted to some rows, which stand for so many independent windows."""

    def pooled(factor: Float32) -> float:
        return settings.pooled if len(factor) else 0.0

    return (
        Discriminant.fit(
            views.features[rows],
            y[rows],
            shrink=settings.shrinkage,
            independent=min(independent, len(rows)),
            within=population.features,
            pooled=pooled(population.features),
        ),
        Discriminant.fit(
            views.latents[rows],
            y[rows],
            shrink=settings.latent_shrink,
            within=population.latents,
            pooled=pooled(population.latents),
        ),
    )


def _independent(windows: LabelledWindows, rows: Int64) -> float:
    """How many independent windows some rows are worth: those of one repetition, however many there are.

    Windows within one do not say how repetitions differ.
    """
    label, repetition = windows.label[rows], windows.repetition[rows]
    each = len(np.unique(np.stack([label, repetition]), axis=1).T) / len(np.unique(label))
    return windows.independent * len(rows) / each


def _thinned(label: Int64, most: int) -> Int64:
    """Rows of at most about `most` windows, evenly in time, with as many of each label as it has a share in all."""
    step = max(1, -(-len(label) // most))
    rows = [np.flatnonzero(label == k)[::step] for k in np.unique(label)]
    return np.sort(np.concatenate(rows))


def _folds(windows: LabelledWindows, repeated: int) -> Int64:
    """(N,) which fold a window is tried in: its repetition, or which half of its only one."""
    if repeated > 1:
        return windows.repetition % min(repeated, MOST_FOLDS)
    fold = np.zeros(len(windows), np.int64)
    for k in np.unique(windows.label):
        own = np.flatnonzero(windows.label == k)
        fold[own[len(own) // 2 :]] = 1
    return fold


def _among(label: int | None, labels: Int64) -> int | None:
    """Position of a label among those that are there; None where it is not."""
    return None if label is None or label not in labels else int(np.searchsorted(labels, label))


def _tried(
    views: _Views,
    windows: LabelledWindows,
    fold: Int64,
    population: Population,
    settings: CalibrationSettings,
    ground: Ground | None,
    quiet: int | None,
) -> _Tried:
    label, labels = windows.label, np.unique(windows.label)
    y = np.searchsorted(labels, label)
    held, features, alike, latents, distances = [], [], [], [], []
    for one in np.unique(fold):
        rest = np.flatnonzero(fold != one)
        if len(np.unique(y[rest])) < len(labels):
            continue
        rows = rest[_thinned(y[rest], MOST_TRIED)]
        of_features, of_latents = _discriminants(views, y, rows, population, settings, _independent(windows, rest))
        here = np.flatnonzero(fold == one)
        here = here[_thinned(y[here], MOST_TRIED)]
        held.append(here)
        features.append(of_features.scores(views.features[here]))
        if ground is not None:
            of_power = Likeness.fit(views.features[rows], y[rows], quiet, ground, settings.likeness)
            alike.append(of_power.scores(views.features[here]))
        latents.append(of_latents.scores(views.latents[here]))
        distances.append(of_features.squared_distances(views.features[here])[np.arange(len(here)), y[here]])
    if not held:
        none = np.zeros((0, len(labels)))
        return _Tried(labels, label[:0], none, None, none, views.network[:0], none[:, 0])
    rows = np.concatenate(held)
    own, latent = np.concatenate(features), np.concatenate(latents)
    power = np.concatenate(alike) if alike else None
    return _Tried(labels, label[rows], own, power, latent, views.network[rows], np.concatenate(distances))


def _chosen(tried: _Tried, settings: CalibrationSettings) -> CalibrationSettings:
    """The weights that the left-out repetitions were predicted best with; those of the bundle where nothing is gained.

    Accuracy decides between views, likelihood how sharp the posterior is.
    """
    if not len(tried.label):
        return settings

    def right(one: CalibrationSettings) -> float:
        hit = tried.scores(one).argmax(axis=1) == tried.label
        return float(np.mean([hit[tried.label == k].mean() for k in np.unique(tried.label)]))

    def surprise(one: CalibrationSettings) -> float:
        return -float(tried.scores(one)[np.arange(len(tried.label)), tried.label].mean())

    best, most = settings, right(settings)
    weights = ["latent", "network"] if tried.alike is None else ["alike", "latent", "network"]
    for shares in product((0.0, 0.5, 1.0), repeat=len(weights)):
        one = settings.model_copy(
            update={k: share * getattr(settings, k) for k, share in zip(weights, shares, strict=True)}
        )
        found = right(one)
        if found > most + 1e-3:
            best, most = one, found
    scales = (0.33, 0.5, 0.7, 1.0, 1.4, 2.0)
    return min(
        (
            best.model_copy(update={"sharpness": best.sharpness * scale, "network": best.network * scale})
            for scale in scales
        ),
        key=surprise,
    )


def _confusion(tried: _Tried, settings: CalibrationSettings) -> Float64:
    n = len(tried.labels)
    counts = np.zeros((n, n))
    if len(tried.label):
        named = tried.scores(settings)[:, tried.labels].argmax(axis=1)
        np.add.at(counts, (np.searchsorted(tried.labels, tried.label), named), 1.0)
    return counts
