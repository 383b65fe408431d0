"""Bad electrodes interpolated from the good ones around them, within their field.

What is interpolated are features, not samples. Neighbours hear the same sources with other phases, so the mean of their
signals is quieter than each of them (and crosses zero elsewhere), while the mean of their amplitudes is an amplitude.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32, Float64

Mask = npt.NDArray[np.bool_]


class Interpolator:
    """Replaces the values of bad electrodes.

    An electrode's value is the mean over its good neighbours (the eight cells around it, in its field: arrays that
    touch, or one array); where none is good, over the good ones of the next ring out, and so on to the whole field;
    where a field has none left, over all good electrodes. Where none is good at all, all keep their values: such a
    window is not decided anyway.
    """

    def __init__(self, layout: ElectrodeLayout) -> None:
        self._neighbours = layout.neighbours
        self._field = layout.field_numbers
        self._bad: dict[bytes, Float64] = {}

    def fill(self, values: Float32 | Float64, bad: Mask) -> Float64:
        """(…, C) → the same with bad electrodes replaced; the good ones keep every bit.

        Parameters
        ----------
        bad
            (C,) bool.
        """
        out = np.array(values, dtype=np.float64)
        if bad.any() and not bad.all():
            out[..., bad] = out[..., ~bad] @ self._weights(bad)
        return out

    def _weights(self, bad: Mask) -> Float64:
        """(good, bad): what share of each good electrode's value goes into a bad one's."""
        key = bad.tobytes()
        if key not in self._bad:
            if len(self._bad) > 64:  # a mask stays for seconds; what came before it is not wanted again
                self._bad.clear()
            position = np.cumsum(~bad) - 1
            weights = np.zeros((int((~bad).sum()), int(bad.sum())))
            for column, electrode in enumerate(np.flatnonzero(bad)):
                sources = self._sources(int(electrode), bad)
                weights[position[sources], column] = 1.0 / len(sources)
            self._bad[key] = weights
        return self._bad[key]

    def _sources(self, electrode: int, bad: Mask) -> npt.NDArray[np.intp]:
        reached = ring = {electrode}
        while ring:
            ring = {other for one in ring for other in self._neighbours[one]} - reached
            good = [other for other in sorted(ring) if not bad[other]]
            if good:
                return np.asarray(good, dtype=np.intp)
            reached = reached | ring
        same = np.flatnonzero(~bad & (self._field == self._field[electrode]))
        return same if len(same) else np.flatnonzero(~bad)
