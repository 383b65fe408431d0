"""How well each electrode touches the skin on a given day."""

from __future__ import annotations

import numpy as np

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float64
from rt_handdt.sim.donning import Donning

#: Impedance, at the frequencies of EMG, of a small gelled electrode on skin that was cleaned but not abraded. From some
#: 20 kΩ (abraded, or settled; Murphy et al. 2021) to some hundreds (untreated; Merletti & Cerone 2020).
TYPICAL_KOHM, LIMITS_KOHM = 100.0, (20.0, 500.0)
#: Standard deviations of its logarithm: from day to day (sweat, cleaning), from array to array (gel, pressure), smooth
#: within an array, and from electrode to electrode. The day's is limited, for the typical noise of a day has a range.
DAY, DAY_LIMIT, ARRAY, SMOOTH, OWN = 0.25, 0.45, 0.2, 0.35, 0.3
#: Gel and pressure are alike over about this distance.
ALIKE_MM = 20.0


def draw_impedance_kohm(donning: Donning, layout: ElectrodeLayout) -> Float64:
    """Electrode-skin impedance of each channel on a day: (n_channels,), kΩ; partly alike within an array.

    References
    ----------
    Murphy et al. 2021, Sensors 21:5210 (impedance under four skin treatments). Merletti & Cerone 2020, J Electromyogr
    Kinesiol 54:102440 (electrode-skin interface of arrays).
    """
    rng = np.random.default_rng((*donning.day, 3))
    log = np.full(layout.n_channels, float(np.clip(rng.normal(0.0, DAY), -DAY_LIMIT, DAY_LIMIT)))
    array = array_of(layout)
    for number in np.unique(array):
        inside = np.flatnonzero(array == number)
        away = distances_mm(layout, inside)
        factor = np.linalg.cholesky(np.exp(-away / ALIKE_MM))
        log[inside] += rng.normal(0.0, ARRAY) + SMOOTH * (factor @ rng.standard_normal(len(inside)))
    log += rng.normal(0.0, OWN, layout.n_channels)
    return np.asarray(np.clip(TYPICAL_KOHM * np.exp(log), *LIMITS_KOHM), np.float64)


def array_of(layout: ElectrodeLayout) -> np.ndarray:
    """Shape (n_channels,), int: number of the array that each electrode belongs to; −1 if to none that is named."""
    found = np.full(layout.n_channels, -1)
    cells = np.asarray(layout.cells)
    for number, block in enumerate(layout.arrays):
        rows = (cells[:, 0] >= block.rows[0]) & (cells[:, 0] <= block.rows[1])
        found[rows & (cells[:, 1] >= block.columns[0]) & (cells[:, 1] <= block.columns[1])] = number
    return found


def distances_mm(layout: ElectrodeLayout, channels: np.ndarray) -> Float64:
    """Shape (n, n): how far apart some electrodes are."""
    at = layout.positions_mm[channels]
    return np.asarray(np.hypot(*(at[:, None] - at).transpose(2, 0, 1)), np.float64)
