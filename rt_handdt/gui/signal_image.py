"""Traces and rasters as pixels, column by column. No Qt here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rt_handdt.core.types import Float32, Float64
from rt_handdt.runtime.signal_memory import SignalMemory

#: A trace is at least so thick, px.
THICK_PX = 1.2


class SignalImage:
    """A picture that moves to the left: of what comes only the new columns are drawn.

    Column `c` of all time is column ``c % width`` of `pixels`.

    Parameters
    ----------
    channels
        What is shown, first at the top.
    size
        (width, height) in pixels.
    per
        Stretches of the memory in a column.
    raster
        One row of pixels (or several) a channel, coloured by amplitude; else traces.
    signed
        Of a raster: whether the sign counts; else half of the distance between low and high.
    table
        (256,) colours 0xAARRGGBB: of a raster from the range's low end to its high one; of traces from ground to line.
    blank
        Colour where nothing is known.
    """

    def __init__(
        self,
        channels: Sequence[int],
        size: tuple[int, int],
        per: int,
        *,
        raster: bool,
        signed: bool = False,
        table: npt.NDArray[np.uint32],
        blank: int,
    ) -> None:
        self.channels = tuple(channels)
        self.width, self.height = max(1, size[0]), max(1, size[1])
        self.per, self.raster, self.signed = per, raster, signed
        self._table, self._blank = table, np.uint32(blank)
        self.pixels = np.full((self.height, self.width), self._blank, np.uint32)
        self._rows = np.arange(self.height) * len(self.channels) // self.height
        self._scale_uv = 0.0
        self._end = -1  # column behind the last one drawn; −1: nothing is

    @property
    def pitch(self) -> float:
        """Pixels a channel."""
        return self.height / max(1, len(self.channels))

    @property
    def end(self) -> int:
        """The column behind the last one drawn."""
        return max(self._end, 0)

    def draw(self, memory: SignalMemory, end: int, scale_uv: float) -> bool:
        """Have the columns up to `end` (not included) in `pixels`.

        Parameters
        ----------
        scale_uv
            Of traces: the amplitude that reaches the neighbour's line; of rasters the range's high end.

        Returns
        -------
        bool
            Whether anything has changed.
        """
        first = self._end
        if scale_uv != self._scale_uv or self._end < 0 or not self._end <= end < self._end + self.width:
            first = end - self.width
        self._scale_uv, self._end = scale_uv, end
        if first == end:
            return False
        # One more: a trace goes on from the column before.
        low, high = memory.read((first - 1) * self.per, end * self.per, self.channels)
        paint = self._raster_of if self.raster else self._traces_of
        columns = paint(*self._joined(low, high))
        at = np.arange(first, end) % self.width
        self.pixels[:, at] = columns
        return True

    def _joined(self, low: Float32, high: Float32) -> tuple[Float32, Float32]:
        if self.per == 1:
            return low, high
        shape = (-1, self.per, len(self.channels))
        return np.fmin.reduce(low.reshape(shape), axis=1), np.fmax.reduce(high.reshape(shape), axis=1)

    def _raster_of(self, low: Float32, high: Float32) -> npt.NDArray[np.uint32]:
        low, high = low[1:], high[1:]
        part = 0.5 / self._scale_uv
        share = 0.5 + part * np.where(high > -low, high, low) if self.signed else part * (high - low)
        known = np.isfinite(share)
        steps = np.clip(np.where(known, share, 0.0) * 255.0, 0.0, 255.0).astype(np.intp)
        tones = self._table[steps]
        tones[~known] = self._blank
        return np.asarray(tones.T[self._rows])

    def _traces_of(self, low: Float32, high: Float32) -> npt.NDArray[np.uint32]:
        centre = (np.arange(len(self.channels)) + 0.5) * self.pitch
        top = centre - high * (self.pitch / self._scale_uv)
        bottom = centre - low * (self.pitch / self._scale_uv)
        # From one column to the next a line goes on, up or down.
        first: Float64 = np.fmin(top[1:], bottom[:-1])
        last: Float64 = np.fmax(bottom[1:], top[:-1])
        known = np.isfinite(low[1:])
        lack: Float64 = np.maximum(THICK_PX - (last - first), 0.0) / 2
        first, last = (first - lack).clip(0.0, self.height), (last + lack).clip(0.0, self.height)
        column, _ = np.nonzero(known)
        cover = _covered(first[known], last[known], column, len(known), self.height)
        tones = self._table[np.minimum(cover * 255.0, 255.0).astype(np.intp)]
        tones[:, ~known.any(axis=1)] = self._blank
        return tones


def _covered(top: Float64, bottom: Float64, column: npt.NDArray[np.intp], width: int, height: int) -> Float64:
    """How far each pixel (height, width) lies under spans from `top` to `bottom` in their columns.

    The cover of a span rises within the pixel where it begins and falls where it ends; so its change from row to row
    is four numbers, and the sum of all spans' changes, added up downwards, is the cover of all.
    """
    change = np.zeros((height + 2) * width)
    for edge, sign in ((top, 1.0), (bottom, -1.0)):
        row = edge.astype(np.intp)
        part = edge - row
        at = row * width + column
        change += np.bincount(at, sign * (1.0 - part), len(change))
        change += np.bincount(at + width, sign * part, len(change))
    return np.asarray(np.cumsum(change.reshape(height + 2, width), axis=0)[:height].clip(0.0))
