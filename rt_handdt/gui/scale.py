"""A display range that follows the signal without flickering."""

from __future__ import annotations

import math

_STEPS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0)


class Scale:
    """Upper end of a display range: rises at once, falls slowly, and always is a round number.

    Parameters
    ----------
    floor
        The smallest range shown, so that the noise of a resting muscle does not fill the picture.
    fall_s
        Time constant of the fall: longer than a rest between two gestures, so that rest looks like rest.
    """

    def __init__(self, floor: float, fall_s: float = 12.0) -> None:
        self.value = nice_ceiling(floor)
        self._floor = floor
        self._fall_s = fall_s
        self._peak = floor

    def update(self, peak: float | None, elapsed_s: float) -> float:
        """Take in the newest peak (None: nothing new) and return the range."""
        if peak is None or not math.isfinite(peak):
            return self.value
        self._peak = max(peak, self._floor, self._peak * math.exp(-elapsed_s / self._fall_s))
        # Only a clear fall shrinks the range: a peak that hovers at a round number would otherwise toggle it.
        if self._peak > self.value or self._peak < 0.6 * self.value:
            self.value = nice_ceiling(self._peak)
        return self.value


def nice_ceiling(value: float) -> float:
    """The smallest of 1, 1.5, 2, 3, 5, 7.5 × 10ⁿ that is not below `value` (> 0)."""
    power = 10.0 ** math.floor(math.log10(value))
    for step in _STEPS:
        if value <= step * power * (1 + 1e-9):
            return float(f"{step * power:.3g}")
    return float(f"{10 * power:.3g}")
