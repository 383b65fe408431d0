"""Which columns of a file are electrodes, how they are called, and how many µV one of their units is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rt_handdt.core.columns import columns_text
from rt_handdt.core.types import Float64
from rt_handdt.core.units import microvolts_per
from rt_handdt.errors import RecordingError
from rt_handdt.io.choosing import EMG_KINDS
from rt_handdt.io.description import shown
from rt_handdt.io.signal_choice import SignalChoice

#: Names, and types, of columns that amplifiers send beside the electrodes: letters alone, in lower case.
_BESIDE = re.compile(
    r"(sample|packet|package|frame|ramp)s?(counter|count|number|num|index|no|nr|cnt|id)?|count(er)?|cnt"
    r"|time(stamp)?s?|ts|seq(uence)?(no|number|counter)?"
    r"|aux(iliary)?(in)?|stat(us)?|trig(ger)?s?(in)?|stim(ulus)?|event|marker|sync|digi(tal)?|dig(in|out)?|misc|validity"
    r"|(acc(el(eration|erometer)?)?|gyro(scope)?|mag(netometer)?|quat(ernion)?|imu)[wxyz]?|battery|interpolated|quality"
    r"|temp(erature)?|force|torque|load|buffer(counter)?|rssi"
)
#: That many names are listed in a note.
_NAMED = 6


class Column(NamedTuple):
    """What a file says of one column; "" where it says nothing."""

    name: str = ""
    unit: str = ""
    kind: str = ""


class SignalColumns(NamedTuple):
    """The electrodes among a file's columns.

    Attributes
    ----------
    keep
        Shape (n_channels,): their columns.
    names
        Of each, as the file has them.
    to_uv
        Shape (n_channels,): µV per unit.
    notes
        What was decided, one sentence each.
    """

    keep: npt.NDArray[np.intp]
    names: tuple[str, ...]
    to_uv: Float64
    notes: tuple[str, ...]


def signal_columns(what: str, columns: Sequence[Column], choice: SignalChoice) -> SignalColumns:
    """Find the electrodes.

    Without a choice these are the columns of the type EMG; where no type says so, all that are measured in volts and
    are not called like a counter, a time, a status or an auxiliary input.

    Parameters
    ----------
    what
        The file and stream, for messages.
    columns
        In the file's order.
    choice
        What the user says of columns and unit.

    Raises
    ------
    RecordingError
        If a column is asked for that is not there, or none or a chosen one is measured in volts.
    """
    notes: list[str] = []
    keep = _chosen(what, columns, choice) if choice.columns is not None else _electrodes(what, columns, choice)
    left_out = sorted(set(range(len(columns))) - set(keep))
    if left_out:
        why = "Not chosen" if choice.columns is not None else "Not taken for electrodes"
        notes.append(f"{why}: {_listed(columns, left_out)} of {len(columns)} columns, counted from 0.")
    units = [choice.unit or columns[number].unit for number in keep]
    if not any(units):
        notes.append("The channels have no unit; microvolts are assumed.")
        units = ["uV"] * len(keep)
    factors = {unit: microvolts_per(unit) for unit in set(units)}
    for number, unit in zip(keep, units, strict=True):
        if factors[unit] is None:
            raise RecordingError(_no_voltage(what, number, columns[number].name, unit))
    return SignalColumns(
        np.asarray(keep, dtype=np.intp),
        tuple(columns[number].name for number in keep),
        np.asarray([factors[unit] for unit in units], dtype=np.float64),
        tuple(notes),
    )


def distinct_names(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names, or E1, E2, … where one is missing or there twice; and a note if so."""
    if all(names) and len(set(names)) == len(names):
        return tuple(names), ()
    note = f"The channels have no (or no distinct) names; they are called E1 to E{len(names)}."
    return tuple(f"E{number + 1}" for number in range(len(names))), (note,)


def _chosen(what: str, columns: Sequence[Column], choice: SignalChoice) -> list[int]:
    assert choice.columns is not None
    if max(choice.columns) >= len(columns):
        raise RecordingError(
            f"{what}: has {len(columns)} columns, 0 to {len(columns) - 1}, but column {max(choice.columns)} was asked "
            "for; choose others."
        )
    return list(choice.columns)


def _electrodes(what: str, columns: Sequence[Column], choice: SignalChoice) -> list[int]:
    every = list(range(len(columns)))
    kept = [number for number in every if columns[number].kind.casefold() in EMG_KINDS]
    if not kept:
        kept = [n for n in every if not (_beside(columns[n].name) or _beside(columns[n].kind))] or every
    if choice.unit is not None:
        return kept
    voltages = [number for number in kept if microvolts_per(columns[number].unit) is not None]
    if not voltages and any(columns[number].unit for number in kept):
        stated = next(number for number in kept if columns[number].unit)
        raise RecordingError(_no_voltage(what, stated, columns[stated].name, columns[stated].unit))
    return voltages or kept


def _beside(name: str) -> bool:
    """Whether a name (or type) is that of something beside the electrodes."""
    letters = re.sub(r"[\W\d_]", "", name.casefold())
    return bool(letters) and _BESIDE.fullmatch(letters) is not None


def _listed(columns: Sequence[Column], numbers: Sequence[int]) -> str:
    names = [f"'{shown(columns[number].name)}'" for number in numbers if columns[number].name]
    more = ", …" if len(names) > _NAMED else ""
    return columns_text(tuple(numbers)) + (f" ({', '.join(names[:_NAMED])}{more})" if names else "")


def _no_voltage(what: str, number: int, name: str, unit: str) -> str:
    which = f"channel '{shown(name)}'" if name else f"column {number}"
    state = f"the unit '{shown(unit)}'" if unit else "no unit"
    return (
        f"{what}: {which} has {state}; it must be a voltage (V, mV, uV or nV): choose the electrodes with --columns, "
        "or say the true unit with --unit."
    )
