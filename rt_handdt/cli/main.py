"""``rt-handdt``: the commands of the real-time program."""

from __future__ import annotations

from typing import Annotated

import typer

from rt_handdt import __version__
from rt_handdt.cli.app import run_app
from rt_handdt.cli.demo import demo
from rt_handdt.cli.doctor import doctor
from rt_handdt.cli.inspect import inspect
from rt_handdt.cli.live import live
from rt_handdt.cli.replay import replay
from rt_handdt.cli.simulate import simulate
from rt_handdt.cli.streams import streams

app = typer.Typer(
    name="rt-handdt",
    help="Real-time hand-gesture recognition from high-density surface EMG.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (demo, live, replay, simulate, streams, inspect, doctor):
    app.command()(command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rt-handdt {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point of the console script."""
    run_app(app)


if __name__ == "__main__":
    main()
