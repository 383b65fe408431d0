"""The command ``handdt-offline cohort-report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

REPORT_EXAMPLE = "Example: handdt-offline cohort-report cohort --out cohort.html"


def cohort_report(
    folder: Annotated[Path, typer.Argument(help="A cohort, or the Hyser folder.", metavar="DIR", show_default=False)],
    out: Annotated[Path, typer.Option(help="Sheet to write: .html or .pdf.", metavar="FILE")],
    subjects: Annotated[int | None, typer.Option(min=1, help="The first N people only.", metavar="N")] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Sessions read at once; default: one per processor.", metavar="N")
    ] = None,
) -> None:
    """Write a sheet that shows a cohort: statistics beside published ones, difficulty, traces, spectra, maps."""
    # matplotlib and scikit-learn take a second to import; --help should not
    from offline.cohort.sheet import write_cohort_report

    sheet = write_cohort_report(folder, out, subjects=subjects, processes=processes)
    for remark in sheet.remarks:
        typer.echo(f"Note: {remark}", err=True)
    typer.echo(f"Wrote {out}")
