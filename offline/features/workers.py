"""Sessions shared out to processes that end with the command."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")


def share_out(
    work: Callable[..., Result], tasks: Sequence[tuple[Any, ...]], workers: int, on_done: Callable[[Result], None]
) -> list[Result]:
    """``work(*task)`` of each task, in `workers` processes of which this is one.

    `on_done` is called with each result as it comes, on any thread. The first exception ends all: what has begun is
    finished, the rest is left undone, and it is raised.
    """
    results: dict[int, Result] = {}
    if workers <= 1:
        for number, task in enumerate(tasks):
            results[number] = work(*task)
            on_done(results[number])
        return [results[number] for number in range(len(tasks))]
    # spawn: a fork would copy the caller's threads' locks in whatever state they are
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers - 1, mp_context=context, initializer=_begin_worker) as pool, _one_thread():
        futures = [pool.submit(work, *task) for task in tasks]
        try:
            # This process takes from the other end what the others have not begun: they need a second to start.
            for number in reversed(range(len(tasks))):
                if any(done.done() and not done.cancelled() and done.exception() for done in futures):
                    break
                if futures[number].cancel():
                    results[number] = work(*tasks[number])
                    on_done(results[number])
                else:
                    futures[number].add_done_callback(
                        lambda done: None if done.cancelled() or done.exception() else on_done(done.result())
                    )
            others = {future: number for number, future in enumerate(futures) if not future.cancelled()}
            for future in wait(others, return_when=FIRST_EXCEPTION).done:
                results[others[future]] = future.result()
        finally:  # also at Ctrl-C: what has not begun stays undone
            pool.shutdown(cancel_futures=True)
    return [results[number] for number in range(len(tasks))]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Linear algebra in one thread: the other cores have sessions of their own."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        yield
        return
    with threadpool_limits(1):
        yield


_KEPT = ExitStack()


def _begin_worker() -> None:
    """End with the command, and leave the other cores to the other workers."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_await_parent, name="parent-watch", daemon=True).start()
    _KEPT.enter_context(_one_thread())  # for the process's whole life


def _await_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
