"""Losses proved by a channel that counts samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from rt_handdt.io.stamps import Int64

#: Where counters usually turn.
USUAL = (128, 256, 1 << 10, 1 << 12, 1 << 15, 1 << 16, 1 << 24, 1 << 31, 1 << 32)
#: So many values tell the step of a counter.
LEARN = 16
#: A counter that goes wrong at so many samples within about a second counts nothing.
WRONG = 16

#: Samples that seem to be missing before the i-th of a pull by other evidence, how sure that is, how many can be.
Witness = Callable[[int], tuple[float, float, float]]


class CounterJudge:
    """Reads a counter of any step and modulus, both learnt from what it counts.

    A counter that repeats values (because float32 cannot hold them, or because it has paused) is waited for. Where it
    falls back, it has turned if that fits its modulus and the time that has passed; else it was started anew, and what
    was lost in the meantime is left to the witness.

    Attributes
    ----------
    wrong
        Why it is not believed any more; empty: it is.
    modulus
        Where it turns, in its own units; None until known.
    """

    def __init__(self, fs_hz: float) -> None:
        self._fs_hz = fs_hz
        self._ramp = np.arange(4096.0)
        self.step = 0.0
        self._next = np.nan
        self._held: list[float] = []
        self._base: int | None = None
        self._astray = 0.0  # its deviation from what was expected
        self._faults = 0.0
        self.largest = -np.inf
        self.modulus: float | None = None
        self.wrong = ""

    def missing(self, counts: npt.NDArray[Any], witness: Witness) -> Int64 | None:
        """Samples missing right before each of the next ones, of which the counter read `counts` (n,); None: none."""
        n = len(counts)
        if counts.dtype.kind in "iu":
            if self._base is None:  # beyond 2^52, float64 could not tell one from the next
                self._base = int(counts[0]) if abs(int(counts[0])) > 1 << 52 else 0
            if self._base:
                counts = counts.astype(np.int64) - self._base
        if not self.step:
            return self._begin(counts, witness)
        step = self.step
        expected = self._next + step * (n - 1)
        if float(counts[0]) == self._next and float(counts[-1]) == expected:
            self._next = expected + step
            self.largest = max(self.largest, expected)
            self._faults *= 1 - n / self._fs_hz if n < self._fs_hz else 0.0
            return None
        return self._walk(np.asarray(counts, dtype=np.float64), witness, counts.dtype)

    def _begin(self, counts: npt.NDArray[Any], witness: Witness) -> Int64 | None:
        self._held += counts.astype(np.float64).tolist()
        if len(self._held) < LEARN:
            return None
        values = np.asarray(self._held)
        if not np.isfinite(values).all():
            self.wrong = "is not a number"
            return None
        steps = np.diff(values)
        step = float(np.median(steps))
        if np.spacing(np.float32(np.abs(values).max())) > 1 and counts.dtype == np.float32:
            step = max(1.0, float(np.rint(steps.mean())))  # beyond 2^24 it cannot count every sample
            usual = np.ones(len(steps), dtype=bool)
        else:
            usual = np.abs(steps - step) <= 0.25 * abs(step)
        if step <= 0 or usual.mean() < 0.6:
            self.wrong = "does not count samples"
            return None
        self.step = step
        self._next = values[0]
        self._held.clear()
        late = self._walk(values, lambda i: witness(max(0, i - len(values) + len(counts))), counts.dtype)
        if late is None or self.wrong:
            return None
        # What came in earlier pulls is told with the first sample of this one.
        early = len(values) - len(counts)
        late[early] += late[:early].sum()
        return late[early:]

    def _walk(self, counts: npt.NDArray[np.float64], witness: Witness, kind: np.dtype[Any]) -> Int64 | None:
        n, step = len(counts), self.step
        if n > len(self._ramp):
            self._ramp = np.arange(2.0 * n)
        off = counts - (self._next + step * self._ramp[:n])
        steps = np.diff(off, prepend=0.0)
        places = np.flatnonzero(np.abs(steps) > 0.25 * step).tolist()
        self._faults *= max(0.0, 1 - n / self._fs_hz)
        missing = np.zeros(n, dtype=np.int64)
        coarse = 0.5
        if kind == np.float32:
            coarse = max(coarse, float(np.spacing(np.float32(np.abs(counts).max()))) / step)
        if not np.isfinite(off).all() or (len(places) > WRONG + n // 2 and coarse == 0.5):
            self.wrong = "jumps about"
            return None
        for i in places:
            before = self._next + step * (i - 1) if i == 0 else counts[i - 1]
            value = counts[i]
            if value < before or (value == before and self._full_turn(i, witness)):
                missing[i] = self._fallen(before, value, i, witness)
                self._astray = 0.0
                continue
            self._astray += steps[i] / step
            if self._astray < 0:  # it repeats itself
                self._faults += coarse <= 0.5
                continue
            lost = round(self._astray)
            if self._astray > coarse or (lost >= 1 and coarse <= 0.5):
                self._astray = 0.0
                missing[i] = self._claimed(lost, i, witness)
        if self._astray < -WRONG * max(1.0, coarse):
            self.wrong = "stands still"
        elif self._faults > WRONG:
            self.wrong = "contradicts the time that passes"
        self._next = float(counts[-1]) + step
        self.largest = max(self.largest, float(counts.max()))
        if self.modulus is not None and self.largest > self.modulus:
            self.modulus = None  # it was started anew where it seemed to turn
        return missing

    def _full_turn(self, i: int, witness: Witness) -> bool:
        """A value that comes again: whether all but one of a turn were lost."""
        seems, _, room = witness(i)
        return self.modulus is not None and 0.5 * self.modulus / self.step < seems <= room + 1

    def _claimed(self, lost: int, i: int, witness: Witness) -> int:
        """A step forward: believed if so much time has passed; else what the stamps say."""
        seems, sure, room = witness(i)
        if lost <= room:
            return lost
        self._faults += 4
        return round(seems) if sure < 1 <= seems <= room else 0

    def _fallen(self, before: float, value: float, i: int, witness: Witness) -> int:
        """A step back: a turn, or a new start."""
        seems, sure, room = witness(i)
        seems = max(0.0, seems)
        fallen = (before - value) / self.step
        if self.modulus is not None:
            lost = round(self.modulus / self.step - fallen) - 1
            if 0 <= lost <= room and (
                sure >= 1
                or lost == 0
                or abs(
                    (seems - lost + 0.5 * self.modulus / self.step) % (self.modulus / self.step)
                    - 0.5 * self.modulus / self.step
                )
                < max(1.0, sure)
            ):
                return lost
        elif 0 <= value <= self.step and seems <= sure:
            self.modulus = before - value + self.step
            return 0
        else:
            turns = [(one, round(one / self.step - fallen) - 1) for one in USUAL if one > max(before, self.largest)]
            # Where the stamps are vague, the least loss that fits is the likeliest.
            near = [(abs(lost - seems) // max(1.0, sure), lost, one) for one, lost in turns if 0 <= lost <= room]
            if near and min(near)[0] < 1:
                _, lost, self.modulus = min(near)
                return lost
        self._faults += 4
        return round(seems) if seems > sure else 0
