"""``handdt-offline study``: conditions × measures × folds × sessions × seeds, resumable, here or on a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

#: So many columns the table of results takes.
WIDTH = 120
STUDY_EXAMPLE = "Example: handdt-offline study --config configs/study_measures.toml --data hyser --out study"


def study(
    config: Annotated[
        Path, typer.Option(help="The study: a TOML file, or a shipped name such as study_smoke.", metavar="FILE")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the study; the same command goes on in it.", metavar="DIR")],
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="As for 'pipeline'; in place of what the file names.",
            metavar="PATH...",
        ),
    ] = None,
    test_data: Annotated[
        list[str] | None, typer.Option(help="Other data, all of whose people are tested.", metavar="PATH...")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="Run on this Dask cluster. Data, --out and --cache must lie on a file system that all its workers see "
            "under the same path; start workers with 'dask worker ADDRESS --nthreads 1', and only on a network that "
            "you trust.",
            metavar="tcp://HOST:PORT",
        ),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(min=1, help="Jobs run at once on this machine; default: one per GPU, else per core.", metavar="N"),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="A setting in place of the file's: of the study (seeds=[0]), of one condition (full.loss.margin=0.5), "
            "or of all that train (loss.margin=0.5).",
            metavar="KEY=VALUE...",
        ),
    ] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder that keeps features; default: in --out.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the jobs and what is done of them; stop.")] = False,
    report: Annotated[bool, typer.Option(help="Write the report at the end.")] = True,
    allow_reserved_seeds: Annotated[
        bool,
        typer.Option("--allow-reserved-seeds", help="Train even on virtual people that are kept for final figures."),
    ] = False,
) -> None:
    """Run a whole study and write its report. Stop it whenever you like: the same command goes on.

    Measures, seeds, folds, sessions and conditions may be added to a study that was begun; only the new jobs are run.
    """
    # torch takes seconds to import; --help should not
    from rich.console import Console

    from offline.sweep.records import read_study as read_records
    from offline.sweep.study_config import read_study
    from offline.sweep.study_run import plan_study, run_study, states
    from offline.sweep.study_tables import results_table
    from offline.sweep.view import view_of

    settings, root = read_study(config, data=tuple(data or ()), test_data=tuple(test_data or ()), changes=set_ or ())
    if dry_run:
        plan, folder, _ = plan_study(settings, root, out, allow_reserved_seeds=allow_reserved_seeds)
        known = states(plan, folder)
        for job in plan.jobs:
            typer.echo(f"{known[job.id]:6} {job.id}")
        for note in plan.notes:
            typer.echo(f"Note: {note}", err=True)
        typer.echo(f"{len(known)} jobs, {list(known.values()).count('done')} done.")
        return
    run = run_study(
        settings,
        root,
        out,
        scheduler=scheduler,
        processes=processes,
        cache=cache,
        allow_reserved_seeds=allow_reserved_seeds,
        report=report,
    )
    if run.done:
        console = Console()
        if not console.is_terminal:  # a file is as wide as need be
            console = Console(width=max(console.width, WIDTH))
        console.print(results_table(view_of(read_records(run.folder.path))).on_screen())
    typer.echo(f"{len(run.plan.jobs)} jobs: {len(run.done)} done, {len(run.failed)} failed; {run.ran} were run now.")
    for path in run.report:
        typer.echo(f"Wrote {path}")
    run.raise_failures()
