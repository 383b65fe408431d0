"""What a study, or single runs, came to: every score, with the job that made it; nothing is dropped in silence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from offline.evaluate.metrics import Scores
from offline.study.run_folder import RunFolder
from offline.study.shown import read_scores
from rt_handdt.errors import HanddtError

STUDY, STUDY_FORMAT, JOB_FORMAT = "study.json", "rt-handdt.study/1", "rt-handdt.study-job/1"
Kind = Literal["method", "recipe", "baseline"]
#: done: has scores. failed: says why. open: not begun, or not at its end. damaged: cannot be read.
State = Literal["done", "failed", "open", "damaged"]


@dataclass(frozen=True)
class Job:
    """One run of a study.

    Attributes
    ----------
    path
        Its folder.
    state, message
        How far it came; what it says, if it failed or is damaged.
    condition, kind, measure, unit, sessions, fold, seed
        What it is; the first are empty where its ``job.json`` cannot be read.
    """

    id: str
    path: Path
    state: State
    message: str = ""
    condition: str = ""
    kind: str = ""
    measure: str = ""
    unit: str = ""
    sessions: tuple[str, ...] = ()
    fold: int = 0
    seed: int = 0

    @property
    def cell(self) -> tuple[object, ...]:
        """Which people were learnt from and tested: the same in all conditions of a measure."""
        return (self.measure, self.unit, self.sessions, self.fold, self.seed)


@dataclass(frozen=True)
class Record:
    """The scores of one classifier on one part of one job.

    Attributes
    ----------
    job
        Which run it comes from.
    scores
        Task, source, classifier, each person's accuracy, confusion, ECE: see `offline.evaluate.metrics.Scores`.
    protocol
        In words, of this run.
    notes
        Of this run.
    """

    job: Job
    scores: Scores
    protocol: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class StudyRecords:
    """Everything that lies in a study's folder.

    Attributes
    ----------
    settings
        Resolved, as ``study.json`` holds them.
    resolved
        Condition → what it trains with; empty where it is not known.
    versions
        Of the packages that it began with.
    jobs
        All that were planned, and those that were not but lie there.
    notes
        What is missing, failed, damaged, or does not belong here: a sentence each.
    """

    path: Path
    name: str
    settings: Mapping[str, Any]
    resolved: Mapping[str, Any]
    versions: Mapping[str, str]
    jobs: tuple[Job, ...]
    records: tuple[Record, ...]
    notes: tuple[str, ...]

    def count(self, state: State) -> int:
        """How many jobs are in a state."""
        return sum(job.state == state for job in self.jobs)


def is_study(path: Path) -> bool:
    """Whether a folder is a study's."""
    return (path / STUDY).is_file()


def read_study(path: str | Path) -> StudyRecords:
    """Read a study, finished or not.

    Raises
    ------
    HanddtError
        If the folder holds no study, or ``study.json`` is damaged. A damaged job is no error: it is noted.
    """
    path = Path(path)
    if not is_study(path):
        raise HanddtError(f"{path}: holds no {STUDY}; give the folder of a 'handdt-offline study'.")
    about = RunFolder.read_json(path / STUDY)
    if about.get("format") != STUDY_FORMAT or not isinstance(about.get("jobs"), list):
        raise HanddtError(f"{path / STUDY}: was not written by this version of 'study'; start the study anew.")
    planned = [str(one) for one in about["jobs"]]
    root = path / "jobs"
    there = sorted(one.name for one in root.iterdir() if one.is_dir()) if root.is_dir() else []
    strange = [one for one in there if one not in set(planned)]
    jobs: list[Job] = []
    records: list[Record] = []
    for name in planned:
        job, found = _read_job(root / name)
        jobs.append(job)
        records += found
    notes = _notes(jobs)
    if strange:
        notes.append(f"{len(strange)} folders under jobs/ are not in the plan and are left out: {_some(strange)}.")
    notes += map(str, about.get("notes") or ())
    settings, resolved, versions = (about.get(name) or {} for name in ("settings", "resolved", "versions"))
    return StudyRecords(
        path,
        str(about.get("name", path.name)),
        settings,
        resolved,
        versions,
        tuple(jobs),
        tuple(records),
        tuple(notes),
    )


def read_run(path: str | Path, name: str, number: int = 1) -> tuple[Record, ...]:
    """The records of one run of ``pipeline``, as a condition called `name`; runs of different `number` are all kept.

    Raises
    ------
    HanddtError
        If the folder holds no finished run.
    """
    folder = RunFolder(Path(path))
    scores, known = read_scores(folder.metrics)
    seed, sessions = 0, cast(tuple[str, ...], ())
    if folder.settings.exists():
        config = folder.read()
        seed, sessions = config.seed, config.features.sessions
    job = Job(
        name,
        folder.path,
        "done",
        condition=name,
        kind="method",
        measure=str(known.get("measure", "")),
        unit=str(known.get("unit", "")),
        sessions=sessions,
        fold=number,
        seed=seed,
    )
    return _records(job, scores, known)


def _read_job(path: Path) -> tuple[Job, tuple[Record, ...]]:
    try:
        job = _described(path)
    except FileNotFoundError:
        return Job(path.name, path, "open"), ()
    except (OSError, ValueError, KeyError, TypeError) as exc:
        return Job(path.name, path, "damaged", f"its job.json cannot be read ({exc})"), ()
    if (path / "failed.json").exists():  # also where scores are there: the runner will do such a job again
        try:
            said = str(json.loads((path / "failed.json").read_text(encoding="utf-8"))["message"])
        except (OSError, ValueError, KeyError, TypeError):
            said = "it does not say why"
        return replace(job, state="failed", message=said), ()
    if (path / "metrics.json").exists():
        try:
            scores, known = read_scores(path / "metrics.json")
        except HanddtError as exc:
            return replace(job, state="damaged", message=str(exc)), ()
        job = replace(job, state="done")
        return job, _records(job, scores, known)
    return job, ()


def _described(path: Path) -> Job:
    values = json.loads((path / "job.json").read_text(encoding="utf-8"))
    if values["format"] != JOB_FORMAT or str(values["id"]) != path.name:
        raise ValueError(f"format {values['format']!r}, id {values['id']!r}")
    return Job(
        path.name,
        path,
        "open",
        condition=str(values["condition"]),
        kind=str(values["kind"]),
        measure=str(values["measure"]),
        unit=str(values["unit"]),
        sessions=tuple(map(str, values["sessions"])),
        fold=int(values["fold"]),
        seed=int(values["seed"]),
    )


def _records(job: Job, scores: Sequence[Scores], known: Mapping[str, Any]) -> tuple[Record, ...]:
    notes = tuple(map(str, known.get("notes") or ()))
    return tuple(Record(job, one, str(known.get("protocol", "")), notes) for one in scores)


def _notes(jobs: Sequence[Job]) -> list[str]:
    said = []
    waiting = [job.id for job in jobs if job.state == "open"]
    if waiting:
        said.append(f"{len(waiting)} of {len(jobs)} jobs have no result yet: {_some(waiting)}.")
    for state, what in (("failed", "failed"), ("damaged", "is damaged and left out")):
        # many jobs often fail for one reason
        reasons: dict[str, list[str]] = {}
        for job in jobs:
            if job.state == state:
                reasons.setdefault(job.message.rstrip("."), []).append(job.id)
        for reason, names in reasons.items():
            count = f"Job {names[0]}" if len(names) == 1 else f"{len(names)} jobs ({_some(names)}): each"
            said.append(f"{count} {what}: {reason}.")
    return said


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
