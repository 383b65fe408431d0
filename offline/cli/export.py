"""``handdt-offline export``: a finished run of ``pipeline`` as a bundle for the live program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXPORT_EXAMPLE = "Example: handdt-offline export run --classifier lda --out models/mine"


def export(
    folder: Annotated[Path, typer.Argument(help="A finished run of 'pipeline'.", metavar="RUN", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder of the bundle to write.", metavar="DIR")],
    classifier: Annotated[
        str | None,
        typer.Option(help="knn, svm, rf, lda, mlp, cnn or lstm; default: the run's first.", metavar="NAME"),
    ] = None,
    with_: Annotated[
        list[str] | None,
        typer.Option("--with", help="Runs of the same samples whose latents are put beside.", metavar="RUN..."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the bundle; default: that of --out.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder that keeps features; default: in the run.")] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Sessions measured at once; default: one per processor.", metavar="N")
    ] = None,
) -> None:
    """Write a run's pattern encoder and one classifier as a bundle, and check it by running what was written.

    The classifier is fitted to the saved training latents. The recordings that the run was trained on must still be
    there: for the levels of rest and of gestures, and for a golden signal.
    """
    # torch takes seconds to import; --help should not
    from offline.study.run_bundle import export_run

    bundle = export_run(
        folder,
        out,
        classifier=classifier,
        others=with_ or (),
        name=name,
        cache=cache or folder / "cache",
        processes=processes,
    )
    size = sum(path.stat().st_size for path in bundle.path.iterdir())
    scores = bundle.manifest.scores
    typer.echo(
        f"Test accuracy {scores['test_accuracy']:.3f} (balanced {scores['test_balanced_accuracy']:.3f}) over "
        f"{scores['test_samples']:.0f} samples; see CARD.md for what that means live."
    )
    typer.echo(f"Wrote {out} ({size / 1e6:.1f} MB, {bundle.fingerprint})")
