"""What lies in a cohort's folder: the plan it was begun with, and which sessions are complete."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import Field

from rt_handdt import __version__
from rt_handdt.config import Settings
from rt_handdt.errors import RecordingError
from rt_handdt.io.continuous_folder import CONTINUOUS, continuous_file
from rt_handdt.io.hyser_layout import (
    KINDS,
    PR_DATASET,
    Kind,
    label_file,
    parse_trial,
    read_labels,
    session_folder,
    trial_name,
)
from rt_handdt.io.xdf_session import read_session
from rt_handdt.sim.session import HYSER_FS_HZ

#: Beside ``pr_dataset`` or ``continuous``: here a cohort of virtual people says that it is one, in words and in JSON;
#: all else in ``pr_dataset`` is as in Hyser.
COHORT_NOTE = "COHORT.md"
COHORT_FILE = "cohort.json"
CohortKind = Literal["dynamic", "maintenance", "all", "continuous"]
#: What a session is complete in, one by one.
Part = Literal["dynamic", "maintenance", "continuous"]
#: Ends the name of a file that is being written.
PART = ".part"


class CohortPlan(Settings):
    """All that decides what is in a cohort's files; ``cohort.json`` holds it.

    Attributes
    ----------
    seed, subjects, sessions, gestures, kind, repetitions, ragged, minutes
        As in `offline.cohort.write.write_cohort`.
    made_by
        The program.
    simulator
        The virtual forearm, see `offline.data.simulator`: another one draws other people, and a cohort must not mix
        them. Empty in cohorts that are older than this note.
    """

    seed: int = Field(ge=0)
    subjects: int = Field(ge=1)
    sessions: int = Field(ge=1)
    gestures: tuple[str, ...]
    kind: CohortKind
    repetitions: int | None
    ragged: bool
    minutes: float | None = None
    made_by: str = f"rt_handdt {__version__}"
    simulator: str = ""

    @property
    def parts(self) -> tuple[Part, ...]:
        """Kinds of trial in each session; or that it is continuous."""
        return ("continuous",) if self.kind == "continuous" else self.kinds

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Kinds of trial in each session; none if it is continuous."""
        return tuple(kind for kind in KINDS if self.kind in (kind, "all"))

    @property
    def all_sessions(self) -> list[tuple[int, int]]:
        """Every (subject, session), from 1."""
        return [(a, b) for a in range(1, self.subjects + 1) for b in range(1, self.sessions + 1)]

    def to_json(self) -> bytes:
        """As the file holds it."""
        return (json.dumps(self.model_dump(mode="json"), indent=1) + "\n").encode()


def read_plan(root: Path) -> CohortPlan:
    """The plan of the cohort at `root`.

    Raises
    ------
    RecordingError
        If its file cannot be read, or is damaged.
    """
    path = root / COHORT_FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise RecordingError(
            f"{path}: says how a cohort of virtual people was made, but cannot be read ({exc}); write the cohort anew."
        ) from None
    return CohortPlan.parse(values, what=str(path), error=RecordingError)


def cohort_root(path: Path) -> Path | None:
    """The root of the cohort that `path` is or lies in (a folder in it, a session or a record), or None."""
    path = path.resolve()
    for root in (path, *path.parents[:3]):
        inside = not {root / PR_DATASET, root / CONTINUOUS}.isdisjoint((path, *path.parents))
        if (root / COHORT_FILE).exists() and (root == path or inside):
            return root
    return None


def survey(out: Path, plan: CohortPlan) -> set[tuple[int, int, Part]]:
    """What of the plan is there and complete: (subject, session, part). Writes nothing.

    Raises
    ------
    RecordingError
        If `out` holds anything that an interrupted run of the same plan would not have left.
    """
    there = _names(out)
    if not there - {COHORT_FILE + PART}:
        return set()
    if COHORT_FILE not in there:
        raise RecordingError(
            f"{out}: holds something already ('{min(there)}') but no {COHORT_FILE}; a cohort needs a new or empty "
            "folder, so choose another name."
        )
    _same(out, read_plan(out), plan)
    known = {COHORT_FILE, COHORT_NOTE, COHORT_NOTE + PART}
    if plan.kind == "continuous":
        _only(out, there, known | {CONTINUOUS})
        return _continuous(out, plan)
    _only(out, there, known | {PR_DATASET})
    folders = {session_folder(out, *one).name: one for one in plan.all_sessions}
    sessions = _names(out / PR_DATASET)
    _only(out / PR_DATASET, sessions, set(folders))
    return {(*folders[name], kind) for name in sessions for kind in _complete(out / PR_DATASET / name, plan.kinds)}


