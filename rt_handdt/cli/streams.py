"""``rt-handdt streams``: which LSL streams are there."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rt_handdt.cli.options import Network

#: Long enough for a source id that shall be copied.
LONGEST_CELL = 200


def streams(
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to listen.")] = 1.5,
    network: Network = False,
) -> None:
    """List the LSL streams on this computer, or with --network on the local network."""
    from rt_handdt.io import lsl
    from rt_handdt.io.choosing import EMG_KINDS
    from rt_handdt.io.description import shown

    lsl.configure(network=network)
    console = Console()
    found = lsl.find_streams(timeout)
    if not found:
        where = "on the network" if network else "on this computer (--network looks further)"
        console.print(f"No stream answered within {timeout:g} s {where}.")
        return
    table = Table()
    for title in ("name", "type", "channels", "rate / Hz", "numbers", "host", "source id"):
        table.add_column(title, overflow="fold")
    for stream in sorted(found, key=lambda one: one.kind.casefold() not in EMG_KINDS):
        rate = f"{stream.fs_hz:g}" if stream.fs_hz else "irregular"
        row = (
            stream.name,
            stream.kind,
            str(stream.n_channels),
            rate,
            stream.number_format,
            stream.host,
            stream.source_id,
        )
        table.add_row(
            *(Text(shown(cell, LONGEST_CELL)) for cell in row)
        )  # as they are: names from outside are no markup
    console.print(table)
