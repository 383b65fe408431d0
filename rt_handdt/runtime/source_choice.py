"""Which stream is meant, and how its columns are the model's electrodes."""

from __future__ import annotations

from dataclasses import dataclass

from rt_handdt.core.layout import ElectrodeLayout


@dataclass(frozen=True)
class SourceChoice:
    """What the user said of the stream.

    Attributes
    ----------
    stream
        Its name, ``NAME@HOST``, source id or uid; None for the only EMG stream there is.
    kind
        Its type; None for those under which EMG is sent.
    unit
        Unit of the electrodes' columns, whatever the stream states.
    by_position
        Take the stream's first electrode columns in the layout's order, whatever their names.
    columns
        Column of each of the layout's channels, counted from 0, whatever their names.
    layout
        The stream's own names (or columns) for the cells of the model's layout.
    """

    stream: str | None = None
    kind: str | None = None
    unit: str | None = None
    by_position: bool = False
    columns: tuple[int, ...] | None = None
    layout: ElectrodeLayout | None = None
