"""``rt-handdt streams``: which LSL streams are there."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from rt_handdt.cli.options import Network


def streams(
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to listen.")] = 1.5,
    network: Network = False,
) -> None:
    """List the LSL streams on this computer, or with --network on the local network."""
    from rt_handdt.io import lsl

    lsl.configure(network=network)
    console = Console()
    found = lsl.find_streams(timeout)
    if not found:
        where = "on the network" if network else "on this computer (--network looks further)"
        console.print(f"No stream answered within {timeout:g} s {where}.")
        return
    table = Table("name", "type", "channels", "rate / Hz", "host")
    for stream in found:
        rate = f"{stream.fs_hz:g}" if stream.fs_hz else "irregular"
        table.add_row(stream.name, stream.kind, str(stream.n_channels), rate, stream.host)
    console.print(table)
