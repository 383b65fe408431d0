"""The command line of the trainer: ``handdt-offline``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from rt_handdt.cli.app import run_app

app = typer.Typer(
    name="handdt-offline",
    help="Train models for rt-handdt.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

TRAIN_EXAMPLE = "Example: handdt-offline train --data session1.xdf session2.xdf --layout flexemg_16x4 --out models/mine"
COHORT_EXAMPLE = "Example: handdt-offline cohort --out cohort --subjects 4 --sessions 2 --seed 7"


@app.callback()
def _root() -> None:
    """Train models for rt-handdt."""


@app.command(epilog=TRAIN_EXAMPLE)
def train(
    data: Annotated[
        list[str],
        typer.Option(
            help="Hyser folder, cohort, XDF file, or virtual:SEED:PEOPLE[:SESSIONS]; more may follow.",
            metavar="PATH...",
        ),
    ],
    layout: Annotated[str, typer.Option(help="Electrode layout: a TOML file, or a shipped name.", metavar="FILE")],
    out: Annotated[Path, typer.Option(help="Folder of the bundle to write.", metavar="DIR")],
    more: Annotated[list[str] | None, typer.Argument(help="Further data.", hidden=True)] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="Training configuration; default: one that suits the data.", metavar="FILE"),
    ] = None,
    allow_reserved_seeds: Annotated[
        bool,
        typer.Option("--allow-reserved-seeds", help="Train even on virtual people that are kept for final figures."),
    ] = False,
) -> None:
    """Train on recordings and write a bundle for the live app."""
    # torch takes seconds to import; --help should not
    from offline.config import TrainConfig
    from offline.run import train_bundle
    from rt_handdt.core.layout import ElectrodeLayout
    from rt_handdt.paths import layout_path

    settings = TrainConfig.from_toml(config) if config is not None else None
    grid = ElectrodeLayout.from_toml(layout_path(layout))
    train_bundle([*data, *(more or [])], grid, out, settings, allow_reserved_seeds=allow_reserved_seeds)


@app.command(epilog=COHORT_EXAMPLE)
def cohort(
    out: Annotated[Path, typer.Option(help="Folder to write, in Hyser's layout.", metavar="DIR")],
    subjects: Annotated[int, typer.Option(min=1, help="Virtual people.")] = 20,
    sessions: Annotated[int, typer.Option(min=1, help="Sessions of each.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Which people are drawn; from 1000 on not for training.")] = 0,
    kind: Annotated[
        Literal["dynamic", "maintenance", "all"], typer.Option(help="Trials: 1 s from rest, 4 s steady, or both.")
    ] = "dynamic",
    gestures: Annotated[Literal["ten", "all"], typer.Option(help="The study's ten, or all 34 of Hyser.")] = "ten",
    ragged: Annotated[bool, typer.Option("--ragged", help="Leave out some trials, as Hyser lacks them.")] = False,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Sessions made at once; default: one per processor.", metavar="N")
    ] = None,
) -> None:
    """Write a data set of virtual people that reads like the Hyser folder; if interrupted, the same command goes on."""
    from offline.cohort import write_cohort
    from rt_handdt.core.gestures import HYSER_GESTURES
    from rt_handdt.sim.seeds import RESERVED_SEED
    from rt_handdt.sim.session import DEFAULT_GESTURES

    if seed >= RESERVED_SEED:
        typer.echo(
            f"Note: seeds from {RESERVED_SEED} on are reserved for final figures. Replay and score these people; "
            "do not train or tune on them ('train' refuses them).",
            err=True,
        )
    labels = HYSER_GESTURES if gestures == "all" else DEFAULT_GESTURES
    write_cohort(out, subjects, sessions, seed, gestures=labels, kind=kind, ragged=ragged, processes=processes)
    typer.echo(f"Wrote {out}")


def main() -> None:
    """Entry point of ``handdt-offline``."""
    run_app(app)


if __name__ == "__main__":
    main()
