"""The command line of the trainer: ``handdt-offline``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from offline.cli_cohort import COHORT_EXAMPLE, cohort
from offline.cli_evaluate import EVALUATE_EXAMPLE, evaluate
from offline.cli_export import EXPORT_EXAMPLE, export
from offline.cli_features import FEATURES_EXAMPLE, features
from offline.cli_pipeline import PIPELINE_EXAMPLE, pipeline
from offline.cli_report import REPORT_EXAMPLE, cohort_report
from offline.cli_stats import PLOTS_EXAMPLE, STATS_EXAMPLE, plots, stats
from offline.cli_study import STUDY_EXAMPLE, study
from offline.cli_words import ListOptions
from rt_handdt.cli.app import run_app
from rt_handdt.cli.options import FileColumns, FileStream, FileUnit

app = typer.Typer(
    name="handdt-offline",
    help="Train models for rt-handdt.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

TRAIN_EXAMPLE = "Example: handdt-offline train --data session1.xdf session2.xdf --layout flexemg_16x4 --out models/mine"


@app.callback()
def _root() -> None:
    """Train models for rt-handdt."""


@app.command(epilog=TRAIN_EXAMPLE, cls=ListOptions)
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
    from offline.named_data import read_names
    from offline.run import train_bundle
    from rt_handdt.io.signal_choice import SignalChoice

    if config is not None:
        TrainConfig.from_toml(config)  # its mistakes are the quickest to find
    choice = SignalChoice.parse(stream, unit, columns)
    names = [*data, *(more or [])]
    grid = read_names(names, allow_reserved_seeds=allow_reserved_seeds, choice=choice).layout(layout)
    train_bundle(
        names,
        grid,
        out,
        config,
        calibration=calibration or (),
        allow_reserved_seeds=allow_reserved_seeds,
        fit=fit,
        choice=choice,
    )


app.command(epilog=COHORT_EXAMPLE)(cohort)
app.command(epilog=REPORT_EXAMPLE)(cohort_report)
app.command(epilog=FEATURES_EXAMPLE)(features)
app.command(epilog=PIPELINE_EXAMPLE, cls=ListOptions)(pipeline)
app.command(epilog=EVALUATE_EXAMPLE, cls=ListOptions)(evaluate)
app.command(epilog=STUDY_EXAMPLE, cls=ListOptions)(study)
app.command(epilog=EXPORT_EXAMPLE, cls=ListOptions)(export)
app.command(epilog=STATS_EXAMPLE, cls=ListOptions)(stats)
app.command(epilog=PLOTS_EXAMPLE, cls=ListOptions)(plots)


def main() -> None:
    """Entry point of ``handdt-offline``."""
    run_app(app)


if __name__ == "__main__":
    main()
