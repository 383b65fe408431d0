"""How an encoder walks over a layout: its fields side by side, the size of each layer's maps, and where they close.

Electrodes are convolved with their true neighbours only. Each field of the layout (`rt_handdt.core.fields`) is cut out
and convolved by itself, all with the same weights; G fields of different sizes are filled up with zeros to a common one
and stacked, and what was filled up stays zero after every layer. Along a closed axis the first electrode follows the
last. Several fields higher than wide are laid on their side: convolutions run along the columns, and long ones take a
fifth less time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from offline.config.network import Strides
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
        (G, h, w): number of the grid's cell (row · W + column) that each cell of the stack is taken from.
    strides
        (down, across) of each layer; 1 along an axis of one cell.
    sizes
        (h, w) of a field before the first layer and after each.
    inside
        (G, h, w) for each of `sizes`: False where a field was filled up.
    drawn
        Kernels are 3×3 even along an axis of one cell.
    """

    grid: Shape
    axis: int
    closed: tuple[bool, ...]
    source: npt.NDArray[np.intp]
    strides: tuple[Shape, ...]
    sizes: tuple[Shape, ...]
    inside: tuple[Mask, ...]
    drawn: bool = False

    @classmethod
    def whole(cls, grid: Shape) -> Self:
        """The grid as it is drawn, whatever it holds, halved by each layer; as published."""
        sizes = [grid]
        for _ in range(LAYERS):
            sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
        return cls(
            grid=grid,
            axis=3,
            closed=(False,),
            source=np.arange(grid[0] * grid[1]).reshape(1, *grid),
            strides=((2, 2),) * LAYERS,
            sizes=tuple(sizes),
            inside=tuple(np.ones((1, *size), bool) for size in sizes),
            drawn=True,
        )

    @classmethod
    def of(cls, layout: ElectrodeLayout, strides: Strides = "auto") -> Self:
        """The geometry of a layout, with strides as configured or chosen by its size."""
        fields = grid_fields(layout)
        source, inside = _stacked(fields, layout.shape[1])
        axis = 3 if layout.around == "columns" else 2
        turned = len(fields) > 1 and source.shape[1] > source.shape[2]
        if turned:
            source, inside, axis = source.transpose(0, 2, 1), inside.transpose(0, 2, 1), 5 - axis
        sizes, masks, used = [(inside.shape[1], inside.shape[2])], [inside], []
        for layer in range(LAYERS):
            if strides == "auto":
                stride = automatic_stride(masks[-1])
            else:
                stride = strides[layer][::-1] if turned else strides[layer]
            stride = (min(stride[0], sizes[-1][0]), min(stride[1], sizes[-1][1]))
            used.append(stride)
            masks.append(_coarser(masks[-1], stride))
            sizes.append((masks[-1].shape[1], masks[-1].shape[2]))
        return cls(
            grid=layout.shape,
            axis=axis,
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
        whole = np.arange(self.grid[0] * self.grid[1]).reshape(1, *self.grid)
        return np.array_equal(self.source, whole) and self.full(0)

    def full(self, level: int) -> bool:
        """Whether no cell of a level is filled up."""
        return bool(self.inside[level].all())

    def wraps(self, level: int) -> bool:
        """Whether maps of a level close on themselves: a closed axis of two cells or more."""
        return any(self.closed) and self.sizes[level][self.axis - 2] > 1

    def kernel(self, level: int) -> Shape:
        """Of a convolution over maps of a level: 3, and 1 along an axis of one cell, where the rest would see zeros."""
        height, width = (2, 2) if self.drawn else self.sizes[level]
        return (3 if height > 1 else 1, 3 if width > 1 else 1)

    @property
    def halves_all(self) -> bool:
        """Whether every layer is a convolution 3×3 of the grid itself that halves it."""
        layers = range(LAYERS)
        return self.plain and all(
            self.strides[k] == (2, 2) and self.kernel(k) == (3, 3) and not self.wraps(k) for k in layers
        )

    @cached_property
    def latent_cells(self) -> npt.NDArray[np.intp]:
        """(n,): the last level's cells, of (G, h, w) flattened, that were not filled up."""
        return np.flatnonzero(self.inside[-1])

    @property
    def latent_shape(self) -> Shape:
        """(h, w) of the last maps: one field below the other, or all cells in a row where fields differ."""
        height, width = self.sizes[-1]
        return (self.n_fields * height, width) if self.full(LAYERS) else (1, len(self.latent_cells))

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


def _stacked(fields: tuple[GridField, ...], width: int) -> tuple[npt.NDArray[np.intp], Mask]:
    shape = (len(fields), *(max(one.shape[axis] for one in fields) for axis in (0, 1)))
    source, inside = np.zeros(shape, np.intp), np.zeros(shape, bool)
    for number, field in enumerate(fields):
        height, across = field.shape
        source[number, :height, :across] = field.rows[:, None] * width + field.columns
        inside[number, :height, :across] = field.inside
    return source, inside


def _coarser(inside: Mask, stride: Shape) -> Mask:
    """A layer's output lies inside if any of the cells that it stands for does."""
    n, height, width = inside.shape
    padded = np.pad(inside, ((0, 0), (0, -height % stride[0]), (0, -width % stride[1])))
    blocks = padded.reshape(n, -(-height // stride[0]), stride[0], -(-width // stride[1]), stride[1])
    return np.asarray(blocks.any(axis=(2, 4)))
