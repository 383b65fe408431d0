"""What a bundle has to be better than: shrinkage LDA on the log features of the calibration's windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from offline.classifiers.shrinkage import ShrinkageLda
from offline.evaluate.frames import LabelledFrames
from rt_handdt.core.population import amplitude_maps
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import ConfigError

#: Added to an amplitude before its logarithm, in µV: an electrode that is off is not infinitely far away.
FLOOR_UV = 1e-3
#: Of the covariance, towards its mean variance.
SHRINKAGE = 0.05
#: The two features of the smaller one.
TWO = ("rms", "wl")


@dataclass(frozen=True)
class LdaBaseline:
    """Linear discriminant analysis fitted to labelled windows.

    Amplitude maps enter by their logarithm, counts as they are; all are standardised by the mean and spread of the
    windows that are fitted, and the covariance is shrunk by 5 %.

    Attributes
    ----------
    spec, maps
        The pipeline, and positions of the maps that are used.
    mean, scale
        (n_features,) of the fitted windows.
    lda
        The classifier.
    """

    spec: PipelineSpec
    maps: tuple[int, ...]
    mean: Float64
    scale: Float64
    lda: ShrinkageLda

    @classmethod
    def fit(cls, frames: LabelledFrames, spec: PipelineSpec, maps: Sequence[int]) -> Self:
        """Fit to the windows that count.

        Raises
        ------
        ConfigError
            If they are of fewer than two labels.
        """
        rows = frames.counted
        if len(np.unique(frames.label[rows])) < 2:
            raise ConfigError("LDA needs windows of two labels or more to be fitted to.")
        x = _logs(frames.maps[rows], spec, maps)
        mean, scale = x.mean(axis=0), x.std(axis=0)
        scale[scale <= 1e-12 * np.maximum(np.abs(mean), 1.0)] = 1.0  # an electrode that never changes
        lda = ShrinkageLda.fit((x - mean) / scale, frames.label[rows], shrinkage=SHRINKAGE)
        return cls(spec, tuple(maps), mean, scale, lda)

    def predict(self, maps: Float32) -> npt.NDArray[np.int64]:
        """Label of each frame: (N, F, H, W) → (N,)."""
        return np.asarray(self.lda.classes[self.scores(maps).argmax(axis=1)], np.int64)

    def scores(self, maps: Float32) -> Float64:
        """Discriminant functions (N, K) of frames (N, F, H, W), in the order of `lda.classes`."""
        x = (_logs(maps, self.spec, self.maps) - self.mean) / self.scale
        return np.asarray(x @ self.lda.weights + self.lda.offsets)


def two_maps(spec: PipelineSpec) -> list[int]:
    """Positions of RMS and WL.

    Raises
    ------
    ConfigError
        If the pipeline does not compute both.
    """
    names = list(spec.map_names)
    missing = [name for name in TWO if name not in names]
    if missing:
        raise ConfigError(f"the bundle's features are without {' and '.join(missing)}")
    return [names.index(name) for name in TWO]


def _logs(maps: Float32, spec: PipelineSpec, chosen: Sequence[int]) -> Float64:
    """(N, F, H, W) → (N, chosen maps × electrodes)."""
    values = spec.layout.from_grid(maps)[:, list(chosen)].astype(np.float64)  # cells without an electrode are gone
    for place, number in enumerate(chosen):
        if amplitude_maps(spec)[number]:
            values[:, place] = np.log(np.maximum(values[:, place], 0.0) + FLOOR_UV)
    return values.reshape(len(values), -1)
