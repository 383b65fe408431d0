"""A real study on tiny data: done once, gone on with after any kind of end, on this machine and on a Dask cluster."""

from __future__ import annotations

import fcntl
import io
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from offline.cli import app
from offline.sweep.jobs import Place, run_job, state_of
from offline.sweep.local import run_local, slots
from offline.sweep.plan import make_plan
from offline.sweep.study_config import StudyConfig, read_study
from offline.sweep.study_folder import StudyFolder
from offline.sweep.study_run import StudyRun, run_study
from rt_handdt.errors import HanddtError
from tests.conftest import ROOT
from tests.support.noise_people import write_people

PATIENCE_S = 60.0
#: Long enough to be interrupted some times.
EPOCHS = 80
STUDY = f"""
name = "tiny"
data = ["people"]
fold_size = 1
folds = [1, 2]
sessions = [["1"]]
measures = ["rms"]
seeds = [0]
classifiers = ["knn"]
baselines = ["lda"]
[[condition]]
name = "small"
config = "smoke"
override = {{ validate_every = 40, checkpoint_every = 4, optimiser = {{ epochs = {EPOCHS} }} }}
[[condition]]
name = "raw"
kind = "baseline"
"""
JOBS = [f"{name}_rms_s1_f{fold}_seed0" for fold in (1, 2) for name in ("small", "raw")]


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """4 people × 3 gestures × 2 trials, and a study of 4 jobs."""
    folder = tmp_path_factory.mktemp("study")
    write_people(folder / "people", [(k, 1) for k in (1, 2, 3, 4)])
    (folder / "tiny.toml").write_text(STUDY)
    return folder / "tiny.toml"


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def whole(file, cache, tmp_path_factory) -> StudyRun:
    """Uninterrupted, two jobs at a time."""
    run = started(file, cache, tmp_path_factory.mktemp("whole") / "out", processes=2)
    assert not run.failed
    return run


def config_of(file: Path, **changes: Any) -> tuple[StudyConfig, Path]:
    config, root = read_study(file)
    return StudyConfig.parse({**config.model_dump(), **changes}, what="test"), root


def started(file: Path, cache: Path, out: Path, *, said: Console | None = None, **options: Any) -> StudyRun:
    changes = options.pop("changes", {})
    console = said or Console(quiet=True)
    return run_study(*config_of(file, **changes), out, cache=cache, report=False, console=console, **options)


