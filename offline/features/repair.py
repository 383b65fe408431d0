"""Electrodes without contact, found by comparing each with those around it, and rebuilt from them.

Live, a person or the display names bad channels and `rt_handdt.core.preprocess.Preprocessor` rebuilds their features
as the mean over the good electrodes in the eight cells around. Here the same is done offline, but channels are found by
themselves, once a session, and an array never lends to another: between arrays the skin is not covered.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rt_handdt.core.differential import MapGroup
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
    array = np.full(layout.n_channels, -1)
    cells = np.asarray(layout.cells)
    for number, block in enumerate(layout.arrays):
        inside = (cells[:, 0] >= block.rows[0]) & (cells[:, 0] <= block.rows[1])
        inside &= (cells[:, 1] >= block.columns[0]) & (cells[:, 1] <= block.columns[1])
        array[inside] = number
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


def rebuild(
    values: Float32 | Float64, bad: Mask, around: tuple[tuple[int, ...], ...], groups: Sequence[MapGroup]
) -> Float32:
    """Replace bad channels of (F, C) by the mean of their good neighbours; 0 where none is good.

    Parameters
    ----------
    groups
        Of the F maps.
    """
    out = np.array(values, dtype=np.float32)
    for group in groups:
        rows, spoilt = group.rows, group.spoilt(bad)
        for channel in np.flatnonzero(spoilt):
            good = [other for other in around[channel] if not spoilt[other]]
            out[rows, channel] = out[rows[:, None], good].mean(axis=-1) if good else 0.0
    return out
