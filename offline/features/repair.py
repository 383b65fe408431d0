"""Bad electrodes of a trial, found and interpolated by the code that live use has for its windows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rt_handdt.core.differential import MapGroup
from rt_handdt.core.interpolation import Interpolator
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.preprocess import Preprocessor
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32, Float64

Mask = npt.NDArray[np.bool_]


def rings(layout: ElectrodeLayout) -> tuple[tuple[int, ...], ...]:
    """For each channel, the channels in the eight cells around it that belong to the same array."""
    array = layout.array_numbers
    return tuple(
        tuple(other for other in ring if array[other] == array[channel])
        for channel, ring in enumerate(layout.neighbours)
    )


def bad_electrodes(raw_uv: Float64, spec: PipelineSpec) -> Mask:
    """(n, C) unfiltered samples, NaN where they are missing → (C,) which electrodes are bad at their end.

    None, where there are fewer than a window's.
    """
    preprocessor = Preprocessor(spec)
    preprocessor.push(raw_uv)
    quality = preprocessor.quality
    return np.zeros(raw_uv.shape[1], bool) if quality is None else quality.bad


def rebuild(values: Float32 | Float64, bad: Mask, interpolator: Interpolator, groups: Sequence[MapGroup]) -> Float32:
    """Interpolate bad channels of (F, C), as `rt_handdt.core.preprocess.Preprocessor` does.

    Parameters
    ----------
    groups
        Of the F maps.
    """
    out = np.array(values, dtype=np.float32)
    for group in groups:
        out[group.rows] = interpolator.fill(out[group.rows], group.spoilt(bad))
    return out
