"""Losses where stamps scatter: by the floor of the lags, block by block."""

from __future__ import annotations

from collections import deque
from statistics import median

from rt_handdt.io.knots import STEADY
from rt_handdt.io.lag_line import LagLine

#: Late deliveries are watched for so long before the least late of them is taken for the truth, in s.
BLOCK_S = 0.125
#: Deliveries may catch up for so many blocks.
PATIENCE = 16
#: A clock is at most so much slower than it says; what exceeds it is a loss.
SLOWEST = 0.006
#: The floor is expected where the middle of so many was, and is put where that of the newest is.
USUAL, NEWEST = 8, 4
#: A rise by so many times what blocks usually differ by is none of chance, if it lasts for `LASTS` blocks.
UNUSUAL, LASTS = 3.0, 4
#: What blocks usually differ by is known from so many at least, and at most.
KNOWN, REMEMBERED = 8, 40


class LagFloor:
    """Follows the floor of scattered lags (their lower quartile in a block), and tells when it has risen for good.

    It has, two blocks later, if it rose by four times the scatter of the single knots; four blocks later, if it rose by
    five times what blocks differ by; unless it is on its way down again (a backlog).

    Parameters
    ----------
    fs_hz
        Declared rate.

    Attributes
    ----------
    ends
        Packets' ends in this block, for the owner to count.
    begun
        Whether there was a block.
    tracked
        Whether the line was put by a block, for the owner to put back.
    """

    def __init__(self, fs_hz: float) -> None:
        self._fs_hz = fs_hz
        self.ends = 0
        self.begun = self.tracked = False
        self._block: list[tuple[float, float]] = []  # (number, lag)
        self._block_x = float("nan")
        self._stall = 0.0
        self._usual: deque[tuple[float, float]] = deque(maxlen=USUAL)  # floors that were as expected
        self._risen: list[tuple[float, float, bool]] = []  # and those since that were not; whether they were high
        self._off: deque[float] = deque(maxlen=REMEMBERED)  # how far floors were from what was expected

    def __len__(self) -> int:
        return len(self._block)

    def clear(self) -> None:
        """Begin a new block; what had risen is forgotten."""
        self._block.clear()
        self._risen.clear()

    def forget(self) -> None:
        """The line was put elsewhere, by what is known better."""
        self.clear()
        self._usual.clear()

    def move(self, lost: float) -> None:
        """So many samples were lost: the numbers after them are greater."""
        self._usual = deque(((at + lost, lag - lost) for at, lag in self._usual), USUAL)

    def see(self, number: float, lag: float, line: LagLine, scatter: float, *, steady: bool) -> int:
        """Take in a knot; returns how many samples are now known to be lost. The line follows the floor."""
        x = number + lag
        if self._block_x != self._block_x:  # NaN
            self._block_x = x
        if self._block and x - sum(self._block[-1]) < BLOCK_S / 8 * self._fs_hz:
            # A backlog comes all at once: only its end is on time.
            if lag < self._block[-1][1]:
                self._block[-1] = (number, lag)
        else:
            self._block.append((number, lag))
        passed = x - self._block_x
        if passed < BLOCK_S * self._fs_hz or len(self._block) < 2:
            return 0
        if not steady and self.ends < 3 and passed < 4 * BLOCK_S * self._fs_hz:
            return 0
        self.ends = 0
        self._block_x = x
        drift = line.drift
        lags = sorted(one + drift * (number - at) for at, one in self._block)
        self._block.clear()
        floor = lags[len(lags) // 4]
        if not self.begun:
            self.begun = True
            line.put(number, lags[0])
            return 0
        self.tracked = True
        # A block that ended with a late delivery saw nothing of the time that it took.
        allowed = SLOWEST * (passed + self._stall)
        self._stall = passed if passed > 2 * BLOCK_S * self._fs_hz else 0.0
        return self._judge(number, floor, line, 4 * min(scatter, self._fs_hz), allowed)

    def _judge(self, number: float, floor: float, line: LagLine, scatter: float, allowed: float) -> int:
        usual = [lag + line.drift * (number - at) for at, lag in self._usual]
        newest = usual[-NEWEST:]
        base = median(newest) if newest else line.expected(number)
        rise = floor - base
        # What a clock may run apart meanwhile counts from the middle of those that the base is of.
        high = rise > STEADY + scatter + allowed * (1 + len(newest) / 2)
        odd = high
        if len(self._off) >= KNOWN and usual:
            limit = STEADY + UNUSUAL * self._spread(sorted(usual)) + allowed * (1 + len(usual) / 2)
            odd |= floor - median(usual) > limit
        if not odd:
            self._off.extend(abs(lag - base) for _, lag, _ in self._risen)
            self._risen.clear()
            self._off.append(abs(rise))
            if rise < -STEADY - scatter:  # what was late is so no more
                self._usual.clear()
            self._usual.append((number, floor))
            line.put(number, median([lag + line.drift * (number - at) for at, lag in list(self._usual)[-NEWEST:]]))
            return 0
        falling = bool(self._risen) and floor < self._risen[-1][1] - STEADY - scatter
        self._risen.append((number, floor, high))
        recent = self._risen[-LASTS:]
        sure = len(recent) > 1 and all(one_high for _, _, one_high in recent[-2:])
        if not ((not falling and (sure or len(recent) == LASTS)) or len(self._risen) > PATIENCE):
            line.put(number, base)
            return 0
        lags = sorted(lag + line.drift * (number - at) for at, lag, _ in recent)
        level = lags[(len(lags) - 1) // 2]
        self._usual.clear()
        self._usual.append((number, level))
        self._risen.clear()
        line.put(number, level)
        return round((level - base) / (1 + line.drift))

    def _spread(self, usual: list[float]) -> float:
        """Standard deviation of the floors, from their inner quarters, or from how far four of five were off."""
        inner = (usual[-1 - len(usual) // 4] - usual[len(usual) // 4]) / 1.35 if usual else 0.0
        return max(inner, sorted(self._off)[4 * len(self._off) // 5] / 1.28)
