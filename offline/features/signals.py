"""A stretch of samples, and what several features of it share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import fft

from offline.features.kernels import time_domain
from rt_handdt.core.differential import Channels, Pair
from rt_handdt.core.types import Float32, Float64

#: Keeps quotients and logarithms of an electrode without signal finite.
TINY = 1e-12


@dataclass(frozen=True)
class Signal:
    """Filtered samples of one trial or window.

    Attributes
    ----------
    x
        (n, C) float32, µV.
    fs_hz
        Rate.
    neighbours
        For each channel the positions of those around it (`ElectrodeLayout.neighbours`); for features that compare
        electrodes.
    partners
        Of each derivation, the channel that each one is compared with (`rt_handdt.core.differential.Partners`).
    """

    x: Float32
    fs_hz: float
    neighbours: tuple[tuple[int, ...], ...] = field(default=(), repr=False)
    partners: Mapping[Pair, Channels] = field(default_factory=dict, repr=False)
    _of_pairs: dict[Pair, Float32] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def time_domain(self) -> Float32:
        """RMS, WL, ZC, SSC: (4, C)."""
        return time_domain(self.x)

    def differential(self, pair: Pair) -> Float32:
        """RMS, WL, ZC, SSC of a single differential derivation: (4, C)."""
        if pair not in self._of_pairs:
            self._of_pairs[pair] = time_domain(self.x - self.x[:, self.partners[pair]])
        return self._of_pairs[pair]

    @cached_property
    def step(self) -> Float32:
        """First differences: (n − 1, C)."""
        return np.diff(self.x, axis=0)

    @cached_property
    def power(self) -> Float64:
        """Periodogram |X_k|²/n of the samples less their mean, k = 0..n/2: (n/2 + 1, C)."""
        spectrum = fft.rfft(self.x - self.x.mean(axis=0), axis=0)
        return np.asarray((spectrum.real**2 + spectrum.imag**2) / len(self.x), dtype=np.float64)

    @cached_property
    def frequencies_hz(self) -> Float64:
        """Of the rows of `power`: (n/2 + 1,)."""
        return np.asarray(fft.rfftfreq(len(self.x), 1 / self.fs_hz), dtype=np.float64)

    @cached_property
    def standard(self) -> Float64:
        """The samples less their mean, over their standard deviation: (n, C), for correlations."""
        x = self.x - self.x.mean(axis=0, dtype=np.float64)
        return np.asarray(x / (x.std(axis=0) + TINY), dtype=np.float64)

    @cached_property
    def correlation(self) -> Float64:
        """Between channels: (C, C)."""
        return np.asarray(self.standard.T @ self.standard / len(self.x), dtype=np.float64)