def _continuous(out: Path, plan: CohortPlan) -> set[tuple[int, int, Part]]:
    """The sessions whose file has its final name, which it gets last; checked against the plan."""
    files = {continuous_file(out, *one).name: one for one in plan.all_sessions}
    names = _names(out / CONTINUOUS)
    _only(out / CONTINUOUS, names, files.keys() | {name + PART for name in files})
    wanted = round((plan.minutes or 0.0) * 60 * HYSER_FS_HZ)
    for name in sorted(names & files.keys()):
        path = out / CONTINUOUS / name
        found = read_session(path).n_samples
        if found != wanted:
            raise RecordingError(
                f"{path}: holds {found} samples in place of {wanted}; it was changed after it was written: delete it, "
                "and give the command again."
            )
    return {(*files[name], "continuous") for name in names & files.keys()}


def _complete(folder: Path, kinds: tuple[Kind, ...]) -> list[Kind]:
    """The kinds whose label file is there, which is written last; checked against their trials."""
    names = _names(folder)
    own: dict[str, Kind] = {label_file(kind): kind for kind in kinds}
    for name in names:
        trial = parse_trial(name.removesuffix(PART))
        if trial and trial[0] in kinds and trial[1] == "raw":
            own[name] = trial[0]
    _only(folder, names, own.keys() | {label_file(kind) + PART for kind in kinds})
    done = [kind for kind in kinds if label_file(kind) in names]
    for kind in done:
        count = len(read_labels(folder, kind))
        needed = {trial_name(kind, "raw", k) + end for k in range(1, count + 1) for end in (".hea", ".dat")}
        wrong = needed ^ {name for name in names if own.get(name) == kind and name != label_file(kind)}
        if wrong:
            raise RecordingError(
                f"{folder}: {label_file(kind)} names {count} trials, which does not agree with '{min(wrong)}'; the "
                "session was changed after it was written: delete this folder, and give the command again."
            )
    return done


def _names(folder: Path) -> set[str]:
    if folder.exists() and not folder.is_dir():
        raise RecordingError(f"{folder}: is a file; a cohort needs a new or empty folder, so choose another name.")
    return {entry.name for entry in folder.iterdir()} if folder.exists() else set()


def _only(folder: Path, names: set[str], known: set[str]) -> None:
    foreign = names - known
    if foreign:
        raise RecordingError(
            f"{folder}: holds '{min(foreign)}', which is no part of this cohort; move it elsewhere, or choose another "
            "folder for the cohort."
        )


def _same(out: Path, found: CohortPlan, wanted: CohortPlan) -> None:
    differ = [name for name in CohortPlan.model_fields if getattr(found, name) != getattr(wanted, name)]
    asked_for = [name for name in differ if name not in ("made_by", "simulator")]
    if asked_for:
        there, asked = (", ".join(_said(plan, name) for name in asked_for) for plan in (found, wanted))
        raise RecordingError(
            f"{out}: holds a cohort with other parameters (there: {there}; asked for: {asked}); ask for the same to go "
            "on with it, or choose another folder."
        )
    if differ:
        there, here = (f"{plan.made_by}, simulator {plan.simulator or 'not noted'}" for plan in (found, wanted))
        raise RecordingError(
            f"{out}: holds a cohort of another virtual forearm (there: {there}; here: {here}), whose people are not "
            "the same; they can be read, but not gone on with: choose another folder, or delete this one first."
        )


def _said(plan: CohortPlan, name: str) -> str:
    value = getattr(plan, name)
    if isinstance(value, tuple):
        return f"{len(value)} {name} ({', '.join(value[:3])}{', …' if len(value) > 3 else ''})"
    return f"{name} {'default' if value is None else value}"
