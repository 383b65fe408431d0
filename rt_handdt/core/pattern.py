"""The pattern component as it is shown: where on the arm a gesture shows in all people alike.

Four steps lead from windows to patterns, one more from a window's probabilities to the picture of it:

1. *Relative to rest.* Powers of independent sources add, so a movement's own amplitude is √(A² − A₀²), A₀ being the
   electrode's at rest (`over_rest`). Rest itself is 0.
2. *Each subject, each gesture by its own size* (`subject_patterns`): the mean map of a gesture is divided by its root
   mean square over the electrodes. Strong hands, good contacts and strong gestures then count no more than others.
3. *What subjects share* (`SharedPatterns.of`): the mean over the subjects, each counting the same.
4. *What gestures share is taken out*: the mean over the gestures, nearly all of it, is subtracted; then each gesture
   is divided by its peak. Values are negative where others are stronger. Rest is 0 everywhere.
5. *The picture* (`SharedPatterns.blend`): the patterns weighted with the probabilities of the gestures, cut off at 0
   and sharpened. 1 is the peak of a gesture that is certain; a doubtful one is paler, and of two that are equally
   probable both places show. What cancels between gestures, as it does where nothing is known, is dark.

The scale is therefore the same for all windows, subjects, models and figures: 0 to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rt_handdt.config import Settings
from rt_handdt.core.types import Float32, Float64

#: Where no window is known to be rest, this share of the quietest windows of each electrode is taken for it.
QUIET_SHARE = 0.05
#: Key under which explainer.onnx carries its `PatternSettings`; without it, its maps are a decoder's reconstruction.
PATTERN_KEY = "rt_handdt.pattern"
_TINY = 1e-9

Labels = npt.NDArray[np.int64]


class PatternSettings(Settings):
    """How shared patterns are made and drawn.

    Attributes
    ----------
    common
        Share of the gestures' mean that is taken out. A little of it is left, lest two gestures of the same muscles
        that are mistaken for one another look as different as any two.
    sharpness
        Exponent of the picture: the higher, the more compact.
    """

    common: float = Field(0.9, ge=0, le=1)
    sharpness: float = Field(1.5, ge=1)


@dataclass(frozen=True)
class SharedPatterns:
    """What subjects share of each gesture.

    Attributes
    ----------
    patterns
        (K, H, W) float32, peak 1, in the order of the model's labels; 0 for rest, and in empty cells.
    settings
        How they are drawn.
    """

    patterns: Float32
    settings: PatternSettings

    @classmethod
    def of(cls, subjects: Float64, settings: PatternSettings) -> Self:
        """Steps 3 and 4.

        Parameters
        ----------
        subjects
            (P, K, H, W), of `subject_patterns`; NaN where a subject lacks a gesture.
        """
        there = np.asarray(np.isfinite(subjects).all(axis=(2, 3)))
        counts = there.sum(axis=0)
        means = np.where(there[:, :, None, None], subjects, 0.0).sum(axis=0) / np.maximum(counts, 1)[:, None, None]
        moving = (counts > 0) & (means > 0).any(axis=(1, 2))
        patterns = np.zeros(means.shape)
        if moving.any():
            apart = means[moving] - settings.common * means[moving].mean(axis=0)
            peaks = apart.max(axis=(1, 2), keepdims=True)
            # A lone gesture of which nothing is left has no pattern.
            patterns[moving] = np.where(peaks > _TINY, apart / np.maximum(peaks, _TINY), 0.0)
        return cls(patterns.astype(np.float32), settings)

    def blend(self, probabilities: npt.ArrayLike) -> Float32:
        """Step 5: probabilities (…, K) → pictures (…, H, W), 0 to 1; all 0 where all probabilities are."""
        mixed = np.tensordot(np.asarray(probabilities, np.float32), self.patterns, axes=1)
        return np.asarray(np.maximum(mixed, 0.0) ** np.float32(self.settings.sharpness), np.float32)


def shown_map(names: Sequence[str]) -> int | None:
    """Which of the F maps of a decoder's reconstruction stands for all in a picture, by their names.

    RMS where there is one; None: their mean.
    """
    return names.index("rms") if "rms" in names else (0 if len(names) == 1 else None)


def over_rest(amplitude: npt.ArrayLike, rest: npt.ArrayLike) -> Float64:
    """The part of an amplitude that rest has not, √(A² − A₀²); 0 where rest has more. Any unit, shapes that fit."""
    power = np.square(np.asarray(amplitude, np.float64)) - np.square(np.asarray(rest, np.float64))
    return np.asarray(np.sqrt(np.maximum(power, 0.0)))


def resting_amplitude(amplitude: Float32, label: Labels, rest: int | None) -> Float64:
    """Each electrode's amplitude at rest.

    Parameters
    ----------
    amplitude
        (N, H, W) of one subject's windows.
    label
        (N,) positions among the labels.
    rest
        Position of rest; None if there is no such label.

    Returns
    -------
    Float64
        (H, W): root mean square over the windows at rest, or, if there are none, over each electrode's quietest.
    """
    power = np.square(amplitude.astype(np.float64))
    still = label == (-1 if rest is None else rest)
    if still.any():
        return np.asarray(np.sqrt(power[still].mean(axis=0)))
    few = max(1, round(QUIET_SHARE * len(power)))
    return np.asarray(np.sqrt(np.partition(power, few - 1, axis=0)[:few].mean(axis=0)))


def subject_patterns(amplitude: Float32, label: Labels, n_labels: int, rest: int | None) -> Float64:
    """Steps 1 and 2 for one subject (and session): each gesture's map, relative to rest, of size 1.

    Parameters
    ----------
    amplitude
        (N, H, W), 0 in empty cells, in any unit: windows of all labels.
    label, n_labels, rest
        (N,) positions among the K labels, K, and the position of rest (None: there is none).

    Returns
    -------
    Float64
        (K, H, W): 0 for rest, NaN for gestures without windows. The root mean square is taken over all cells.
    """
    rest_map = resting_amplitude(amplitude, label, rest)
    out = np.full((n_labels, *amplitude.shape[1:]), np.nan)
    for k in np.unique(label):
        if k == rest:
            out[k] = 0.0
            continue
        mean = over_rest(amplitude[label == k], rest_map).mean(axis=0)
        out[k] = mean / max(float(np.sqrt(np.square(mean).mean())), _TINY)
    return out
