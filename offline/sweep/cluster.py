"""The same jobs on a Dask cluster, all of whose workers see the study's folders under the same paths.

Jobs are files that can be gone on with, so a job whose worker is lost is simply run again, by Dask, on another. Whoever
can reach a Dask scheduler can run code on its workers: only use one on a network that you trust.

Nothing heavy is imported here: workers read this module in their event loop, before their first job.
"""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from offline.sweep.versions import TOKEN, versions
from rt_handdt.errors import ConfigError, HanddtError

if TYPE_CHECKING:
    from distributed import Client, Future

    from offline.sweep.jobs import Outcome, Place
    from offline.sweep.plan import Job

CONNECT_S = 10.0
#: How long a cluster without any worker is waited for.
NO_WORKER_S = 60.0
#: How long a file that a worker wrote may take to be seen here (NFS keeps listings for some seconds).
SEEN_S = 10.0
_POLL_S = 1.0
_GO_ON = "the same command goes on where this one stopped."


@contextmanager
def connected(address: str) -> Iterator[Client]:
    """A client of a scheduler that has workers.

    Raises
    ------
    ConfigError
        If Dask is not installed.
    HanddtError
        If there is no scheduler at the address, or it has no workers, within a bounded time.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ConfigError(
            "--scheduler needs the packages dask and distributed; install rt-handdt with the extra 'offline'."
        ) from None
    try:
        client = Client(address, timeout=CONNECT_S)
    except (OSError, ValueError, TimeoutError, ImportError) as exc:
        raise HanddtError(
            f"'{address}': no Dask scheduler answers there ({exc}); check the address (tcp://HOST:PORT, as 'dask "
            "scheduler' prints it), or leave out --scheduler to use this machine."
        ) from None
    try:
        until = time.monotonic() + CONNECT_S
        while not client.scheduler_info(n_workers=-1)["workers"]:
            if time.monotonic() > until:
                raise HanddtError(
                    f"{address}: this scheduler has no workers; start some with 'dask worker {address} --nthreads 1'."
                )
            time.sleep(0.2)
        yield client
    finally:
        client.close(timeout=5.0)


def check_workers(client: Client, folders: Sequence[Path], data: Sequence[str]) -> dict[str, str]:
    """Refuse workers that would compute other numbers, or do not see what we see.

    Parameters
    ----------
    folders
        There already; each worker must be able to write into them.
    data
        Paths that must exist for each.

    Returns
    -------
    dict of str to str
        The versions that all have.

    Raises
    ------
    HanddtError
        Naming the worker and what is wrong with it.
    """
    wanted = versions()
    for address, worker in client.scheduler_info(n_workers=-1)["workers"].items():
        if worker["nthreads"] != 1:
            raise HanddtError(
                f"Worker {address} has {worker['nthreads']} threads, and a process trains one network at a time; start "
                f"workers with --nthreads 1 (and --nworkers for several)."
            )
    try:
        found = client.run(introduce, [str(folder) for folder in folders], list(data), on_error="return")
    except Exception as exc:  # whatever a worker's failure to read this function is turned into on the way
        raise HanddtError(
            f"The workers cannot run rt-handdt ({exc}); install the same version on each, with the extra 'offline'."
        ) from None
    for address, said in found.items():
        if isinstance(said, OSError):
            raise HanddtError(
                f"Worker {address} cannot write where this study is kept ({said}); --out and --cache must lie on a "
                "file system that all workers see under the same path."
            )
        if isinstance(said, Exception):
            raise HanddtError(
                f"Worker {address} cannot run rt-handdt ({type(said).__name__}: {said}); install the same version "
                "there, with the extra 'offline'."
            )
        _alike(address, said["versions"], wanted)
        for folder in folders:
            _seen(folder / said["token"], address)
        if said["missing"]:
            raise HanddtError(
                f"Worker {address} does not see {said['missing'][0]}; the data must lie where all workers see them "
                "under the same path."
            )
    return wanted


def introduce(folders: list[str], data: list[str]) -> dict[str, Any]:
    """On a worker: leave a file in each folder, say which versions there are and which data are not."""
    token = f"{TOKEN}{uuid.uuid4().hex}"
    for folder in folders:
        Path(folder, token).write_text(token, encoding="utf-8")
    return {"token": token, "versions": versions(), "missing": [one for one in data if not Path(one).exists()]}


def run_on_cluster(
    client: Client,
    jobs: Sequence[Job],
    place: Place,
    wanted: dict[str, str],
    *,
    on_done: Callable[[Outcome], None] = lambda outcome: None,
    say: Callable[[str], None] = lambda sentence: None,
    on_wait: Callable[[Sequence[Job]], None] = lambda jobs: None,
) -> None:
    """Run jobs on a cluster until each is finished or has failed. Whether they are is for the caller to see on disk.

    Parameters
    ----------
    wanted
        Of `check_workers`; workers that come later are held to it too.
    on_done, say, on_wait
        As `offline.sweep.local.run_local`.

    Raises
    ------
    HanddtError
        If the scheduler is lost, or all workers are for a minute.
    """
    from distributed import wait

    run = uuid.uuid4().hex  # another command's jobs of the same name are not ours
    queue = deque(jobs)
    begun: dict[Future, Job] = {}
    alone_since: float | None = None
    try:
        while queue or begun:
            count = len(client.scheduler_info(n_workers=-1)["workers"])
            alone_since = _watch(count, alone_since, say)
            # No more than there is room for: whoever comes later finds jobs, and none waits behind a long one.
            while queue and len(begun) < count:
                job = queue.popleft()
                begun[client.submit(run_here, job, place, wanted, key=f"{job.id}-{run}", pure=False)] = job
            on_wait(list(begun.values()))
            if not begun:
                time.sleep(_POLL_S)
                continue
            try:
                finished = wait(list(begun), timeout=_POLL_S, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                continue
            for future in finished:
                on_done(_outcome(future, begun.pop(future).id))
    except (CancelledError, asyncio.CancelledError, OSError) as exc:  # as Dask reports a scheduler that is gone
        raise HanddtError(f"The scheduler was lost ({type(exc).__name__}); {_GO_ON}") from None


def _outcome(future: Future, name: str) -> Outcome:
    from offline.sweep.jobs import Outcome

    if future.status == "error":
        why = future.exception()
        return Outcome(name, failure=f"its worker was lost or could not run it ({type(why).__name__}: {why})")
    found: Outcome = future.result(timeout=CONNECT_S)
    return found


def run_here(job: Job, place: Place, wanted: dict[str, str]) -> Outcome:
    """On a worker: run one job, if this is the right place for it."""
    from offline.sweep.jobs import Outcome, run_job
    from offline.sweep.measuring import check_measured
    from offline.sweep.study_folder import StudyFolder

    with _ONE_AT_A_TIME:
        try:
            _alike("this one", versions(), wanted)
            if not StudyFolder(place.out).study.exists():
                raise HanddtError(f"This worker does not see {place.out}; all must, under the same path.")
            check_measured(job.settings, place.cache)
        except HanddtError as exc:
            return Outcome(job.id, failure=str(exc))
        return run_job(job, place)


#: Torch's seeds and settings belong to the process: a worker with several threads still trains one network at a time.
_ONE_AT_A_TIME = threading.Lock()


def _alike(address: str, came: dict[str, str], wanted: dict[str, str]) -> None:
    for name, want in wanted.items():
        if came.get(name) != want:
            raise HanddtError(
                f"Worker {address} has {name} {came.get(name, 'none')}, and here it is {want}; the numbers would "
                "differ: install the same versions everywhere."
            )


def _seen(token: Path, address: str) -> None:
    until = time.monotonic() + SEEN_S
    while not token.exists():
        if time.monotonic() > until:
            raise HanddtError(
                f"A file that worker {address} wrote into {token.parent} is not seen here; --out and --cache must lie "
                "on a file system that all workers see under the same path."
            )
        time.sleep(0.2)
    token.unlink()


def _watch(count: int, alone_since: float | None, say: Callable[[str], None]) -> float | None:
    """Since when there is no worker; None while there is one."""
    if count:
        return None
    now = time.monotonic()
    if alone_since is None:
        say(f"The cluster has no worker left; waiting {NO_WORKER_S:g} s for one.")
        return now
    if now - alone_since > NO_WORKER_S:
        raise HanddtError(f"The cluster has had no worker for {NO_WORKER_S:g} s; start some, and {_GO_ON}")
    return alone_since
