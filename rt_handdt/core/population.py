"""What training people's windows look like, for a calibration to lean on: `population.npz` of a bundle."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, fields
from io import BytesIO
from typing import Self

import numpy as np
import numpy.typing as npt

from rt_handdt.core.compression import compress, expand
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32
from rt_handdt.errors import BundleError

#: Added before the logarithm where no training data says better, in the map's unit.
PLAIN_FLOOR = 1e-3
#: Features that are counts or have a sign; all others are amplitudes in µV.
NOT_AMPLITUDES = ("zc", "ssc", "raw_points")


def amplitude_maps(spec: PipelineSpec) -> list[bool]:
    """Which of the F maps are amplitudes in µV (to be log-compressed), and which are counts or have a sign."""
    return [feature.name not in NOT_AMPLITUDES for feature in spec.map_features]


@dataclass(frozen=True)
class Population:
    """How maps become log features, and how windows of one gesture of one person scatter.

    Attributes
    ----------
    amplitude
        (F,) bool: maps whose logarithm is taken.
    floor
        (F,) added before it, in the map's unit.
    features
        (r, F · electrodes) float32: the mean within-class covariance of the training people's windows is
        ``features.T @ features``, each person's log features standardised by that person's own mean and spread. No
        rows where nothing is known.
    latents
        (s, D): the same of the network's latents.
    """

    amplitude: npt.NDArray[np.bool_]
    floor: Float32
    features: Float32
    latents: Float32

    @classmethod
    def plain(cls, spec: PipelineSpec, latent_size: int) -> Self:
        """For a bundle that says nothing of people."""
        amplitude = np.array(amplitude_maps(spec))
        n_features = spec.n_maps * spec.layout.n_channels
        none = np.zeros((0, n_features), np.float32), np.zeros((0, latent_size), np.float32)
        return cls(amplitude, np.full(len(amplitude), PLAIN_FLOOR, np.float32), *none)

    def compress(self, maps: Float32) -> Float32:
        """Raw maps (…, F, H, W) → logarithms where they are amplitudes."""
        return compress(maps, self.amplitude, self.floor)

    def expand(self, compressed: Float32) -> Float32:
        """The reverse of `compress`, never below 0 where maps are amplitudes."""
        raw = expand(compressed, self.amplitude, self.floor)
        return np.asarray(np.where(self.amplitude.reshape(-1, 1, 1), np.maximum(raw, 0.0), raw), np.float32)

    def to_bytes(self) -> bytes:
        """As ``.npz``, without pickle."""
        buffer = BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **{one.name: getattr(self, one.name) for one in fields(self)})
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, spec: PipelineSpec, latent_size: int) -> Self:
        """Read what `to_bytes` wrote.

        Raises
        ------
        BundleError
            If something is missing, or does not fit the bundle's spec and network.
        """
        try:
            with np.load(BytesIO(content), allow_pickle=False) as data:
                found = cls(**{one.name: data[one.name] for one in fields(cls)})
        except (KeyError, ValueError, OSError, zipfile.BadZipFile) as exc:
            raise BundleError(f"population.npz cannot be read ({exc}); export the bundle again.") from None
        n_maps = spec.n_maps
        wanted = {
            "amplitude": (n_maps,),
            "floor": (n_maps,),
            "features": (len(found.features), n_maps * spec.layout.n_channels),
            "latents": (len(found.latents), latent_size),
        }
        for name, shape in wanted.items():
            if getattr(found, name).shape != shape:
                raise BundleError(
                    f"population.npz: '{name}' must have the shape {shape}; got {getattr(found, name).shape}; export "
                    "the bundle again."
                )
        return found
