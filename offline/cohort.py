"""Write virtual people to disk in Hyser's layout, so that they take the same road as the real data."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from offline.cohort_folder import COHORT_FILE, COHORT_NOTE, PART, CohortKind, CohortPlan, survey
from offline.ragged import lacking, without
from rt_handdt.core.gestures import hyser_code
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.hyser_layout import Kind, session_folder
from rt_handdt.io.hyser_writer import write_session
from rt_handdt.io.wfdb16 import write_atomically
from rt_handdt.sim.person import draw_person
from rt_handdt.sim.session import DEFAULT_GESTURES, HYSER_FS_HZ, virtual_trials

#: Trials of each gesture in a session, as in Hyser.
TRIALS: dict[Kind, int] = {"dynamic": 6, "maintenance": 2}
#: A session still to be written: the cohort's root, its plan, subject, session, and the kinds that are not there yet.
Task = tuple[str, CohortPlan, int, int, tuple[Kind, ...]]


def write_cohort(
    out: str | Path,
    subjects: int = 20,
    sessions: int = 2,
    seed: int = 0,
    *,
    gestures: Sequence[str] = DEFAULT_GESTURES,
    kind: CohortKind = "dynamic",
    repetitions: int | None = None,
    ragged: bool = False,
    processes: int | None = None,
    progress: bool = True,
) -> Path:
    """Write a virtual cohort: ``out/pr_dataset/subjectXX_sessionY/…``, or go on with one that was interrupted.

    Parameters
    ----------
    out
        The cohort's root: new, empty, or a cohort begun with the same parameters. Its complete sessions stay as they
        are; the others are written, so that the files are those of an uninterrupted run.
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
    ragged
        Leave out some trials, and a few gestures of a session, about as many as Hyser lacks.
    processes
        How many sessions are made at once; by default one per processor. Does not change the files.
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
        If `out` holds anything else, or cannot be written.
    """
    out = Path(out)
    _check(subjects, sessions, seed, gestures, kind, repetitions, processes)
    plan = CohortPlan(
        seed=seed,
        subjects=subjects,
        sessions=sessions,
        gestures=tuple(gestures),
        kind=kind,
        repetitions=repetitions,
        ragged=ragged,
    )
    console = Console(stderr=True, quiet=not progress)
    try:
        there = survey(out, plan)
        tasks: list[Task] = []
        for subject, session in plan.all_sessions:
            missing = tuple(one for one in plan.kinds if (subject, session, one) not in there)
            if missing:
                tasks.append((str(out), plan, subject, session, missing))
        total = len(plan.all_sessions)
        if there:
            console.print(f"{out}: {total - len(tasks)} of {total} sessions are complete already and stay as they are.")
        out.mkdir(parents=True, exist_ok=True)
        # First, so that not even a cohort cut short can be taken for recordings of people.
        _write_once(out / COHORT_FILE, plan.to_json())
        _write_once(out / COHORT_NOTE, _note(plan).encode())
        with _bar(console) as bar:
            task = bar.add_task("", total=total, completed=total - len(tasks))
            _run(tasks, min(processes or os.cpu_count() or 1, len(tasks)), lambda: bar.advance(task))
    except OSError as exc:
        raise RecordingError(
            f"{out}: the cohort could not be written ({exc.strerror or exc}); free some space and give the same "
            "command again, which goes on where this one stopped, or choose another folder."
        ) from exc
    except BrokenProcessPool as exc:
        raise RecordingError(
            f"{out}: a process that wrote the cohort was ended from outside, most often for lack of memory; give the "
            "same command again with fewer processes, and it goes on where this one stopped."
        ) from exc
    return out


def _run(tasks: Sequence[Task], workers: int, on_done: Callable[[], None]) -> None:
    if workers <= 1:
        for task in tasks:
            _write_session(*task)
            on_done()
        return
    # spawn: a fork would copy the caller's threads' locks in whatever state they are
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_leave_with_parent) as pool:
        futures = [pool.submit(_write_session, *task) for task in tasks]
        try:
            for future in futures:
                future.add_done_callback(lambda done: None if done.cancelled() or done.exception() else on_done())
            for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                future.result()
        finally:  # also at Ctrl-C: what has not begun stays undone
            pool.shutdown(cancel_futures=True)


def _leave_with_parent() -> None:
    """End this worker with the command, so that none still writes when the command is given again."""
    # Ctrl-C reaches the workers too; else they would take it for the failure of one session, and begin another.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_await_parent, name="parent-watch", daemon=True).start()


def _await_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _check(
    subjects: int,
    sessions: int,
    seed: int,
    gestures: Sequence[str],
    kind: str,
    repetitions: int | None,
    processes: int | None,
) -> None:
    """Refuse at once what would fail later, in a worker."""
    counts = {"subjects": subjects, "sessions": sessions, "repetitions": repetitions, "processes": processes}
    for name, value in counts.items():
        if value is not None and value < 1:
            raise ConfigError(f"A cohort's '{name}' must be 1 or more; got {value}.")
    if kind not in (*TRIALS, "all"):
        raise ConfigError(f"A cohort's kind is 'dynamic', 'maintenance' or 'all'; got '{kind}'.")
    if not gestures:
        raise ConfigError("A cohort needs at least one gesture; name some of Hyser's 34.")
    for gesture in gestures:
        hyser_code(gesture)
    draw_person(seed, 1)


def _write_session(out: str, plan: CohortPlan, subject: int, session: int, kinds: tuple[Kind, ...]) -> None:
    folder = session_folder(out, subject, session)
    for stray in folder.glob(f"*{PART}"):  # of a run that was interrupted
        stray.unlink()
    codes = [hyser_code(label) for label in plan.gestures]
    for kind in kinds:
        repetitions = plan.repetitions or TRIALS[kind]
        trials = virtual_trials(plan.seed, subject, session, plan.gestures, repetitions, kind)
        if plan.ragged:
            trials = without(trials, lacking(plan.seed, subject, session, kind, codes, repetitions))
        write_session(folder, trials, kind, "raw", HYSER_FS_HZ)


def _write_once(path: Path, content: bytes) -> None:
    if not path.exists():
        write_atomically(path, content)


def _note(plan: CohortPlan) -> str:
    return (
        "# Virtual people\n\nSimulated EMG in the format of the Hyser data set, made by `handdt-offline cohort`: "
        f"{plan.subjects} people, {plan.sessions} sessions each, seed {plan.seed}, {plan.kind} trials"
        f"{', some left out' if plan.ragged else ''}. No person was recorded.\n"
    )


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("virtual sessions"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=console.quiet,
    )
