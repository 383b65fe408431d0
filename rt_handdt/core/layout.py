"""Electrode layouts: which channel sits where on the grid.

A layout file is TOML. Three ways to write the grid::

    name = "my_array"
    shape = [8, 16]                      # 1. channels E1, E2, … row by row

    grid = "E1 E2 E3 \\n E4 . E6"          # 2. names where they sit, one line a row, "." = no electrode there
    channels = "E6 E4 E3 E2 E1"          #    the stream's order, if it differs from reading order

Rows run along the forearm (row 0 distal) and columns around it, unless ``around = "rows"``. ``closed = true`` says that
the electrodes go all the way round.

A stream without these names, or with more columns than electrodes, is placed by numbers, counted from 0::

    columns = "128-383"                  # the column of each channel, in the order of `channels`

Several arrays, and which of them lie side by side without a gap (`rt_handdt.core.fields`)::

    touching = [["upper left", "lower left"], ["right"]]

    [[arrays]]
    name = "upper left"
    rows = [0, 7]                        # first and last
    columns = [0, 7]
    …
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from rt_handdt.config import Settings, read_toml
from rt_handdt.core.columns import parse_columns
from rt_handdt.core.fields import check_touching, field_map
from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import ConfigError, HanddtError, LayoutError

EMPTY = "."


class ArrayBlock(Settings):
    """One physical electrode array: rows and columns (first, last) that it covers, for borders and captions."""

    name: str
    rows: tuple[int, int]
    columns: tuple[int, int]


class ElectrodeLayout(Settings):
    """Electrodes on a grid of H × W cells.

    Attributes
    ----------
    name
        What the layout is called.
    channels
        Names in the order in which a stream delivers them.
    cells
        (row, column) of each channel.
    shape
        (H, W).
    pitch_mm
        Distance between neighbouring rows and columns, in mm.
    arrays
        Physical arrays.
    touching
        Names of arrays, in groups: those of a group lie side by side without a gap, between groups lies bare skin.
        Where it is given, each array is named once. Empty: the whole grid is taken for one field of electrodes.
    around
        The axis that goes round the limb: ``"columns"`` or ``"rows"``.
    closed
        True if the last electrode around is a neighbour of the first.
    columns
        The column of each channel in a stream that does not name its columns so; empty if none is known. In TOML also
        as text, ``"128-383"``.
    """

    name: str = Field(min_length=1)
    channels: tuple[str, ...]
    cells: tuple[tuple[int, int], ...]
    shape: tuple[int, int]
    pitch_mm: tuple[float, float] = (10.0, 10.0)
    arrays: tuple[ArrayBlock, ...] = ()
    touching: tuple[tuple[str, ...], ...] = ()
    around: Literal["columns", "rows"] = "columns"
    closed: bool = False
    columns: tuple[int, ...] = ()

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Bundles carry their layout's canonical JSON; those written before these keys were known must read the same.
        data: dict[str, Any] = handler(self)
        for key in ("touching", "columns"):
            if not data.get(key, True):
                del data[key]
        return data

    @field_validator("columns", mode="before")
    @classmethod
    def _written(cls, value: Any) -> Any:
        try:
            return parse_columns(value) if isinstance(value, str) else value
        except ConfigError as exc:
            raise ValueError(str(exc)) from None

    @field_validator("touching")
    @classmethod
    def _no_empty_group(cls, value: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        if not all(value):
            raise ValueError("a group of 'touching' names no array; drop it")
        return value

    @field_validator("pitch_mm")
    @classmethod
    def _positive(cls, value: tuple[float, float]) -> tuple[float, float]:
        if min(value) <= 0:
            raise ValueError("the distance between electrodes must be above 0 mm")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        height, width = self.shape
        if height < 1 or width < 1:
            raise ValueError("a grid needs at least one row and one column")
        if not self.channels:
            raise ValueError("a layout needs at least one channel")
        if len(self.channels) != len(self.cells):
            raise ValueError(f"{len(self.channels)} channels but {len(self.cells)} cells; give each channel one cell")
        twice = _first_repeated(self.channels)
        if twice is not None:
            raise ValueError(f"the channel name '{twice}' occurs twice; names must differ")
        for name, (row, column) in zip(self.channels, self.cells, strict=True):
            if not (0 <= row < height and 0 <= column < width):
                raise ValueError(
                    f"channel '{name}' sits at row {row}, column {column}, outside the {height}x{width} grid"
                )
        cell = _first_repeated(self.cells)
        if cell is not None:
            both = [name for name, at in zip(self.channels, self.cells, strict=True) if at == cell]
            raise ValueError(
                f"the cell at row {cell[0]}, column {cell[1]} is used twice, by '{both[0]}' and '{both[1]}'; "
                "give each electrode a cell of its own"
            )
        if self.touching:
            check_touching(self)
        if self.columns and len(self.columns) != len(self.channels):
            raise ValueError(f"{len(self.columns)} columns for {len(self.channels)} channels; give each channel one")
        if self.columns and (len(set(self.columns)) < len(self.columns) or min(self.columns) < 0):
            raise ValueError("a column is given twice or is below 0; columns are counted from 0, each once")
        return self

    # -- reading -----------------------------------------------------------------------------------------------

    @classmethod
    def from_toml(cls, path: str | Path, *, error: type[HanddtError] = LayoutError) -> Self:
        """Read a layout file (the forms are in the module's docstring).

        Raises
        ------
        LayoutError
            Naming the file, the rule and what was found.
        """
        data = read_toml(path, error=error)
        return cls.parse(_expand(data, str(path)), what=str(path), error=error)

    @classmethod
    def grid(cls, height: int, width: int, *, name: str = "", pitch_mm: float = 10.0) -> Self:
        """A plain full grid: channels E1, E2, … row by row."""
        data = {"name": name or f"grid_{height}x{width}", "shape": [height, width], "pitch_mm": pitch_mm}
        return cls.parse(_expand(data, "grid"), what="grid", error=LayoutError)

    # -- use ---------------------------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        # pydantic's own compares the cached arrays below as well, which have no truth value.
        return isinstance(other, ElectrodeLayout) and self.canonical_json() == other.canonical_json()

    def __hash__(self) -> int:
        return hash(self.canonical_json())

    @property
    def n_channels(self) -> int:
        """Number of electrodes."""
        return len(self.channels)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (first 16 hex digits) of everything that the layout says."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()[:16]

    @cached_property
    def flat_cells(self) -> npt.NDArray[np.intp]:
        """Shape (n_channels,): row · W + column of each channel."""
        cells = np.asarray(self.cells, dtype=np.intp)
        return cells[:, 0] * self.shape[1] + cells[:, 1]

    @cached_property
    def occupied(self) -> npt.NDArray[np.bool_]:
        """Shape (H, W): True where an electrode sits."""
        mask = np.zeros(self.shape[0] * self.shape[1], dtype=bool)
        mask[self.flat_cells] = True
        return mask.reshape(self.shape)

    @cached_property
    def positions_mm(self) -> Float64:
        """Shape (n_channels, 2): distance of each electrode from the grid's first cell, down and across, in mm."""
        return np.asarray(np.asarray(self.cells, dtype=np.float64) * np.asarray(self.pitch_mm), dtype=np.float64)

    def named_as(self, other: ElectrodeLayout) -> Self:
        """This layout with the channel names and columns that `other` has at the same cells.

        Raises
        ------
        LayoutError
            If the two do not cover the same cells of the same grid.
        """
        if self.shape != other.shape or set(self.cells) != set(other.cells):
            sizes = [f"{one.shape[0]}x{one.shape[1]} with {one.n_channels} electrodes" for one in (other, self)]
            raise LayoutError(
                f"The layout '{other.name}' is {sizes[0]}, but the model's '{self.name}' is {sizes[1]}; a layout that "
                "names a stream's channels must cover the same cells."
            )
        at = {cell: number for number, cell in enumerate(other.cells)}
        order = [at[cell] for cell in self.cells]
        columns = tuple(other.columns[number] for number in order) if other.columns else ()
        channels = tuple(other.channels[number] for number in order)
        return self.model_copy(update={"name": other.name, "channels": channels, "columns": columns})

    def to_grid(self, values: npt.ArrayLike, fill: float = 0.0) -> Float32:
        """Put per-channel values on the grid: (…, n_channels) → (…, H, W), float32, `fill` in empty cells."""
        array = np.asarray(values, dtype=np.float32)
        channel, empty = self._channel_of_cell
        out = np.take(array, channel, axis=-1)
        if len(empty):
            out[..., empty] = fill
        return out.reshape(*array.shape[:-1], *self.shape)

    @cached_property
    def _channel_of_cell(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """The channel of each cell, row by row (0 in empty ones), and which cells are empty."""
        channel = np.full(self.shape[0] * self.shape[1], -1, dtype=np.intp)
        channel[self.flat_cells] = np.arange(self.n_channels)
        empty = np.flatnonzero(channel < 0)
        channel[empty] = 0
        return channel, empty

    def from_grid(self, maps: npt.ArrayLike) -> Float32:
        """The reverse of `to_grid`: (…, H, W) → (…, n_channels)."""
        array = np.asarray(maps, dtype=np.float32)
        return array.reshape(*array.shape[:-2], self.shape[0] * self.shape[1])[..., self.flat_cells]

    @cached_property
    def array_numbers(self) -> npt.NDArray[np.intp]:
        """Shape (n_channels,): the position in `arrays` of the one that each electrode belongs to; −1: to none."""
        found = np.full(self.n_channels, -1, dtype=np.intp)
        rows, columns = np.asarray(self.cells, dtype=np.intp).T
        for number, block in enumerate(self.arrays):
            inside = (rows >= block.rows[0]) & (rows <= block.rows[1])
            found[inside & (columns >= block.columns[0]) & (columns <= block.columns[1])] = number
        return found

    @cached_property
    def field_numbers(self) -> npt.NDArray[np.intp]:
        """Shape (n_channels,): electrodes of one number lie side by side; without `touching`, each array by itself."""
        if not self.touching:
            return self.array_numbers
        return np.asarray(field_map(self)[tuple(np.asarray(self.cells, dtype=np.intp).T)], dtype=np.intp)

    @cached_property
    def neighbours(self) -> tuple[tuple[int, ...], ...]:
        """For each channel, those of its field in the (up to) eight cells around it: between fields lies bare skin."""
        at = {cell: channel for channel, cell in enumerate(self.cells)}
        height, width = self.shape
        part = self.field_numbers
        found = []
        for channel, (row, column) in enumerate(self.cells):
            ring = []
            for d_row in (-1, 0, 1):
                for d_column in (-1, 0, 1):
                    cell = (row + d_row, column + d_column)
                    if self.closed:
                        cell = (cell[0], cell[1] % width) if self.around == "columns" else (cell[0] % height, cell[1])
                    other = at.get(cell, channel)
                    if other != channel and part[other] == part[channel]:
                        ring.append(other)
            found.append(tuple(dict.fromkeys(ring)))
        return tuple(found)


def _first_repeated(items: Sequence[Any]) -> Any:
    seen = set()
    for item in items:
        if item in seen:
            return item
        seen.add(item)
    return None


def _expand(data: dict[str, Any], what: str) -> dict[str, Any]:
    """Turn the forms that people write (`shape`, or `grid` and `channels` as text) into explicit cells."""
    data = dict(data)
    pitch = data.get("pitch_mm")
    if isinstance(pitch, int | float):
        data["pitch_mm"] = [pitch, pitch]
    if "cells" in data:
        return data
    if "grid" in data:
        lines = [line.split() for line in str(data.pop("grid")).strip().splitlines() if line.strip()]
        widths = {len(line) for line in lines}
        if len(widths) != 1:
            raise LayoutError(f"{what}: every line of 'grid' must have the same number of cells; got {sorted(widths)}.")
        found: list[tuple[str, list[int]]] = [
            (name, [row, column]) for row, line in enumerate(lines) for column, name in enumerate(line) if name != EMPTY
        ]
        shape = [len(lines), widths.pop()]
        if data.setdefault("shape", shape) != shape:
            raise LayoutError(f"{what}: 'shape' says {data['shape']}, but 'grid' is {shape}; mend or drop 'shape'.")
        names = str(data["channels"]).split() if "channels" in data else [name for name, _ in found]
        where: dict[str, list[list[int]]] = {}
        for name, cell in found:
            where.setdefault(name, []).append(cell)
        missing = [name for name in names if name not in where]
        extra = [name for name in where if name not in names]
        if missing or extra:
            raise LayoutError(
                f"{what}: 'channels' and 'grid' must name the same electrodes; only in 'channels': {missing[:5]}, "
                f"only in 'grid': {extra[:5]}."
            )
        doubled = next((name for name, cells in where.items() if len(cells) > 1), None)
        if doubled is not None:
            raise LayoutError(f"{what}: the electrode '{doubled}' stands in the grid twice; give it one cell.")
        data["channels"] = names
        data["cells"] = [where[name][0] for name in names]
    elif "shape" in data:
        shape = data["shape"]
        if not (isinstance(shape, list | tuple) and len(shape) == 2 and all(isinstance(n, int) for n in shape)):
            raise LayoutError(f"{what}: 'shape' must be [rows, columns]; got {shape!r}.")
        cells = [[row, column] for row in range(shape[0]) for column in range(shape[1])]
        data["channels"] = data.get("channels", [f"E{number + 1}" for number in range(len(cells))])
        if isinstance(data["channels"], str):
            data["channels"] = data["channels"].split()
        data["cells"] = cells
    else:
        raise LayoutError(f"{what}: a layout needs 'shape' (a full grid) or 'grid' (names where they sit).")
    return data
