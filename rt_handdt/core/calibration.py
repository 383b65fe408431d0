"""A classifier fitted to a person's labelled repetitions, and fused with the network's posterior.

Three views of a window are weighed in logarithms:

1. a shrinkage discriminant on the window's log features, fitted to the repetitions, its covariance pooled with what
   training people showed;
2. the same on the network's latent;
3. the network's own posterior, tempered by a small exponent.

The first two are counted in units of their own margin over the repetitions, so that weights mean the same for 10
electrodes and for 256. Which weights are best is learnt from the person's own repetitions, each left out in turn, where
there are several; from one alone it cannot be learnt, so the bundle says. Labels the repetitions lack are left to the
network. Since the calibration, a displacement common to all gestures is followed without labels (`Drift`).
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, fields
from io import BytesIO

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rt_handdt.config import Settings
from rt_handdt.core.discriminant import Discriminant
from rt_handdt.core.drift import DriftSettings
from rt_handdt.core.labelled import LabelledWindows
from rt_handdt.core.population import Population
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import BundleError

Int64 = npt.NDArray[np.int64]
#: The network, asked about compressed maps (N, F, H, W) of this person: log probabilities (N, K), latents (N, D).
Network = Callable[[Float32], tuple[Float64, Float32]]

_ARRAYS = ("labels", "occupied", "mean", "spread", "centres", "usual_distance")
#: Probability below which the network's word against a label is not believed further.
FLOOR = 1e-4
#: Windows of a fit at most, evenly taken, where they are fewer than their features: it takes their square …
MOST_WINDOWS = 1200
#: … and where they are more, so many products of two features; neighbours say little new, but not nothing.
MOST_PRODUCTS = 3e9
#: Of a fit that is only there to try weights.
MOST_TRIED = 500
#: Repetitions that are left out in turn, at most.
MOST_FOLDS = 4


class CalibrationSettings(Settings):
    """How labelled repetitions become a classifier.

    Attributes
    ----------
    shrinkage
        How much of the features' within-class covariance is taken to be spherical, in units of what `oracle_shrinkage`
        asks for.
    latent_shrink
        Share of the latents' that is.
    pooled
        Share of both that is the training people's, where the bundle knows several. Much of it helps people who are
        like these, and hurts others.
    latent
        Weight of the latent's discriminant; the features' has the rest to 1.
    sharpness
        Exponent of both: log odds of a window as clear as the typical one of the repetition.
    network
        Exponent of the network's posterior.
    settle_s
        Windows that begin sooner after a marker are left out (people react later than the cue), or sooner than a
        quarter of the segment, where it is short.
    drift
        How a displacement since then is followed.
    """

    shrinkage: float = Field(0.5, ge=0)
    latent_shrink: float = Field(0.3, ge=0, lt=1)
    pooled: float = Field(0.03, ge=0, lt=1)
    latent: float = Field(0.1, ge=0, le=1)
    sharpness: float = Field(4.5, gt=0)
    network: float = Field(0.075, ge=0)
    settle_s: float = Field(0.5, ge=0)
    drift: DriftSettings = DriftSettings()


@dataclass(frozen=True)
class CalibratedClassifier:
    """What the repetitions came to; frozen.

    Attributes
    ----------
    labels
        (P,) ascending positions, among the model's K, of the labels that the repetitions have.
    occupied
        (H, W) bool: cells that hold an electrode.
    mean, spread
        (F, H, W) of the log features over the repetitions, each label counting the same.
    centres
        (P, F · electrodes): where each label's log features lie.
    features, latents
        The two discriminants, over the P labels.
    usual_distance
        95th percentile of the squared distance of windows to their own label, of repetitions that were not fitted to
        (with one, of the half of it that was not): those fitted to lie nearer by far where features are many.
    settings
        With the weights that were chosen.
    """

    labels: Int64
    occupied: npt.NDArray[np.bool_]
    mean: Float32
    spread: Float32
    centres: Float64
    features: Discriminant
    latents: Discriminant
    usual_distance: float
    settings: CalibrationSettings

    def to_bytes(self) -> bytes:
        """As ``.npz``, without pickle."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        for name in ("features", "latents"):
            arrays |= {f"{name}_{one.name}": getattr(getattr(self, name), one.name) for one in fields(Discriminant)}
        buffer = BytesIO()
        settings = np.array(self.settings.canonical_json())
        np.savez_compressed(buffer, allow_pickle=False, settings=settings, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, spec: PipelineSpec, n_labels: int, latent_size: int) -> CalibratedClassifier:
        """Read what `to_bytes` wrote.

        Raises
        ------
        BundleError
            If something is missing, or does not fit the bundle.
        """
        try:
            with np.load(BytesIO(content), allow_pickle=False) as data:
                settings = json.loads(str(data["settings"]))
                two = [
                    Discriminant(**{one.name: data[f"{name}_{one.name}"] for one in fields(Discriminant)})
                    for name in ("features", "latents")
                ]
                arrays = {name: data[name] for name in _ARRAYS}
        except (KeyError, ValueError, OSError, zipfile.BadZipFile) as exc:
            raise BundleError(f"calibration.npz cannot be read ({exc}); train with the calibration again.") from None
        one = cls(
            **{**arrays, "usual_distance": float(arrays["usual_distance"])},
            features=two[0],
            latents=two[1],
            settings=CalibrationSettings.parse(settings, what="calibration.npz", error=BundleError),
        )
        n_features, n = spec.n_maps * spec.layout.n_channels, len(one.labels)
        wanted = {
            "mean": (one.mean.shape, spec.frame_shape),
            "spread": (one.spread.shape, spec.frame_shape),
            "occupied": (one.occupied.shape, spec.layout.shape),
            "centres": (one.centres.shape, (n, n_features)),
            "features": (one.features.weights.shape, (n, n_features)),
            "latents": (one.latents.weights.shape, (n, latent_size)),
        }
        for name, (found, right) in wanted.items():
            if found != right:
                raise BundleError(
                    f"calibration.npz: '{name}' must have the shape {right}; got {found}; train with it again."
                )
        if n < 2 or not 0 <= one.labels.min() <= one.labels.max() < n_labels:
            raise BundleError("calibration.npz names labels that the bundle does not have; train with it again.")
        return one

    def flat(self, compressed: Float32) -> Float32:
        """(N, F, H, W) → (N, F · electrodes)."""
        return compressed[:, :, self.occupied].reshape(len(compressed), -1)

    def scores(self, compressed: Float32, log_network: Float64, latents: Float32) -> Float64:
        """Log probabilities (N, K) of windows.

        Parameters
        ----------
        compressed
            (N, F, H, W) log features.
        log_network, latents
            (N, K) and (N, D): the network's, of the same windows.
        """
        s = self.settings
        x = self.flat(compressed)
        own = s.sharpness * ((1 - s.latent) * self.features.scores(x) + s.latent * self.latents.scores(latents))
        return _fused(own, log_network, self.labels, s.network)


