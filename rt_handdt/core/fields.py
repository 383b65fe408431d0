"""Fields: the parts of a grid within which electrodes are true neighbours.

A layout's `touching` groups its arrays: arrays of one group lie side by side without a gap and form one field, between
two fields lies bare skin. Without it the whole grid is one field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from rt_handdt.core.layout import ElectrodeLayout

Cells = npt.NDArray[np.intp]
NO_FIELD = -1


@dataclass(frozen=True)
class GridField:
    """One field, as the rows and columns of the grid that hold it.

    Attributes
    ----------
    rows, columns
        (h,) and (w,): rows and columns of the grid, in order. On a closed axis they may run past the grid's last cell
        and go on with its first.
    inside
        (h, w): False where a cell of that rectangle belongs to another field, or to none.
    closed
        Whether the field goes all the way round, so that its last electrode is a neighbour of its first.
    """

    rows: Cells
    columns: Cells
    inside: npt.NDArray[np.bool_]
    closed: bool

    @property
    def shape(self) -> tuple[int, int]:
        """(h, w)."""
        return (len(self.rows), len(self.columns))


def field_map(layout: ElectrodeLayout) -> Cells:
    """(H, W): the number of each cell's field, from 0; −1 for a cell outside all arrays, where `touching` is given."""
    if not layout.touching:
        return np.zeros(layout.shape, np.intp)
    found = np.full(layout.shape, NO_FIELD, np.intp)
    group = {name: number for number, names in enumerate(layout.touching) for name in names}
    for block in layout.arrays:
        found[block.rows[0] : block.rows[1] + 1, block.columns[0] : block.columns[1] + 1] = group[block.name]
    return found


def grid_fields(layout: ElectrodeLayout) -> tuple[GridField, ...]:
    """All fields of a layout, in the order of `touching`."""
    numbers = field_map(layout)
    around = 1 if layout.around == "columns" else 0
    found = []
    for number in range(numbers.max() + 1):
        mine = numbers == number
        used = [mine.any(axis=1), mine.any(axis=0)]
        lines = [_run(used[axis], wraps=layout.closed and axis == around) for axis in (0, 1)]
        closed = layout.closed and len(lines[around]) == layout.shape[around] and bool(used[around].all())
        found.append(GridField(lines[0], lines[1], mine[np.ix_(lines[0], lines[1])], closed))
    return tuple(found)


def check_touching(layout: ElectrodeLayout) -> None:
    """Whether `touching` says something that `arrays` and the grid can mean.

    Raises
    ------
    ValueError
        Naming the arrays, and what is wrong.
    """
    blocks = {block.name: block for block in layout.arrays}
    if not blocks:
        raise ValueError("'touching' groups the names of arrays, but the layout has no 'arrays'; add them")
    if len(blocks) < len(layout.arrays):
        raise ValueError("two of the 'arrays' have the same name; 'touching' needs names that differ")
    named = [name for names in layout.touching for name in names]
    unknown = [name for name in named if name not in blocks]
    if unknown:
        raise ValueError(f"'touching' names '{unknown[0]}', which is none of the arrays ({', '.join(blocks)})")
    wrong = [name for name in blocks if named.count(name) != 1]
    if wrong:
        often = "not named" if wrong[0] not in named else "named more than once"
        raise ValueError(
            f"'touching' must name each array once, but '{wrong[0]}' is {often}; an array that touches no other is a "
            "group of its own"
        )
    owner = np.full(layout.shape, "", dtype=object)
    for name, block in blocks.items():
        for (first, last), length, what in zip(
            (block.rows, block.columns), layout.shape, ("rows", "columns"), strict=True
        ):
            if not 0 <= first <= last < length:
                raise ValueError(
                    f"the array '{name}' has the {what} {first} to {last}, but the grid's are 0 to {length - 1}"
                )
        cells = owner[block.rows[0] : block.rows[1] + 1, block.columns[0] : block.columns[1] + 1]
        other = next((one for one in cells.flat if one), None)
        if other is not None:
            raise ValueError(
                f"the arrays '{other}' and '{name}' share cells of the grid; where 'touching' is given, none may"
            )
        cells[...] = name
    for channel, cell in zip(layout.channels, layout.cells, strict=True):
        if not owner[cell]:
            raise ValueError(
                f"the electrode '{channel}' lies in none of the arrays; where 'touching' is given, each needs one"
            )
    beside = _beside(layout, owner)
    for names in layout.touching:
        reached, waiting = {names[0]}, [names[0]]
        while waiting:
            new = (beside[waiting.pop()] & set(names)) - reached
            reached |= new
            waiting += new
        apart = [name for name in names if name not in reached]
        if apart:
            raise ValueError(
                f"'touching' puts '{names[0]}' and '{apart[0]}' into one group, but on the grid they lie apart, with "
                "no array of the group between them; move the arrays, or part the group"
            )


def _run(used: npt.NDArray[np.bool_], *, wraps: bool) -> Cells:
    """The shortest run of lines that holds all used ones; on a closed axis it may run over the end."""
    length, lines = len(used), np.flatnonzero(used)
    if not wraps or len(lines) == length:
        return np.arange(lines[0], lines[-1] + 1)
    free = np.diff(np.append(lines, lines[0] + length))  # from each used line to the next one
    start = lines[(int(free.argmax()) + 1) % len(lines)]
    return np.asarray((start + np.arange(length + 1 - int(free.max()))) % length, dtype=np.intp)


def _beside(layout: ElectrodeLayout, owner: npt.NDArray[np.object_]) -> dict[str, set[str]]:
    """For each array those that own a cell next to one of its own, across the seam of a closed axis as well."""
    around = 1 if layout.around == "columns" else 0
    found: dict[str, set[str]] = {block.name: set() for block in layout.arrays}
    for axis in (0, 1):
        next_one = np.roll(owner, -1, axis)
        if not (layout.closed and axis == around):
            next_one[(slice(None), -1) if axis else -1] = ""
        for one, other in zip(map(str, owner.flat), map(str, next_one.flat), strict=True):
            if one and other and one != other:
                found[one].add(other)
                found[other].add(one)
    return found
