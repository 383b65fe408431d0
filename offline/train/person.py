"""What training windows say of people: `rt_handdt.core.person.PersonModel`, and windows as the average one's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.linalg import eigh

from offline.config import PersonConfig
from offline.data.datasets import Int64, Mask, WindowSet
from offline.models.standardise import LEAST_SPREAD, InputLayer
from rt_handdt.core.person import PersonModel
from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import ConfigError

#: Rows that principal components are taken from.
PCA_ROWS = 20_000
#: Smallest variance of a centre from person to person, in units of the scatter within: keeps the prior proper.
LEAST_BETWEEN = 1e-3
_CHUNK = 4096


def donnings(windows: WindowSet) -> Int64:
    """(N,) number of the person and session that each window belongs to: electrodes stayed where they were in one."""
    keys = [(trial.person, trial.session) for trial in windows.trials]
    number = {key: k for k, key in enumerate(dict.fromkeys(keys))}
    return np.array([number[key] for key in keys], np.int64)[windows.trial]


def reference(inputs: InputLayer) -> PersonModel:
    """The average person of a fitted input layer; no gestures yet."""
    spread = (1.0 / inputs.scale[0]).numpy()
    occupied = inputs.occupied[0, 0].bool().numpy()
    return PersonModel(
        amplitude=inputs.amplitude[0, :, 0, 0].numpy(),
        floor=inputs.floor[0, :, 0, 0].numpy(),
        mean=inputs.mean[0].numpy(),
        spread=spread,
        occupied=occupied,
        projection=np.zeros((len(spread) * int(occupied.sum()), 0), np.float32),
        offset=np.zeros(0),
        centres=np.zeros((0, 0)),
        between=np.zeros(0),
        gestures=np.zeros(0, np.int64),
    )


def as_average(windows: WindowSet, model: PersonModel) -> WindowSet:
    """Windows with each donning's own mean and spread replaced by the average person's."""
    group = donnings(windows)
    maps = np.empty_like(windows.maps)
    for one in np.unique(group):
        rows = np.flatnonzero(group == one)
        maps[rows] = averaged(windows.maps[rows], windows.maps[rows], model)
    return replace(windows, maps=maps)


def averaged(donning: Float32, maps: Float32, model: PersonModel) -> Float32:
    """Raw maps (N, F, H, W) with the mean and spread of a whole donning's (M, F, H, W) replaced by the average ones."""
    own = np.concatenate([model.compress(part) for part in _chunks(donning)])
    mean = own.mean(axis=0, dtype=np.float64).astype(np.float32)
    spread = np.maximum(own.std(axis=0, dtype=np.float64), LEAST_SPREAD).astype(np.float32)
    return np.concatenate([model.as_average((model.compress(part) - mean) / spread) for part in _chunks(maps)])


