"""``rt-handdt score``: what a wearer would notice, on recorded sessions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from rt_handdt.cli.options import FileColumns, FileStream, FileUnit, PostProcessing, ProviderName, check_writable
from rt_handdt.errors import ConfigError

if TYPE_CHECKING:
    from rt_handdt.core.live_figures import LiveFigures

SCHEMA = "rt-handdt.score/2"


def score(
    sessions: Annotated[
        list[str], typer.Argument(help="Continuous sessions with markers: all that inspect opens, or virtual:SEED.")
    ],
    bundle: Annotated[str, typer.Option("--bundle", help="Folder of the model, or the name of a shipped one.")],
    repetitions: Annotated[
        int | None,
        typer.Option("--repetitions", min=1, help="Calibrate with the first so many of each label; score the rest."),
    ] = None,
    calibration: Annotated[
        str | None, typer.Option("--calibration", help="Calibrate with this recording.", metavar="PATH")
    ] = None,
    learn: Annotated[
        bool | None, typer.Option("--learn/--no-learn", help="Adapt without labels, if the model can. [default: learn]")
    ] = None,
    anew: Annotated[
        bool,
        typer.Option("--anew", help="Of recorded runs: with the model's own settings, not with those of the run."),
    ] = False,
    post_processing: PostProcessing = None,
    provider: ProviderName = "auto",
    stream: FileStream = None,
    unit: FileUnit = None,
    columns: FileColumns = None,
    out: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
) -> None:
    """How fast, how steady and how often wrong decisions are, session by session; beside plain LDA with a majority vote
    over 0.25 s, where there are repetitions to fit it to.

    A run that was recorded with its decisions is decided as it was: calibrated, with the same post-processing, but for
    what is given here.

    Example: rt-handdt score run.xdf --bundle models/mine --repetitions 1
    """
    from rt_handdt.core.bundle import load_bundle
    from rt_handdt.core.recording import Recording
    from rt_handdt.core.repetitions import first_repetitions
    from rt_handdt.infer.classifier import StreamClassifier
    from rt_handdt.infer.recognizer import Recognizer
    from rt_handdt.infer.stream import StreamRecognizer
    from rt_handdt.io.signal_choice import SignalChoice
    from rt_handdt.io.sources import open_recording, open_run
    from rt_handdt.runtime.repeating import Asked, recorded_setup, repeated
    from rt_handdt.runtime.scoring import score_session

    if repetitions is not None and calibration is not None:
        raise ConfigError("--repetitions and --calibration both say what to calibrate with; give one of them.")
    check_writable(out)
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    asked = Asked(learn, calibration, None, None if post_processing is None else tuple(post_processing))
    choice = SignalChoice.parse(stream, unit, columns)
    recognizer = Recognizer(load_bundle(bundle), provider)  # type: ignore[arg-type]
    labels = recognizer.bundle.gestures.labels
    found: list[dict[str, object]] = []
    models: list[LiveFigures] = []
    ldas: list[LiveFigures] = []
    own: tuple[Recording, ...] = ()
    if calibration is not None:
        own = (open_recording(calibration, choice=choice),)
    for name in sessions:
        one, told = open_run(name, choice=choice, as_run=not anew)
        as_run = told is not None and not anew and recorded_setup(told) is not None
        if repetitions is not None:
            own, rest = first_repetitions([one], repetitions, labels)
            if not rest:
                raise ConfigError(f"{name}: nothing follows the calibration; ask for fewer --repetitions.")
            one = rest[0]
        if told is not None and as_run:
            classifier, notes = repeated(recognizer.bundle, told, asked, recognizer)
            console.print(f"{name}: as it was decided then. {' '.join(notes)}".rstrip())
        else:
            reader = StreamRecognizer(recognizer, learn=learn is not False)
            classifier = StreamClassifier.of(reader, (), post_processing or ())
        changes = told.changes if told is not None and as_run and repetitions is None else ()
        scored = score_session(classifier, one, own, changes)
        models.append(scored.model)
        ldas += [scored.lda] if scored.lda is not None else []
        found.append(
            {
                "session": name,
                "subject": one.subject,
                "as_it_was_decided": as_run,
                "model": scored.model.to_dict(),
                "lda": None if scored.lda is None else scored.lda.to_dict(),
            }
        )
    console.print(_table(models, ldas, len(sessions)))
    if out is not None:
        content = {"schema": SCHEMA, "bundle": recognizer.bundle.manifest.name, "sessions": found}
        out.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _table(models: list[LiveFigures], ldas: list[LiveFigures], count: int) -> Table:
    from rt_handdt.core.figure_words import figure_rows

    table = Table("what", "model", *(["LDA + vote"] if ldas else []), title=f"{count} sessions: mean (least – most)")
    columns = [figure_rows(figures) for figures in (models, ldas) if figures]
    for cells in zip(*columns, strict=True):
        table.add_row(cells[0][0], *(value for _, value in cells))
    return table
