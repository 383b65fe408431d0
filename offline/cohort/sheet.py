"""The sheet of a cohort: read every session, score the reference decoder, write one HTML or PDF file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
from rich.console import Console

from offline.cohort.cohort_tables import (
    PUBLISHED,
    channel_table,
    difficulty_table,
    gesture_table,
    statistics_table,
)
from offline.cohort.difficulty import Difficulty, difficulty, reference_spec
from offline.cohort.render import Sheet, write_html, write_pdf
from offline.cohort.session_reading import Task, Unread, read_session
from offline.cohort.session_summary import SessionSummary
from offline.data.cohort_folder import cohort_root, read_plan
from offline.pages.blocks import Picture, Table
from offline.pages.drawing import STYLE
from offline.util import Bar, share_out
from rt_handdt.core.gestures import STUDY_TEN, hyser_label
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.hyser_layout import HyserSession, list_sessions
from rt_handdt.io.whole import whole

SUFFIXES = (".html", ".htm", ".pdf")


def write_cohort_report(
    folder: str | Path,
    out: str | Path,
    *,
    subjects: int | None = None,
    processes: int | None = None,
    progress: bool = True,
) -> Sheet:
    """Write the sheet of a cohort, or of the real Hyser folder.

    Parameters
    ----------
    folder, subjects, processes, progress
        As for `cohort_sheet`.
    out
        The file; its suffix decides: ``.html`` or ``.pdf``. A file that is there is replaced.

    Returns
    -------
    Sheet
        What was written.

    Raises
    ------
    ConfigError
        For another suffix, or a number below 1.
    RecordingError
        If there is no session, none that can be read, or `out` cannot be written.
    """
    out = Path(out)
    if out.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"{out}: a sheet is written as .html or .pdf; got the suffix '{out.suffix}'.")
    if out.is_dir() or not out.absolute().parent.is_dir():
        what = "is a folder" if out.is_dir() else f"the folder {out.absolute().parent} does not exist"
        raise RecordingError(f"{out}: {what}; give the name of a file in a folder that is there.")
    sheet = cohort_sheet(folder, subjects=subjects, processes=processes, progress=progress)

    import matplotlib

    try:
        with whole(out) as part, matplotlib.rc_context(STYLE):  # type: ignore[arg-type]
            (write_pdf if out.suffix.lower() == ".pdf" else write_html)(sheet, part)
    except OSError as exc:
        raise RecordingError(
            f"{out}: the sheet could not be written ({exc.strerror or exc}); choose another folder or free some space."
        ) from exc
    return sheet


def cohort_sheet(
    folder: str | Path, *, subjects: int | None = None, processes: int | None = None, progress: bool = True
) -> Sheet:
    """Read a cohort, or the real Hyser folder, and make its sheet.

    Parameters
    ----------
    folder
        Hyser's root, a cohort, or one session's folder. The study's ten gestures are looked at; all of them where
        there is none of the ten.
    subjects
        Look at the first so many people only.
    processes
        How many sessions are read at once; by default one per processor. Memory is that of so many sessions of
        steady signal (some 60 MB each, 160 MB with maintenance trials) and 1.5 MB for each session read.
    progress
        Whether to show a progress bar on standard error.

    Raises
    ------
    ConfigError
        For a number below 1.
    RecordingError
        If there is no session, or none that can be read.
    """
    for name, value in (("subjects", subjects), ("processes", processes)):
        if value is not None and value < 1:
            raise ConfigError(f"The number of {name} must be 1 or more; got {value}.")
    folder = Path(folder)
    sessions = list_sessions(folder)
    everyone = sorted({one.subject for one in sessions})
    chosen = set(everyone[:subjects])
    sessions = [one for one in sessions if one.subject in chosen]
    summaries, unread = _read(sessions, processes, Console(stderr=True, quiet=not progress))
    if not summaries:
        raise RecordingError(
            f"{folder}: not one of its {len(sessions)} sessions can be shown; the first says: {unread[0].reason}"
        )
    return _make(folder, summaries, unread, len(everyone))


def _read(
    sessions: Sequence[HyserSession], processes: int | None, console: Console
) -> tuple[list[SessionSummary], list[Unread]]:
    present: set[int] = set()
    for one in sessions:
        try:
            present |= set(one.labels("dynamic", one.choose("dynamic")))
        except RecordingError:
            continue  # said again, with its reason, when the session is read
    gestures = frozenset(present & set(STUDY_TEN) or present or STUDY_TEN)
    tasks = [Task(one, gestures, examples=number == 0) for number, one in enumerate(sessions)]
    with Bar(console) as bar:
        row = bar.begin("sessions", len(tasks))
        try:
            found = share_out(read_session, [(one,) for one in tasks], processes, lambda _: bar.done(row))
        except BrokenProcessPool as exc:
            raise RecordingError(
                "A process that read the cohort was ended from outside, most often for lack of memory; give the same "
                "command with fewer processes."
            ) from exc
    found.sort(key=lambda one: (one.subject, one.session))
    summaries = [one for one in found if not isinstance(one, Unread)]
    return summaries, [one for one in found if isinstance(one, Unread)]


def _make(folder: Path, summaries: list[SessionSummary], unread: list[Unread], n_people: int) -> Sheet:
    from offline.cohort import grid_figures as maps
    from offline.cohort import signal_figures as signals

    layout = reference_spec().layout
    found = difficulty({(one.subject, one.session): one.windows for one in summaries})
    root = cohort_root(folder)
    people = len({one.subject for one in summaries})
    codes = sorted({code for one in summaries for code in one.statistics.gestures})
    trials = sum(one.statistics.n_trials for one in summaries)
    counted = f"{people} people, {len(summaries)} sessions, {len(codes)} gestures, {trials} dynamic trials"
    if root is not None:
        plan = read_plan(root)
        heading = "Virtual people"
        subtitle = (
            f"SIMULATED: no person was recorded. Seed {plan.seed}, {plan.subjects} people × {plan.sessions} sessions, "
            f"{plan.kind} trials{', ragged' if plan.ragged else ''}, made by {plan.made_by}. Shown: {counted}."
        )
    else:
        heading = "Recordings"
        subtitle = f"Recordings in Hyser's format from the folder '{folder.resolve().name}'. Shown: {counted}."
    parts: list[Table | Picture] = [statistics_table(summaries), difficulty_table(found)]

    import matplotlib

    with matplotlib.rc_context(STYLE):  # type: ignore[arg-type]
        parts.append(
            Picture(
                "Difficulty, person by person",
                "A dot is a person, the line their mean. Green: where the mean over people lies for real EMG.",
                maps.difficulty_figure(found),
            )
        )
        if found.other_people.confusion.sum():
            parts.append(
                Picture(
                    "What another person's gestures are taken for",
                    "Reference decoder, trained on the first sessions of all others; rows add up to 100 %.",
                    maps.confusion(found),
                )
            )
        parts += [gesture_table(summaries, found), PUBLISHED]
        shown = next((one for one in summaries if one.examples), None)
        if shown is not None:
            parts.append(
                Picture(
                    f"Traces: person {shown.subject:02d}, session {shown.session}",
                    "20–500 Hz; two electrodes of each array, 30 mm apart along the fibres (blue: extensor side, "
                    "orange: flexor side); each gesture has its own scale. Grey: before the movement; green: the "
                    "steady half.",
                    signals.traces(shown, layout),
                )
            )
        parts += [
            Picture(
                "Maps of the gestures, mean over people and sessions",
                "RMS, each person's map scaled to its largest value. Extensors on the left, flexors on the right; the "
                "thumb's side of the forearm lies at both edges. White: seams between the arrays. How rows and columns "
                "lie on the arm is taken from the layout file.",
                maps.mean_heatmaps(summaries, layout),
            ),
            Picture(
                "Maps of the gestures, person by person",
                f"First session of each person{_first(people, maps.MOST_PEOPLE)}; each map scaled to its largest "
                "value. Grey cells: bad channels.",
                maps.heatmaps(summaries, layout),
            ),
            Picture(
                "Spectra",
                "Busy electrodes in the steady half, each scaled to the power 1. Right: median frequency (green: "
                "published).",
                signals.spectra(summaries),
            ),
            Picture(
                "Correlation against distance",
                "Pairs in one array, at least one of them busy; line: median of sessions, band: lowest to highest. "
                "Right: neighbours 10 mm apart, all directions (green: published).",
                signals.correlation(summaries),
            ),
            Picture(
                "Amplitudes",
                "Left: samples of busy electrodes over their RMS. Right: RMS of each session"
                + (
                    "."
                    if root is not None
                    else "; Hyser's files carry no trustworthy absolute scale, so only the ratio of the two counts."
                ),
                signals.amplitudes(summaries),
            ),
            channel_table(summaries, layout.channels),
            Picture(
                "Where bad channels were", "Number of sessions in which an electrode was bad.",
                maps.bad_channels(summaries, layout),
            ),
        ]  # fmt: skip
    remarks = (*_missing(summaries, unread, found), *_limits(people, n_people))
    return Sheet(f"{heading}: what their EMG is like", subtitle, remarks, tuple(parts))


def _first(people: int, most: int) -> str:
    return f" (the first {most})" if people > most else ""


def _limits(people: int, n_people: int) -> list[str]:
    return [f"Only {people} of the {n_people} people were looked at."] if people < n_people else []


def _missing(summaries: list[SessionSummary], unread: list[Unread], found: Difficulty) -> list[str]:
    """What a complete data set would have and this one lacks, in a few sentences."""
    said = [f"Person {one.subject:02d}, session {one.session}, is left out: {one.reason}" for one in unread]
    known = {(one.subject, one.session) for one in summaries} | {(one.subject, one.session) for one in unread}
    days = sorted({session for _, session in known})
    for subject in sorted({subject for subject, _ in known}):
        lacking = [str(day) for day in days if (subject, day) not in known]
        if lacking:
            said.append(f"Person {subject:02d} has no session {', '.join(lacking)}.")
    counts = {(one.subject, one.session): _trials(one) for one in summaries}
    most = max(max(count.values()) for count in counts.values())
    short = 0
    for (subject, session), count in counts.items():
        lacking = [hyser_label(code) for code in found.gestures if code not in count]
        if lacking:
            said.append(f"Person {subject:02d}, session {session}, has no trial of {', '.join(lacking)}.")
        short += sum(0 < count[code] < most for code in found.gestures)
    if short:
        said.append(f"In {short} cases a gesture has fewer than {most} trials in a session.")
    return said


def _trials(one: SessionSummary) -> Counter[int]:
    """Dynamic trials of each gesture."""
    first = np.unique(one.windows.trial, return_index=True)[1]
    return Counter(int(code) for code in one.windows.y[first])
