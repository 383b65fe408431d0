"""Fill in between the electrodes of one array."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rt_handdt.core.types import Float32


class Upsampler:
    """Cubic interpolation of an (H, W) array to `per_cell` points per cell, exact at the electrodes.

    Parameters
    ----------
    occupied
        Shape (H, W): where electrodes sit.
    per_cell
        Points per cell and direction.
    """

    def __init__(self, occupied: npt.NDArray[np.bool_], per_cell: int) -> None:
        height, width = occupied.shape
        self.shape = (height * per_cell, width * per_cell)
        self._per_cell = per_cell
        self._down = _weights(height, per_cell)
        self._across = np.ascontiguousarray(_weights(width, per_cell).T)

    def fill(self, values: Float32) -> tuple[Float32, npt.NDArray[np.bool_] | None]:
        """Interpolate values (H, W), NaN where there is nothing.

        Returns
        -------
        fine
            Shape `shape`.
        visible
            Shape `shape`: False over cells without a value; None if every cell has one.
        """
        present = np.isfinite(values)
        visible = None
        if not present.all():
            visible = np.repeat(np.repeat(present, self._per_cell, axis=0), self._per_cell, axis=1)
            values = _plug(values, present)
        return (self._down @ values @ self._across).astype(np.float32, copy=False), visible


def _weights(cells: int, per_cell: int) -> Float32:
    """Matrix (cells · per_cell, cells) of Catmull-Rom weights (Keys 1981, a = −1/2); edges are held."""
    out = np.zeros((cells * per_cell, cells), dtype=np.float32)
    for point in range(cells * per_cell):
        at = (point + 0.5) / per_cell - 0.5
        base = int(np.floor(at))
        t = at - base
        shares = (
            -0.5 * t**3 + t**2 - 0.5 * t,
            1.5 * t**3 - 2.5 * t**2 + 1.0,
            -1.5 * t**3 + 2.0 * t**2 + 0.5 * t,
            0.5 * t**3 - 0.5 * t**2,
        )
        for offset, share in zip((-1, 0, 1, 2), shares, strict=True):
            out[point, min(max(base + offset, 0), cells - 1)] += share
    return out


def _plug(values: Float32, present: npt.NDArray[np.bool_]) -> Float32:
    """Give blank cells the mean of their neighbours, so that interpolation next to them stays sound."""
    known = np.pad(np.where(present, values, 0.0), 1)
    count = np.pad(present.astype(np.float32), 1)
    height, width = values.shape
    total = np.zeros_like(values)
    weight = np.zeros_like(values)
    for row in range(3):
        for column in range(3):
            total += known[row : row + height, column : column + width]
            weight += count[row : row + height, column : column + width]
    return np.where(present, values, total / np.maximum(weight, 1.0)).astype(np.float32)
