"""Changes that a window would show on another arm or after putting the sleeve on anew, drawn at random."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from offline.config import AugmentConfig
from rt_handdt.core.fields import field_map
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
        around = 1 if layout.around == "columns" else 0
        # one cell more than the largest whole shift: the fraction looks one further
        self._around = steps_along(layout, around, math.ceil(config.rotate_cells) + 1)
        self._along = steps_along(layout, 1 - around, math.ceil(config.shift_cells) + 1)
        self._amplitude = amplitude
        self._generator = generator

    @property
    def changes(self) -> bool:
        """Whether anything is changed at all."""
        return any(self._config.model_dump().values())

    def move(self, maps: Tensor) -> Tensor:
        """Rotation around the limb and shift along it, within each field, then gains; raw maps in, raw maps out."""
        config = self._config
        if config.rotate_cells:
            maps = shifted(maps, self._uniform(len(maps), config.rotate_cells).to(maps.device), self._around)
        if config.shift_cells:
            maps = shifted(maps, self._uniform(len(maps), config.shift_cells).to(maps.device), self._along)
        if config.level_db or config.gain_db:
            level = config.level_db * self._normal(len(maps), 1, 1, 1)
            each = config.gain_db * self._normal(len(maps), 1, *maps.shape[2:])
            gain = torch.exp((level + each) * (math.log(10) / 20)).to(maps.device)
            maps = torch.where(self._amplitude.to(maps.device), maps * gain, maps)
        return maps

    def drop(self, standardised: Tensor) -> Tensor:
        """Set some electrodes to their training mean, which is 0 in standardised maps."""
        share = self._config.drop_channels
        if not share:
            return standardised
        n, _, height, width = standardised.shape
        kept = torch.rand((n, 1, height, width), generator=self._generator) >= share
        return standardised * kept.to(standardised.device)

    def _uniform(self, n: int, size: float) -> Tensor:
        return (torch.rand(n, generator=self._generator) * 2 - 1) * size

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self._generator)


def shifted(maps: Tensor, cells: Tensor, steps: Tensor) -> Tensor:
    """Move each window's maps along one axis by a number of cells, its fraction by linear interpolation.

    Parameters
    ----------
    maps
        (N, F, H, W).
    cells
        (N,): the value at position k comes from position k + cells.
    steps
        Of `steps_along`, of as many cells either way as `cells` may be.
    """
    whole = torch.floor(cells)
    share = (cells - whole).reshape(-1, 1, 1)
    flat, steps = maps.flatten(2), steps.to(maps.device)
    most = len(steps) // 2

    def taken(distance: Tensor) -> Tensor:
        return flat.gather(2, steps[distance + most][:, None].expand_as(flat))

    near = whole.long()
    return (taken(near) * (1 - share) + taken(near + 1) * share).reshape(maps.shape)


def steps_along(layout: ElectrodeLayout, axis: int, most: int) -> Tensor:
    """(2·most + 1, H·W): the cell that lies −most … most cells further along an axis (0: rows, 1: columns).

    Where the axis is closed, the way goes on past the seam. It ends where the field ends, since across a gap lies
    another muscle's electrode, and at the grid's border; then, and over an empty cell, the last electrode on the way is
    taken.
    """
    numbers, occupied = field_map(layout), layout.occupied
    closed = layout.closed and axis == (1 if layout.around == "columns" else 0)
    length, cells = layout.shape[axis], np.arange(numbers.size).reshape(layout.shape)
    found = np.tile(cells, (2 * most + 1, 1, 1))
    for sign in (-1, 1):
        walking = np.ones(layout.shape, bool)
        for distance in range(1, most + 1):
            at, last = most + sign * distance, most + sign * (distance - 1)
            there = np.arange(length) + sign * distance
            walking &= _broad((there >= 0) & (there < length) | closed, axis)
            there %= length
            walking &= numbers.take(there, axis) == numbers
            found[at] = np.where(walking & occupied.take(there, axis), cells.take(there, axis), found[last])
    return torch.from_numpy(found.reshape(2 * most + 1, -1))


def _broad(line: np.ndarray, axis: int) -> np.ndarray:
    return line[:, None] if axis == 0 else line[None, :]
