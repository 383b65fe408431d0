"""One process at a time makes an entry of the cache; another that wants it waits, and finds it there.

A lock ends with its process, however that ends. A killed process leaves an empty file behind, which locks nothing, and
unfinished values; whoever makes that entry next, or `sweep`, deletes them.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

SUFFIX = ".lock"
_OURS = re.compile(rf".+_[0-9a-f]{{16}}{re.escape(SUFFIX)}")  # the user's folder may hold other programs' locks
#: A network disk without locks is used as if there were no other process.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


def unfinished(entry: Path) -> Path:
    """Where the values of an entry (its path, without suffix) are written until they are whole."""
    return entry.with_name(f"{entry.name}.npy.part")


@contextmanager
def held(entry: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of an entry.

    Yields
    ------
    bool
        False if another process (or thread) holds it, and `wait` is false: then it is not held here.
    """
    path = entry.with_name(entry.name + SUFFIX)
    lock = FileLock(path, timeout=-1 if wait else 0)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    except OSError as exc:
        if exc.errno not in _NO_LOCKS:
            raise
    try:
        yield True
    finally:
        path.unlink(missing_ok=True)  # who waits for it goes on with the one that is gone, and finds the entry there
        lock.release()


def sweep(folder: Path) -> None:
    """Delete what killed processes left in a cache's folder: locks, and the unfinished values of those entries."""
    for path in list(folder.glob(f"*{SUFFIX}")):
        if _OURS.fullmatch(path.name):
            entry = path.with_name(path.name.removesuffix(SUFFIX))
            with held(entry, wait=False) as mine:
                if mine:
                    unfinished(entry).unlink(missing_ok=True)
