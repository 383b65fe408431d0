"""The whole study in one call: plan, measure, run, verify, report. The same call goes on where the last one stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from offline.data.named_data import is_virtual
from offline.data.reserved import refuse_reserved
from offline.features.feature_cache import prepare
from offline.study.shown import LOG
from offline.sweep.cluster import check_workers, connected, run_on_cluster
from offline.sweep.jobs import Outcome, Place, State, fail, failure_of, state_of
from offline.sweep.local import run_local
from offline.sweep.measuring import measure
from offline.sweep.plan import Job, Plan, make_plan
from offline.sweep.study_config import StudyConfig
from offline.sweep.study_folder import StudyFolder
from offline.util import Bar, gone_on_with
from rt_handdt.errors import HanddtError

#: So many failures are told in the error's one sentence.
_TOLD = 3


@dataclass(frozen=True)
class StudyRun:
    """What a study has come to.

    Attributes
    ----------
    done
        Jobs with a ``metrics.json``.
    failed
        Why each of the others failed.
    ran
        How many were run this time.
    report
        Files that were written.
    """

    folder: StudyFolder
    plan: Plan
    done: tuple[Job, ...]
    failed: dict[str, str]
    ran: int
    report: tuple[Path, ...] = ()

    def raise_failures(self) -> None:
        """One sentence, if there are any.

        Raises
        ------
        HanddtError
            Naming them, and how to go on.
        """
        if not self.failed:
            return
        told = "; ".join(f"{name} ({message.rstrip('.')})" for name, message in list(self.failed.items())[:_TOLD])
        more = f"; and {len(self.failed) - _TOLD} more" if len(self.failed) > _TOLD else ""
        raise HanddtError(
            f"{len(self.failed)} of {len(self.plan.jobs)} jobs failed: {told}{more}. The others are finished; see "
            f"failed.json in the folders in {self.folder.path / 'jobs'}. The same command runs the failed ones again."
        )


def states(plan: Plan, folder: StudyFolder) -> dict[str, State]:
    """What the disk says of each job.

    Raises
    ------
    HanddtError
        If a job's folder is not its own.
    """
    return {job.id: state_of(job, folder) for job in plan.jobs}


def plan_study(
    config: StudyConfig, root: Path, out: str | Path, *, allow_reserved_seeds: bool = False
) -> tuple[Plan, StudyFolder, list[str]]:
    """Expand a study and check it against its folder. Writes nothing.

    Returns
    -------
    Plan, StudyFolder, list of str
        And the packages whose versions have changed since it was begun.

    Raises
    ------
    HanddtError
        Whatever can be told to be wrong before anything is measured.
    """
    if not allow_reserved_seeds:
        refuse_reserved(config.data)
    plan = make_plan(config, root)
    folder = StudyFolder(Path(out).resolve())
    return plan, folder, folder.check(plan)


def run_study(
    config: StudyConfig,
    root: Path,
    out: str | Path,
    *,
    scheduler: str | None = None,
    processes: int | None = None,
    cache: str | Path | None = None,
    allow_reserved_seeds: bool = False,
    report: bool = True,
    console: Console | None = None,
) -> StudyRun:
    """Run all jobs of a study that are not finished yet.

    Parameters
    ----------
    config, root
        Of `offline.sweep.study_config.read_study`.
    out
        A new or empty folder, or one where the same study, or a part of it, was begun.
    scheduler
        Address of a Dask scheduler; None: this machine.
    processes
        Of this machine: sessions measured, and jobs run, at once.
    cache
        Where features are kept; by default in `out`.
    report
        Whether to write it.

    Raises
    ------
    HanddtError
        If something is wrong with settings, data or cluster. A job that fails is no error here, see
        `StudyRun.raise_failures`.
    """
    console = console or Console(stderr=True)
    plan, folder, changed = plan_study(config, root, out, allow_reserved_seeds=allow_reserved_seeds)
    notes = [f"Gone on with other versions: {', '.join(changed)}."] if changed else []
    known = states(plan, folder)
    todo = [job for job in plan.jobs if known[job.id] != "done"]
    store = Path(cache).resolve() if cache is not None else folder.cache
    failures: dict[str, str] = {}
    with ExitStack() as stack:
        stack.enter_context(gone_on_with(console))
        if todo:
            for path in (folder.path, store):
                prepare(path)
            client, wanted = None, {}
            if scheduler is not None:
                client = stack.enter_context(connected(scheduler))
                paths = [name for name in (*config.data, *config.test_data) if not is_virtual(name)]
                wanted = check_workers(client, (folder.path, store), paths)
            todo, unmeasured = measure(todo, store, processes, console)
            notes += unmeasured
        for note in (*plan.notes, *notes):
            console.print(f"Note: {note}", style="yellow", highlight=False)
        folder.note(plan, notes)
        if todo:
            place = Place(folder.path, store, allow_reserved_seeds)
            with _bar(console, folder, len(plan.jobs), len(plan.jobs) - len(todo), failures) as told:
                if client is not None:
                    run_on_cluster(client, todo, place, wanted, **told)
                else:
                    run_local(todo, place, processes=processes, **told)
    done, failed = _verified(plan, folder, failures)
    written = _report(folder.path) if report and done else ()
    return StudyRun(folder, plan, done, failed, len(todo), written)


def _verified(plan: Plan, folder: StudyFolder, failures: dict[str, str]) -> tuple[tuple[Job, ...], dict[str, str]]:
    """What lies on disk, whatever was said about it."""
    found = states(plan, folder)
    failed: dict[str, str] = {}
    for job in plan.jobs:
        if found[job.id] != "done":
            failed[job.id] = failure_of(job, folder) or failures.get(job.id) or "it left no metrics.json"
            if found[job.id] != "failed":
                fail(job, folder, failed[job.id])
    return tuple(job for job in plan.jobs if found[job.id] == "done"), failed


def _report(out: Path) -> tuple[Path, ...]:
    from offline.sweep.study_report import write_report  # matplotlib takes a second to import

    return tuple(write_report(out))


@contextmanager
def _bar(
    console: Console, folder: StudyFolder, total: int, done: int, failures: dict[str, str]
) -> Iterator[dict[str, Callable[..., None]]]:
    """Progress over jobs, as `run_local` and `run_on_cluster` tell it; `failures` is filled on the way."""
    accuracies: list[float] = []

    def say(sentence: str) -> None:
        console.print(sentence, style="yellow", markup=False, highlight=False)

    with Bar(console) as bar:
        row = bar.begin("Jobs", total, done)

        def on_done(outcome: Outcome) -> None:
            if outcome.failure:
                failures[outcome.id] = outcome.failure
                say(f"{outcome.id} failed: {outcome.failure}")
            elif outcome.accuracy is not None:
                accuracies.append(outcome.accuracy)
            said = f"· {outcome.id}" if outcome.accuracy is None else f"· {outcome.id} {100 * outcome.accuracy:.1f} %"
            mean = f", mean {100 * np.mean(accuracies):.1f} %" if accuracies else ""
            bar.done(row, said=said + mean)

        def on_wait(jobs: Sequence[Job]) -> None:
            bar.waiting(row, lambda: "at work: " + ", ".join(f"{job.id}{_epochs(folder, job)}" for job in jobs))

        yield {"on_done": on_done, "say": say, "on_wait": on_wait}


def _epochs(folder: StudyFolder, job: Job) -> str:
    """How far a job's training is, by its log; nothing if there is none yet."""
    try:
        count = (folder.job(job.id) / "training" / LOG).read_bytes().count(b"\n")
    except OSError:
        return ""
    return f" (epoch {count})"
