"""Features as sums over blocks.

Windows overlap (16-fold by default), and RMS, WL, ZC and SSC are sums of terms of one, two or three neighbouring
samples. So every block's sums are made once, and a window's feature is the sum over its blocks. Terms that reach back
over the window's first sample do not belong to it; they are kept apart per block ("edge") and left out for the first
block of each window. The result is the textbook definition over the window's own N samples, at a sixteenth of the work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from scipy import fft

from rt_handdt.core import kernels, stretch
from rt_handdt.core.differential import Channels, Pair
from rt_handdt.core.feature import (
    DifferentialFeature,
    Envelope,
    RawPoints,
    Rms,
    RmsAlong,
    RmsAround,
    RmsEnvelope,
    Spectrum,
    Ssc,
    Stft,
    Wl,
    WlAlong,
    WlAround,
    Zc,
)
from rt_handdt.core.filters import CausalFilter, envelope_sections
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32, Float64

#: Features of the window's samples as a whole: (n, C) → (F, C).
_OF_STRETCH: Mapping[str, Callable[[npt.ArrayLike], Float32]] = {
    "raw_points": stretch.raw_points,
    "rms_envelope": stretch.rms_envelope,
    "spectrum": stretch.spectrum,
}
#: Sums of a derivation: of squares, and of steps (WL) inside the block and at its edge.
_PAIR_SUMS = 3
_PAIR_ROWS, _NO_THRESHOLDS = np.asarray([1.0, -1.0, -1.0]), np.zeros(2)


class FeatureBank:
    """Computes a spec's features from filtered samples, block by block.

    Each block yields a row of sums, shape (n_sums, n_channels); `window` turns the rows of a window's blocks into
    features. The object carries the two samples before the current block, and the envelope's filter.
    """

    def __init__(self, spec: PipelineSpec) -> None:
        self._spec = spec
        self._channels = spec.layout.n_channels
        self._block = spec.block_samples
        self._tail: Float64 | None = None  # the last two samples of the previous block
        self._smoother: CausalFilter | None = None
        n_sums = 1  # row 0 is always Σ x²: RMS is wanted for display whatever the features are
        self._rows: dict[str, int] = {"rms": 0}
        for feature in spec.features:
            if isinstance(feature, Wl | Zc | Ssc):
                self._rows[feature.name] = n_sums
                n_sums += 2  # terms inside the block, terms at its edge
            elif isinstance(feature, Envelope):
                self._rows[feature.name] = n_sums
                n_sums += 1
                self._smoother = CausalFilter(envelope_sections(feature.cutoff_hz, spec.fs_hz))
        self._pairs: dict[Pair, tuple[int, Channels]] = {}  # first row of its sums, and who is compared with whom
        for feature in spec.features:
            if isinstance(feature, DifferentialFeature):
                if feature.pair not in self._pairs:
                    self._pairs[feature.pair] = n_sums, feature.pair.partners(spec.layout)
                    n_sums += _PAIR_SUMS
                first, _ = self._pairs[feature.pair]
                self._rows[feature.label] = first if isinstance(feature, RmsAlong | RmsAround) else first + 1
        self.n_sums = n_sums
        self._loops = kernels.compiled()
        thresholds = {feature.name: feature.threshold_uv for feature in spec.features if isinstance(feature, Zc | Ssc)}
        self._kernel_rows = np.asarray([float(self._rows.get(name, -1)) for name in ("wl", "zc", "ssc")])
        self._kernel_thresholds = np.asarray([thresholds.get("zc", 0.0), thresholds.get("ssc", 0.0)])
        self._hann: Float64 | None = None
        for feature in spec.features:
            if isinstance(feature, Stft):
                # periodic Hann; scaled so that a sine of amplitude A gives |X| = A in its bin
                n = feature.frame_samples
                self._hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
                self._hann *= 2 / self._hann.sum()
        self._needs_samples = self._hann is not None
        for feature in spec.features:
            if feature.name in _OF_STRETCH:  # once, so that the first window is as fast as the rest
                _OF_STRETCH[feature.name](np.zeros((spec.window_samples, 1)))
                self._needs_samples = True

    @property
    def needs_samples(self) -> bool:
        """Whether `window` needs the window's samples besides its sums (spectra and the like do)."""
        return self._needs_samples

    def reset(self) -> None:
        """Forget the previous samples."""
        self._tail = None
        if self._smoother is not None:
            self._smoother.reset()

    def push(self, filtered: Float64) -> Float64:
        """Sums of the next blocks.

        Parameters
        ----------
        filtered
            Shape (n_blocks · block_samples, n_channels).

        Returns
        -------
        Float64
            Shape (n_blocks, n_sums, n_channels).
        """
        block = self._block
        n_blocks = len(filtered) // block
        out = np.zeros((n_blocks, self.n_sums, self._channels))
        # After a reset nothing came before; those edge terms are never used, since a window starts there.
        tail = np.zeros((2, self._channels)) if self._tail is None else self._tail
        x = np.concatenate([tail, filtered])  # sample i of the blocks is row i + 2
        self._tail = filtered[-2:].copy()
        shape = (n_blocks, block, self._channels)
        if self._loops is not None:
            self._loops[1](x, block, self._kernel_rows, self._kernel_thresholds, out)
        else:
            self._sum_up(x, shape, out)
        for row, partners in self._pairs.values():
            out[:, row : row + _PAIR_SUMS] = self._sums_of_difference(x - x[:, partners], shape)
        if self._smoother is not None:
            envelope = self._smoother.push(np.abs(filtered)).reshape(shape)
            out[:, self._rows["envelope"]] = envelope[:, -1]
        return out

    def _sum_up(self, x: Float64, shape: tuple[int, int, int], out: Float64) -> None:
        """What the compiled loop does, in numpy."""
        out[:, 0] = np.square(x[2:]).reshape(shape).sum(axis=1)
        if any(isinstance(feature, Wl | Zc | Ssc) for feature in self._spec.features):
            step = x[1:] - x[:-1]  # step[i + 1] = x[i] − x[i − 1]
            size = np.abs(step)
            for feature in self._spec.features:
                if isinstance(feature, Wl):
                    self._put(out, self._rows[feature.name], size[1:].reshape(shape), edge=1)
                elif isinstance(feature, Zc):
                    crossing = (x[2:] * x[1:-1] < 0) & (size[1:] >= feature.threshold_uv)
                    self._put(out, self._rows[feature.name], crossing.astype(np.float64).reshape(shape), edge=1)
                elif isinstance(feature, Ssc):
                    turning = (step[1:] * step[:-1] < 0) & (np.maximum(size[1:], size[:-1]) >= feature.threshold_uv)
                    self._put(out, self._rows[feature.name], turning.astype(np.float64).reshape(shape), edge=2)

    def _sums_of_difference(self, x: Float64, shape: tuple[int, int, int]) -> Float64:
        sums = np.zeros((shape[0], _PAIR_SUMS, shape[2]))
        if self._loops is not None:
            self._loops[1](x, self._block, _PAIR_ROWS, _NO_THRESHOLDS, sums)
        else:
            sums[:, 0] = np.square(x[2:]).reshape(shape).sum(axis=1)
            self._put(sums, 1, np.abs(x[2:] - x[1:-1]).reshape(shape), edge=1)
        return sums

    @staticmethod
    def _put(out: Float64, row: int, terms: Float64, edge: int) -> None:
        out[:, row] = terms[:, edge:].sum(axis=1)
        out[:, row + 1] = terms[:, :edge].sum(axis=1)

    def window(self, sums: Float64, samples: Float64 | None) -> tuple[Float64, Float64]:
        """Features of one window.

        Parameters
        ----------
        sums
            Shape (blocks in a window, n_sums, n_channels): what `push` gave for its blocks.
        samples
            Shape (window_samples, n_channels), needed if `needs_samples`.

        Returns
        -------
        features, rms
            Shapes (F, n_channels) and (n_channels,).
        """
        total = sums.sum(axis=0)
        rms = np.sqrt(total[0] / self._spec.window_samples)
        rows: list[Float64] = []
        for feature in self._spec.features:
            if isinstance(feature, Rms):
                rows.append(rms[None])
            elif isinstance(feature, RmsAlong | RmsAround):
                rows.append(np.sqrt(total[self._rows[feature.label]] / self._spec.window_samples)[None])
            elif isinstance(feature, Wl | Zc | Ssc | WlAlong | WlAround):
                row = self._rows[feature.label]
                rows.append((total[row] + sums[1:, row + 1].sum(axis=0))[None])
            elif isinstance(feature, Envelope):
                rows.append(sums[-1, self._rows["envelope"]][None])
            elif isinstance(feature, Stft):
                assert samples is not None
                rows.append(self._stft(samples, feature))
            elif isinstance(feature, RawPoints | RmsEnvelope | Spectrum):
                assert samples is not None
                rows.append(np.asarray(_OF_STRETCH[feature.name](samples), dtype=np.float64))
        return np.concatenate(rows), rms

    def _stft(self, samples: Float64, feature: Stft) -> Float64:
        assert self._hann is not None
        n, half = feature.frame_samples, feature.frame_samples // 2
        power = np.zeros((half, samples.shape[1]))
        ends = range(len(samples), n - 1, -half)
        for end in ends:
            spectrum = fft.rfft(samples[end - n : end] * self._hann[:, None], axis=0)[:half]
            power += spectrum.real**2 + spectrum.imag**2
        bands = (power / len(ends)).reshape(feature.bins, half // feature.bins, -1).mean(axis=1)
        return np.asarray(np.sqrt(bands))
