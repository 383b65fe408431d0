"""Nearest neighbours, as published (1-NN) or several that vote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from offline.classifiers.base import CalibratedClassifier, ClassifierSettings
from offline.classifiers.graph import HeadGraph
from offline.data.datasets import Int64
from rt_handdt.core.types import Float32
from rt_handdt.errors import ConfigError

#: A live graph holds the training samples; beyond this it grows slow to load and to run.
LIMIT_BYTES = 16 * 2**20
_CHUNK = 1024  # samples whose similarities are computed at a time
_WIDTH_SAMPLES = 1024  # training samples from which the kernel's width is taken
_PRIOR_VOTES = 0.1  # shared by all classes, in units of the nearest neighbour's vote


class KnnSettings(ClassifierSettings):
    """Options of the nearest neighbours.

    Attributes
    ----------
    neighbours
        1 as published, or how many vote.
    thin
        What is kept of the training samples. ``"none"``: all. ``"sample"``: at most `keep`, drawn at random, the
        labels evenly. ``"means"``: one mean for each label of each group (person).
    keep
        For ``"sample"``.
    """

    neighbours: int = Field(1, ge=1)
    thin: Literal["none", "sample", "means"] = "none"
    keep: int = Field(4096, ge=2)


@dataclass(frozen=True)
class KnnHead:
    """The kept training samples, sorted by class.

    With s_i = (2 z·t_i − |t_i|²)/D, which is minus the mean squared difference to training sample i plus a number
    that all i share (and softmax does not see):

    - one neighbour: logit_c = max s_i over class c. The largest logit is the nearest sample's class, so that the
      label is exactly that of 1-NN; the distances to the other classes' nearest make the probabilities.
    - several: logit_c = log(share of class c in the votes of the k nearest), with votes exp((s_i − s_max)/h): a kernel
      whose width h is the training samples' mean squared distance to their k-th neighbour.

    Attributes
    ----------
    samples
        (M, D) float32.
    counts
        (C,) samples of each class.
    neighbours, width
        k and h.
    """

    samples: Float32
    counts: Int64
    neighbours: int
    width: float
    notes: tuple[str, ...] = ()

    def logits(self, z: Float32) -> Float32:
        """(N, \\*latent_shape) → (N, C)."""
        flat = z.reshape(len(z), -1)
        out = np.empty((len(flat), len(self.counts)), np.float32)
        starts = np.concatenate([[0], np.cumsum(self.counts)[:-1]])
        votes_for = self._votes_for()
        for start in range(0, len(flat), _CHUNK):
            rows = slice(start, start + _CHUNK)
            likeness = similarity(flat[rows], self.samples)
            if self.neighbours == 1:
                out[rows] = np.maximum.reduceat(likeness, starts, axis=1)
                continue
            nearest = np.argpartition(-likeness, self.neighbours - 1, axis=1)[:, : self.neighbours]
            values = np.take_along_axis(likeness, nearest, axis=1)
            votes = np.exp((values - values.max(axis=1, keepdims=True)) / np.float32(self.width))
            out[rows] = np.log((votes[:, :, None] * votes_for[nearest]).sum(axis=1) + np.float32(self._prior))
        return out

    def write(self, graph: HeadGraph, z: str) -> str:
        """One Gemm; then the maximum over each class's columns, or the votes of the k largest.

        Raises
        ------
        ConfigError
            If the samples take more than `LIMIT_BYTES`.
        """
        if self.samples.nbytes > LIMIT_BYTES:
            raise ConfigError(
                f"knn: the graph may hold {LIMIT_BYTES} bytes of training samples; these {len(self.samples)} take "
                f'{self.samples.nbytes}; fit with thin="means", or with thin="sample" and '
                f"keep={LIMIT_BYTES // (4 * self.samples.shape[1])} or fewer."
            )
        size = self.samples.shape[1]
        flat = graph.node("Flatten", z, axis=1)
        likeness = graph.node("Gemm", flat, *_product(self.samples), alpha=2.0 / size, transB=1)
        if self.neighbours == 1:
            parts = graph.nodes("Split", len(self.counts), likeness, self.counts, axis=1)
            best = [graph.node("ReduceMax", part, np.asarray([1])) for part in parts]
            return graph.node("Concat", *best, axis=1)
        values, places = graph.nodes("TopK", 2, likeness, np.asarray([self.neighbours]), axis=1)
        ahead = graph.node("Sub", values, graph.node("ReduceMax", values, np.asarray([1])))
        votes = graph.node("Exp", graph.node("Div", ahead, np.asarray(self.width, np.float32)))
        voters = graph.node("Gather", self._votes_for(), places, axis=0)  # (batch, k, C)
        cast = graph.node("Mul", graph.node("Unsqueeze", votes, np.asarray([2])), voters)
        share = graph.node("ReduceSum", cast, np.asarray([1]), keepdims=0)
        return graph.node("Log", graph.node("Add", share, np.asarray(self._prior, np.float32)))

    @property
    def _prior(self) -> float:
        return _PRIOR_VOTES / len(self.counts)

    def _votes_for(self) -> Float32:
        return np.repeat(np.eye(len(self.counts), dtype=np.float32), self.counts, axis=0)


class KnnClassifier(CalibratedClassifier):
    """k nearest neighbours by Euclidean distance between standardised latents; see `KnnHead` for the formulas.

    Its graph holds the kept training samples and is refused above 16 MiB (8192 latents of 512); `thin` helps.
    """

    name = "knn"
    Options = KnnSettings
    options: KnnSettings

    def _fit_head(self, z: Float32, y: Int64, groups: Int64 | None, seed: int, *, final: bool) -> KnnHead:
        samples, labels = self._thinned(z.reshape(len(z), -1), y, groups, seed)
        order = np.argsort(labels, kind="stable")
        samples, counts = np.ascontiguousarray(samples[order]), np.bincount(labels)
        wanted, k = self.options.neighbours, min(self.options.neighbours, len(samples))
        few = f"knn: only {k} training samples are there for {wanted} neighbours; all of them vote."
        notes = (few,) if k < wanted else ()
        return KnnHead(samples, counts, k, _width(samples, k) if k > 1 else 1.0, notes)

    def _thinned(self, flat: Float32, y: Int64, groups: Int64 | None, seed: int) -> tuple[Float32, Int64]:
        if self.options.thin == "means":
            whose = np.zeros_like(y) if groups is None else groups
            pairs, which = np.unique(np.stack([y, whose]), axis=1, return_inverse=True)
            which = which.reshape(-1)
            means = [flat[which == k].mean(axis=0, dtype=np.float64) for k in range(pairs.shape[1])]
            return np.asarray(means, dtype=np.float32), pairs[0]
        if self.options.thin == "sample" and len(y) > self.options.keep:
            # each label's samples in random order; then first all firsts, then all seconds …
            shuffled = np.random.default_rng([seed, 4]).permutation(len(y))
            rank = np.empty(len(y), np.int64)
            for k in np.unique(y):
                own = shuffled[y[shuffled] == k]
                rank[own] = np.arange(len(own))
            # every label stays, however few are kept
            n_kept = max(self.options.keep, int((rank == 0).sum()))
            kept = np.sort(shuffled[np.argsort(rank[shuffled], kind="stable")][:n_kept])
            return flat[kept], y[kept]
        return flat, y


def similarity(z: Float32, samples: Float32) -> Float32:
    """(2 z·t − |t|²)/D for z (N, D) and samples t (M, D): (N, M)."""
    transposed, offset = _product(samples)
    return np.asarray((z @ transposed.T) * np.float32(2.0 / samples.shape[1]) + offset, dtype=np.float32)


def _product(samples: Float32) -> tuple[Float32, Float32]:
    offset = -np.square(samples, dtype=np.float64).mean(axis=1)
    return samples, offset.astype(np.float32)


def _width(samples: Float32, k: int) -> float:
    """Mean squared distance, per element, to the k-th nearest other sample."""
    rows = np.unique(np.linspace(0, len(samples) - 1, min(len(samples), _WIDTH_SAMPLES)).astype(int))
    own = np.square(samples[rows], dtype=np.float64).mean(axis=1)
    likeness = similarity(samples[rows], samples)
    likeness[np.arange(len(rows)), rows] = -np.inf  # itself
    kth = -np.partition(-likeness, min(k, len(samples) - 1) - 1, axis=1)[:, min(k, len(samples) - 1) - 1]
    return max(float((own - kth).mean()), 1e-6)
