"""``rt-handdt calibrate``: a subject's profile, in a minute."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from rt_handdt.cli.options import ControlMode, Dofs, Network, ProviderName, checked_mode
from rt_handdt.cli.source_options import ByPosition, Columns, Kind, StreamLayout, StreamName, Unit, source_choice
from rt_handdt.errors import ConfigError, RecordingError, StreamError

if TYPE_CHECKING:
    from rt_handdt.infer.classifier import StreamClassifier
    from rt_handdt.runtime.connect import Connection
    from rt_handdt.runtime.guide import Guide, View

_BAR = 32


def calibrate(
    bundle: Annotated[Path, typer.Option("--bundle", help="Folder of the model, or the name of a shipped one.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the profile to make.", metavar="DIR")],
    stream: StreamName = None,
    kind: Kind = None,
    gestures: Annotated[
        str | None, typer.Option("--gestures", help="Which ones, parted by commas; default: all of the model.")
    ] = None,
    repetitions: Annotated[
        int | None,
        typer.Option("--repetitions", min=1, max=9, help="How often each is made; default: 1, for regression 2."),
    ] = None,
    hold: Annotated[float, typer.Option("--hold", min=0.5, help="Seconds that each is held.")] = 3.0,
    prepare: Annotated[float, typer.Option("--prepare", min=0.0, help="Seconds between cue and hold.")] = 2.0,
    recording: Annotated[
        str | None, typer.Option("--recording", help="Not live: from a recording with markers.", metavar="PATH")
    ] = None,
    mode: ControlMode = "classification",
    dofs: Dofs = None,
    subject: Annotated[str, typer.Option("--subject", help="Whom, to remember it by.")] = "",
    unit: Unit = None,
    layout: StreamLayout = None,
    columns: Columns = None,
    by_position: ByPosition = False,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to wait for the stream.")] = 10.0,
    provider: ProviderName = "auto",
    network: Network = False,
) -> None:
    """Rest, then each gesture once, held for a few seconds: what comes of it is a profile for rt-handdt live --profile.

    In a terminal: r makes the present gesture again, b the one before, space goes on, q ends it (what was heard
    counts).

    With --mode regression, the gestures of two degrees of freedom, alone and both at once, each made slowly, from
    nothing to comfortable strength.

    Example: rt-handdt calibrate --bundle default --stream Quattrocento --out anna
    """
    from rt_handdt.core.dof import DofPair
    from rt_handdt.core.labelled import relabelled
    from rt_handdt.core.profile import check_new
    from rt_handdt.core.regression_fit import FULL, cue_labels, stronger_half
    from rt_handdt.infer.classifier import StreamClassifier

    console = Console(soft_wrap=True, highlight=False)
    check_new(out)
    if recording is not None and gestures is not None:
        raise ConfigError("--gestures is for a stream; of a recording, all gestures count. Leave one of them out.")
    regression, pair = checked_mode(mode) == "regression", DofPair() if dofs is None else DofPair.parse(dofs)
    if dofs is not None and not regression:
        raise ConfigError("--dofs is for --mode regression; leave it out, or ask for that mode.")
    if regression and gestures is not None:
        raise ConfigError("--gestures is for the mode classification; of regression, --dofs says what is made.")
    choice = source_choice(stream, kind, unit=unit, layout=layout, columns=columns, by_position=by_position)
    classifier = StreamClassifier(bundle, provider=provider)  # type: ignore[arg-type]
    labels = cue_labels(pair) if regression else classifier.labels
    if len(set(labels) & set(classifier.labels)) < 2:
        raise ConfigError(
            f"A profile is of the model's gestures too, and this one knows none of {', '.join(labels)}; record them "
            "with markers, and use rt-handdt live --mode regression --calibration."
        )
    if recording is not None:
        from rt_handdt.runtime.own_recording import own_recording

        opened = own_recording(recording, choice, classifier.spec)
        if regression:
            _say(console, classifier.calibrate_velocities(opened, pair).sentences())
        report = classifier.calibrate(opened, rising=regression)
        rest, active = _levels(classifier, opened, FULL if regression else 50)
    else:
        from rt_handdt.io import lsl
        from rt_handdt.runtime.connect import connect
        from rt_handdt.runtime.guide import Guide

        wanted = None if gestures is None else [one.strip() for one in gestures.split(",")]
        guide = Guide(
            classifier,
            wanted,
            repetitions=repetitions or (2 if regression else 1),
            rest_s=max(3.0, hold),
            hold_s=hold,
            prepare_s=prepare,
            labels=labels,
            rising=regression,
        )
        lsl.configure(network=network)
        connection = connect(classifier.spec, choice, timeout_s=timeout)
        try:
            for note in connection.notes:
                console.print(Text(note, "yellow"))
            _guide(guide, classifier, connection, console)
        finally:
            connection.close()
        windows = guide.windows()
        if regression:
            _say(console, classifier.fit_velocities(windows, labels, pair).sentences())
            windows = stronger_half(windows, labels, classifier.bundle.population(), classifier.spec)
        known = relabelled(windows, labels, classifier.labels) if regression else windows
        if known is None:
            raise RecordingError("Fewer than two of the model's gestures were heard; a profile needs two or more.")
        report = classifier.reader.fit(known)
        rest, active = guide.rest_rms_uv, guide.active_rms_uv
    _say(console, report.sentences())
    classifier.profile(report, rest_rms_uv=rest, active_rms_uv=active, subject=subject).save(out)
    console.print(Text(f"{out}: use it with rt-handdt live --bundle {bundle} --profile {out}"))


def _say(console: Console, sentences: list[str]) -> None:
    for sentence in sentences:
        console.print(Text(sentence))


def _guide(guide: Guide, classifier: StreamClassifier, connection: Connection, console: Console) -> None:
    """Until all was heard, or somebody ends it."""
    import sys

    from rt_handdt.cli.keyboard import QUIT, Keyboard
    from rt_handdt.runtime.ending import Ending
    from rt_handdt.runtime.guide import Phase
    from rt_handdt.runtime.guide_feed import GuideFeed

    said: tuple[object, ...] = ()
    feed = GuideFeed(guide, classifier, connection)
    with contextlib.ExitStack() as stack:
        keyboard = stack.enter_context(Keyboard()) if sys.stdin.isatty() else None
        status = stack.enter_context(console.status("")) if console.is_terminal else None
        stack.enter_context(contextlib.suppress(KeyboardInterrupt))  # as q; so do a polite kill and a hang-up
        stack.enter_context(Ending())
        while not guide.done:
            try:
                feed.step()
            except StreamError as exc:
                console.print(Text(f"{exc} What was heard until now counts.", "yellow"))
                return
            view = guide.view()
            if status is not None:
                status.update(_line(view))
            if (view.number, view.phase) != said:
                said = view.number, view.phase
                if view.verdict is not None and view.verdict.sentence and view.phase is Phase.ASK:
                    console.print(Text(view.verdict.sentence, "yellow"))
                if status is None:
                    console.print(_line(view))
            key = keyboard.read(0.0).lower() if keyboard is not None else ""
            if key == QUIT:
                return
            if key == "r":
                guide.repeat()
            elif key == "b":
                guide.back()
            elif key == " " or (view.phase is Phase.ASK and keyboard is None):
                guide.go_on()  # where nobody can be asked, it is left as it was heard
    for note in feed.notes:
        console.print(Text(note, "yellow"))


def _line(view: View) -> Text:
    from rt_handdt.core.gestures import title
    from rt_handdt.runtime.guide import FULL, Phase

    what = {
        Phase.PREPARE: "Get ready",
        Phase.HOLD: "Slowly up" if view.rising else "Hold",
        Phase.ASK: "Again (r), or go on (space)?",
        Phase.DONE: "Done",
    }
    line = Text(f"{view.number}/{view.steps}  ")
    line.append(f"{title(view.label):<24}", "bold green" if view.phase is Phase.HOLD else "bold cyan")
    line.append(f" {what[view.phase]:<12}")
    if view.left_s:
        line.append(f" {view.left_s:3.1f} s  ")
    filled = round(_BAR * min(1.0, view.level / FULL))
    line.append("█" * filled, "green").append("░" * (_BAR - filled), "dim")
    return line


def _levels(classifier: StreamClassifier, recording: object, percentile: float) -> tuple[float, dict[str, float]]:
    """Mean RMS at rest (median), and of each gesture (that percentile of its windows)."""
    import numpy as np

    from rt_handdt.core.gestures import REST
    from rt_handdt.core.preprocess import iter_frames
    from rt_handdt.core.recording import Recording

    assert isinstance(recording, Recording)
    segments = recording.segments()
    found: dict[str, list[float]] = {}
    at = 0
    for frame in iter_frames(recording, classifier.spec):
        while at < len(segments) and segments[at].stop <= frame.index:
            at += 1
        first = frame.index - classifier.spec.window_samples + 1
        if at < len(segments) and frame.fault is None and segments[at].holds(first, frame.index):
            found.setdefault(segments[at].label, []).append(float(frame.rms_uv.mean()))
    share = {label: 50.0 if label == REST else percentile for label in found}
    levels = {label: float(np.percentile(found[label], share[label])) for label in found if label in classifier.labels}
    return levels.pop(REST, 0.0), levels
