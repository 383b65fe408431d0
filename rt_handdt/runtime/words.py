"""Words from one process to another, through a pipe."""

from __future__ import annotations

import pickle
from typing import IO, Any

#: What stands before a word's length.
_LENGTH = 4


def put(pipe: IO[bytes], item: tuple[Any, ...]) -> None:
    """Send a word."""
    data = pickle.dumps(item, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.write(len(data).to_bytes(_LENGTH, "little") + data)
    pipe.flush()


def take(pipe: IO[bytes]) -> tuple[Any, ...] | None:
    """The next word; None at the end, also in the middle of a word."""
    head = pipe.read(_LENGTH)
    if len(head) < _LENGTH:
        return None
    data = pipe.read(int.from_bytes(head, "little"))
    try:
        found: tuple[Any, ...] = pickle.loads(data)
    except (EOFError, pickle.UnpicklingError):  # whoever sent it has died
        return None
    return found
