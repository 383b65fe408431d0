"""Options that several commands share, with one wording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Headless = Annotated[bool, typer.Option("--headless", help="No window: show the run in the terminal.")]
Seconds = Annotated[float | None, typer.Option("--seconds", min=0.1, help="Stop after so many seconds of signal.")]
Report = Annotated[Path | None, typer.Option("--report", help="Write the run's figures to this JSON file.")]
Screenshot = Annotated[Path | None, typer.Option("--screenshot", help="Save a picture of the window (PNG) at the end.")]
Network = Annotated[
    bool,
    typer.Option("--network", help="Also look for (or show) streams on the local network, not this computer only."),
]
ProviderName = Annotated[
    str, typer.Option("--provider", help="Where the network runs: auto (CUDA if it works), cpu or cuda.")
]
