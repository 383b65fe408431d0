"""A classifier fitted to a person's labelled repetitions, and fused with the network's posterior.

Four views of a window are weighed in logarithms:

1. a shrinkage discriminant on the window's log features, fitted to the repetitions, its covariance pooled with what
   training people showed;
2. where there are electrodes enough, how alike its log power is to each gesture made anew (`Likeness`): it knows what
   one repetition cannot show, that gestures come stronger and weaker;
3. a discriminant on the network's latent;
4. the network's own posterior, tempered by a small exponent.

The first three are counted in units of their own margin over the repetitions, so that weights mean the same for 10
electrodes and for 256. Which weights are best is learnt from the person's own repetitions, each left out in turn, where
there are several; from one alone it cannot be learnt, so the bundle says. Labels the repetitions lack are left to the
network. Since the calibration, a displacement common to all gestures (`Drift`) and a move of the electrodes (`Shift`)
are followed without labels.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, fields
from io import BytesIO

import numpy as np
import numpy.typing as npt
from numpy.linalg import LinAlgError
from pydantic import Field

from rt_handdt.config import Settings, is_default
from rt_handdt.core.discriminant import Discriminant
from rt_handdt.core.drift import DriftSettings
from rt_handdt.core.likeness import Ground, Likeness, LikenessSettings
from rt_handdt.core.shift import ShiftSettings
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import BundleError

Int64 = npt.NDArray[np.int64]

_ARRAYS = ("labels", "occupied", "mean", "spread", "centres", "usual_distance")
#: Probability below which the network's word against a label is not believed further.
FLOOR = 1e-4


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
    alike
        Weight of the likeness beside the features' discriminant, which has the rest to 1.
    latent
        Weight of the latent's discriminant; those two have the rest to 1.
    sharpness
        Exponent of both: log odds of a window as clear as the typical one of the repetition.
    network
        Exponent of the network's posterior.
    settle_s
        Windows that begin sooner after a marker are left out (people react later than the cue), or sooner than a
        quarter of the segment, where it is short.
    drift
        How a displacement since then is followed.
    likeness
        How gestures vary when they are made anew.
    shift
        How a move of the electrodes since then is looked for.

    Notes
    -----
    `alike`, `likeness` and `shift` are written down only where they are not the default, so that models from before
    they existed keep their fingerprints.
    """

    shrinkage: float = Field(0.5, ge=0)
    latent_shrink: float = Field(0.3, ge=0, lt=1)
    pooled: float = Field(0.03, ge=0, lt=1)
    alike: float = Field(0.75, ge=0, le=1, exclude_if=is_default(0.75))
    latent: float = Field(0.1, ge=0, le=1)
    sharpness: float = Field(4.5, gt=0)
    network: float = Field(0.075, ge=0)
    settle_s: float = Field(0.5, ge=0)
    drift: DriftSettings = DriftSettings()
    likeness: LikenessSettings = Field(LikenessSettings(), exclude_if=is_default(LikenessSettings()))
    shift: ShiftSettings = Field(ShiftSettings(), exclude_if=is_default(ShiftSettings()))

    def own(self, features: Float64, alike: Float64 | None, latents: Float64) -> Float64:
        """What the person's repetitions say of windows: three views' scores (N, P), weighed (None: no likeness)."""
        maps = features if alike is None else (1 - self.alike) * features + self.alike * alike
        return self.sharpness * ((1 - self.latent) * maps + self.latent * latents)


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
    likeness
        Over the P labels; None where electrodes are few, or in profiles from before there was one.
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
    likeness: Likeness | None
    usual_distance: float
    settings: CalibrationSettings

    def to_bytes(self) -> bytes:
        """As ``.npz``, without pickle."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        for name in ("features", "latents"):
            arrays |= {f"{name}_{one.name}": getattr(getattr(self, name), one.name) for one in fields(Discriminant)}
        if (alike := self.likeness) is not None:
            rest = -1 if alike.rest is None else alike.rest
            arrays |= {"alike_means": alike.means[:-1], "alike_scatter": alike.scatter}
            arrays |= {"alike_margin": np.array(alike.margin), "alike_rest": np.array(rest)}
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
                alike = {name: data[name] for name in data.files if name.startswith("alike_")}
        except (KeyError, ValueError, OSError, zipfile.BadZipFile) as exc:
            raise BundleError(f"calibration.npz cannot be read ({exc}); train with the calibration again.") from None
        how = CalibrationSettings.parse(settings, what="calibration.npz", error=BundleError)
        one = cls(
            **{**arrays, "usual_distance": float(arrays["usual_distance"])},
            features=two[0],
            latents=two[1],
            likeness=_likeness(alike, len(arrays["labels"]), Ground.of(spec), how.likeness),
            settings=how,
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
        return self.judged(compressed, log_network, latents)[0]

    def judged(self, compressed: Float32, log_network: Float64, latents: Float32) -> tuple[Float64, Float64]:
        """`scores`, and (N,) how strange each window is (see `Posterior.strangeness`); NaN where nobody can say."""
        x = self.flat(compressed)
        alike, strange = None, np.full(len(x), np.nan)
        if self.likeness is not None:
            densities = self.likeness.log_densities(x)
            alike = densities[:, :-1] / self.likeness.margin
            strange = self.likeness.strangeness(densities)
        own = self.settings.own(self.features.scores(x), alike, self.latents.scores(latents))
        scores = fused(own, log_network, self.labels, self.settings.network)
        # What the repetitions lack was left to the network, and looks strange to them without being so.
        strange[~np.isin(scores.argmax(axis=1), self.labels)] = np.nan
        return scores, strange


def fused(own: Float64, log_network: Float64, labels: Int64, exponent: float) -> Float64:
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


def _likeness(
    arrays: dict[str, npt.NDArray[np.floating]], n_labels: int, ground: Ground | None, settings: LikenessSettings
) -> Likeness | None:
    """As it was written; the covariances follow from it, and are ten times as large."""
    if not arrays:
        return None
    try:
        means, scatter = arrays["alike_means"], arrays["alike_scatter"]
        rest, margin = int(arrays["alike_rest"]), float(arrays["alike_margin"])
    except (KeyError, TypeError, ValueError, OverflowError) as exc:
        raise BundleError(f"calibration.npz cannot be read ({exc}); train with the calibration again.") from None
    n = 0 if ground is None else len(ground.columns)
    fits = means.shape == (n_labels, n) and scatter.shape == (n, n) and -1 <= rest < n_labels and margin > 0
    if ground is None or not fits or not (np.isfinite(means).all() and np.isfinite(scatter).all()):
        raise BundleError("calibration.npz: its likeness does not fit the layout; train with it again.")
    try:
        return Likeness.of(means, scatter, margin, None if rest < 0 else rest, ground, settings)
    except LinAlgError as exc:  # a scatter that is none
        raise BundleError(f"calibration.npz: its likeness cannot be ({exc}); train with it again.") from None


def _log_sum(scores: Float64) -> Float64:
    top = scores.max(axis=1, keepdims=True)
    return np.asarray(top + np.log(np.exp(scores - top).sum(axis=1, keepdims=True)))
