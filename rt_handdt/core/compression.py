"""Amplitude maps as logarithms, and back: what normalisation, adaptation and calibration work on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rt_handdt.core.types import Float32

_SHAPE = (-1, 1, 1)


def compress(maps: Float32, amplitude: npt.NDArray[np.bool_], floor: Float32) -> Float32:
    """Raw maps (…, F, H, W) → logarithms where they are amplitudes.

    Parameters
    ----------
    amplitude
        (F,) bool: maps whose logarithm is taken.
    floor
        (F,) added before it, in the map's unit.
    """
    floor, amplitude = floor.reshape(_SHAPE), amplitude.reshape(_SHAPE)
    logarithm = np.log(np.maximum(maps, 0.0) + np.where(amplitude, floor, 1.0))
    return np.asarray(np.where(amplitude, logarithm, maps), np.float32)


def expand(compressed: Float32, amplitude: npt.NDArray[np.bool_], floor: Float32) -> Float32:
    """The reverse of `compress`; may lie below 0 by what rounding leaves."""
    floor, amplitude = floor.reshape(_SHAPE), amplitude.reshape(_SHAPE)
    return np.asarray(np.where(amplitude, np.exp(np.where(amplitude, compressed, 0.0)) - floor, compressed))
