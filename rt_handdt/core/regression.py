"""Velocities of two degrees of freedom at once, from log features: kernel ridge regression on a subject's own cues."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, fields
from io import BytesIO

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rt_handdt.config import Settings
from rt_handdt.core.dof import DofPair
from rt_handdt.core.population import Population
from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import BundleError

_ARRAYS = ("occupied", "rest_loudness", "mean", "scale", "axes", "support", "weights")
#: A feature's spread is at least this share of the median feature's (a dead electrode must not outvote the others).
LEAST_SPREAD = 0.05


class RegressionSettings(Settings):
    """How velocities are regressed.

    Attributes
    ----------
    components
        Principal components of the standardised log features that are kept.
    kernel
        Exponent of exp(−kernel · squared distance), distances so scaled that the features' total variance is 1; 0 for
        plain ridge regression.
    ridge
        What is added to the kernel's diagonal (for plain ridge: to the components' covariance, in units of its mean).
    support
        Windows that the kernel is laid over, at most; evenly taken.
    """

    components: int = Field(80, ge=2)
    kernel: float = Field(1.0, ge=0)
    ridge: float = Field(0.03, gt=0)
    support: int = Field(600, ge=20)


@dataclass(frozen=True)
class VelocityRegression:
    """What a subject's cues came to; frozen.

    Attributes
    ----------
    dofs
        The two degrees of freedom.
    settings
        How it was fitted.
    occupied
        (H, W) bool: cells that hold an electrode.
    rest_loudness
        Of the subject at rest (see `loudness`).
    mean, scale
        (D,) float32: log features are standardised by these.
    axes
        (D, r) float32: the principal components.
    support
        (S, r): windows that the kernel is laid over; of plain ridge regression none.
    weights
        (S, 2), or of plain ridge regression (r + 1, 2), the last row a constant.
    """

    dofs: DofPair
    settings: RegressionSettings
    occupied: npt.NDArray[np.bool_]
    rest_loudness: float
    mean: Float32
    scale: Float32
    axes: Float32
    support: Float64
    weights: Float64

    @classmethod
    def fit(
        cls,
        maps: Float32,
        velocities: Float64,
        rest: npt.NDArray[np.bool_],
        population: Population,
        occupied: npt.NDArray[np.bool_],
        dofs: DofPair,
        settings: RegressionSettings = RegressionSettings(),
    ) -> VelocityRegression:
        """Fit to windows.

        Parameters
        ----------
        maps
            (N, F, H, W) raw.
        velocities
            (N, 2) wanted, −1 to 1.
        rest
            (N,) which windows are rest; without any, the velocities have no rest gate.
        population
            How maps become log features.

        Notes
        -----
        Kernel ridge regression (Saunders, Gammerman and Vovk, ICML 1998) with a Gaussian kernel; log features were
        first used so by Hahne et al., IEEE Trans. Neural Syst. Rehabil. Eng. 22 (2014) 269.
        """
        rows = np.unique(np.linspace(0, len(maps) - 1, min(len(maps), settings.support)).astype(int))
        x = population.compress(maps[rows])[:, :, occupied].reshape(len(rows), -1)
        y = velocities[rows]
        mean, scale = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
        typical = float(np.median(scale))
        scale = np.maximum(scale, LEAST_SPREAD * typical if typical > 0 else 1.0)
        z = ((x - mean) / scale).astype(np.float32)
        spread, vectors = np.linalg.eigh((z @ z.T).astype(np.float64))
        keep = np.flatnonzero(spread > 1e-6 * spread[-1])[-settings.components :]
        # Scaled so that the features' total variance, about their number, becomes 1.
        axes = z.T @ (vectors[:, keep] / np.sqrt(spread[keep] * z.shape[1]))
        at = (z @ axes).astype(np.float64)
        if settings.kernel:
            gram = _kernel(at, at, settings.kernel)
            gram[np.diag_indices(len(gram))] += settings.ridge
            support, weights = at, np.linalg.solve(gram, y)
        else:
            one = np.concatenate([at, np.ones((len(at), 1))], axis=1)
            gram = one.T @ one
            gram[np.diag_indices(len(gram) - 1)] += settings.ridge * np.trace(gram[:-1, :-1]) / len(keep)
            support, weights = at[:0], np.linalg.solve(gram, one.T @ y)
        quiet = float(np.median(loudness(maps[rest], population, occupied))) if rest.any() else 0.0
        return cls(
            dofs,
            settings,
            np.asarray(occupied),
            quiet,
            mean.astype(np.float32),
            scale.astype(np.float32),
            axes.astype(np.float32),
            support,
            weights,
        )

    def predict(self, maps: Float32, population: Population) -> Float64:
        """Raw maps (N, F, H, W) → velocities (N, 2), −1 to 1."""
        x = population.compress(maps)[:, :, self.occupied].reshape(len(maps), -1)
        at = (((x - self.mean) / self.scale) @ self.axes).astype(np.float64)
        if len(self.support):
            found = _kernel(at, self.support, self.settings.kernel) @ self.weights
        else:
            found = at @ self.weights[:-1] + self.weights[-1]
        return np.asarray(np.clip(found, -1.0, 1.0))

    def to_bytes(self) -> bytes:
        """As ``.npz``, without pickle."""
        buffer = BytesIO()
        facts = json.dumps({"dofs": self.dofs.names, "settings": self.settings.model_dump(mode="json")})
        arrays = {one.name: getattr(self, one.name) for one in fields(self) if one.name in _ARRAYS}
        np.savez_compressed(buffer, allow_pickle=False, facts=np.array(facts), **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, n_features: int, shape: tuple[int, int]) -> VelocityRegression:
        """Read what `to_bytes` wrote.

        Raises
        ------
        BundleError
            If something is missing, or does not fit features and layout.
        """
        try:
            with np.load(BytesIO(content), allow_pickle=False) as data:
                facts = json.loads(str(data["facts"]))
                arrays = {name: data[name] for name in _ARRAYS}
            dofs, settings = DofPair.parse(facts["dofs"]), facts["settings"]
        except (KeyError, TypeError, ValueError, EOFError, OSError, zipfile.BadZipFile) as exc:
            raise BundleError(f"regression.npz cannot be read ({exc}); calibrate again.") from None
        one = cls(
            dofs,
            RegressionSettings.parse(settings, what="regression.npz", error=BundleError),
            **{**arrays, "rest_loudness": float(arrays["rest_loudness"])},
        )
        r = one.axes.shape[-1]
        n_weights = len(one.support) if len(one.support) else r + 1
        wanted = {
            "occupied": shape,
            "mean": (n_features,),
            "scale": (n_features,),
            "axes": (n_features, r),
            "support": (len(one.support), r),
            "weights": (n_weights, 2),
        }
        for name, right in wanted.items():
            if getattr(one, name).shape != right or not np.isfinite(getattr(one, name)).all():
                raise BundleError(f"regression.npz: '{name}' does not fit the model; calibrate again.")
        return one


def loudness(maps: Float32, population: Population, occupied: npt.NDArray[np.bool_]) -> Float64:
    """(N,) how loud windows (N, F, H, W) are: the mean over electrodes of the first map that is an amplitude.

    All 1 where no map is.
    """
    amplitudes = np.flatnonzero(population.amplitude)
    if not len(amplitudes):
        return np.ones(len(maps))
    return np.asarray(maps[:, amplitudes[0]][:, occupied].mean(axis=1, dtype=np.float64))


def _kernel(a: Float64, b: Float64, exponent: float) -> Float64:
    squared = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * a @ b.T
    return np.asarray(np.exp(-exponent * np.maximum(squared, 0.0)))
