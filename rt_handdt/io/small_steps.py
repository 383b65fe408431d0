"""Small steps of stamps that keep time: those of a clock that runs apart, or losses?"""

from __future__ import annotations

from rt_handdt.io.knots import Pair

#: Steps up to this share of the samples between them may be a clock's, until it is seen whether they recur: somewhat
#: more than a rate may be off.
SMALL = 0.022
#: A clock is off by more than this only where steps are no whole samples, as losses are.
SURELY_SMALL = 0.01
WHOLE = 0.005
#: It is looked for so long whether they recur, in s.
LOOK_S = 1.2


class SmallSteps:
    """Waits for whether small steps recur in proportion to the samples between them.

    Attributes
    ----------
    rate
        Step that each sample adds at the end of its chunk.
    """

    def __init__(self, fs_hz: float) -> None:
        self._fs_hz = fs_hz
        self._steps: list[Pair] = []  # (samples, step)
        self._since = 0.0
        self.rate = 0.0

    def take(self, number: float, since: float, step: float) -> bool:
        """Whether a step after so many samples may be a clock's; it is looked into then."""
        if abs(step) > SMALL * since or since >= self._fs_hz:
            return False
        if not self._steps:
            self._since = number
        self._steps.append((since, step))
        return True

    def due(self, number: float) -> bool:
        """Whether it was looked for long enough."""
        return bool(self._steps) and number - self._since > LOOK_S * self._fs_hz

    def settle(self) -> int | None:
        """How many samples were lost; None: the stamps do not keep time."""
        steps, self._steps = self._steps, []
        rates = sorted(step / n for n, step in steps)
        rate = rates[len(rates) // 2]
        alike = len(steps) >= 3 and all(abs(one - rate) < 0.35 * abs(rate) for one in rates[1:-1])
        whole = all(abs(step - round(step)) < WHOLE for _, step in steps)
        if alike and abs(self.rate + rate) < (SURELY_SMALL if whole else SMALL):
            self.rate += rate
            return sum(max(0, round(step - rate * n)) for n, step in steps)
        if rates[0] < 0:
            return None
        return sum(round(step) for _, step in steps)
