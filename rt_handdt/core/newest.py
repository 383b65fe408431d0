"""The newest rows of an endless array, in one piece."""

from __future__ import annotations

import numpy as np

from rt_handdt.core.types import Float64


class Newest:
    """Rows are appended, and the newest ones are there as one array, without all being moved each time.

    Parameters
    ----------
    keep
        How many of the rows that are there are still wanted when more are appended.
    shape
        Of a row.
    room
        For how many times as many there is room: the more, the rarer are those kept moved.
    """

    def __init__(self, keep: int, shape: tuple[int, ...], room: int = 2) -> None:
        self._keep, self._shape, self._room = keep, shape, room * keep + 1
        self.clear()

    def clear(self) -> None:
        """Forget all rows."""
        self._used = 0
        self._rows = np.empty((self._room, *self._shape))

    def append(self, n: int) -> Float64:
        """Room for the next `n` rows, (n, …), to be filled. What was handed out before is no longer valid."""
        if self._used + n > len(self._rows):
            kept = self._rows[self._used - min(self._used, self._keep) : self._used]
            wanted = max(self._room, self._keep + n + 1)
            # One very long push must not leave its memory behind for ever.
            rows = self._rows if wanted <= len(self._rows) <= 4 * wanted else np.empty((wanted, *self._shape))
            rows[: len(kept)] = kept
            self._rows, self._used = rows, len(kept)
        self._used += n
        return self._rows[self._used - n : self._used]

    def last(self, n: int, back: int = 0) -> Float64:
        """`n` rows, (n, …), that end `back` rows before the newest one: a view, valid until more are appended."""
        end = self._used - back
        return self._rows[end - n : end]
