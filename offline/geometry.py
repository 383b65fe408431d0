"""How an encoder walks over a layout: its fields side by side, the size of each layer's maps, and where they close.

Electrodes are convolved with their true neighbours only. Each field of the layout (`rt_handdt.core.fields`) is cut out
and convolved by itself, all with the same weights; G fields of different sizes are filled up with zeros to a common one
and stacked, and what was filled up stays zero after every layer. Along a closed axis the first electrode follows the
last.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from offline.config import Strides
from rt_handdt.core.fields import GridField, grid_fields
from rt_handdt.core.layout import ElectrodeLayout

Shape = tuple[int, int]
Mask = npt.NDArray[np.bool_]

#: Of an encoder, each with a stride of its own.
LAYERS = 3
#: Automatic strides halve a grid while it has so many cells: 16×16 becomes 2×2, a ring of ten electrodes stays.
HALVED_FROM = 16


@dataclass(frozen=True)
class Geometry:
    """The stack of G fields, layer by layer.

    Attributes
    ----------
    grid
        (H, W) of the layout.
    axis
        Axis of (N, C, h, w) that goes round the limb.
    closed
        Of each field: whether it goes all the way round.
    source
        (h, G, w): number of the grid's cell (row · W + column) that each cell of the stack is taken from.
    strides
        (rows, columns) of each layer; 1 along an axis of one cell.
    sizes
        (h, w) of a field before the first layer and after each.
    inside
        (G, h, w) for each of `sizes`: False where a field was filled up.
    """

    grid: Shape
    axis: int
    closed: tuple[bool, ...]
    source: npt.NDArray[np.intp]
    strides: tuple[Shape, ...]
    sizes: tuple[Shape, ...]
    inside: tuple[Mask, ...]

    @classmethod
    def of(cls, layout: ElectrodeLayout, strides: Strides = "auto") -> Self:
        """The geometry of a layout, with strides as configured or chosen by its size."""
        fields = grid_fields(layout)
        height, width = (max(one.shape[axis] for one in fields) for axis in (0, 1))
        source, inside = _stacked(fields, (height, width), layout.shape[1])
        sizes, masks, used = [(height, width)], [inside], []
        for layer in range(LAYERS):
            stride = automatic_stride(masks[-1]) if strides == "auto" else strides[layer]
            stride = (min(stride[0], sizes[-1][0]), min(stride[1], sizes[-1][1]))
            used.append(stride)
            masks.append(_coarser(masks[-1], stride))
            sizes.append((masks[-1].shape[1], masks[-1].shape[2]))
        return cls(
            grid=layout.shape,
            axis=3 if layout.around == "columns" else 2,
            closed=tuple(one.closed for one in fields),
            source=source,
            strides=tuple(used),
            sizes=tuple(sizes),
            inside=tuple(masks),
        )

    @property
    def n_fields(self) -> int:
        """G."""
        return len(self.closed)

    @cached_property
    def plain(self) -> bool:
        """Whether the stack is the grid itself: one field, nothing cut away and nothing turned."""
        return self.n_fields == 1 and self.source_is_grid and self.full(0)

    @cached_property
    def source_is_grid(self) -> bool:
        """Whether the stack holds the grid's cells in the grid's order (one field, or fields side by side)."""
        return np.array_equal(self.source.ravel(), np.arange(self.grid[0] * self.grid[1]))

    def full(self, level: int) -> bool:
        """Whether no cell of a level is filled up."""
        return bool(self.inside[level].all())

    def wraps(self, level: int) -> bool:
        """Whether maps of a level close on themselves: a closed axis of two cells or more."""
        return any(self.closed) and self.sizes[level][self.axis - 2] > 1

    def kernel(self, level: int) -> Shape:
        """Of a convolution over maps of a level: 3, and 1 along an axis of one cell, where the rest would see zeros."""
        height, width = self.sizes[level]
        return (3 if height > 1 else 1, 3 if width > 1 else 1)

    @cached_property
    def latent_cells(self) -> npt.NDArray[np.intp]:
        """(n,): the last level's cells, of (h, G, w) flattened, that were not filled up."""
        return np.flatnonzero(self.inside[-1].transpose(1, 0, 2))

    @property
    def latent_shape(self) -> Shape:
        """(h, w) of the last maps: fields side by side, or all cells in a row where fields differ."""
        height, width = self.sizes[-1]
        return (height, self.n_fields * width) if self.full(LAYERS) else (1, len(self.latent_cells))

    @property
    def fits_instance_norm(self) -> bool:
        """Whether each field has two cells at least wherever a norm is put (behind every layer but the last)."""
        return all(int(mask.sum(axis=(1, 2)).min()) > 1 for mask in self.inside[1:LAYERS])


def automatic_stride(inside: Mask) -> Shape:
    """(rows, columns): a level of `HALVED_FROM` cells or more is halved, along its longest axis and what comes near it.

    Parameters
    ----------
    inside
        (G, h, w) of the level. An axis less than half as long as the longest is kept: halving 16×4 cells gives 8×4.
    """
    if int(inside.sum()) < HALVED_FROM:
        return (1, 1)
    lengths = inside.shape[1:]
    rows, columns = (2 if 2 * length >= max(lengths) else 1 for length in lengths)
    return (rows, columns)


def _stacked(fields: tuple[GridField, ...], size: Shape, width: int) -> tuple[npt.NDArray[np.intp], Mask]:
    source = np.zeros((size[0], len(fields), size[1]), np.intp)
    inside = np.zeros((len(fields), *size), bool)
    for number, field in enumerate(fields):
        height, across = field.shape
        source[:height, number, :across] = field.rows[:, None] * width + field.columns
        inside[number, :height, :across] = field.inside
    return source, inside


def _coarser(inside: Mask, stride: Shape) -> Mask:
    """A layer's output lies inside if any of the cells that it stands for does."""
    n, height, width = inside.shape
    padded = np.pad(inside, ((0, 0), (0, -height % stride[0]), (0, -width % stride[1])))
    blocks = padded.reshape(n, -(-height // stride[0]), stride[0], -(-width // stride[1]), stride[1])
    return np.asarray(blocks.any(axis=(2, 4)))
