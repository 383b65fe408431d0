"""``handdt-offline train``: recordings in, a bundle for the live app out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rt_handdt.cli.options import FileColumns, FileStream, FileUnit

TRAIN_EXAMPLE = "Example: handdt-offline train --data session1.xdf session2.xdf --layout flexemg_16x4 --out models/mine"


def train(
    data: Annotated[
        list[str],
        typer.Option(
            help="Hyser folder, cohort, XDF files or a folder of them, dataset.toml, or virtual:SEED:PEOPLE[:SESSIONS"
            "[:REPETITIONS]].",
            metavar="PATH...",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the bundle to write.", metavar="DIR")],
    layout: Annotated[
        str | None,
        typer.Option(
            help="Electrode layout: a TOML file, or a shipped name; default: what a dataset.toml says.", metavar="FILE"
        ),
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(help="Further data.", hidden=True)] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="Training configuration; default: one that suits the data.", metavar="FILE"),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="A setting in place of the configuration's: loss.margin=0.5", metavar="KEY=VALUE..."
        ),
    ] = None,
    calibration: Annotated[
        list[str] | None,
        typer.Option(
            help="Recordings of the one who will use the model, one repetition of each label or more.",
            metavar="PATH...",
        ),
    ] = None,
    stream: FileStream = None,
    unit: FileUnit = None,
    columns: FileColumns = None,
    fit: Annotated[
        bool,
        typer.Option("--fit", help="Adapt --config to the data's rate, electrodes and labels where it does not fit."),
    ] = False,
    allow_reserved_seeds: Annotated[
        bool,
        typer.Option("--allow-reserved-seeds", help="Train even on virtual people that are kept for final figures."),
    ] = False,
) -> None:
    """Train on recordings and write a bundle for the live app."""
    # torch takes seconds to import; --help should not
    from offline.config import TrainConfig
    from offline.data.named_data import read_names
    from offline.train.window_run import train_bundle
    from offline.util import gone_on_with
    from rt_handdt.io.signal_choice import SignalChoice

    # mistakes here are the quickest to find
    (TrainConfig() if config is None else TrainConfig.from_toml(config)).changed(set_ or (), what="--set")
    choice = SignalChoice.parse(stream, unit, columns)
    names = [*data, *(more or [])]
    grid = read_names(names, allow_reserved_seeds=allow_reserved_seeds, choice=choice).layout(layout)
    with gone_on_with():
        train_bundle(
            names,
            grid,
            out,
            config,
            calibration=calibration or (),
            allow_reserved_seeds=allow_reserved_seeds,
            fit=fit,
            changes=set_ or (),
            choice=choice,
        )
