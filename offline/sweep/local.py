"""Jobs on this machine: a process for each core, or for each GPU. Any of them may be killed at any time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from types import FrameType

from offline.sweep.job_process import serve
from offline.sweep.jobs import Outcome, Place, fail
from offline.sweep.plan import Job
from offline.sweep.study_folder import StudyFolder

#: A job whose process was ended from outside is begun again so many times.
RETRIES = 2


class _Worker:
    """One process, and the job it has."""

    def __init__(self, place: Place, gpu: str) -> None:
        # spawn: a fork would copy torch's threads' locks in whatever state they are
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=serve, args=(theirs, gpu), daemon=True)
        self.gpu = gpu
        self.job: Job | None = None
        self.process.start()
        theirs.close()
        self._send(place)

    def begin(self, job: Job) -> None:
        self.job = job
        self._send(job)

    def _send(self, thing: Place | Job) -> None:
        with suppress(OSError):  # it has died already, which is noticed by whoever waits for it
            self.connection.send(thing)

    def outcome(self) -> Outcome | None:
        """What it sends; None if it has died instead."""
        try:
            found: Outcome = self.connection.recv()
        except (EOFError, OSError):
            return None
        return found

    def end(self) -> None:
        """At once; files are written whole or not at all."""
        self.process.kill()
        self.process.join()
        self.connection.close()


def run_local(
    jobs: Sequence[Job],
    place: Place,
    *,
    processes: int | None = None,
    on_done: Callable[[Outcome], None] = lambda outcome: None,
    say: Callable[[str], None] = lambda sentence: None,
) -> None:
    """Run jobs side by side until each is finished or has failed.

    Parameters
    ----------
    processes
        By default one for each GPU where a job may use one, else one for each core.
    on_done
        Called with each outcome, on this thread.
    say
        Takes sentences on processes that were ended from outside; their jobs go on in others, at most twice each.

    Raises
    ------
    KeyboardInterrupt, SystemExit
        At Ctrl-C and SIGTERM, once all processes are gone. What they had begun can be gone on with.
    """
    queue = deque(jobs)
    died: Counter[str] = Counter()
    free = slots(jobs, processes)
    workers: list[_Worker] = []
    try:
        with _ended_by_sigterm():
            while queue or any(worker.job for worker in workers):
                while queue and free:
                    workers.append(_Worker(place, free.pop()))
                    workers[-1].begin(queue.popleft())
                busy = [worker for worker in workers if worker.job is not None]
                ready = wait([thing for one in busy for thing in (one.connection, one.process.sentinel)])
                for worker in busy:
                    if worker.connection not in ready and worker.process.sentinel not in ready:
                        continue
                    job, worker.job = worker.job, None
                    assert job is not None
                    outcome = worker.outcome()
                    if outcome is not None:
                        on_done(outcome)
                        if queue:
                            worker.begin(queue.popleft())
                        continue
                    worker.end()
                    workers.remove(worker)
                    free.append(worker.gpu)
                    died[job.id] += 1
                    reason = _reason(worker.process.exitcode)
                    if died[job.id] <= RETRIES:
                        say(f"{job.id}: its process was ended from outside ({reason}); the job goes on in another.")
                        queue.appendleft(job)
                    else:
                        on_done(
                            fail(
                                job,
                                StudyFolder(place.out),
                                f"Its process was ended from outside {died[job.id]} times (at last by {reason}), most "
                                "often for lack of memory; give the same command with fewer --processes.",
                            )
                        )
    finally:
        for worker in workers:
            worker.end()


def slots(jobs: Sequence[Job], processes: int | None) -> list[str]:
    """The GPU of each process to be started, empty where there is none to be used."""
    gpus = (
        _visible_gpus() if any(job.kind != "baseline" and job.settings.method.device != "cpu" for job in jobs) else []
    )
    count = min(processes or len(gpus) or os.cpu_count() or 1, len(jobs))
    return [gpus[k % len(gpus)] if gpus else "" for k in range(count)][::-1]


def _visible_gpus() -> list[str]:
    import torch

    count = torch.cuda.device_count()
    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return named[:count] if named else [str(k) for k in range(count)]


def _reason(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"signal {-exitcode}, {signal.Signals(-exitcode).name}"
    return f"exit code {exitcode}"


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM leaves as Ctrl-C does: through every `finally`."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
