"""Blocks that are made on a thread of their own, one ahead of the one in use."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import Empty, SimpleQueue

from rt_handdt.core.types import Float32

#: The maker is asked this often whether it still lives: only a thread that was killed would not say so itself.
LOOK_S = 1.0


class OneAhead:
    """Takes from an iterator on a thread of its own: while one block is used, the next one, and no more, is made.

    Leave it as a context: the thread then ends with the block that it is making.

    Parameters
    ----------
    blocks
        Where blocks come from; used by this object alone.
    """

    def __init__(self, blocks: Iterator[Float32]) -> None:
        self._blocks = blocks
        self._made: SimpleQueue[Float32 | BaseException | None] = SimpleQueue()
        self._wanted = threading.Semaphore(1)
        self._stop = False
        self._thread = threading.Thread(target=self._make, name="handdt-ahead", daemon=True)

    def __enter__(self) -> OneAhead:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop = True
        self._wanted.release()
        self._thread.join()

    def __iter__(self) -> Iterator[Float32]:
        """The blocks in order; raises what their maker raised."""
        while True:
            try:
                block = self._made.get(timeout=LOOK_S)
            except Empty:
                if self._thread.is_alive():
                    continue
                return
            if block is None:
                return
            if isinstance(block, BaseException):
                raise block
            self._wanted.release()
            yield block

    def _make(self) -> None:
        try:
            while True:
                self._wanted.acquire()
                if self._stop:
                    return
                block = next(self._blocks, None)
                self._made.put(block)
                if block is None:
                    return
        except BaseException as exc:  # raised where the blocks are used
            self._made.put(exc)
