"""``rt-handdt review``: a recording with what was decided on it, in a window."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from rt_handdt.cli.options import FileColumns, FileStream, FileUnit, PostProcessing, Screenshot


def review(
    path: Annotated[str, typer.Argument(help="A recording: all that inspect opens, or virtual:SEED.")],
    bundle: Annotated[
        str,
        typer.Option(
            "--bundle", help="The model that decides what was not decided while it was recorded: a folder or a name."
        ),
    ] = "default",
    subject: Annotated[int | None, typer.Option("--subject", min=1, help="Who, where the path holds several.")] = None,
    session: Annotated[int | None, typer.Option("--session", min=1, help="Which session.")] = None,
    kind: Annotated[
        Literal["dynamic", "maintenance"] | None,
        typer.Option("--kind", help="Hyser: which trials; default: dynamic, where there are some."),
    ] = None,
    learn: Annotated[bool, typer.Option("--learn/--no-learn", help="Adapt without labels, if the model can.")] = True,
    profile: Annotated[
        Path | None,
        typer.Option("--profile", help="A calibration that 'rt-handdt calibrate' has made.", metavar="DIR"),
    ] = None,
    post_processing: PostProcessing = None,
    stream: FileStream = None,
    unit: FileUnit = None,
    columns: FileColumns = None,
    save: Annotated[
        list[Path] | None,
        typer.Option("--save", help="No window: write a picture (.png, .svg) or the decisions (.csv); several times."),
    ] = None,
    at: Annotated[float, typer.Option("--at", min=0.0, help="For --save: the second that the maps show.")] = 0.0,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0.1, help="Close after so many seconds.")] = None,
    screenshot: Screenshot = None,
) -> None:
    """Look at a recording: cue, decision and state over time, maps at the cursor, confusion and live figures.

    Example: rt-handdt review run.xdf --bundle models/mine · rt-handdt review run.xdf --save run.svg --save run.csv
    """
    from rt_handdt.gui.review_app import run_review, save_reviews
    from rt_handdt.io.signal_choice import SignalChoice
    from rt_handdt.paths import bundle_path

    choice = SignalChoice.parse(stream, unit, columns)
    which: dict[str, Any] = {"subject": subject, "session": session, "kind": kind, "choice": choice}
    which |= {"learn": learn, "profile": profile, "post_processing": tuple(post_processing or ())}
    if not save:
        run_review(path, bundle_path(bundle), seconds=seconds, screenshot=screenshot, **which)
        return
    save_reviews(path, bundle_path(bundle), save, at_s=at, **which)
    for file in save:
        Console(soft_wrap=True, markup=False, highlight=False, emoji=False).print(f"Saved {file}")