def environment() -> dict[str, str]:
    """Other processes find this very checkout."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}


def metrics(out: Path) -> dict[str, Any]:
    return {path.parent.name: json.loads(path.read_text()) for path in sorted(out.glob("jobs/*/metrics.json"))}


def await_(what: Callable[[], bool], why: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < until, f"waited in vain for {why}"
        time.sleep(0.005)


def _checkpoints(out: Path) -> list[Path]:
    return sorted(out.glob("jobs/*/training/checkpoint.pt"))


def midway(out: Path) -> list[Path]:
    """Jobs that have a checkpoint, and are not finished."""
    found = [path.parents[1] for path in _checkpoints(out)]
    return [path for path in found if not (path / "metrics.json").exists()]


@pytest.mark.slow
def test_a_study_is_done_once(whole, file, cache):
    out = whole.folder.path
    found = metrics(out)
    assert sorted(found) == sorted(JOBS)
    assert whole.ran == 4
    trained, raw = (found[f"{name}_rms_s1_f1_seed0"] for name in ("small", "raw"))
    assert trained.keys() == raw.keys()
    assert (trained["parts"], trained["protocol"]) == (raw["parts"], raw["protocol"])
    assert (trained["epochs"], raw["epochs"]) == (EPOCHS, 0)
    assert [(one["source"], one["classifier"]) for one in raw["results"]] == [("raw", "lda")]
    assert raw["results"][0] == trained["results"][-1]  # the same samples, the same numbers
    stamps = {
        path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file() and path.parent.name != "locks"
    }
    again = started(file, cache, out, processes=2)
    assert (again.ran, len(again.done)) == (0, 4)
    changed = [path.name for path, stamp in stamps.items() if path.stat().st_mtime_ns != stamp]
    assert changed in ([], ["study.json"])


@pytest.mark.slow
def test_the_command_reports_failures_and_the_others_finish(file, cache, tmp_path, monkeypatch):
    written = []
    report = types.ModuleType("offline.sweep.study_report")
    report.write_report = lambda out: [written.append(out) or out / "report.html"]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "offline.sweep.study_report", report)
    text = STUDY.replace(f"epochs = {EPOCHS}", "epochs = 2").replace('data = ["people"]\n', "")
    hot = '[[condition]]\nname = "hot"\nconfig = "smoke"\noverride = { optimiser = { learning_rate = 1e30 } }\n'
    own = tmp_path / "hot.toml"
    own.write_text(text.replace("[1, 2]", "[1]") + hot)
    words = ["study", "--config", str(own), "--data", str(file.parent / "people"), "--out", str(tmp_path / "out")]
    words += ["--cache", str(cache), "--processes", "1"]
    dry = CliRunner().invoke(app, [*words, "--dry-run"])
    assert dry.exit_code == 0
    assert "new    hot_rms_s1_f1_seed0" in dry.stdout
    assert "3 jobs, 0 done." in dry.stdout
    assert not (tmp_path / "out").exists()
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, HanddtError)
    assert done.exception.exit_code == 2
    assert "1 of 3 jobs failed: hot_rms_s1_f1_seed0 (Training diverged" in str(done.exception)
    assert "The same command runs the failed ones again" in str(done.exception)
    folder = tmp_path / "out" / "jobs" / "hot_rms_s1_f1_seed0"
    failure = json.loads((folder / "failed.json").read_text())
    assert failure["id"] == folder.name
    assert failure["message"].startswith("Training diverged")
    assert sorted(metrics(tmp_path / "out")) == ["raw_rms_s1_f1_seed0", "small_rms_s1_f1_seed0"]
    assert written == [tmp_path / "out"]
    assert "3 jobs: 2 done, 1 failed; 3 were run now." in done.stdout
    assert f"Wrote {tmp_path / 'out' / 'report.html'}" in done.stdout
    assert "pattern knn" in done.stdout
    dry = CliRunner().invoke(app, [*words, "--dry-run"])
    assert "failed hot_rms_s1_f1_seed0" in dry.stdout
    own.write_text(own.read_text().replace("1e30", "1e-3"))
    with pytest.raises(HanddtError, match="differ in condition hot"):
        CliRunner().invoke(app, words, catch_exceptions=False)


@pytest.mark.slow
def test_a_command_that_was_killed_is_gone_on_with(whole, file, cache, tmp_path):
    out = tmp_path / "out"
    words = [sys.executable, "-m", "offline.cli", "study", "--config", str(file), "--out", str(out), "--no-report"]
    words += ["--cache", str(cache), "--processes", "1"]
    with subprocess.Popen(words, cwd=tmp_path, env=environment(), stderr=subprocess.DEVNULL) as command:
        try:
            await_(lambda: bool(midway(out)), "a checkpoint")
        finally:
            command.kill()
    await_(lambda: not _at_work(out), "the workers' end")
    assert midway(out)
    rest = started(file, cache, out, processes=1)
    assert not rest.failed
    assert metrics(out) == metrics(whole.folder.path)


def _at_work(out: Path) -> bool:
    """Whether any process holds a job."""
    for path in (out / "locks").iterdir():
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    return False


@pytest.mark.slow
def test_signals_and_the_death_of_a_worker_cost_nothing_but_a_job_again(whole, file, cache, tmp_path):
    out, victims = tmp_path / "out", []
    said = Console(file=io.StringIO(), width=300)

    def strike(signalled: int) -> None:
        """At the next checkpoint: to this process, or death to its worker."""
        seen = [path.stat().st_mtime_ns for path in _checkpoints(out)]
        await_(lambda: [path.stat().st_mtime_ns for path in _checkpoints(out)] != seen, "a checkpoint")
        victims.extend(multiprocessing.active_children())
        os.kill(victims[-1].pid if signalled == signal.SIGKILL else os.getpid(), signalled)

    for signalled, raised in ((signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit), (signal.SIGKILL, None)):
        thread = threading.Thread(target=strike, args=(signalled,))
        thread.start()
        with pytest.raises(raised) if raised else nullcontext():
            run = started(file, cache, out, processes=1, said=said)
        thread.join()
        assert not any(victim.is_alive() for victim in victims)
        assert (said.file.getvalue().count("Stopped. The same command goes on")) == min(len(victims), 2)
        assert midway(out) or not raised
    assert len(victims) == 3
    assert "A process was ended from outside, most often for lack of memory; " in said.file.getvalue()
    assert "goes on." in said.file.getvalue()
    assert not run.failed
    assert metrics(out) == metrics(whole.folder.path)


def test_a_job_whose_process_dies_again_and_again_is_given_up(file, cache, tmp_path):
    config, root = config_of(file, folds=(1,))
    (job,) = (one for one in make_plan(config, root).jobs if one.kind == "baseline")
    outcomes, stop = [], threading.Event()

    def kill() -> None:
        while not stop.is_set():
            for process in multiprocessing.active_children():
                process.kill()
            time.sleep(0.01)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        run_local([job], Place(tmp_path, cache), processes=1, on_done=outcomes.append)
    finally:
        stop.set()
        thread.join()
    (outcome,) = outcomes
    assert "ended from outside 3 times" in outcome.failure
    failed = json.loads((StudyFolder(tmp_path).job(job.id) / "failed.json").read_text())
    assert failed["message"] == outcome.failure
    assert state_of(job, StudyFolder(tmp_path)) == "failed"  # and may be tried again


def test_each_process_sees_one_gpu(file, monkeypatch):
    jobs = make_plan(*config_of(file)).jobs
    monkeypatch.setattr("offline.sweep.local._visible_gpus", lambda: ["3", "5"])
    assert sorted(slots(jobs, None)) == ["3", "5"]
    assert sorted(slots(jobs, 3)) == ["3", "3", "5"]
    monkeypatch.setattr("offline.sweep.local._visible_gpus", lambda: [])
    assert slots(jobs, 100) == [""] * 4
    assert slots([job for job in jobs if job.kind == "baseline"], 1) == [""]


def test_a_recipe_is_run_by_its_own_module(whole, file, cache, tmp_path, monkeypatch):
    recipe = [{"name": "ours", "kind": "recipe", "config": "default", "override": {"refit": True}}]
    config, root = config_of(file, condition=recipe, folds=(2,), seeds=(5,))
    (job,) = make_plan(config, root).jobs
    calls = []

    def run_recipe(config, recipe, out, *, cache, processes, allow_reserved_seeds, console):
        calls.append((config, recipe, processes, allow_reserved_seeds))
        if len(calls) > 1:
            path = whole.folder.job("raw_rms_s1_f2_seed0") / "metrics.json"
            (Path(out) / "metrics.json").write_bytes(path.read_bytes())
        if len(calls) == 2:
            raise HanddtError("no space for the figures")

    module = types.ModuleType("offline.study.recipe")
    module.run_recipe = run_recipe  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "offline.study.recipe", module)
    place = Place(tmp_path, cache, allow_reserved_seeds=True)
    assert "ended without a metrics.json" in run_job(job, place).failure
    assert run_job(job, place).failure == "no space for the figures"
    assert state_of(job, StudyFolder(tmp_path)) == "failed"  # though its scores are there
    outcome = run_job(job, place)
    assert not outcome.failure
    assert state_of(job, StudyFolder(tmp_path)) == "done"
    assert outcome.accuracy == metrics(whole.folder.path)["raw_rms_s1_f2_seed0"]["results"][0]["people_mean"]
    settings, trained, processes, reserved = calls[1]
    assert (settings.test_subjects, settings.seed, processes, reserved) == (("02",), 5, 1, True)
    assert (trained.refit, trained.seed, trained.threads) == (True, 5, 1)
    assert run_job(job, place) == outcome
    assert len(calls) == 3  # finished: not run again
    job_file = StudyFolder(tmp_path).job(job.id) / "job.json"
    job_file.write_text(job_file.read_text().replace('"seed": 5', '"seed": 6'))
    assert "belongs to another job" in run_job(job, place).failure


def test_people_without_samples_and_impossible_splits_are_found_before_training(file, cache, tmp_path):
    for changes, says in (
        ({"protocol": "within-session", "repetition_folds": 3, "folds": ()}, "small_rms_s1_f1_seed0: .* part is empty"),
        ({"protocol": "within-session", "repetition_folds": 2}, 'small_rms_s1_f1_seed0: keep = "knn" chooses by'),
    ):
        with pytest.raises(HanddtError, match=says):
            started(file, cache, tmp_path / "out", changes=changes, processes=1)
        assert not (tmp_path / "out" / "study.json").exists()  # nothing stands in the way of asking rightly


# -- a cluster -----------------------------------------------------------------------------------------------------


@pytest.fixture
def cluster(tmp_path) -> Iterator[tuple[subprocess.Popen[bytes], str, Callable[[], subprocess.Popen[bytes]]]]:
    """A scheduler on this computer, its address, and a way to start workers; all ended afterwards."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> subprocess.Popen[bytes]:
        log = (tmp_path / f"dask_{len(processes)}.log").open("wb")
        command = [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:], "--host", "127.0.0.1"]
        command += ["--no-dashboard", "--port" if words[0] == "scheduler" else "--worker-port", "0"]
        processes.append(subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=log, stderr=log))
        log.close()
        return processes[-1]

    try:
        scheduler = start("scheduler", "--scheduler-file", str(tmp_path / "scheduler.json"))
        await_(lambda: (tmp_path / "scheduler.json").exists(), "the scheduler")
        address = json.loads((tmp_path / "scheduler.json").read_text())["address"]
        yield (
            scheduler,
            address,
            lambda: start("worker", address, "--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path)),
        )
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _worker_logs(folder: Path) -> list[Path]:
    return sorted(folder.glob("dask_*.log"))[1:]


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_loses_no_job(whole, file, cache, cluster, tmp_path):
    scheduler, address, start_worker = cluster
    out = tmp_path / "out"
    workers = [start_worker(), start_worker()]
    await_(lambda: all("Registered to" in log.read_text() for log in _worker_logs(tmp_path)), "two workers")

    def kill() -> None:
        await_(lambda: len(midway(out)) == 2, "two jobs at once")
        workers[0].kill()

    thread = threading.Thread(target=kill)
    thread.start()
    # networks first, so that both workers are training one when the first is lost
    changes = {"condition": [read_study(file)[0].condition[0].model_dump(mode="json")]}
    run = started(file, cache, out, scheduler=address, changes=changes)
    thread.join()
    assert workers[0].wait(timeout=PATIENCE_S) == -signal.SIGKILL
    assert (run.failed, len(run.done)) == ({}, 2)
    rest = started(file, cache, out, scheduler=address)
    assert (rest.failed, rest.ran) == ({}, 2)
    assert metrics(out) == metrics(whole.folder.path)

    # the scheduler itself
    thread = threading.Thread(target=lambda: (await_(lambda: bool(midway(out)), "a job"), scheduler.kill()))
    thread.start()
    with pytest.raises(HanddtError, match=r"The scheduler was lost .* the same command goes on"):
        started(file, cache, out, scheduler=address, changes={"seeds": (0, 1)})
    thread.join()
    assert len(metrics(out)) >= 4
