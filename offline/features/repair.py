"""Electrodes without contact throughout a session, found by comparing each with those around it.

`rt_handdt.core.preprocess.Preprocessor` finds bad electrodes window by window, causally. Tables of single trials have
no such past: here the same is done once a session, and channels are interpolated by the same code.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rt_handdt.core.differential import MapGroup
from rt_handdt.core.interpolation import Interpolator
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32, Float64

Mask = npt.NDArray[np.bool_]
#: A channel is bad if its RMS is so many times more or less than the median of its neighbours' …
RATIO = 4.0
#: … and so many robust standard deviations away from what is usual in the session.
DEVIATIONS = 6.0
#: Below this RMS nothing is connected: the noise of amplifiers alone is 1 µV and more.
FLAT_UV = 0.05


def rings(layout: ElectrodeLayout) -> tuple[tuple[int, ...], ...]:
    """For each channel, the channels in the eight cells around it that belong to the same array."""
    array = layout.array_numbers
    return tuple(
        tuple(other for other in ring if array[other] == array[channel])
        for channel, ring in enumerate(layout.neighbours)
    )


def find_bad_channels(rms_uv: npt.ArrayLike, layout: ElectrodeLayout) -> Mask:
    """Channels that are flat or noisy throughout a session.

    Parameters
    ----------
    rms_uv
        (N, C): RMS of each channel in each trial or window.

    Returns
    -------
    Mask
        (C,) bool.

    Notes
    -----
    The median over trials is compared, in logarithms, with the median of the electrodes around: EMG changes little over
    10 mm, so a channel that differs fourfold, and by more than six robust deviations of the session's own differences,
    does not hear what they hear. Both conditions, since a quiet session has small deviations, and the edge of a muscle
    gives true differences.
    """
    rms = np.asarray(rms_uv, dtype=np.float64)
    if not len(rms):
        return np.zeros(layout.n_channels, dtype=bool)
    level = np.median(rms, axis=0)
    flat = level < FLAT_UV
    bad = flat.copy()
    loud = np.log(np.maximum(level, FLAT_UV))
    around = rings(layout)
    for _ in range(3):  # a bad electrode spoils the comparison of its neighbours, until it is known
        usual = np.array(
            [
                np.median(loud[good]) if (good := [other for other in ring if not bad[other]]) else loud[channel]
                for channel, ring in enumerate(around)
            ]
        )
        away = np.abs(loud - usual)
        spread = 1.4826 * np.median(away[~bad]) if (~bad).any() else 0.0
        found = flat | (away > max(np.log(RATIO), DEVIATIONS * spread))
        if (found == bad).all():
            break
        bad = found
    return bad


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
