"""Convolutions within the fields of a layout (see `offline.models.geometry`): cut, convolve, join."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from offline.models.geometry import LAYERS, Geometry


class Cut(nn.Module):
    """Maps on the grid → the fields as windows of their own: (N, F, H, W) → (N·G, F, h, w)."""

    source: Tensor  # (G·h·w,)

    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        self.geometry = geometry
        self.register_buffer("source", torch.from_numpy(geometry.source.reshape(-1)), persistent=False)
        self.mask = Inside(geometry, 0)

    def forward(self, maps: Tensor) -> Tensor:
        if self.geometry.plain:
            return maps
        fields: Tensor = self.mask(_apart(_taken(maps.flatten(2), self.source), self.geometry, 0))
        return fields


class Paste(nn.Module):
    """The reverse of `Cut`: (N·G, F, h, w) → (N, F, H, W), 0 in cells of no field."""

    place: Tensor  # (H·W,): which cell of the stack each cell of the grid takes; the last number stands for none

    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        self.geometry = geometry
        inside = geometry.inside[0].reshape(-1)
        place = np.full(geometry.grid[0] * geometry.grid[1], len(inside))
        place[geometry.source.reshape(-1)[inside]] = np.flatnonzero(inside)
        self.register_buffer("place", torch.from_numpy(place), persistent=False)

    def forward(self, stacked: Tensor) -> Tensor:
        if self.geometry.plain:
            return stacked
        flat = _taken(nn.functional.pad(_together(stacked, self.geometry), (0, 1)), self.place)
        return flat.reshape(-1, flat.shape[1], *self.geometry.grid)


class Latent(nn.Module):
    """The fields' last maps as one latent, and back: (N·G, C, h, w) ↔ (N, C, *latent_shape)."""

    cells: Tensor  # (n,)
    place: Tensor  # (G·h·w,): as in `Paste`

    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        self.geometry = geometry
        cells = geometry.latent_cells
        place = np.full(geometry.inside[-1].size, len(cells))
        place[cells] = np.arange(len(cells))
        self.register_buffer("cells", torch.from_numpy(cells), persistent=False)
        self.register_buffer("place", torch.from_numpy(place), persistent=False)

    def join(self, stacked: Tensor) -> Tensor:
        """(N·G, C, h, w) → (N, C, *latent_shape)."""
        flat = _together(stacked, self.geometry)
        if not self.geometry.full(LAYERS):
            flat = _taken(flat, self.cells)
        return flat.reshape(-1, flat.shape[1], *self.geometry.latent_shape)

    def part(self, latent: Tensor) -> Tensor:
        """(N, C, *latent_shape) → (N·G, C, h, w)."""
        flat = latent.flatten(2)
        if not self.geometry.full(LAYERS):
            flat = _taken(nn.functional.pad(flat, (0, 1)), self.place)
        return _apart(flat, self.geometry, LAYERS)


class Inside(nn.Module):
    """Sets what was filled up to 0, at one level: (N·G, C, h, w) → the same."""

    inside: Tensor  # (G, 1, h, w)

    def __init__(self, geometry: Geometry, level: int) -> None:
        super().__init__()
        self.full = geometry.full(level)
        inside = torch.from_numpy(geometry.inside[level].astype(np.float32))[:, None]
        self.register_buffer("inside", inside, persistent=False)

    def forward(self, stacked: Tensor) -> Tensor:
        if self.full:
            return stacked
        return (stacked.reshape(-1, len(self.inside), *stacked.shape[1:]) * self.inside).reshape(stacked.shape)


class Wrap(nn.Module):
    """Puts the last cell before the first and the first behind the last; zeros in fields that are not closed."""

    closed: Tensor  # (G, 1, 1, 1)

    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        self.axis = geometry.axis
        self.mixed = not all(geometry.closed)
        closed = torch.tensor(geometry.closed, dtype=torch.float32).reshape(-1, 1, 1, 1)
        self.register_buffer("closed", closed, persistent=False)

    def forward(self, stacked: Tensor) -> Tensor:
        first = stacked.narrow(self.axis, 0, 1)
        last = stacked.narrow(self.axis, stacked.shape[self.axis] - 1, 1)
        return torch.cat([self._only_closed(last), stacked, self._only_closed(first)], dim=self.axis)

    def _only_closed(self, edge: Tensor) -> Tensor:
        if not self.mixed:
            return edge
        return (edge.reshape(-1, len(self.closed), *edge.shape[1:]) * self.closed).reshape(edge.shape)


def down(channels: int, width: int, geometry: Geometry, layer: int) -> tuple[nn.Module, nn.Conv2d]:
    """What goes before a layer's convolution 3×3, and it: (N·G, C, h, w) → (N·G, C', ⌈h/s⌉, ⌈w/s⌉)."""
    kernel = geometry.kernel(layer)
    padding = [size // 2 for size in kernel]
    wrap: nn.Module = nn.Identity()
    if geometry.wraps(layer):
        wrap = Wrap(geometry)
        padding[geometry.axis - 2] = 0
    return wrap, nn.Conv2d(channels, width, kernel, geometry.strides[layer], (padding[0], padding[1]))


class Up(nn.Module):
    """The transposed convolution that takes a layer's output back to the size before it."""

    def __init__(self, channels: int, width: int, geometry: Geometry, layer: int) -> None:
        super().__init__()
        kernel, stride = geometry.kernel(layer), geometry.strides[layer]
        self.size = geometry.sizes[layer]
        self.start = [0, 0]
        self.wrap: nn.Module = nn.Identity()
        if geometry.wraps(layer):
            self.wrap = Wrap(geometry)
            self.start[geometry.axis - 2] = stride[geometry.axis - 2]
        self.conv = nn.ConvTranspose2d(
            channels,
            width,
            kernel,
            stride=stride,
            padding=(kernel[0] // 2, kernel[1] // 2),
            output_padding=(stride[0] - 1, stride[1] - 1),
        )

    def forward(self, stacked: Tensor) -> Tensor:
        out: Tensor = self.conv(self.wrap(stacked))
        (top, left), (height, width) = self.start, self.size
        return out[:, :, top : top + height, left : left + width]


def _taken(flat: Tensor, index: Tensor) -> Tensor:
    """(N, C, m) → (N, C, n). A gather: index_select, and slices that are then turned, take many times as long here."""
    return flat.gather(2, index.expand(*flat.shape[:2], -1))


def _apart(flat: Tensor, geometry: Geometry, level: int) -> Tensor:
    """(N, C, G·h·w) → (N·G, C, h, w)."""
    (height, width), n, channels = geometry.sizes[level], geometry.n_fields, flat.shape[1]
    return flat.reshape(-1, channels, n, height * width).transpose(1, 2).reshape(-1, channels, height, width)


def _together(stacked: Tensor, geometry: Geometry) -> Tensor:
    """(N·G, C, h, w) → (N, C, G·h·w)."""
    channels, height, width = stacked.shape[1:]
    n = geometry.n_fields
    return stacked.reshape(-1, n, channels, height * width).transpose(1, 2).reshape(-1, channels, n * height * width)
