"""Work shared out to processes that end with the command."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from typing import Any


def share_out(
    work: Callable[..., None], tasks: Sequence[tuple[Any, ...]], workers: int, on_done: Callable[[], None]
) -> None:
    """Call ``work(*task)`` for each task, in `workers` processes; in this one, if that is one or none.

    `on_done` is called after each, on any thread. The first exception ends all: what has begun is finished, the rest is
    left undone, and it is raised.
    """
    if workers <= 1:
        for task in tasks:
            work(*task)
            on_done()
        return
    # spawn: a fork would copy the caller's threads' locks in whatever state they are
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_leave_with_parent) as pool:
        futures = [pool.submit(work, *task) for task in tasks]
        try:
            for future in futures:
                future.add_done_callback(lambda done: None if done.cancelled() or done.exception() else on_done())
            for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                future.result()
        finally:  # also at Ctrl-C: what has not begun stays undone
            pool.shutdown(cancel_futures=True)


def _leave_with_parent() -> None:
    """End this worker with the command, so that none still writes when the command is given again."""
    # Ctrl-C reaches the workers too; else they would take it for the failure of one session, and begin another.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_await_parent, name="parent-watch", daemon=True).start()


def _await_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
