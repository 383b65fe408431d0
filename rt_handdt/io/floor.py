"""The least that is seen of a quantity that is often too large, never too small: lateness."""

from __future__ import annotations

#: How long is looked for the least before it may rise, in s.
LOOK_S = 5.0
#: By how much it may rise in a second, as a share of a second: clocks run apart by no more.
SLOPE = 0.01
#: Seconds above the floor that are taken for lateness, not for a clock that runs apart.
LATE_S = 0.05


class Floor:
    """Follows a floor: down at once, up only as slowly as clocks run apart.

    What stays far above for a while is lateness (a backlog, a stall), however long it lasts; during it, the floor goes
    on as it went before.
    """

    __slots__ = ("_least", "_since_s", "_slope", "value")

    def __init__(self) -> None:
        self.value: float | None = None
        self._least = 0.0
        self._since_s = 0.0
        self._slope = 0.0

    def see(self, value: float, at_s: float) -> None:
        """Take in one value (seconds), seen at `at_s`."""
        if self.value is None:
            self.value, self._least, self._since_s = value, value, at_s
            return
        self._least = min(self._least, value)
        passed_s = at_s - self._since_s
        if passed_s >= LOOK_S:
            rise = self._least - self.value
            if rise < LATE_S and passed_s < 3 * LOOK_S:
                moved = min(rise, SLOPE * passed_s)
                self._slope += 0.1 * (moved / passed_s - self._slope)
            else:
                moved = self._slope * passed_s
            self.value += moved
            self._least, self._since_s = value, at_s
        self.value = min(self.value, value)
