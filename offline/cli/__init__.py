"""The command line of the trainer: ``handdt-offline``."""

from __future__ import annotations

import typer

from offline.cli.cohort import COHORT_EXAMPLE, cohort
from offline.cli.cohort_report import REPORT_EXAMPLE, cohort_report
from offline.cli.evaluate import EVALUATE_EXAMPLE, evaluate
from offline.cli.export import EXPORT_EXAMPLE, export
from offline.cli.features import FEATURES_EXAMPLE, features
from offline.cli.list_options import ListOptions
from offline.cli.pipeline import PIPELINE_EXAMPLE, pipeline
from offline.cli.stats import PLOTS_EXAMPLE, STATS_EXAMPLE, plots, stats
from offline.cli.study import STUDY_EXAMPLE, study
from offline.cli.train import TRAIN_EXAMPLE, train
from rt_handdt.cli.app import run_app

app = typer.Typer(
    name="handdt-offline",
    help="Train models for rt-handdt.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _root() -> None:
    """Train models for rt-handdt."""


app.command(epilog=TRAIN_EXAMPLE, cls=ListOptions)(train)
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