def fit_person_model(windows: WindowSet, train: Mask, average: PersonModel, config: PersonConfig) -> PersonModel:
    """How gestures scatter within a donning and between donnings, from normalised training windows.

    Parameters
    ----------
    windows
        Of `as_average`.
    train
        (N,) bool: the windows that may be learnt from.
    average
        Of `reference`.

    Raises
    ------
    ConfigError
        If no gesture has windows to learn from.

    Notes
    -----
    In d principal components, W is the mean covariance of a gesture's windows within one donning, B that of the
    gestures' centres from donning to donning. Both, shrunk, become diagonal together (generalised eigenvectors of B and
    W), W with ones. How much centres move along each of these directions is B's own variance there, not the shrunk
    one's: that is too large where people agree.
    """
    rest = windows.gestures.rest_index
    settled = train & (windows.since_cue_s >= config.settle_s) & (windows.label != (-1 if rest is None else rest))
    rows = np.flatnonzero(settled)
    gestures = np.unique(windows.label[rows])
    if len(gestures) < 2:
        raise ConfigError(
            f"Learning people ('person.learn') needs windows of at least 2 gestures; {len(gestures)} have windows that "
            f"begin {config.settle_s:g} s or later after their marker; lower 'person.settle_s', or turn it off."
        )
    chosen = np.array([not config.features or one.label in config.features for one in windows.spec.map_features])
    flat = np.concatenate(
        [
            ((average.compress(windows.maps[part]) - average.mean) / average.spread)[:, chosen][:, :, average.occupied]
            for part in _parts(rows)
        ]
    ).reshape(len(rows), -1)
    some = np.sort(np.random.default_rng(0).permutation(len(flat))[:PCA_ROWS])
    middle = flat.mean(axis=0, dtype=np.float64).astype(np.float32)
    directions = _principal(flat[some] - middle, config.dims)  # (D, d)
    points = ((flat - middle) @ directions).astype(np.float64)
    within, between, centres, degrees = _covariances(
        points, np.searchsorted(gestures, windows.label[rows]), donnings(windows)[rows], len(gestures), config
    )
    few = len(between) / (len(between) + degrees)  # of few donnings, directions of change are little more than chance
    directed = _shrunk(between, max(config.shrink, few))
    _, vectors = eigh(directed, _shrunk(within, config.shrink))  # vectors.T within vectors = 1
    variance = np.einsum("di,de,ei->i", vectors, between, vectors)
    projection = directions.astype(np.float64) @ vectors
    every = np.zeros((len(chosen), int(average.occupied.sum()), projection.shape[1]), np.float32)
    every[chosen] = projection.reshape(int(chosen.sum()), every.shape[1], -1)
    return replace(
        average,
        projection=every.reshape(-1, every.shape[2]),
        offset=middle.astype(np.float64) @ projection,
        centres=centres @ vectors,
        between=np.maximum(variance, LEAST_BETWEEN),
        gestures=gestures,
        rest_share=float((windows.label[train] == (-1 if rest is None else rest)).mean()),
    )


def _covariances(
    points: Float64, label: Int64, group: Int64, n_labels: int, config: PersonConfig
) -> tuple[Float64, Float64, Float64, int]:
    """W and B (d, d), the gestures' centres (G, d), each donning counting the same, and B's degrees of freedom.

    Where no gesture was made in two donnings, these are 0 and B is what `config.between` takes it for.
    """
    d = points.shape[1]
    within, count = np.zeros((d, d)), 0
    own: list[list[Float64]] = [[] for _ in range(n_labels)]
    for g in np.unique(group):
        for k in range(n_labels):
            mine = points[(group == g) & (label == k)]
            if len(mine) > 1:
                middle = mine.mean(axis=0)
                own[k].append(middle)
                within += (mine - middle).T @ (mine - middle)
                count += len(mine) - 1
    centres = np.stack([np.mean(means, axis=0) if means else points.mean(axis=0) for means in own])
    apart = [mean - centres[k] for k, means in enumerate(own) for mean in means if len(means) > 1]
    degrees = len(apart) - sum(len(means) > 1 for means in own)
    if degrees > 0:
        between = np.stack(apart).T @ np.stack(apart) / degrees
    else:
        between = np.eye(d) * config.between * float(np.var(centres, axis=0).mean())
    return within / max(count, 1), between, centres, degrees


def _shrunk(covariance: Float64, share: float) -> Float64:
    size = float(np.trace(covariance)) / len(covariance)
    # never singular, even where nothing is to be shrunk
    return (1 - share) * covariance + (share + 1e-6) * size * np.eye(len(covariance))


def _principal(centred: Float32, n: int) -> Float32:
    """(N, D) → (D, d) directions of most variance, from the smaller of the two Gram matrices."""
    n = min(n, len(centred) - 1, centred.shape[1])
    gram = centred.T @ centred if centred.shape[1] <= len(centred) else centred @ centred.T
    values, vectors = eigh(gram.astype(np.float64), subset_by_index=(len(gram) - n, len(gram) - 1))
    if centred.shape[1] > len(centred):
        vectors = centred.T.astype(np.float64) @ vectors / np.sqrt(np.maximum(values, 1e-12))
    return vectors[:, ::-1].astype(np.float32)


def _chunks(maps: Float32) -> list[Float32]:
    return [maps[start : start + _CHUNK] for start in range(0, len(maps), _CHUNK)]


def _parts(rows: Int64) -> list[Int64]:
    return [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]
