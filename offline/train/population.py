"""What training windows say of how gestures scatter: `rt_handdt.core.population.Population`."""

from __future__ import annotations

import numpy as np
import torch
from scipy.linalg import eigh

from offline.data.datasets import Int64, Mask, WindowSet
from offline.models.window_networks import DisentanglingNet
from offline.train.person import averaged, donnings
from rt_handdt.core.discriminant import LEAST_SPREAD
from rt_handdt.core.person import PersonModel
from rt_handdt.core.population import Population
from rt_handdt.core.types import Float32, Float64

#: Directions kept of each covariance: more tell no more, and a calibration's time and the bundle's size grow with them.
RANK = 96
#: Donnings, and windows of each, that are looked at; covariances of more people do not change.
DONNINGS, WINDOWS = 40, 200
_BATCH = 1024


def fit_population(
    net: DisentanglingNet, windows: WindowSet, train: Mask, person: PersonModel | None, settle_s: float
) -> Population:
    """Mean within-class covariance of log features and of latents, over training people.

    Of each donning the first repetition of each gesture counts, as in a calibration with one.

    Parameters
    ----------
    net
        Trained.
    windows
        Raw maps.
    train
        (N,) bool: the windows that may be learnt from.
    person
        How the network sees people; None: as they are.
    settle_s
        Windows that begin sooner after a marker are left out.
    """
    occupied = net.standardiser.occupied[0, 0].bool().numpy()
    empty = Population(
        net.standardiser.amplitude[0, :, 0, 0].numpy(),
        net.standardiser.floor[0, :, 0, 0].numpy(),
        np.zeros((0, windows.spec.n_maps * int(occupied.sum())), np.float32),
        np.zeros((0, net.latent_size), np.float32),
    )
    group = donnings(windows)
    first = _first_repetitions(windows, group)
    usable = train & first & (windows.since_cue_s >= settle_s)
    features: list[Float32] = []
    latents: list[Float32] = []
    for one in np.unique(group[usable])[:DONNINGS]:
        rows = np.flatnonzero(usable & (group == one))
        rows = rows[:: max(1, len(rows) // WINDOWS)]
        maps = (
            windows.maps[rows] if person is None else averaged(windows.maps[group == one], windows.maps[rows], person)
        )
        x = empty.compress(windows.maps[rows])[:, :, occupied].reshape(len(rows), -1)
        z = _latents(net, maps)
        for values, into in ((x, features), (z, latents)):
            scatter = _within(values, windows.label[rows])
            if scatter is not None:
                into.append(scatter)
    if len(features) < 2 or len(latents) < 2:  # one donning's scatter is its own, and misleads on another day
        return empty
    return Population(empty.amplitude, empty.floor, _factor(features, empty.features), _factor(latents, empty.latents))


def _first_repetitions(windows: WindowSet, group: Int64) -> Mask:
    """(N,) whether a window belongs to its label's first trial in its donning."""
    key = group * len(windows.gestures) + windows.label
    first = np.full(int(key.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, key, windows.trial)
    return np.asarray(windows.trial == first[key])


def _within(values: Float32, label: Int64) -> Float32 | None:
    """(n, D) rows whose Gram matrix is the covariance within labels, standardised; None where none has two windows."""
    spread = values.std(axis=0)
    typical = float(np.median(spread))
    if typical == 0:
        return None
    z = values / np.maximum(spread, LEAST_SPREAD * typical)
    rows = [z[label == k] - z[label == k].mean(axis=0) for k in np.unique(label) if (label == k).sum() > 1]
    if not rows:
        return None
    return np.asarray(np.concatenate(rows) / np.sqrt(sum(map(len, rows))), np.float32)


def _factor(scatters: list[Float32], none: Float32) -> Float32:
    """The leading directions of the donnings' mean covariance, each scaled by its standard deviation."""
    if not scatters:
        return none
    rows = np.concatenate(scatters) / np.float32(np.sqrt(len(scatters)))
    wide = rows.shape[1] > rows.shape[0]
    gram = (rows @ rows.T if wide else rows.T @ rows).astype(np.float64)
    n = min(RANK, len(gram))
    values, vectors = eigh(gram, subset_by_index=(len(gram) - n, len(gram) - 1))
    keep = values > 1e-9 * max(float(values[-1]), 1e-300)
    if wide:  # rows = u s vᵀ: s vᵀ = uᵀ rows
        return np.ascontiguousarray((vectors[:, keep].T @ rows)[::-1], np.float32)
    scaled: Float64 = (vectors[:, keep] * np.sqrt(values[keep])).T[::-1]
    return np.ascontiguousarray(scaled, np.float32)


@torch.no_grad()
def _latents(net: DisentanglingNet, maps: Float32) -> Float32:
    parts = [net(torch.from_numpy(maps[at : at + _BATCH]))[1].numpy() for at in range(0, len(maps), _BATCH)]
    return np.concatenate(parts)
