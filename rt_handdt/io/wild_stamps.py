"""Stamps that cannot be: single ones are passed over, many in a row that agree mean that the clock was set."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rt_handdt.core.types import Float64

#: Stamps that step back by more are of a clock that was set, in s.
JUMP_S = 0.25
#: A clock that was set is believed after so long, in s.
BELIEVE_S = 0.1


class WildStamps:
    """Remembers the stamps that could not be, as far as nothing sane came after them.

    Attributes
    ----------
    nonsense
        Whether they have agreed with nothing, not even with each other, for a second; for the owner to put back.
    """

    def __init__(self, fs_hz: float) -> None:
        self._fs_hz = fs_hz
        self._lags: list[float] = []
        self.nonsense = False

    def __bool__(self) -> bool:
        return bool(self._lags)

    def clear(self) -> None:
        """Something sane came."""
        self._lags.clear()

    def see(self, lags: Float64, sane: npt.NDArray[np.bool_]) -> tuple[float, int] | None:
        """Take the next samples' lags.

        Returns
        -------
        lag, n
            Where the lags are by the clock as it is set now, if that is believed, and how many of the newest samples
            show it; None: it is not, or not yet.
        """
        n = len(sane) - 1 - (int(np.flatnonzero(sane)[-1]) if sane.any() else -1)
        if n < len(sane):
            self.clear()
        if not n:
            return None
        self._lags.extend(lags[len(lags) - n :].tolist())
        if len(self._lags) < BELIEVE_S * self._fs_hz:
            return None
        settled = np.asarray(self._lags)
        if np.isfinite(settled).all() and np.ptp(settled) < JUMP_S * self._fs_hz:
            self.clear()
            return float(settled.min()), n
        if len(self._lags) >= self._fs_hz:
            self.nonsense = True
            self.clear()
        return None
