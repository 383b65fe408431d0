"""One job, in its own folder: begun, gone on with, finished or failed; what happened can be read off the folder."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from filelock import FileLock
from rich.console import Console
from threadpoolctl import threadpool_limits

from offline.study.run_folder import FAILED, JOB, RunFolder
from offline.sweep.plan import Job
from offline.sweep.study_folder import StudyFolder
from rt_handdt.errors import HanddtError

FAILED_FORMAT = "rt-handdt.study-failure/1"
State = Literal["done", "failed", "begun", "new"]


@dataclass(frozen=True)
class Place:
    """Where jobs are run, the same for all; every process that runs one sees these folders.

    Attributes
    ----------
    out, cache
        Folder of the study, and of features that are measured already.
    allow_reserved_seeds
        As in `offline.study.pipeline_run.run_pipeline`.
    """

    out: Path
    cache: Path
    allow_reserved_seeds: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes
    ----------
    accuracy
        The best of its classifiers' mean over people, to be shown while the study runs; None if it failed.
    failure
        Why it failed; empty if it did not.
    """

    id: str
    accuracy: float | None = None
    failure: str = ""


def state_of(job: Job, folder: StudyFolder) -> State:
    """What the disk says of a job. One that failed after its scores were written (at its figures) has failed.

    Raises
    ------
    HanddtError
        If its folder is another job's, or its note is damaged.
    """
    path = folder.job(job.id)
    if not (path / JOB).exists():
        if path.exists() and any(one.name != f"{JOB}.part" for one in path.iterdir()):
            raise HanddtError(f"{path}: holds something that no job has written; move it away.")
        return "new"
    if RunFolder.read_json(path / JOB) != job.to_dict():
        raise HanddtError(f"{path}: belongs to another job than {job.id}; move it away.")
    if (path / FAILED).exists():
        return "failed"
    return "done" if (path / "metrics.json").exists() else "begun"


def run_job(job: Job, place: Place) -> Outcome:
    """Run a job, or go on with it; does nothing if it is finished. Failures are written down, not raised.

    Only one process at a time runs a job: others (left over from a cluster that lost sight of them) are waited for.
    """
    folder = StudyFolder(place.out)
    path = folder.job(job.id)
    try:
        with _alone(folder.locks / job.id), threadpool_limits(1):
            if state_of(job, folder) != "done":
                (path / FAILED).unlink(missing_ok=True)
                RunFolder.write(path / JOB, job.to_dict())
                _run(job, path, place)
            return Outcome(job.id, shown_accuracy(RunFolder.read_json(path / "metrics.json")))
    except HanddtError as exc:
        return fail(job, folder, str(exc))
    except Exception as exc:  # a fault of one job must not cost the night's other jobs; it is kept whole
        return fail(job, folder, f"{type(exc).__name__}: {exc}", traceback.format_exc())


def fail(job: Job, folder: StudyFolder, message: str, trace: str = "") -> Outcome:
    """Note that a job failed, and why."""
    content: dict[str, Any] = {"format": FAILED_FORMAT, "id": job.id, "message": message}
    if trace:
        content["traceback"] = trace
    path = folder.job(job.id)
    try:
        if not (path / JOB).exists():
            RunFolder.write(path / JOB, job.to_dict())
        RunFolder.write(path / FAILED, content)
    except HanddtError as exc:
        message = f"{message} (and this could not be noted: {exc})"
    return Outcome(job.id, failure=message)


def failure_of(job: Job, folder: StudyFolder) -> str:
    """Why a job failed, as it noted; empty if it did not."""
    try:
        return str(json.loads((folder.job(job.id) / FAILED).read_text(encoding="utf-8"))["message"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError) as exc:
        return f"its {FAILED} cannot be read ({exc})"


def shown_accuracy(metrics: dict[str, Any]) -> float | None:
    """The best mean over people among the classifiers of the gesture; of latents, where there are any."""
    found = [one for one in metrics["results"] if one["task"] == "gesture"]
    latent = [one for one in found if one["source"] != "raw"]
    return max((float(np.mean(list(one["people"].values()))) for one in latent or found), default=None)


def _run(job: Job, path: Path, place: Place) -> None:
    quiet = Console(quiet=True)
    reserved = place.allow_reserved_seeds
    if job.kind == "method":
        from offline.study.pipeline_run import run_pipeline

        run_pipeline(
            job.settings,
            path,
            cache=place.cache,
            processes=1,
            allow_reserved_seeds=reserved,
            figures=job.figures,
            console=quiet,
        )
    elif job.kind == "baseline":
        from offline.sweep.feature_baseline import run_baseline

        run_baseline(job.settings, path, cache=place.cache, processes=1, allow_reserved_seeds=reserved, console=quiet)
    else:
        from offline.study.recipe import run_recipe

        assert job.recipe is not None
        run_recipe(
            job.settings,
            job.recipe,
            path,
            cache=place.cache,
            processes=1,
            allow_reserved_seeds=reserved,
            console=quiet,
        )
    if not (path / "metrics.json").exists():
        raise HanddtError(f"{path}: the job ended without a metrics.json.")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """A lock that its process loses with its life, on this machine or (NFS) another."""
    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as exc:
        raise HanddtError(
            f"{path}: cannot be locked ({exc.strerror or exc}); choose another folder for --out."
        ) from exc
    try:
        yield
    finally:
        lock.release()
