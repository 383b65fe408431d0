"""Discriminant functions that are linear: one matrix product."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from offline.classifiers.graph import HeadGraph
from rt_handdt.core.types import Float32, Float64


@dataclass(frozen=True)
class LinearHead:
    """logits = z · weights + offsets, for flat z.

    Attributes
    ----------
    weights, offsets
        (D, C) and (C,) float32.
    """

    weights: Float32
    offsets: Float32
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, weights: Float64, offsets: Float64, notes: tuple[str, ...] = ()) -> LinearHead:
        """From float64, less what all classes share: softmax does not see it, and float32 has more digits then."""
        weights = weights - weights.mean(axis=1, keepdims=True)
        offsets = offsets - offsets.mean()
        return cls(weights.astype(np.float32), offsets.astype(np.float32), notes)

    def logits(self, z: Float32) -> Float32:
        """(N, \\*latent_shape) → (N, C)."""
        return np.asarray(z.reshape(len(z), -1) @ self.weights + self.offsets, dtype=np.float32)

    def write(self, graph: HeadGraph, z: str) -> str:
        """Flatten and Gemm."""
        return graph.node("Gemm", graph.node("Flatten", z, axis=1), self.weights, self.offsets)
