"""``rt-handdt inspect``: what lies at a path, and whether it can be used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from rt_handdt.cli.options import FileColumns, FileStream, FileUnit
from rt_handdt.core.columns import columns_text
from rt_handdt.core.gestures import GestureSet, title
from rt_handdt.core.recording import Recording
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.description import shown
from rt_handdt.io.hyser_layout import HyserSession, list_sessions, missing_gestures, read_session_folder
from rt_handdt.io.recorded_decisions import RecordedDecisions
from rt_handdt.io.recording_tree import Listed, list_recordings
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.sources import open_run, virtual_seed

#: Missing gestures are named up to this many; a cohort of ten gestures lacks 24 of Hyser's 34.
_NAMED = 5


def inspect(
    path: Annotated[
        str,
        typer.Argument(
            help="A recording, a folder of them (Hyser, BIDS, sessions), or virtual[:SEED].", show_default=False
        ),
    ],
    subject: Annotated[int | None, typer.Option(help="Person to look at in a folder of several.")] = None,
    session: Annotated[int | None, typer.Option(help="Session to look at in a folder of several.")] = None,
    stream: FileStream = None,
    unit: FileUnit = None,
    columns: FileColumns = None,
) -> None:
    """Show what a recording holds: channels, rate, length, labels, missing values."""
    console = Console(emoji=False)
    choice = SignalChoice.parse(stream, unit, columns)
    if not choice and subject is None and session is None and virtual_seed(path) is None:
        folder = Path(path)
        listed = list_recordings(folder) if folder.is_dir() else []
        if len(listed) > 1:
            show_tree(console, folder, listed)
            return
        if folder.is_dir() and read_session_folder(folder) is None and _has_sessions(folder):
            show_sessions(console, folder, list_sessions(folder))
            return
    show_recording(console, *open_run(path, subject=subject, session=session, choice=choice))


def show_tree(console: Console, root: Path, listed: list[Listed]) -> None:
    """A table of the recordings below a folder, by their names alone."""
    people = len({one.subject for one in listed})
    table = Table(title=f"Subjects: {people}, recordings: {len(listed)}", title_justify="left")
    for column in ("subject", "session", "format", "where"):
        table.add_column(column)
    table.add_column("files", justify="right")
    for one in listed:
        where = Text(str(one.path.relative_to(root)))
        table.add_row(Text(one.subject), Text(one.session), one.format, where, str(one.files))
    console.print(Text(f"Folder {root}"))
    console.print(table)
    console.print("One in detail: rt-handdt inspect PATH")


def show_sessions(console: Console, root: Path, sessions: list[HyserSession]) -> None:
    """A table of a Hyser root: one line for each session and kind of trial. Reads names and labels only."""
    people = len({one.subject for one in sessions})
    table = Table(title=f"People: {people}, sessions: {len(sessions)}", title_justify="left")
    for column in ("subject", "session", "kind", "variants"):
        table.add_column(column)
    table.add_column("trials", justify="right")
    table.add_column("gestures", justify="right")
    table.add_column("missing gestures, or what is wrong")
    bad = 0
    for one in sessions:
        if not one.kinds:
            bad += 1
            table.add_row(str(one.subject), str(one.session), "", "", "0", "0", "[red]no trials[/red]")
        for kind in one.kinds:
            variants = [variant for (of, variant) in one.samples if of == kind]
            try:
                # Each variant is checked; they share one label file.
                for variant in variants:
                    codes = one.labels(kind, variant)
            except RecordingError as error:
                bad += 1
                trials, gestures, remark = "", "", f"[red]{escape(str(error))}[/red]"
            else:
                missing = missing_gestures(codes)
                trials, gestures = str(len(codes)), str(len(set(codes)))
                remark = ", ".join(missing) if len(missing) <= _NAMED else f"{len(missing)} of Hyser's 34"
            table.add_row(str(one.subject), str(one.session), kind, ", ".join(variants), trials, gestures, remark)
    console.print(f"Hyser folder [bold]{escape(str(root))}[/bold]")
    console.print(table)
    if bad:
        console.print(f"[red]{bad} of these cannot be used as they are.[/red]")
    console.print("One session in detail: rt-handdt inspect PATH --subject N --session N")


def show_recording(console: Console, recording: Recording, told: RecordedDecisions | None = None) -> None:
    """All about one recording, and what was decided while it was made; reads it through once, block by block."""
    missing, low, high = _scan(console, recording)
    facts = Table(show_header=False, box=None)
    facts.add_column(style="dim")
    facts.add_column()
    names = recording.channels
    shown = ", ".join(names) if len(names) <= 8 else f"{', '.join(names[:4])}, … {names[-1]}"
    for what, value in (
        ("recording", recording.name),
        ("subject, session", f"{recording.subject}, {recording.session}"),
        ("channels", f"{len(names)} ({shown})"),
        *([("columns", f"{columns_text(recording.columns)}, counted from 0")] if recording.columns else []),
        ("rate", f"{recording.fs_hz:g} Hz"),
        ("length", f"{recording.duration_s:.1f} s ({recording.n_samples} samples)"),
        ("values", f"{low:.1f} to {high:.1f} {recording.unit}" if low <= high else "none"),
        ("missing values", _missing(recording, missing)),
        *([("decisions", _decisions(told))] if told is not None else []),
    ):
        facts.add_row(what, escape(value))
    console.print(facts)
    segments = recording.segments()
    if segments:
        table = Table(title="Labels", title_justify="left")
        table.add_column("label")
        for column in ("segments", "seconds"):
            table.add_column(column, justify="right")
        labels = {segment.label for segment in segments}
        for label in GestureSet.ordered(labels).labels if len(labels) > 1 else labels:
            own = [segment for segment in segments if segment.label == label]
            seconds = sum(segment.stop - segment.start for segment in own) / recording.fs_hz
            table.add_row(escape(title(label)), str(len(own)), f"{seconds:.1f}")
        console.print(table)
    else:
        console.print("Labels: none")
    for note in recording.notes:
        console.print(f"Note: {escape(note)}")


def _has_sessions(folder: Path) -> bool:
    try:
        return bool(list_sessions(folder))
    except RecordingError:
        return False


def _scan(console: Console, recording: Recording) -> tuple[np.ndarray, float, float]:
    """Missing values of each channel, smallest and largest value (infinite where there is none)."""
    missing = np.zeros(len(recording.channels), dtype=np.int64)
    low, high = np.inf, -np.inf
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Reading", total=recording.n_samples)
        for block in recording.blocks():
            there = np.isfinite(block)  # an infinite value is none, here as in the filters
            missing += (~there).sum(axis=0)
            low = min(low, float(block.min(initial=np.inf, where=there)))
            high = max(high, float(block.max(initial=-np.inf, where=there)))
            progress.advance(task, len(block))
    return missing, low, high


def _decisions(told: RecordedDecisions) -> str:
    from rt_handdt.core.run_setup import RunSetup

    count = f"{int(told.decided.sum())} ('{shown(told.name)}')"
    try:
        return f"{count}. {RunSetup.read(told.setup).sentence()}" if told.setup else count
    except ConfigError as exc:
        return f"{count}. {exc}"


def _missing(recording: Recording, missing: np.ndarray) -> str:
    total = int(missing.sum())
    if not total:
        return "none"
    worst = int(missing.argmax())
    share = total / (recording.n_samples * len(recording.channels))
    return (
        f"{total} ({share:.2%}) in {int((missing > 0).sum())} channels; most in {recording.channels[worst]}: "
        f"{missing[worst] / recording.n_samples:.2%}"
    )
