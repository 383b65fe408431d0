"""Classical features that compare a channel with others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import linalg

from offline.features.classical_registry import feature
from offline.features.signals import TINY, Signal
from rt_handdt.errors import ConfigError

Array = npt.NDArray[np.floating]


@feature("cross-channel", "neighbour_correlation")
def neighbour_correlation(s: Signal) -> Array:
    """Mean correlation with the electrodes around (up to eight); 0 where there is none."""
    weight = _weights(s)
    return np.asarray((weight * s.correlation).sum(axis=1))


@feature("cross-channel", "neighbour_ratio")
def neighbour_ratio(s: Signal) -> Array:
    """RMS over the mean RMS of the electrodes around: how much a channel stands out."""
    rms = s.time_domain[0].astype(np.float64)
    around = _weights(s) @ rms
    return np.where(around > 0, rms / (around + TINY), 1.0)


@feature("cross-channel", "laplacian")
def laplacian(s: Signal) -> Array:
    """RMS, µV, of a channel less the mean of the electrodes around: the spatial Laplacian (Reucher et al. 1987)."""
    local = s.x - s.x @ _weights(s).T.astype(np.float32)
    return np.asarray(np.sqrt(np.square(local).mean(axis=0)))


@feature("cross-channel", "rms_share")
def rms_share(s: Signal) -> Array:
    """RMS over the sum of all channels' RMS: the pattern without its loudness."""
    rms = s.time_domain[0]
    return np.asarray(rms / (rms.sum() + TINY))


@feature("cross-channel", "common_mode_share")
def common_mode_share(s: Signal) -> Array:
    """Share of a channel's variance, 0..1, that the mean over all channels explains: their squared correlation."""
    common = s.x.mean(axis=1, dtype=np.float64)
    common = (common - common.mean()) / (common.std() + TINY)
    return np.asarray((common @ s.standard / len(s.x)) ** 2)


@feature("cross-channel", "eigen_share", "eigen_share_1", "eigen_share_2", "eigen_share_3")
def eigen_share(s: Signal) -> Array:
    """Share of a channel's variance that each of the three largest principal components carries: λ_j v_jc² / var_c."""
    x = s.x - s.x.mean(axis=0, dtype=np.float64)
    covariance = x.T @ x / len(x)
    channels = len(covariance)
    values, vectors = linalg.eigh(covariance, subset_by_index=[max(channels - 3, 0), channels - 1])
    largest = vectors[:, ::-1].T ** 2 * np.maximum(values[::-1], 0.0)[:, None]
    out = np.zeros((3, x.shape[1]))
    out[: len(largest)] = largest / (np.diag(covariance) + TINY)
    return out


def _weights(s: Signal) -> npt.NDArray[np.float64]:
    """(C, C): row c holds 1/m at each of the m neighbours of channel c."""
    if len(s.neighbours) != s.x.shape[1]:
        raise ConfigError(
            f"Features that compare neighbours need the neighbours of each of the {s.x.shape[1]} channels; "
            f"got {len(s.neighbours)}."
        )
    out = np.zeros((s.x.shape[1], s.x.shape[1]))
    for channel, ring in enumerate(s.neighbours):
        if ring:
            out[channel, list(ring)] = 1 / len(ring)
    return out
