"""``rt-handdt``: the commands of the real-time program."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Annotated

import typer

from rt_handdt import __version__
from rt_handdt.cli.app import run_app
from rt_handdt.errors import ConfigError
from rt_handdt.runtime.ending import stop_no_more, stop_politely

#: Each is a function of its own module.
COMMANDS = (
    *("demo", "live", "calibrate", "record", "replay", "simulate", "hand"),
    *("streams", "inspect", "review", "score", "targets", "convert", "doctor", "bench"),
)

app = typer.Typer(
    name="rt-handdt",
    help="Real-time hand-gesture recognition from high-density surface EMG.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def add_command(name: str, module: str | None = None) -> None:
    """Add a command to the app, of the module of its name; one whose packages are broken is there too, and says so.

    Otherwise a broken package would keep the doctor, who knows the remedy, from starting.
    """
    try:
        app.command(name)(getattr(import_module(f"rt_handdt.cli.{module or name}"), module or name))
    except (ImportError, OSError, RuntimeError) as exc:  # pylsl without its library is a RuntimeError
        app.command(name, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})(
            _cannot_start(name, f"{type(exc).__name__}: {exc}")
        )


def _cannot_start(name: str, why: str) -> Callable[[], None]:
    def command() -> None:
        raise ConfigError(f"'{name}' cannot start, because a package does not load ({why}); see 'rt-handdt doctor'.")

    command.__doc__ = "Cannot start: a package does not load. See doctor."
    return command


add_command("app", "start")
for command in COMMANDS:
    add_command(command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rt-handdt {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Without a command: open the window (rt-handdt app)."""
    if context.invoked_subcommand is None:
        from rt_handdt.cli.start import start_or_help

        start_or_help(context.get_help())


def main() -> None:
    """Entry point of the console script."""
    stop_politely()  # where this is run as a module
    try:
        run_app(app)
    finally:
        stop_no_more()


if __name__ == "__main__":
    main()
