"""Options that say which stream is meant, and how its columns are the model's electrodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, get_args

import typer

from rt_handdt.errors import ConfigError

if TYPE_CHECKING:
    from rt_handdt.runtime.reconnect import Follow
    from rt_handdt.runtime.source_choice import SourceChoice

StreamName = Annotated[
    str | None,
    typer.Option("--stream", help="The stream's name, NAME@HOST, source id or uid; default: the only EMG one."),
]
Kind = Annotated[
    str | None, typer.Option("--type", help="The stream's type; default, without --stream: EMG, ExG or MUOVI_DATA.")
]
Unit = Annotated[
    str | None, typer.Option("--unit", help="The electrodes' unit, if the stream states none: uV, mV or V.")
]
StreamLayout = Annotated[
    str | None,
    typer.Option(
        "--layout",
        help="Names that the stream gives the model's electrodes: quattrocento, or a layout file.",
        metavar="FILE",
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(
        "--columns",
        help="The electrodes' columns in the layout's order, counted from 0: 128-383, or 0-63,128-191.",
    ),
]
ByPosition = Annotated[
    bool,
    typer.Option("--by-position", help="Trust the order of the stream's columns instead of its channel names."),
]
FollowWhat = Annotated[
    str,
    typer.Option("--follow", help="What is taken after a loss: the same source, or any stream that would do (any)."),
]


def source_choice(
    stream: str | None,
    kind: str | None = None,
    *,
    unit: str | None = None,
    layout: str | None = None,
    columns: str | None = None,
    by_position: bool = False,
) -> SourceChoice:
    """What the options say of the stream.

    Raises
    ------
    ConfigError
        If columns or unit cannot be read, or two options contradict each other.
    LayoutError
        If the layout is not valid.
    """
    from rt_handdt.core.columns import parse_columns
    from rt_handdt.core.layout import ElectrodeLayout
    from rt_handdt.core.units import microvolts_per
    from rt_handdt.paths import layout_path
    from rt_handdt.runtime.source_choice import SourceChoice

    if columns is not None and by_position:
        raise ConfigError("--columns and --by-position both say which columns are electrodes; give one of them.")
    if unit is not None and microvolts_per(unit) is None:
        raise ConfigError(f"--unit: must be a unit of voltage, such as uV, mV or V; got '{unit}'.")
    return SourceChoice(
        stream=stream,
        kind=kind,
        unit=unit,
        by_position=by_position,
        columns=None if columns is None else parse_columns(columns),
        layout=None if layout is None else ElectrodeLayout.from_toml(layout_path(layout)),
    )


def checked_follow(text: str) -> Follow:
    """The value of ``--follow``.

    Raises
    ------
    ConfigError
        If it is none.
    """
    from rt_handdt.runtime.reconnect import Follow

    if text not in get_args(Follow):
        raise ConfigError(f"--follow: must be one of {', '.join(get_args(Follow))}; got '{text}'.")
    return text  # type: ignore[return-value]  # checked
