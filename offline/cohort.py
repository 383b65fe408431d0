"""Write virtual people to disk in Hyser's layout, so that they take the same road as the real data."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from rt_handdt.core.gestures import hyser_code
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.hyser_layout import session_folder
from rt_handdt.io.hyser_writer import write_session
from rt_handdt.sim.person import draw_person
from rt_handdt.sim.session import DEFAULT_GESTURES, HYSER_FS_HZ, virtual_trials

#: A file beside ``pr_dataset`` by which a cohort of virtual people says that it is one; all else is as in Hyser.
COHORT_NOTE = "COHORT.md"
CohortKind = Literal["dynamic", "maintenance", "all"]
#: Trials of each gesture in a session, as in Hyser.
DYNAMIC_TRIALS, MAINTENANCE_TRIALS = 6, 2


def write_cohort(
    out: str | Path,
    subjects: int = 20,
    sessions: int = 2,
    seed: int = 0,
    *,
    gestures: Sequence[str] = DEFAULT_GESTURES,
    kind: CohortKind = "dynamic",
    repetitions: int | None = None,
    processes: int | None = None,
    progress: bool = True,
) -> Path:
    """Write a virtual cohort: ``out/pr_dataset/subjectXX_sessionY/…``.

    Parameters
    ----------
    out
        The cohort's root; must not exist, or be empty.
    subjects, sessions
        How many people, and how many sessions of each.
    seed
        Which cohort; the same seed gives the same people on any machine.
    gestures
        Labels of Hyser's gestures.
    kind
        Dynamic trials (1 s, rest → gesture), maintenance trials (4 s steady), or both.
    repetitions
        Trials of each gesture in a session; by default as many as Hyser has (6 dynamic, 2 maintenance).
    processes
        How many people are made at once; by default one per processor.
    progress
        Whether to show a progress bar on standard error.

    Returns
    -------
    Path
        `out`, ready for `rt_handdt.io.hyser`.

    Raises
    ------
    ConfigError
        For an unknown gesture or kind, or a number that makes no sense.
    RecordingError
        If `out` holds something already, or cannot be written.
    """
    out = Path(out)
    _check(out, subjects, sessions, seed, gestures, kind, repetitions, processes)
    workers = min(processes or os.cpu_count() or 1, subjects)
    people = [(str(out), subject, sessions, seed, tuple(gestures), kind, repetitions) for subject in _from_1(subjects)]
    bar = Progress(
        TextColumn("virtual people"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not progress,
    )
    try:
        out.mkdir(parents=True, exist_ok=True)
        # First, so that not even a cohort cut short can be taken for recordings of people.
        (out / COHORT_NOTE).write_text(
            "# Virtual people\n\nSimulated EMG in the format of the Hyser data set, made by `handdt-offline cohort`: "
            f"{subjects} people, {sessions} sessions each, seed {seed}, {kind} trials. No person was recorded.\n",
            encoding="utf-8",
        )
        with bar:
            task = bar.add_task("", total=subjects)
            if workers == 1:
                for person in people:
                    _write_person(*person)
                    bar.advance(task)
            else:
                # spawn: a fork would copy the caller's threads' locks in whatever state they are
                with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
                    futures = [pool.submit(_write_person, *person) for person in people]
                    for future in futures:
                        future.add_done_callback(lambda _: bar.advance(task))
                    done, left = wait(futures, return_when=FIRST_EXCEPTION)
                    for future in left:
                        future.cancel()
                    for future in done:
                        future.result()
    except OSError as exc:
        raise RecordingError(
            f"{out}: the cohort could not be written ({exc.strerror or exc}); "
            "free some space or choose another folder, delete what was written, and start again."
        ) from exc
    except BrokenProcessPool as exc:
        raise RecordingError(
            f"{out}: a process that wrote the cohort was ended from outside, most often for lack of memory; delete "
            "what was written and start again with fewer 'processes'."
        ) from exc
    return out


def _from_1(n: int) -> range:
    return range(1, n + 1)


def _check(
    out: Path,
    subjects: int,
    sessions: int,
    seed: int,
    gestures: Sequence[str],
    kind: str,
    repetitions: int | None,
    processes: int | None,
) -> None:
    """Refuse at once what would fail later, in a worker."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RecordingError(f"{out}: is there already; a cohort needs a new or empty folder. Choose another name.")
    counts = {"subjects": subjects, "sessions": sessions, "repetitions": repetitions, "processes": processes}
    for name, value in counts.items():
        if value is not None and value < 1:
            raise ConfigError(f"A cohort's '{name}' must be 1 or more; got {value}.")
    if kind not in ("dynamic", "maintenance", "all"):
        raise ConfigError(f"A cohort's kind is 'dynamic', 'maintenance' or 'all'; got '{kind}'.")
    if not gestures:
        raise ConfigError("A cohort needs at least one gesture; name some of Hyser's 34.")
    for gesture in gestures:
        hyser_code(gesture)
    draw_person(seed, 1)


def _write_person(
    out: str,
    subject: int,
    sessions: int,
    seed: int,
    gestures: tuple[str, ...],
    kind: CohortKind,
    repetitions: int | None,
) -> None:
    for session in _from_1(sessions):
        folder = session_folder(out, subject, session)
        if kind in ("dynamic", "all"):
            trials = virtual_trials(seed, subject, session, gestures, repetitions or DYNAMIC_TRIALS, "dynamic")
            write_session(folder, trials, "dynamic", "raw", HYSER_FS_HZ)
        if kind in ("maintenance", "all"):
            trials = virtual_trials(seed, subject, session, gestures, repetitions or MAINTENANCE_TRIALS, "maintenance")
            write_session(folder, trials, "maintenance", "raw", HYSER_FS_HZ)
