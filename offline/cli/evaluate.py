"""``handdt-offline evaluate``: any bundle on any recordings, or a finished run of ``pipeline`` again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from rt_handdt.cli.options import FileColumns, FileStream, FileUnit
from rt_handdt.io.signal_choice import SignalChoice

EVALUATE_EXAMPLE = (
    "Example: handdt-offline evaluate models/mine --data monday.xdf --repetitions 1 --out scores.json; "
    "handdt-offline evaluate run --on test --latent subject --classifier knn"
)


def evaluate(
    folder: Annotated[
        Path, typer.Argument(help="A bundle, or a finished run of 'pipeline'.", metavar="DIR", show_default=False)
    ],
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="Bundle: what to score it on: Hyser folder, cohort, XDF files or a folder of them, dataset.toml, or "
            "virtual:SEED:PEOPLE[:SESSIONS[:REPETITIONS]].",
            metavar="PATH...",
        ),
    ] = None,
    calibration: Annotated[
        list[str] | None,
        typer.Option(
            help="Bundle: labelled recordings of the same subjects, to calibrate with first; the names of the files "
            "say whose they are.",
            metavar="PATH...",
        ),
    ] = None,
    repetitions: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Bundle: calibrate with the first K repetitions of each label, and score what follows; of "
            "--calibration where that is given, else of each session's own first recording.",
            metavar="K",
        ),
    ] = None,
    settle_s: Annotated[
        float | None,
        typer.Option(
            "--settle-s",
            min=0.0,
            help="Bundle: leave out so much at the beginning of each segment (people follow cues late); default: 0.",
            metavar="SECONDS",
        ),
    ] = None,
    stream: FileStream = None,
    unit: FileUnit = None,
    columns: FileColumns = None,
    out: Annotated[Path | None, typer.Option(help="Bundle: JSON file to write.", metavar="FILE")] = None,
    on: Annotated[
        Literal["test", "train", "valid", "all"] | None,
        typer.Option(help="Run: which samples, default: test; all others were learnt."),
    ] = None,
    latent: Annotated[
        Literal["pattern", "subject"] | None,
        typer.Option(help="Run: the gesture from the pattern latent (default), or the person from the subject latent."),
    ] = None,
    classifier: Annotated[
        list[str] | None, typer.Option(help="Run: classifiers; default: those of the run.", metavar="NAME...")
    ] = None,
    with_: Annotated[
        list[str] | None,
        typer.Option("--with", help="Run: runs of the same samples whose latents are put beside.", metavar="DIR..."),
    ] = None,
) -> None:
    """Score a bundle on recordings, as live use would, beside LDA on the same windows; or judge a saved run again.

    Of a bundle, per subject: zero-shot, adapting to the unlabelled stream, and, with labelled repetitions, calibrated.
    """
    from rt_handdt.core.bundle import MANIFEST
    from rt_handdt.errors import ConfigError

    of_bundle = {
        "--data": data,
        "--calibration": calibration,
        "--repetitions": repetitions,
        "--settle-s": settle_s,
        "--stream": stream,
        "--unit": unit,
        "--columns": columns,
        "--out": out,
    }
    of_run = {"--on": on, "--latent": latent, "--classifier": classifier, "--with": with_}
    is_bundle = (folder / MANIFEST).is_file()
    foreign = [name for name, value in (of_run if is_bundle else of_bundle).items() if value is not None]
    if is_bundle and foreign:
        raise ConfigError(
            f"{', '.join(foreign)}: is for a run of 'pipeline', but {folder} is a bundle; score it with --data."
        )
    if foreign:
        inside = folder / "bundle"
        hint = f"; its bundle is {inside}" if (inside / MANIFEST).is_file() else ""
        raise ConfigError(
            f"{', '.join(foreign)}: is for a bundle, but {folder} is none (it holds no {MANIFEST}){hint}; give the "
            "folder that training wrote."
        )
    if not is_bundle and not (folder / "metrics.json").is_file():
        raise ConfigError(
            f"{folder}: holds neither a bundle ({MANIFEST}) nor a finished run of 'pipeline' (metrics.json); give the "
            "folder that one of them wrote."
        )
    if not is_bundle:
        _evaluate_run(folder, on or "test", latent or "pattern", classifier or [], with_ or [])
        return
    if not data:
        raise ConfigError(f"{folder}: is a bundle; say with --data which recordings it is to be scored on.")
    choice = SignalChoice.parse(stream, unit, columns)
    _evaluate_bundle(folder, data, calibration or [], repetitions, settle_s or 0.0, out, choice)


def _evaluate_bundle(
    folder: Path,
    data: list[str],
    calibration: list[str],
    repetitions: int | None,
    settle_s: float,
    out: Path | None,
    choice: SignalChoice,
) -> None:
    # torch takes seconds to import; --help should not
    from rich.console import Console

    from offline.evaluate.bundle_run import evaluate_bundle
    from offline.evaluate.score_table import WIDTH, evaluation_table

    result = evaluate_bundle(
        folder, data, calibration=calibration, repetitions=repetitions, settle_s=settle_s, out=out, choice=choice
    )
    found = result.found
    for note in found.notes:
        typer.echo(f"Note: {note}", err=True)
    for method, why in found.unavailable.items():
        typer.echo(f"Note: no column '{method.title}': {why}", err=True)
    console = Console()
    if not console.is_terminal:  # a file is as wide as need be
        console = Console(width=max(console.width, WIDTH))
    heading = f"{result.bundle.manifest.name} ({result.bundle.fingerprint}) on {result.data}. {result.protocol}."
    console.print(evaluation_table(found, heading))
    if out is not None:
        typer.echo(f"Wrote {out}")


def _evaluate_run(
    folder: Path,
    on: Literal["test", "train", "valid", "all"],
    latent: Literal["pattern", "subject"],
    classifier: list[str],
    others: list[str],
) -> None:
    from rich.console import Console

    from offline.study.rejudged import evaluate_run
    from offline.study.run_report import score_table

    found = evaluate_run(folder, tuple(dict.fromkeys(classifier)), on=on, latent=latent, others=others)
    for note in dict.fromkeys(note for one in found.scores for note in one.notes):
        typer.echo(f"Note: {note}", err=True)
    Console().print(score_table(found.scores, found.heading))
