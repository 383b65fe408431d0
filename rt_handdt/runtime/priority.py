"""A place at the front of the queue for the process that decides."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

#: Of real-time priorities 1 to 99, a low one: above all ordinary work, below what drives sound and network.
LEVEL = 5
_THREADS = Path("/proc/self/task")


def ask_for_priority() -> bool:
    """Ask the system to run the threads of this process before others; False where it does not allow it.

    All that there are, not the calling one alone: samples come to it through LSL's own threads, and whoever holds the
    interpreter's lock while it is set aside holds up a decision. What is started later is as it would be.

    Linux lets root and users with a limit of their own (``rtprio`` in ``/etc/security/limits.conf``) do so, and keeps
    a share of each core from such threads, so that none can take the computer.
    """
    if not hasattr(os, "sched_setscheduler"):
        return False
    policy, level = os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(LEVEL)
    try:
        os.sched_setscheduler(0, policy, level)  # 0: the calling thread, not the process
        for thread in _THREADS.iterdir() if _THREADS.is_dir() else ():
            with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
                os.sched_setscheduler(int(thread.name), policy, level)
    except OSError:
        return False
    return True
