"""Spread the sessions of a cohort over processes."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from threadpoolctl import threadpool_limits

from rt_handdt.errors import RecordingError

T = TypeVar("T")
R = TypeVar("R")


def spread(function: Callable[[T], R], tasks: Sequence[T], processes: int | None = None) -> Iterator[tuple[T, R]]:
    """Results of `function` for each task, as they come.

    Parameters
    ----------
    function
        At a module's top level.
    tasks
        What it is called with, one at a time.
    processes
        How many at once; by default one per processor. 1 stays in this process.

    Raises
    ------
    RecordingError
        If a process was ended from outside. What `function` raises passes through.
    """
    workers = min(processes or os.cpu_count() or 1, len(tasks))
    if workers <= 1:
        for task in tasks:
            with threadpool_limits(1):  # as in a worker
                result = function(task)
            yield task, result
        return
    # spawn: a fork would copy the caller's threads' locks in whatever state they are
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin) as pool:
        futures = {pool.submit(function, task): task for task in tasks}
        try:
            for future in as_completed(futures):
                yield futures.pop(future), future.result()
        except BrokenProcessPool as exc:
            raise RecordingError(
                "A process that read the cohort was ended from outside, most often for lack of memory; give the same "
                "command with fewer processes."
            ) from exc
        finally:  # also at Ctrl-C
            pool.shutdown(cancel_futures=True)


def _begin() -> None:
    threadpool_limits(1)  # one core each: the sessions are what runs at once
    threading.Thread(target=_await_parent, name="parent-watch", daemon=True).start()


def _await_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
