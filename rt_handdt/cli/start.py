"""``rt-handdt app``, and ``rt-handdt`` alone: the window that begins with what is there."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from rt_handdt.cli.options import Network, Screenshot
from rt_handdt.errors import DisplayError


def start(
    network: Network = False,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0.1, help="Close after so many seconds.")] = None,
    screenshot: Screenshot = None,
) -> None:
    """Open the window: choose a stream and a model, see whether they fit, and start; or try the virtual forearm."""
    from rt_handdt.gui.start_app import run_start

    run_start(network=network, seconds=seconds, screenshot=screenshot)


def start_or_help(text: str) -> None:
    """The window, where one can be opened; else how the program is used without."""
    from rt_handdt.gui.display import check_display

    try:
        check_display()
    except DisplayError as exc:
        typer.echo(text)
        Console(stderr=True, soft_wrap=True, markup=False, highlight=False, emoji=False).print(f"No window: {exc}")
        return
    start()
