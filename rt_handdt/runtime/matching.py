"""Does a stream fit a model, and which of its columns is which electrode?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rt_handdt.core.columns import columns_text
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.preprocess import channel_order
from rt_handdt.core.shipped_layouts import shipped_layouts
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float64
from rt_handdt.core.units import microvolts_per
from rt_handdt.errors import LayoutError, LayoutMismatch
from rt_handdt.io.choosing import EMG_KINDS
from rt_handdt.io.description import StreamDescription, shown
from rt_handdt.runtime.source_choice import SourceChoice

#: Declared rates closer than this are one rate.
RATE_TOLERANCE = 1e-3


class Match(NamedTuple):
    """How a stream feeds a pipeline.

    Attributes
    ----------
    order
        Shape (n_channels of the layout,): the stream's column of each electrode.
    to_uv
        Shape (n_channels,): factor from each electrode's unit to µV.
    notes
        Sentences that the user should read.
    """

    order: npt.NDArray[np.intp]
    to_uv: Float64
    notes: tuple[str, ...]


def may_fit(stream: StreamDescription, spec: PipelineSpec) -> bool:
    """Whether a stream of which only rate and number of channels are known can feed a pipeline."""
    return _same_rate(stream, spec) and stream.n_channels >= spec.layout.n_channels


def match(stream: StreamDescription, spec: PipelineSpec, choice: SourceChoice) -> Match:
    """How a stream feeds a pipeline. Only the layout's channels have to fit; others may be anything.

    Raises
    ------
    LayoutMismatch
        If rate, channels or unit do not fit; the message says which, and how to map them.
    LayoutError
        If the choice's layout does not cover the cells of the model's.
    """
    _check_rate(stream, spec)
    order, notes = _place(stream, spec, choice)
    return Match(order, _to_uv(stream, order, choice.unit), notes)


class Misfit(NamedTuple):
    """One reason why a stream does not feed a model: ``"rate"``, ``"electrodes"`` or ``"unit"``, and its sentence."""

    what: str
    sentence: str


def misfits(stream: StreamDescription, spec: PipelineSpec, choice: SourceChoice) -> tuple[Misfit, ...]:
    """All that keeps a stream from feeding a pipeline, where `match` names the first; empty if it fits."""
    found = []
    order: npt.NDArray[np.intp] | None = None
    try:
        _check_rate(stream, spec)
    except LayoutMismatch as exc:
        found.append(Misfit("rate", str(exc)))
    try:
        order, _ = _place(stream, spec, choice)
    except (LayoutMismatch, LayoutError) as exc:
        found.append(Misfit("electrodes", str(exc)))
    if order is None and stream.units:  # which columns they are is not known yet: all must do
        columns = [column for column in _electrode_columns(stream) if not stream.kinds or stream.kinds[column]]
        order = np.asarray(columns, dtype=np.intp)
    try:
        if order is not None and len(order):
            _to_uv(stream, order, choice.unit)
    except LayoutMismatch as exc:
        found.append(Misfit("unit", str(exc)))
    return tuple(found)


def _check_rate(stream: StreamDescription, spec: PipelineSpec) -> None:
    if not _same_rate(stream, spec):
        raise LayoutMismatch(
            f"{_what(stream)} runs at {stream.fs_hz:g} Hz, but the model was trained for {spec.fs_hz:g} Hz; "
            f"set the amplifier to {spec.fs_hz:g} Hz or use a model trained for {stream.fs_hz:g} Hz."
        )


def _place(
    stream: StreamDescription, spec: PipelineSpec, choice: SourceChoice
) -> tuple[npt.NDArray[np.intp], tuple[str, ...]]:
    """Column of each electrode, none of which counts samples; and what the user should read."""
    layout = spec.layout if choice.layout is None else spec.layout.named_as(choice.layout)
    order, notes = _order(stream, spec.model_copy(update={"layout": layout}), choice)
    if stream.speed != 1.0:
        notes = (*notes, f"{_what(stream)} is a replay at {stream.speed:g} × its speed.")
    counter = stream.counter
    if counter is not None and counter in order:
        raise LayoutMismatch(
            f"{_what(stream)} counts samples in column {counter} ('{_label(stream, counter)}'), which is "
            "no electrode; choose the electrodes' columns with --columns."
        )
    return order, notes


def _order(
    stream: StreamDescription, spec: PipelineSpec, choice: SourceChoice
) -> tuple[npt.NDArray[np.intp], tuple[str, ...]]:
    layout = spec.layout
    if choice.columns is not None:
        if len(choice.columns) != layout.n_channels:
            raise LayoutMismatch(
                f"--columns names {len(choice.columns)} columns, but the layout '{layout.name}' has "
                f"{layout.n_channels} electrodes; name one column for each."
            )
        return _numbered(stream, layout, choice.columns)
    if choice.by_position:
        candidates = _electrode_columns(stream)
        if len(candidates) < layout.n_channels:
            raise LayoutMismatch(
                f"{_what(stream)} has {len(candidates)} channels, the layout '{layout.name}' needs "
                f"{layout.n_channels}; use the model's electrode array or another model."
            )
        return _numbered(stream, layout, candidates[: layout.n_channels])
    if set(stream.channels) & set(layout.channels):
        return channel_order(stream.channels, spec, _what(stream)), ()
    if layout.columns:
        return _numbered(stream, layout, layout.columns)
    if not stream.channels:
        hint = (
            "use --by-position if its columns are in the layout's order"
            if stream.n_channels == layout.n_channels
            else f"it has {stream.n_channels} columns where the layout has {layout.n_channels} electrodes: say which "
            "are these, in the layout's order, with --columns FIRST-LAST (counted from 0)"
        )
        raise LayoutMismatch(
            f"{_what(stream)} does not name its channels, so they cannot be placed on '{layout.name}'; {hint}."
        )
    known = _known_layout(stream, spec.layout)
    raise LayoutMismatch(
        f"{_what(stream)} names its channels {_few(stream.channels)}, the layout '{layout.name}' "
        f"{_few(layout.channels)}; "
        + (
            f"these are the names of the layout '{known}': use --layout {known}."
            if known
            else "use --by-position if the columns are in the layout's order, --columns to say which they are, or "
            "--layout with a file of these names."
        )
    )


def _numbered(
    stream: StreamDescription, layout: ElectrodeLayout, columns: tuple[int, ...]
) -> tuple[npt.NDArray[np.intp], tuple[str, ...]]:
    """Columns by number, and what the user should know of those that are left out."""
    if max(columns) >= stream.n_channels:
        raise LayoutMismatch(
            f"{_what(stream)} has {stream.n_channels} columns, 0 to {stream.n_channels - 1}, but column {max(columns)} "
            f"is wanted for the layout '{layout.name}'; say with --columns which are the electrodes."
        )
    left_out = tuple(sorted(set(range(stream.n_channels)) - set(columns)))
    if not left_out:
        return np.asarray(columns, dtype=np.intp), ()
    first, last = _label(stream, columns[0]), _label(stream, columns[-1])
    named = f" ({first} … {last})" if first or last else ""
    note = (
        f"Of {stream.n_channels} columns {columns_text(columns)}{named} are the electrodes of '{layout.name}'; left "
        f"out: {columns_text(left_out)} (counted from 0)."
    )
    return np.asarray(columns, dtype=np.intp), (note,)


def _electrode_columns(stream: StreamDescription) -> tuple[int, ...]:
    """All but the counter; of a stream that states types, those of EMG alone."""
    typed = [k for k, kind in enumerate(stream.kinds) if kind.casefold() in EMG_KINDS]
    return tuple(column for column in typed or range(stream.n_channels) if column != stream.counter)


def _to_uv(stream: StreamDescription, order: npt.NDArray[np.intp], unit: str | None) -> Float64:
    units = [unit or (stream.units[column] if stream.units else "") for column in order]
    factors = {one: microvolts_per(one) for one in set(units)}
    for column, stated in zip(order, units, strict=True):
        if factors[stated] is not None:
            continue
        which = f"its column {column}" + (f" ('{_label(stream, column)}')" if _label(stream, column) else "")
        if not stated:
            raise LayoutMismatch(
                f"{_what(stream)} does not state the unit of {which}; the model needs microvolts: say which it is with "
                "--unit."
            )
        raise LayoutMismatch(
            f"{_what(stream)} measures {which} in '{shown(stated)}'; the model needs a voltage (uV, mV or V): mend the "
            "source, or say the true unit with --unit."
        )
    return np.asarray([factors[one] for one in units], dtype=np.float64)


def _known_layout(stream: StreamDescription, wanted: ElectrodeLayout) -> str | None:
    """The shipped layout that names the same cells as this stream does."""
    for name, layout in shipped_layouts().items():
        if set(layout.channels) <= set(stream.channels) and set(layout.cells) == set(wanted.cells):
            return name
    return None


def _same_rate(stream: StreamDescription, spec: PipelineSpec) -> bool:
    return abs(stream.fs_hz / stream.speed - spec.fs_hz) <= RATE_TOLERANCE * spec.fs_hz


def _what(stream: StreamDescription) -> str:
    return f"The stream '{shown(stream.name)}'"


def _label(stream: StreamDescription, column: int) -> str:
    return shown(stream.channels[column]) if stream.channels else ""


def _few(names: Iterable[str]) -> str:
    return ", ".join([shown(name) for name in names][:3]) + ", …"
