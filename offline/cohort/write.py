"""Write virtual people to disk: in Hyser's layout, as the real data lie, or as continuous sessions in XDF files."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from rich.console import Console

from offline.cohort.disk_space import TRIALS, check_space, session_bytes, size
from offline.cohort.ragged import lacking, without
from offline.data.cohort_folder import COHORT_FILE, COHORT_NOTE, PART, CohortKind, CohortPlan, Part, survey
from offline.data.simulator import simulator_fingerprint
from offline.util import Bar, share_out
from rt_handdt.core.gestures import hyser_code
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.continuous_folder import continuous_file
from rt_handdt.io.hyser_layout import KINDS, session_folder
from rt_handdt.io.hyser_writer import write_session
from rt_handdt.io.wfdb16 import write_atomically
from rt_handdt.io.xdf_writer import write_xdf
from rt_handdt.sim.continuous import SHORTEST_S, changes, continuous_recording
from rt_handdt.sim.person import draw_person
from rt_handdt.sim.session import DEFAULT_GESTURES, HYSER_FS_HZ, virtual_trials

#: A session still to be written: the cohort's root, its plan, subject, session, and what of it is not there yet.
Task = tuple[str, CohortPlan, int, int, tuple[Part, ...]]
#: Length of a continuous session, unless another is asked for.
MINUTES = 5.0
#: What the system says of a disk, or a user's share of it, that is full, or of a file that may not grow further.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


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
    minutes: float | None = None,
    processes: int | None = None,
    progress: bool = True,
) -> Path:
    """Write a virtual cohort, or go on with one that was interrupted.

    It lies in ``out/pr_dataset/subjectXX_sessionY/…``, as Hyser does; or, if it is continuous, in
    ``out/continuous/subjectXX_sessionY.xdf``: signal, markers (what the hand does) and cues (what it was asked for).

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
        Dynamic trials (1 s, rest → gesture), maintenance trials (4 s steady), or both ("all"). Or "continuous": a
        session as `rt_handdt.sim.continuous` makes it, 127 MB a minute.
    repetitions
        Trials of each gesture in a session; by default as many as Hyser has (6 dynamic, 2 maintenance).
    ragged
        Leave out some trials, and a few gestures of a session, about as many as Hyser lacks.
    minutes
        Length of a continuous session; 5 by default.
    processes
        How many sessions are made at once; by default one per processor. Does not change the files.
    progress
        Whether to show a progress bar on standard error.

    Returns
    -------
    Path
        `out`, ready for `rt_handdt.io.sources`.

    Raises
    ------
    ConfigError
        For an unknown gesture or kind, or a number that makes no sense.
    RecordingError
        If `out` holds anything else or people of another simulator, or the disk has no room for the cohort. If that
        shows half way, complete sessions stay, and the same call goes on once there is room.
    """
    out = Path(out)
    _check(subjects, sessions, seed, gestures, kind, repetitions, processes)
    minutes = _minutes(kind, minutes, repetitions, ragged)
    plan = CohortPlan(
        seed=seed,
        subjects=subjects,
        sessions=sessions,
        gestures=tuple(gestures),
        kind=kind,
        repetitions=repetitions,
        ragged=ragged,
        minutes=minutes,
        simulator=simulator_fingerprint(),
    )
    console = Console(stderr=True, quiet=not progress)
    total, done = len(plan.all_sessions), 0
    try:
        there = survey(out, plan)
        tasks: list[Task] = []
        for subject, session in plan.all_sessions:
            missing = tuple(one for one in plan.parts if (subject, session, one) not in there)
            if missing:
                tasks.append((str(out), plan, subject, session, missing))
        done = total - len(tasks)
        needed = sum(session_bytes(plan, part) for *_, missing in tasks for part in missing)
        free = check_space(out, needed)
        if there:
            console.print(f"{out}: {done} of {total} sessions are complete already and stay as they are.")
        if tasks:
            console.print(f"To write: {len(tasks)} sessions, about {size(needed)} ({size(free)} are free).")
        out.mkdir(parents=True, exist_ok=True)
        # First, so that not even a cohort cut short can be taken for recordings of people.
        _write_once(out / COHORT_FILE, plan.to_json())
        _write_once(out / COHORT_NOTE, _note(plan).encode())
        with Bar(console) as bar:
            row = bar.begin("virtual sessions", total, done)

            def on_done(_: None) -> None:
                nonlocal done
                done += 1
                bar.done(row)

            share_out(_write_session, tasks, processes, on_done)
    except OSError as exc:
        why = f"the disk is full ({exc.strerror})" if exc.errno in _FULL else exc.strerror or exc
        raise RecordingError(
            f"{out}: the cohort could not be written further: {why}. {done} of {total} sessions are complete; free "
            "some space and give the same command again, which goes on with the others, or choose another folder."
        ) from exc
    except BrokenProcessPool as exc:
        raise RecordingError(
            f"{out}: a process that wrote the cohort was ended from outside, most often for lack of memory; give the "
            "same command again with fewer processes, and it goes on where this one stopped."
        ) from exc
    return out


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
    if kind not in (*KINDS, "all", "continuous"):
        raise ConfigError(f"A cohort's kind is 'dynamic', 'maintenance', 'all' or 'continuous'; got '{kind}'.")
    if not gestures:
        raise ConfigError("A cohort needs at least one gesture; name some of Hyser's 34.")
    for gesture in gestures:
        hyser_code(gesture)
    draw_person(seed, 1)


def _minutes(kind: str, minutes: float | None, repetitions: int | None, ragged: bool) -> float | None:
    """The length of each session; None where trials decide it."""
    if kind != "continuous":
        if minutes is not None:
            raise ConfigError("Only a continuous session has 'minutes'; a session of trials lasts as long as they do.")
        return None
    if repetitions is not None or ragged:
        raise ConfigError("A continuous session has no trials to repeat or leave out; its length is 'minutes'.")
    minutes = MINUTES if minutes is None else minutes
    if not SHORTEST_S / 60 <= minutes < float("inf"):
        raise ConfigError(f"A continuous session must last {SHORTEST_S / 60:.2g} minutes or more; got {minutes:g}.")
    return minutes


def _write_session(out: str, plan: CohortPlan, subject: int, session: int, missing: tuple[Part, ...]) -> None:
    if plan.minutes is not None:
        _write_continuous(out, plan, subject, session, plan.minutes)
        return
    folder = session_folder(out, subject, session)
    for stray in folder.glob(f"*{PART}"):  # of a run that was interrupted
        stray.unlink()
    codes = [hyser_code(label) for label in plan.gestures]
    for kind in plan.kinds:
        if kind not in missing:
            continue
        repetitions = plan.repetitions or TRIALS[kind]
        trials = virtual_trials(plan.seed, subject, session, plan.gestures, repetitions, kind)
        if plan.ragged:
            trials = without(trials, lacking(plan.seed, subject, session, kind, codes, repetitions))
        write_session(folder, trials, kind, "raw", HYSER_FS_HZ)


def _write_continuous(out: str, plan: CohortPlan, subject: int, session: int, minutes: float) -> None:
    path = continuous_file(out, subject, session)
    path.parent.mkdir(parents=True, exist_ok=True)
    recording = continuous_recording(plan.seed, subject, session, minutes=minutes, gestures=plan.gestures)
    write_xdf(path, recording, cues=changes(recording.script.markers(recording.fs_hz)))


def _write_once(path: Path, content: bytes) -> None:
    if not path.exists():
        write_atomically(path, content)


def _note(plan: CohortPlan) -> str:
    if plan.minutes is None:
        what = f"in the format of the Hyser data set, made by `handdt-offline cohort`: {plan.kind} trials"
        what += ", some left out" if plan.ragged else ""
    else:
        what = (
            f"in XDF files, made by `handdt-offline cohort --continuous`: {plan.minutes:g} minutes each, with "
            "movements that are no gesture (marker `other`), direct transitions and long rests"
        )
    return (
        f"# Virtual people\n\nSimulated EMG {what}; {plan.subjects} people, {plan.sessions} sessions each, seed "
        f"{plan.seed}. No person was recorded.\n"
    )
