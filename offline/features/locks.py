"""One process at a time makes an entry of the cache; another that wants it waits, and finds it there.

A lock is an open file, so it ends with its process, however that ends. A killed process leaves an empty file behind,
which locks nothing; whoever takes the lock next, or `sweep`, deletes it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUFFIX = ".lock"
_OURS = re.compile(rf".+_[0-9a-f]{{16}}{re.escape(SUFFIX)}")  # the user's folder may hold other programs' locks
#: A network disk without locks is used as if there were no other process.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


@contextmanager
def held(entry: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of an entry (its path, without suffix).

    Yields
    ------
    bool
        False if another process (or thread) holds it, and `wait` is false: then it is not held here.
    """
    path = entry.with_name(entry.name + SUFFIX)
    lock = _take(path, wait)
    if lock is None:
        yield False
        return
    try:
        yield True
    finally:
        path.unlink(missing_ok=True)  # while it is held: whoever waits sees that it is gone, and begins again
        os.close(lock)


def sweep(folder: Path) -> None:
    """Delete what killed processes left in a cache's folder: locks, and the unfinished files of those entries."""
    for path in list(folder.glob(f"*{SUFFIX}")):
        if _OURS.fullmatch(path.name):
            entry = path.with_name(path.name.removesuffix(SUFFIX))
            with held(entry, wait=False) as mine:
                if mine:
                    remove_unfinished(entry)


def remove_unfinished(entry: Path) -> None:
    """Delete the unfinished files of an entry whose writer has ended. Call it with the lock held."""
    for part in entry.parent.glob(f"{entry.name}.*.part"):
        try:
            os.kill(int(part.name.split(".")[-2]), 0)  # without locks (see above) its writer may still be there
        except (ValueError, ProcessLookupError):
            part.unlink(missing_ok=True)
        except PermissionError:
            continue


def _take(path: Path, wait: bool) -> int | None:
    """The open file that is the lock; None if it is another's."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            if _is_at(file, path):
                return file
        except BlockingIOError:
            os.close(file)
            return None
        except OSError as exc:
            if exc.errno in _NO_LOCKS:
                return file
            os.close(file)
            raise
        except BaseException:  # Ctrl-C while waiting
            os.close(file)
            raise
        os.close(file)


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False
