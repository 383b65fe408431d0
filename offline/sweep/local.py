"""Jobs on this machine: a process for each core, or for each GPU. Any of them may be killed at any time.

`concurrent.futures` and not Dask, which serves clusters (`offline.sweep.cluster`): no port is opened, by which whoever
else has an account here could run code, and processes begin a second or two sooner.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import FrameType

from offline.sweep.jobs import Outcome, Place, fail, run_job
from offline.sweep.plan import Job
from offline.sweep.study_folder import StudyFolder
from offline.util import pool

#: A job whose process was ended from outside while no other ran is begun again so many times.
RETRIES = 2
POLL_S = 1.0


def run_local(
    jobs: Sequence[Job],
    place: Place,
    *,
    processes: int | None = None,
    on_done: Callable[[Outcome], None] = lambda outcome: None,
    say: Callable[[str], None] = lambda sentence: None,
    on_wait: Callable[[Sequence[Job]], None] = lambda jobs: None,
) -> None:
    """Run jobs side by side until each is finished or has failed.

    Parameters
    ----------
    processes
        By default one for each GPU where a job may use one, else one for each core.
    on_done
        Called with each outcome, on this thread.
    say
        Takes sentences on processes that were ended from outside: the jobs then begun go on with a process less, and
        one that has none beside it is given up when that happens for the third time.
    on_wait
        Called every second or so with the jobs that are being run.

    Raises
    ------
    KeyboardInterrupt, SystemExit
        At Ctrl-C and SIGTERM, once all processes are gone. What they had begun can be gone on with.
    """
    gpus, queue, died = slots(jobs, processes), deque(jobs), Counter[str]()
    with _ended_by_sigterm():
        while queue:
            lost = _run(queue, place, gpus, on_done, on_wait)
            if not lost:
                continue
            if len(lost) == 1:
                died[lost[0].id] += 1
            given_up = [job for job in lost if died[job.id] > RETRIES]
            for job in given_up:
                message = (
                    f"Its process was ended from outside {died[job.id]} times, most often for lack of memory; give the "
                    "same command with fewer --processes."
                )
                on_done(fail(job, StudyFolder(place.out), message))
            again = [job for job in lost if job not in given_up]
            queue.extendleft(reversed(again))
            gpus = gpus[: max(1, len(gpus) - 1)]
            if again:
                names = ", ".join(one.id for one in again)
                goes = "goes" if len(again) == 1 else "go"
                say(f"A process was ended from outside, most often for lack of memory; {names} {goes} on.")


def _run(
    queue: deque[Job],
    place: Place,
    gpus: list[str],
    on_done: Callable[[Outcome], None],
    on_wait: Callable[[Sequence[Job]], None],
) -> list[Job]:
    """Take jobs from the queue until it is empty, or a process is ended: then what was begun and not finished."""
    running: dict[Future[Outcome], Job] = {}
    workers = pool(len(gpus), gpus if any(gpus) else ())
    try:
        while queue or running:
            while queue and len(running) < len(gpus):
                running[workers.submit(run_job, queue[0], place)] = queue[0]
                queue.popleft()
            on_wait(list(running.values()))
            for future in wait(running, POLL_S, FIRST_COMPLETED).done:
                on_done(future.result())
                del running[future]
    except BrokenProcessPool:
        return list(running.values())
    finally:  # at once: files are written whole or not at all
        for process in multiprocessing.active_children():
            process.kill()
        workers.shutdown(cancel_futures=True)
    return []


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
