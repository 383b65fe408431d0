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
    Feature,
    Rms,
    RmsAlong,
    RmsAround,
    Ssc,
    Stft,
    Wl,
    WlAlong,
    WlAround,
    Zc,
)
from rt_handdt.core.filters import CausalFilter, envelope_sections
from rt_handdt.core.newest import Newest
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


class FeatureBank:
    """Computes a spec's features from filtered samples, block by block.

    Each block yields a row of sums, shape (n_sums, n_channels); `window` turns the rows of a window's blocks into
    features. The object keeps those rows, the two samples before the next block, and the envelope's filter.
    """

    def __init__(self, spec: PipelineSpec) -> None:
        self._spec = spec
        self._channels = spec.layout.n_channels
        self._block = spec.block_samples
        self._blocks = spec.window_samples // spec.block_samples
        self._tail = np.zeros((2, self._channels))  # the last two samples of the previous block
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
        self._sums = Newest(self._blocks - 1, (n_sums, self._channels))
        self._loops = kernels.compiled()
        thresholds = {feature.name: feature.threshold_uv for feature in spec.features if isinstance(feature, Zc | Ssc)}
        self._kernel_rows = np.asarray([self._rows.get(name, -1) for name in ("wl", "zc", "ssc")])
        self._kernel_thresholds = np.asarray([thresholds.get("zc", 0.0), thresholds.get("ssc", 0.0)])
        self._partners = np.asarray([pair for _, pair in self._pairs.values()], np.uint64).reshape(-1, self._channels)
        self._pair_rows = np.asarray([row for row, _ in self._pairs.values()], np.int64)
        self._hann: Float64 | None = None
        for feature in spec.features:
            if isinstance(feature, Stft):
                # periodic Hann; scaled so that a sine of amplitude A gives |X| = A in its bin
                n = feature.frame_samples
                self._hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
                self._hann *= 2 / self._hann.sum()
            elif feature.name in _OF_STRETCH:  # once, so that the first window is as fast as the rest
                _OF_STRETCH[feature.name](np.zeros((spec.window_samples, 1)))
        # One more map than wanted: the RMS that is shown.
        self._how = np.asarray([_how(feature) for feature in spec.map_features] + [kernels.ROOT_MEAN])
        self._map_rows = np.asarray([self._rows.get(feature.label, 0) for feature in spec.map_features] + [0])
        self._samples: Newest | None = None
        if kernels.NOT_OF_SUMS in self._how:
            self._samples = Newest(spec.window_samples - self._block, (self._channels,))

    def reset(self) -> None:
        """Forget the previous samples."""
        # After a reset nothing came before; those edge terms are never used, since a window starts there.
        self._tail = np.zeros((2, self._channels))
        self._sums.clear()
        if self._samples is not None:
            self._samples.clear()
        if self._smoother is not None:
            self._smoother.reset()

    def push(self, filtered: Float64) -> None:
        """Take the next blocks, filtered samples of shape (n_blocks · block_samples, n_channels)."""
        x = np.concatenate([self._tail, filtered])
        self._tail = x[-2:].copy()
        self.take(x)

    def take(self, x: Float64) -> None:
        """As `push`, with the two samples before these in the same array: sample i of the blocks is row i + 2."""
        block, filtered = self._block, x[2:]
        out = self._sums.append(len(filtered) // block)
        if self._loops is not None:
            self._loops.block_sums(
                x, block, self._kernel_rows, self._kernel_thresholds, self._partners, self._pair_rows, out
            )
        else:
            self._sum_up(x, out)
        if self._smoother is not None:
            out[:, self._rows["envelope"]] = self._smoother.push(np.abs(filtered))[block - 1 :: block]
        if self._samples is not None:
            self._samples.append(len(filtered))[:] = filtered

    def window(self, back: int = 0) -> tuple[Float64, Float64]:
        """Features of the window that ends `back` blocks before the newest one.

        Returns
        -------
        features, rms
            Shapes (F, n_channels) and (n_channels,).
        """
        sums = self._sums.last(self._blocks, back)
        values = np.empty((len(self._how), self._channels))
        if self._loops is not None:
            self._loops.window(sums, self._how, self._map_rows, self._spec.window_samples, values)
        else:
            self._join(sums, values)
        if self._samples is not None:
            samples = self._samples.last(self._spec.window_samples, back * self._block)
            row = 0
            for feature in self._spec.features:
                if isinstance(feature, Stft):
                    values[row : row + feature.n_maps] = self._stft(samples, feature)
                elif feature.name in _OF_STRETCH:
                    values[row : row + feature.n_maps] = _OF_STRETCH[feature.name](samples)
                row += feature.n_maps
        return values[:-1], values[-1]

    def newest_rms(self, blocks: int, back: int = 0) -> Float64:
        """RMS (n_channels,) of the last `blocks` blocks of the window that ends `back` blocks before the newest one."""
        power = self._sums.last(blocks, back)[:, 0].sum(axis=0)
        return np.asarray(np.sqrt(power / (blocks * self._block)))

    # -- what the compiled loops do, in numpy --------------------------------------------------------------------

    def _join(self, sums: Float64, values: Float64) -> None:
        total = sums.sum(axis=0)
        for out, how, row in zip(values, self._how, self._map_rows, strict=True):
            if how == kernels.ROOT_MEAN:
                out[:] = np.sqrt(total[row] / self._spec.window_samples)
            elif how == kernels.WITH_EDGES:
                out[:] = total[row] + sums[1:, row + 1].sum(axis=0)
            elif how == kernels.NEWEST:
                out[:] = sums[-1, row]

    def _sum_up(self, x: Float64, out: Float64) -> None:
        shape = (len(out), self._block, self._channels)
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
        for row, partners in self._pairs.values():
            d = x - x[:, partners]
            out[:, row] = np.square(d[2:]).reshape(shape).sum(axis=1)
            self._put(out, row + 1, np.abs(d[2:] - d[1:-1]).reshape(shape), edge=1)

    @staticmethod
    def _put(out: Float64, row: int, terms: Float64, edge: int) -> None:
        out[:, row] = terms[:, edge:].sum(axis=1)
        out[:, row + 1] = terms[:, :edge].sum(axis=1)

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


def _how(feature: Feature) -> int:
    if isinstance(feature, Rms | RmsAlong | RmsAround):
        return kernels.ROOT_MEAN
    if isinstance(feature, Envelope):
        return kernels.NEWEST
    return kernels.WITH_EDGES if isinstance(feature, Wl | Zc | Ssc | WlAlong | WlAround) else kernels.NOT_OF_SUMS
