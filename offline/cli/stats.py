"""``handdt-offline stats`` and ``plots``: runs and studies compared, and drawn again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

STATS_EXAMPLE = "Example: handdt-offline stats run_td run_rms --out differences.csv --figure matrix.png"
PLOTS_EXAMPLE = "Example: handdt-offline plots run --only tsne confusion --dpi 300 --format pdf --out figures"


def stats(
    folder: Annotated[
        Path, typer.Argument(help="A finished run of 'pipeline', or a study.", metavar="DIR", show_default=False)
    ],
    more: Annotated[
        list[Path] | None, typer.Argument(help="More of them, of the same test people.", metavar="DIR...")
    ] = None,
    by: Annotated[
        Literal["classifier", "condition", "measure"] | None,
        typer.Option(
            help="What is compared. Runs are conditions; default: classifiers of one run, conditions of several or of "
            "a study.",
            show_default=False,
        ),
    ] = None,
    metric: Annotated[
        Literal["accuracy", "balanced"],
        typer.Option(help="Each person's accuracy, or mean recall (for windows, most of which may be rest)."),
    ] = "accuracy",
    condition: Annotated[list[str] | None, typer.Option(help="These conditions only.", metavar="NAME...")] = None,
    measure: Annotated[list[str] | None, typer.Option(help="These measures only.", metavar="NAME...")] = None,
    classifier: Annotated[list[str] | None, typer.Option(help="These classifiers only.", metavar="NAME...")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Also write it: .csv (pairs), .json (all) or .md.", metavar="FILE")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw the matrix: .png, .pdf or .svg.", metavar="FILE", show_default=False)
    ] = None,
) -> None:
    """Compare runs or the conditions of a study: paired over people, corrected for the number of comparisons."""
    # torch and scipy take seconds to import; --help should not
    from rich.console import Console

    from offline.sweep.contrast import contrast
    from offline.sweep.contrast_files import SUFFIXES, check_suffix, tables_of, write_contrast
    from offline.sweep.gather import gather, protocols, select
    from offline.sweep.records import is_study
    from offline.sweep.summary import RULE

    check_suffix(out, SUFFIXES, "a comparison")
    check_suffix(figure, (".png", ".pdf", ".svg"), "a figure")
    paths = [folder, *(more or [])]
    found = gather(paths)
    chosen = by or ("condition" if len(paths) > 1 or is_study(folder) else "classifier")
    selected = select(
        found,
        chosen,
        metric,
        conditions=tuple(condition or ()),
        measures=tuple(measure or ()),
        classifiers=tuple(classifier or ()),
    )
    compared = contrast({name: one.people for name, one in selected.summaries.items()})
    said = protocols(found.records)
    notes = (*found.notes, *selected.notes, *compared.left_out, *((RULE,) if chosen != "classifier" else ()))
    for note in notes:
        typer.echo(f"Note: {note}", err=True)
    console = Console(highlight=False)
    console.print(said[0] if said else "", *([f"(and {len(said) - 1} more)"] if len(said) > 1 else []))
    for table in tables_of(compared, selected.summaries):
        console.print(table.on_screen())
    if out is not None:
        write_contrast(out, compared, selected.summaries, said, notes)
        typer.echo(f"Wrote {out}")
    if figure is not None:
        from offline.evaluate.figures.curves import comparison_figure
        from offline.study.gallery import save_figure

        save_figure(comparison_figure(compared.comparison), figure)
        typer.echo(f"Wrote {figure}")


def plots(
    folder: Annotated[
        Path, typer.Argument(help="A finished run of 'pipeline', or a study.", metavar="DIR", show_default=False)
    ],
    only: Annotated[
        list[str] | None,
        typer.Option(help="These figures, or their names' beginnings; default: all.", metavar="NAME..."),
    ] = None,
    umap: Annotated[
        bool, typer.Option("--umap/--tsne", help="How samples become points; UMAP needs the package umap-learn.")
    ] = False,
    dpi: Annotated[int, typer.Option(min=20, max=1200, help="Dots per inch.")] = 120,
    file_format: Annotated[Literal["png", "pdf", "svg"], typer.Option("--format", help="Of the files.")] = "png",
    out: Annotated[
        Path | None, typer.Option(help="Folder of the figures; default: figures/ of the run.", metavar="DIR")
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(help="Where the run's features are kept, for the input's scatter; default: in the run."),
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="Say what there is to draw, and draw nothing.")] = False,
) -> None:
    """Draw a saved run's figures again, without training; or a study's report."""
    # torch and matplotlib take seconds to import; --help should not
    from offline.evaluate.figures.scatter import Embedding, need_umap
    from offline.study.gallery import draw_figures, figures_of
    from offline.study.shown import load_shown
    from offline.sweep.records import is_study
    from rt_handdt.errors import ConfigError

    if is_study(folder):
        if only or out or cache or umap or show or (dpi, file_format) != (120, "png"):
            raise ConfigError(
                f"{folder}: of a study the whole report is drawn again; give no other option, or name one of its jobs."
            )
        from offline.sweep.study_report import write_report

        for path in write_report(folder):
            typer.echo(f"Wrote {path}")
        return
    embedding: Embedding = "umap" if umap else "tsne"
    if umap:
        need_umap()
    scattered = not show and (not only or any(embedding.startswith(word) for word in only))
    shown = load_shown(folder, cache=cache, inputs=scattered)
    if show:
        for name in figures_of(shown, embedding):
            typer.echo(name)
        return
    for note in shown.notes:
        typer.echo(f"Note: {note}", err=True)
    target = out if out is not None else folder / "figures"
    written = draw_figures(shown, target, only=tuple(only or ()), embedding=embedding, dpi=dpi, file_format=file_format)
    for path in written:
        typer.echo(f"Wrote {path}")
