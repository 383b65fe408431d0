"""``handdt-offline features``: measure recordings, list what can be measured, check the assumed grid."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from offline.cli.measure_options import Gestures, Kind, Phase, Repair, Stride, Unit

FEATURES_EXAMPLE = "Example: handdt-offline features --data cohort --measure td,mnf --cache cache --out features.npz"


def features(
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="Hyser folder, cohort, XDF files or a folder of them, dataset.toml, virtual:SEED:PEOPLE[:SESSIONS"
            "[:REPETITIONS]], or a PR_v1_… folder of the study; more may follow.",
            metavar="PATH...",
        ),
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(help="Further data.", hidden=True)] = None,
    measure: Annotated[str, typer.Option(help="What to measure; --list names all.", metavar="NAME[,NAME…]")] = "td",
    unit: Unit = "trial",
    sessions: Annotated[list[str] | None, typer.Option(help="Sessions to keep; default: all.", metavar="N...")] = None,
    gestures: Gestures = "all",
    kind: Kind = "dynamic",
    phase: Phase = "causal",
    stride: Stride = 1,
    repair: Repair = False,
    layout: Annotated[
        str | None, typer.Option(help="Electrode layout: a TOML file, or a shipped name; default: Hyser's.")
    ] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder that keeps features for the next time.")] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Sessions measured at once; default: one per processor.", metavar="N")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write, .npz.", metavar="FILE")] = None,
    study_out: Annotated[
        Path | None, typer.Option(help="Root to write as the study's PR_v1_… folder in.", metavar="DIR")
    ] = None,
    check_layout: Annotated[
        bool, typer.Option("--check-layout", help="Tell whether the assumed grid fits the recordings, and stop.")
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="Name every measure, and stop.")] = False,
) -> None:
    """Measure trials or windows of recordings, and write them as one table."""
    # scipy and the readers take a second to import; --help should not
    from offline.features.build_table import build_table
    from offline.features.feature_config import FeatureConfig, named_gestures
    from rt_handdt.errors import ConfigError

    if list_:
        _list()
        return
    # ``--sessions 1 2``: the parser takes one word for an option, the others come as arguments.
    further = [word for word in more or [] if sessions and word.isdecimal() and not Path(word).exists()]
    names = [*(data or []), *(word for word in more or [] if not (further and word.isdecimal()))]
    if not names:
        raise ConfigError(
            "There is nothing to measure: give --data a Hyser folder, a cohort, XDF files, or a data set."
        )
    config = FeatureConfig.parse(
        {
            "measure": measure,
            "unit": unit,
            "kind": kind,
            "gestures": named_gestures(gestures, unit),
            "sessions": (*(sessions or []), *further),
            "phase": phase,
            "stride": stride,
            "repair": repair,
        },
        what="features",
    )
    if check_layout:
        _check(names, config, layout)
        return
    table = build_table(names, config, layout=layout, cache=cache, processes=processes)
    for sentence in table.skipped:
        typer.echo(f"Note: {sentence}", err=True)
    typer.echo(
        f"{len(table)} {unit}s of {len(table.people)} people, {len(table.sessions)} sessions, "
        f"{len(table.gestures)} gestures; {table.measure}: maps of {'×'.join(map(str, table.maps.shape[1:]))}"
    )
    if out is not None:
        typer.echo(f"Wrote {table.save(out)}")
    if study_out is not None:
        from offline.features.released_folders import write_study_folder

        typer.echo(f"Wrote {write_study_folder(table, study_out, kind)}")


def _check(names: list[str], config: object, layout: str | None) -> None:
    from offline.features.feature_config import FeatureConfig
    from offline.features.layout_check import check_layout, mean_correlation
    from offline.features.named_sources import open_sources

    assert isinstance(config, FeatureConfig)
    opened = open_sources(names, config, layout)
    correlation, trials = mean_correlation(opened.sources, opened.layout, config)
    found = check_layout(correlation, opened.layout, trials)
    if found.fits:
        typer.echo(f"{'arrays':<24}" + "".join(f"{seam:>9}" for seam in found.seams) + f"{'mean':>9}")
    for fit in found.fits:
        mark = "  <- best" if fit in found.best else ""
        typer.echo(f"{fit.name:<24}" + "".join(f"{v:>9.3f}" for v in fit.seams) + f"{fit.score:>9.3f}{mark}")
    for sentence in found.sentences():
        typer.echo(sentence)


def _list() -> None:
    from offline.features.classical import CLASSICAL
    from offline.features.measures import MEASURES
    from rt_handdt.core.feature import DIFFERENTIAL

    for name, pieces in MEASURES.items():
        typer.echo(f"{name:<22}{'+'.join(str(len(piece.names)) for piece in pieces):>8}  measure of the study")
    for name, kind in DIFFERENTIAL.items():
        typer.echo(f"{name:<22}{1:>8}  differential: {kind.__doc__} ({name}_2: 2 cells apart, and so on)")
    for name, one in CLASSICAL.items():
        typer.echo(f"{name:<22}{len(one.names):>8}  {one.group}: {one.about}")