def fit_calibration(
    windows: LabelledWindows,
    population: Population,
    occupied: npt.NDArray[np.bool_],
    settings: CalibrationSettings,
    network: Callable[[Float32, Float32], Network],
) -> tuple[CalibratedClassifier, Float64]:
    """Fit to a person's windows, of two labels or more.

    Parameters
    ----------
    occupied
        (H, W) bool: cells that hold an electrode.
    network
        Called with the mean and spread (F, H, W) of the person's log features; returns the network as it sees this
        person.

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
    tried = _tried(views, windows, fold, population, settings)
    if repeated > 1:
        settings = _chosen(tried, settings)
    counts = _confusion(tried, settings)
    rows = _thinned(windows.label, max(MOST_WINDOWS, int(MOST_PRODUCTS / views.features.shape[1] ** 2)))
    labels = np.unique(windows.label)
    y = np.searchsorted(labels, windows.label)
    features, latent = _discriminants(views, y, rows, population, settings, _independent(windows, np.arange(len(y))))
    distance = tried.distance
    if not len(distance):
        distance = features.squared_distances(views.features)[np.arange(len(y)), y]
    centres = np.stack([views.features[y == k].mean(axis=0, dtype=np.float64) for k in range(len(labels))])
    usual = max(float(np.percentile(distance, 95)), 1.0)
    drift = settings.drift.model_copy(update={"prior_windows": repeated * settings.drift.prior_windows})
    settings = settings.model_copy(update={"drift": drift})
    found = CalibratedClassifier(labels, np.asarray(occupied), mean, spread, centres, features, latent, usual, settings)
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
    latents: Float64  # (N, P)
    network: Float64  # (N, K)
    distance: Float64  # (N,) squared, to their own label

    def scores(self, settings: CalibrationSettings) -> Float64:
        own = (1 - settings.latent) * self.features + settings.latent * self.latents
        return _fused(settings.sharpness * own, self.network, self.labels, settings.network)


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


def _tried(
    views: _Views, windows: LabelledWindows, fold: Int64, population: Population, settings: CalibrationSettings
) -> _Tried:
    label, labels = windows.label, np.unique(windows.label)
    y = np.searchsorted(labels, label)
    held, features, latents, distances = [], [], [], []
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
        latents.append(of_latents.scores(views.latents[here]))
        distances.append(of_features.squared_distances(views.features[here])[np.arange(len(here)), y[here]])
    if not held:
        none = np.zeros((0, len(labels)))
        return _Tried(labels, label[:0], none, none, views.network[:0], none[:, 0])
    rows = np.concatenate(held)
    own, latent = np.concatenate(features), np.concatenate(latents)
    return _Tried(labels, label[rows], own, latent, views.network[rows], np.concatenate(distances))


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
    for latent in (0.0, settings.latent / 2, settings.latent):
        for network in (0.0, settings.network / 2, settings.network):
            one = settings.model_copy(update={"latent": latent, "network": network})
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


def _fused(own: Float64, log_network: Float64, labels: Int64, exponent: float) -> Float64:
    """Log probabilities (N, K) from the discriminants' (N, P) and the network's (N, K).

    Among the P labels of the repetitions the discriminants speak; how probable all the others together are, and each of
    them, the network says.
    """
    log_network = np.maximum(log_network, np.log(FLOOR))
    mixed = own + exponent * log_network[:, labels]
    mixed = mixed - _log_sum(mixed)
    if len(labels) == log_network.shape[1]:
        return np.asarray(mixed)
    out = log_network - _log_sum(log_network)
    out[:, labels] = mixed + _log_sum(out[:, labels])
    return np.asarray(out)


def _log_sum(scores: Float64) -> Float64:
    top = scores.max(axis=1, keepdims=True)
    return np.asarray(top + np.log(np.exp(scores - top).sum(axis=1, keepdims=True)))
