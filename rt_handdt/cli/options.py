"""Options that several commands share, with one wording."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rt_handdt.errors import ConfigError

if TYPE_CHECKING:
    from rt_handdt.core.types import Mode

Headless = Annotated[bool, typer.Option("--headless", help="No window: show the run in the terminal.")]
Seconds = Annotated[float | None, typer.Option("--seconds", min=0.1, help="Stop after so many seconds of signal.")]
Report = Annotated[Path | None, typer.Option("--report", help="Write the run's figures to this JSON file.")]
Screenshot = Annotated[Path | None, typer.Option("--screenshot", help="Save a picture of the window (PNG) at the end.")]
FileStream = Annotated[
    str | None,
    typer.Option(
        "--stream", help="XDF: the EMG stream's name, source id, NAME@HOST or uid, or its number in the file."
    ),
]
FileUnit = Annotated[
    str | None,
    typer.Option("--unit", help="Of a file: the electrodes' true unit, whatever the file states: uV, mV or V."),
]
FileColumns = Annotated[
    str | None,
    typer.Option("--columns", help="Of a file: the electrodes' columns, counted from 0: 128-383, or 0-63,128-191."),
]
Network = Annotated[
    bool,
    typer.Option("--network", help="Also look for (or show) streams on the local network, not this computer only."),
]
ProviderName = Annotated[
    str, typer.Option("--provider", help="Where the network runs: auto (the faster one here), cpu or cuda.")
]
PostProcessing = Annotated[
    list[str] | None,
    typer.Option(
        "--post-processing",
        help="Change how posteriors become decisions, such as smoothing=majority, when_rejected=rest or "
        "level.dead_band=0.1 (docs/post-processing.md). May be given several times.",
        metavar="KEY=VALUE",
    ),
]
Sinks = Annotated[
    list[str] | None,
    typer.Option(
        "--sink",
        help="Who else is told the decisions: lsl, udp:HOST:PORT, osc:HOST:PORT, serial:DEVICE, hand:ability:DEVICE, "
        "hand:serial:DEVICE, websocket:PORT or file:PATH, with settings as in udp:5006,on=change,rate=50. May be given "
        "several times.",
        metavar="NAME[:SETTINGS]",
    ),
]
ControlMode = Annotated[
    str,
    typer.Option(
        "--mode", help="classification (a gesture at a time), or regression (two degrees of freedom at once besides)."
    ),
]
Dofs = Annotated[
    str | None,
    typer.Option(
        "--dofs",
        help="For --mode regression: two of open_close, flexion_extension and rotation, parted by a comma; the first "
        "two where neither this nor a profile says.",
    ),
]

_MODES: tuple[Mode, ...] = ("classification", "regression")


def checked_mode(mode: str) -> Mode:
    """A word as one of the modes.

    Raises
    ------
    ConfigError
        If it is none.
    """
    for one in _MODES:
        if mode == one:
            return one
    raise ConfigError(f"The mode must be classification or regression; got '{mode[:80]}'.")


def check_writable(*paths: Path | None) -> None:
    """Before a run, not after it, is the time to learn that its report cannot be written.

    Raises
    ------
    ConfigError
        If one of them cannot be.
    """
    for path in paths:
        if path is None:
            continue
        folder = path.parent
        if not folder.is_dir():
            raise ConfigError(f"{path}: the folder '{folder}' does not exist; make it or choose another path.")
        if path.is_dir() or not os.access(folder, os.W_OK):
            raise ConfigError(f"{path}: cannot be written; choose another path.")
