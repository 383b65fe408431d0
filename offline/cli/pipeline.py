"""``handdt-offline pipeline``: the released pipeline in one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from offline.cli.measure_options import Gestures, Kind, Phase, Repair, Stride, Unit

PIPELINE_EXAMPLE = (
    "Example: handdt-offline pipeline --data hyser --measure td --test-subjects 1 2 3 4 --session 1 "
    "--classifiers knn svm rf --out run"
)


def pipeline(
    data: Annotated[
        list[str],
        typer.Option(
            help="Hyser folder, cohort, XDF files or a folder of them, dataset.toml, virtual:SEED:PEOPLE[:SESSIONS"
            "[:REPETITIONS]], or a PR_v1_… folder.",
            metavar="PATH...",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run; the same command goes on in it.", metavar="DIR")],
    test_subjects: Annotated[
        list[str] | None, typer.Option(help="People to test, nowhere in training.", metavar="N...")
    ] = None,
    test_data: Annotated[
        list[str] | None, typer.Option(help="Other data, all of whose people are tested.", metavar="PATH...")
    ] = None,
    protocol: Annotated[
        Literal["cross-subject", "cross-session", "within-session"], typer.Option(help="What is held out to test.")
    ] = "cross-subject",
    session: Annotated[
        list[str] | None,
        typer.Option(help="Sessions to use, default: all; cross-session: train on the first, test the second."),
    ] = None,
    fold: Annotated[int, typer.Option(min=1, help="Within-session: which fold of the repetitions.")] = 1,
    folds: Annotated[int, typer.Option(min=2, help="Within-session: of how many.")] = 3,
    valid_people: Annotated[
        int | None,
        typer.Option(min=0, help="Training people held out to choose by; default: 15 %; 0: none, as published."),
    ] = None,
    measure: Annotated[str, typer.Option(help="What to measure; 'features --list' names all.", metavar="NAME")] = "td",
    unit: Unit = "trial",
    gestures: Gestures = "ten",
    kind: Kind = "dynamic",
    phase: Phase = "causal",
    stride: Stride = 1,
    repair: Repair = False,
    layout: Annotated[str | None, typer.Option(help="Electrode layout: a file, or a shipped name.")] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="The method's configuration; default: configs/method/faithful.toml.", metavar="FILE"),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="A setting in place of the method's (loss.margin=0.5) or of the run's (features.window_s=0.3).",
            metavar="KEY=VALUE...",
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="In place of the configuration's.")] = None,
    classifiers: Annotated[
        list[str] | None,
        typer.Option(help="knn, svm, rf, lda, mlp, cnn, lstm; default: knn svm rf.", metavar="NAME..."),
    ] = None,
    latent: Annotated[
        list[str] | None,
        typer.Option(
            help="pattern: the gesture from the pattern latent (default); subject: the person from the subject latent.",
            metavar="NAME...",
        ),
    ] = None,
    bundle: Annotated[
        str | None,
        typer.Option(help="Classifier of the live bundle; default: the first one; none: no bundle.", metavar="NAME"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of split, training and classifiers.")] = 0,
    training_seed: Annotated[
        int | None, typer.Option(min=0, help="Of training alone, for runs whose latents are to be joined.")
    ] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder that keeps features; default: in --out.")] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Sessions measured at once; default: one per processor.", metavar="N")
    ] = None,
    figures: Annotated[bool, typer.Option(help="Draw the figures.")] = True,
    allow_reserved_seeds: Annotated[
        bool,
        typer.Option("--allow-reserved-seeds", help="Train even on virtual people that are kept for final figures."),
    ] = False,
) -> None:
    """Train the method on some people, test it on others, classify, tabulate and draw: the whole study of one split.

    LDA and a linear SVM on the log features of the same samples always stand beside it.
    """
    # torch takes seconds to import; --help should not
    from rich.console import Console

    from offline.config.method import MethodConfig
    from offline.features.feature_config import named_gestures
    from offline.study.pipeline_run import run_pipeline
    from offline.study.run_config import PipelineConfig, set_of_run
    from offline.study.run_report import score_table
    from offline.util import gone_on_with
    from rt_handdt.errors import ConfigError
    from rt_handdt.paths import shipped

    method = MethodConfig.from_toml(config or shipped("configs", "method", "faithful.toml"))
    method = method.model_copy(
        update={
            "seed": seed if training_seed is None else training_seed,
            "optimiser": method.optimiser.model_copy(update={"epochs": epochs or method.optimiser.epochs}),
        }
    )
    of_run = [one for one in set_ or () if set_of_run(one)]
    method = method.changed([one for one in set_ or () if one not in of_run], what="--set")
    sessions = tuple(session or ())
    chosen = {}
    if protocol == "cross-session":
        if len(sessions) not in (0, 2):
            raise ConfigError(f"Cross-session needs two sessions, as in --session 1 2; got {len(sessions)}.")
        train_session, test_session = sessions or ("1", "2")
        sessions = (train_session, test_session)
        chosen = {"train_session": train_session, "test_session": test_session}
    settings = PipelineConfig.parse(
        {
            "data": tuple(data),
            "test_data": tuple(test_data or ()),
            "layout": layout,
            "protocol": protocol,
            "test_subjects": tuple(test_subjects or ()),
            "valid_people": valid_people,
            **chosen,
            "fold": fold,
            "folds": folds,
            "classifiers": tuple(dict.fromkeys(classifiers or ("knn", "svm", "rf"))),
            "bundle": bundle,
            "latents": tuple(dict.fromkeys(latent or ("pattern",))),
            "seed": seed,
            "features": {
                "measure": measure,
                "unit": unit,
                "kind": kind,
                "gestures": named_gestures(gestures, unit),
                "sessions": sessions,
                "phase": phase,
                "stride": stride,
                "repair": repair,
            },
            "method": method.model_dump(),
        },
        what="pipeline",
    ).changed(of_run, what="--set")
    with gone_on_with():
        run = run_pipeline(
            settings,
            out,
            cache=cache,
            processes=processes,
            allow_reserved_seeds=allow_reserved_seeds,
            figures=figures,
        )
    for note in run.notes:
        typer.echo(f"Note: {note}", err=True)
    Console().print(score_table(run.scores, f"{run.split.protocol}; unit: {run.table.unit}"))
    typer.echo(f"Wrote {run.folder.report}")
    if run.folder.bundle.exists():
        typer.echo(f"Wrote {run.folder.bundle}; rt-handdt live --bundle {run.folder.bundle} runs it")
