"""Changes that a window would show on another arm or after putting the sleeve on anew, drawn at random."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from offline.config import AugmentConfig
from rt_handdt.core.layout import ElectrodeLayout


class Augmenter:
    """Draws and applies them to batches of raw maps (N, F, H, W).

    Parameters
    ----------
    amplitude
        (1, F, 1, 1) bool: the maps that a gain scales; counts of zero crossings do not change with gain.
    """

    def __init__(
        self, config: AugmentConfig, layout: ElectrodeLayout, amplitude: Tensor, generator: torch.Generator
    ) -> None:
        self._config = config
        self._around = 3 if layout.around == "columns" else 2
        self._closed = layout.closed
        self._amplitude = amplitude
        self._generator = generator

    def move(self, maps: Tensor) -> Tensor:
        """Rotation around the limb and shift along it, then gains; raw maps in, raw maps out."""
        config = self._config
        if config.rotate_cells:
            maps = shifted(maps, self._uniform(len(maps), config.rotate_cells), self._around, wrap=self._closed)
        if config.shift_cells:
            maps = shifted(maps, self._uniform(len(maps), config.shift_cells), 5 - self._around, wrap=False)
        if config.level_db or config.gain_db:
            level = config.level_db * self._normal(len(maps), 1, 1, 1)
            each = config.gain_db * self._normal(len(maps), 1, *maps.shape[2:])
            maps = torch.where(self._amplitude, maps * torch.exp((level + each) * (math.log(10) / 20)), maps)
        return maps

    def drop(self, standardised: Tensor) -> Tensor:
        """Set some electrodes to their training mean, which is 0 in standardised maps."""
        share = self._config.drop_channels
        if not share:
            return standardised
        n, _, height, width = standardised.shape
        return standardised * (torch.rand((n, 1, height, width), generator=self._generator) >= share)

    def _uniform(self, n: int, size: float) -> Tensor:
        return (torch.rand(n, generator=self._generator) * 2 - 1) * size

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self._generator)


def shifted(maps: Tensor, cells: Tensor, axis: int, *, wrap: bool) -> Tensor:
    """Move each window's maps along one axis by a number of cells, its fraction by linear interpolation.

    Parameters
    ----------
    maps
        (N, F, H, W).
    cells
        (N,): the value at position k comes from position k + cells.
    axis
        2 (rows) or 3 (columns).
    wrap
        Whether what leaves one side enters at the other; else the border's value is repeated.
    """
    length = maps.shape[axis]
    whole = torch.floor(cells)
    shape = [len(maps), 1, 1, 1]
    share = (cells - whole).reshape(shape)
    index = torch.arange(length)[None, :] + whole.long()[:, None]  # (N, length)

    def taken(positions: Tensor) -> Tensor:
        positions = positions % length if wrap else positions.clamp(0, length - 1)
        spread = [len(maps), 1, 1, 1]
        spread[axis] = length
        return maps.gather(axis, positions.reshape(spread).expand_as(maps))

    return taken(index) * (1 - share) + taken(index + 1) * share
