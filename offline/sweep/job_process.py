"""A worker process: jobs come in through a pipe, outcomes go out. Imports nothing heavy before it knows its place."""

from __future__ import annotations

import os
import signal
import threading
from multiprocessing.connection import Connection

from offline.util import await_parent


def serve(connection: Connection, gpu: str) -> None:
    """Receive the place, then run jobs until the pipe is closed.

    Parameters
    ----------
    gpu
        The only one that this process may see; empty: whatever there is.
    """
    # Ctrl-C reaches this process too; the parent ends it, whole.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=await_parent, name="parent-watch", daemon=True).start()
    os.environ["OMP_NUM_THREADS"] = "1"  # the other cores have jobs of their own
    if gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    try:
        place = connection.recv()
        from offline.sweep.jobs import run_job

        while True:
            connection.send(run_job(connection.recv(), place))
    except (EOFError, BrokenPipeError):
        return
