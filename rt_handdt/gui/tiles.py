"""Where the electrodes of a layout lie in a picture: arrays as tiles, with gaps at the seams."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rt_handdt.core.layout import ArrayBlock, ElectrodeLayout

#: A strip this long round the forearm reaches its radial side at both ends.
ROUND_MM = 150.0


class Box(NamedTuple):
    """A rectangle, in pixels."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class TileGrid:
    """Pixels of a layout, with its upper left corner at 0, 0.

    Attributes
    ----------
    cell
        (width, height) of one electrode's cell, whole pixels.
    blocks, tiles
        The arrays, and the box of each.
    cells
        Box of each channel.
    width, height
        Of all.
    """

    cell: tuple[int, int]
    blocks: tuple[ArrayBlock, ...]
    tiles: tuple[Box, ...]
    cells: tuple[Box, ...]
    width: float
    height: float


def lay_out(layout: ElectrodeLayout, room: tuple[float, float], *, caption_px: float, seam_px: float) -> TileGrid:
    """Fit a layout into (width, height) pixels, true to its pitch; above each row of named tiles is a caption."""
    height, width = layout.shape
    pitch_y, pitch_x = layout.pitch_mm
    blocks = array_blocks(layout)
    rows = sorted({block.rows[0] for block in blocks})
    columns = sorted({block.columns[0] for block in blocks})
    named = any(block.name for block in blocks)
    gap_y = caption_px if named else seam_px
    gaps_y = gap_y * (len(rows) if named else len(rows) - 1)
    gaps_x = seam_px * (len(columns) - 1)
    scale = min((room[0] - gaps_x) / (width * pitch_x), (room[1] - gaps_y) / (height * pitch_y))
    cell_x, cell_y = max(math.floor(scale * pitch_x), 2), max(math.floor(scale * pitch_y), 2)

    def at(row: int, column: int) -> tuple[float, float]:
        across = seam_px * (sum(start <= column for start in columns) - 1)
        down = gap_y * (sum(start <= row for start in rows) - (0 if named else 1))
        return column * cell_x + across, row * cell_y + down

    tiles = tuple(
        Box(
            *at(block.rows[0], block.columns[0]),
            (block.columns[1] - block.columns[0] + 1) * cell_x,
            (block.rows[1] - block.rows[0] + 1) * cell_y,
        )
        for block in blocks
    )
    cells = tuple(Box(*at(row, column), cell_x, cell_y) for row, column in layout.cells)
    return TileGrid((cell_x, cell_y), blocks, tiles, cells, width * cell_x + gaps_x, height * cell_y + gaps_y)


def array_blocks(layout: ElectrodeLayout) -> tuple[ArrayBlock, ...]:
    """The arrays, if they tile all electrodes along straight seams; else the whole grid as one, without a name."""
    height, width = layout.shape
    whole = (ArrayBlock(name="", rows=(0, height - 1), columns=(0, width - 1)),)
    covered = np.zeros(layout.shape, dtype=int)
    for block in layout.arrays:
        if not (0 <= block.rows[0] <= block.rows[1] < height and 0 <= block.columns[0] <= block.columns[1] < width):
            return whole
        covered[block.rows[0] : block.rows[1] + 1, block.columns[0] : block.columns[1] + 1] += 1
    if not layout.arrays or (covered > 1).any() or (layout.occupied & (covered == 0)).any():
        return whole
    for block in layout.arrays:
        cut_rows = any(block.rows[0] < other.rows[0] <= block.rows[1] for other in layout.arrays)
        cut_columns = any(block.columns[0] < other.columns[0] <= block.columns[1] for other in layout.arrays)
        if cut_rows or cut_columns:
            return whole
    return layout.arrays


def around_words(layout: ElectrodeLayout) -> tuple[str, ...]:
    """Sides of the forearm in the order of the axis round it: both ends of each tile, or of the one strip.

    A virtual person wears any layout with its middle on the ulnar edge (`sim.volume.CENTRE_AROUND`), so what reaches
    round the limb begins and ends at the radial side. Empty for a strip too short to say.
    """
    axis = 1 if layout.around == "columns" else 0
    spans = sorted({block.columns if axis else block.rows for block in array_blocks(layout)})
    if len(spans) == 2:
        return ("radial", "ulnar", "ulnar", "radial")
    if len(spans) == 1 and (layout.closed or layout.shape[axis] * layout.pitch_mm[axis] >= ROUND_MM):
        return ("radial", "ulnar", "radial")
    return ()
