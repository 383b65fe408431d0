"""What many commands need: work in processes that end with the command, and a bar that a log file can hold too."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from threadpoolctl import threadpool_limits

from rt_handdt.errors import HanddtError
from rt_handdt.io.whole import whole

Result = TypeVar("Result")
#: Between two lines of a bar where there is no terminal.
LINE_S = 10.0


def share_out(
    work: Callable[..., Result],
    tasks: Sequence[tuple[Any, ...]],
    processes: int | None = None,
    on_done: Callable[[Result], None] = lambda result: None,
) -> list[Result]:
    """``work(*task)`` of each task, in processes of which this is one, with one thread of linear algebra each.

    Parameters
    ----------
    work
        At a module's top level.
    processes
        How many at once; by default one per processor. 1 stays in this process.
    on_done
        Called with each result as it comes, on any thread.

    Returns
    -------
    list
        In the order of the tasks.

    Raises
    ------
    BrokenProcessPool
        If a process was ended from outside, most often for lack of memory. Whatever `work` raises passes through: what
        has begun is finished, the rest is left undone.
    """
    results: dict[int, Result] = {}
    workers = min(processes or os.cpu_count() or 1, len(tasks))
    with ExitStack() as stack:
        stack.enter_context(threadpool_limits(1))
        if workers <= 1:
            for number, task in enumerate(tasks):
                results[number] = work(*task)
                on_done(results[number])
            return [results[number] for number in range(len(tasks))]
        others = stack.enter_context(pool(workers - 1))
        futures = [others.submit(work, *task) for task in tasks]
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
            begun = {future: number for number, future in enumerate(futures) if not future.cancelled()}
            for future in wait(begun, return_when=FIRST_EXCEPTION).done:
                results[begun[future]] = future.result()
        finally:  # also at Ctrl-C: what has not begun stays undone
            others.shutdown(cancel_futures=True)
    return [results[number] for number in range(len(tasks))]


class Beside:
    """Work done in processes beside what the caller does meanwhile; a context, left when all of it is done.

    Parameters
    ----------
    processes
        How many at once. 0, or inside a process that may have none of its own: work waits for `done`, in this process.
        So does work whose process was ended from outside.
    """

    def __init__(self, processes: int) -> None:
        able = processes > 0 and not multiprocessing.current_process().daemon
        self._pool = pool(processes) if able else None
        self._begun: list[tuple[Future[Any] | None, Callable[..., Any], tuple[Any, ...]]] = []

    def begin(self, work: Callable[..., Any], *arguments: Any) -> None:
        """Take on ``work(*arguments)``, a function of a module's top level."""
        future = None
        if self._pool is not None:
            with suppress(BrokenProcessPool):
                future = self._pool.submit(work, *arguments)
        self._begun.append((future, work, arguments))

    def done(self) -> list[Any]:
        """What all of it gave, in order; whatever it raised passes through."""
        made = []
        for future, work, arguments in self._begun:
            try:
                made.append(work(*arguments) if future is None else future.result())
            except BrokenProcessPool:
                made.append(work(*arguments))
        return made

    def __enter__(self) -> Beside:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:  # after an error, or Ctrl-C, nothing is begun any more
            self._pool.shutdown(cancel_futures=True)


def pool(workers: int, gpus: Sequence[str] = ()) -> ProcessPoolExecutor:
    """Processes with one thread of linear algebra each, which end with this one.

    Parameters
    ----------
    gpus
        Of each process the only one that it may see; empty: whatever there is.
    """
    # spawn: a fork would copy the caller's threads' locks in whatever state they are
    context = multiprocessing.get_context("spawn")
    names = context.SimpleQueue()
    for gpu in gpus:
        names.put(gpu)
    return ProcessPoolExecutor(
        workers, mp_context=context, initializer=_begin_worker, initargs=(names if gpus else None,)
    )


def _begin_worker(gpus: Any) -> None:
    """End with the command, so that none still writes when it is given again, and leave the other cores alone."""
    # Ctrl-C reaches the workers too; else they would take it for the failure of one task, and begin another.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=await_parent, name="parent-watch", daemon=True).start()
    os.environ["OMP_NUM_THREADS"] = "1"  # read by what is imported from here on
    threadpool_limits(1)  # and what a caller's own program has imported already; for the process's whole life
    if gpus is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus.get()


def await_parent() -> None:
    """Leave this process, at once, when the one that started it is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A name to write to, in a folder that is made: the file is at `path` when it is whole, and else nowhere.

    Raises
    ------
    HanddtError
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part:
            yield part
    except (OSError, RuntimeError) as exc:  # torch turns a failed write into a RuntimeError
        why = exc.strerror or exc if isinstance(exc, OSError) else "the disk is full or went away"
        raise HanddtError(f"{path}: cannot be written ({why}); free some space or choose another folder.") from None


@contextmanager
def gone_on_with(console: Console | None = None) -> Iterator[None]:
    """Around work that the same command goes on with: Ctrl-C, or a polite kill, is passed on after a sentence.

    Parameters
    ----------
    console
        Where it is said; standard error if None.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        said = "Stopped. The same command goes on where this one was."
        (console or Console(stderr=True)).print(said, highlight=False)
        raise


class Bar(Progress):
    """A progress bar; where there is no terminal (a log file), a line every ten seconds in its place.

    Parameters
    ----------
    console
        Where it is shown; nowhere if that is quiet.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[said]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=console.quiet or not console.is_terminal,
        )
        self._line_at = time.monotonic() + LINE_S

    def begin(self, description: str, total: int, done: int = 0) -> TaskID:
        """Add a row."""
        return self.add_task(description, total=total, completed=done, said="")

    def done(self, row: TaskID, count: float = 1, said: str = "") -> None:
        """So many more are done; `said` is shown beside them."""
        self.update(row, advance=count, said=said)
        task = self._tasks[row]
        if not self.console.is_terminal and ((count and task.finished) or time.monotonic() >= self._line_at):
            self._line(task, said)

    def waiting(self, row: TaskID, said: Callable[[], str]) -> None:
        """Nothing is done yet, though there may be something to say, every ten seconds."""
        if time.monotonic() >= self._line_at:
            if self.console.is_terminal:
                self._line_at = time.monotonic() + LINE_S
                self.update(row, said=said())
            else:
                self._line(self._tasks[row], said())

    def _line(self, task: Task, said: str) -> None:
        self._line_at = time.monotonic() + LINE_S
        text = f"{task.description}: {task.completed:g} of {task.total:g} {said}".rstrip()
        self.console.print(text, markup=False, highlight=False)
