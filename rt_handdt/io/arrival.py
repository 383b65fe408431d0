"""What this computer's own clock says of a stream: it cannot lie about how much time has passed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from rt_handdt.core.types import Remark
from rt_handdt.io.floor import Floor
from rt_handdt.io.quick_rate import Delay, QuickRate

#: After so long, the fastest delivery so far counts as fast.
SETTLED_S = 1.0
#: The rate is measured over so many stretches of a second. (Readings that take another number of samples than packets
#: bring seem to run fast or slow by up to 2 % for six seconds.)
STRETCHES = 9
#: A rate off by more is known sooner, and one that is far off sooner still: see `QuickRate`.
FAR_OFF = 0.1
#: Largest deviation of the measured from the declared rate, as for files.
RATE_TOLERANCE = 0.02
#: At a wrong rate, most samples are later than the ones before by so much of what all are, at least.
LATE_SHARE = 0.65
#: Ages of what is read vary by this much at least, and at most (by packets longer than a reading), in s.
SLACK_S, MOST_SLACK_S = 0.01, 0.15
#: Stamps of LSL's clock lie between so far ahead of the arrival and so far behind it, in s.
AHEAD_S, BEHIND_S = 0.1, 10.0
#: By so much a clock may run away from LSL's until its stamps are no longer taken for LSL's, in s. (Ages wander by as
#: much where packets are long and a reading takes another number of samples.)
ASTRAY_S = 0.15


class Arrival:
    """Compares samples with the time of their arrival: which clock they are stamped by, at what rate they come.

    Parameters
    ----------
    fs_hz
        Declared rate.
    usual
        Gives the lag that each sample adds by its stamp, losses left out.

    Attributes
    ----------
    same_clock
        Whether the stamps are on the clock of the arrivals.
    measured_hz
        Samples a second, lost ones included; None until known.
    fault
        Set while that rate is not the declared one.
    fits_s
        When it was last known to be.
    """

    def __init__(self, fs_hz: float, usual: Callable[[], float] = lambda: np.inf) -> None:
        self._fs_hz = fs_hz
        self._usual = usual
        self._age = Floor()  # arrival, less the stamp
        self._behind = Floor()  # arrival, less the time that so many samples take
        self._floors = (self._behind, self._age)
        self._held: tuple[float, float, float, float] | None = None
        self._waited = 0.0
        self._first_s: float | None = None
        self._last_s = 0.0
        self._first_age: float | None = None
        self._settled = False
        self._points: deque[tuple[float, float]] = deque(maxlen=STRETCHES)  # (arrival, least `behind`)
        self._least: tuple[float, float] | None = None
        self._since_s = 0.0
        self._deepest = np.inf
        self._slack = MOST_SLACK_S
        self._youngest, self._oldest = np.inf, -np.inf  # ages in this second
        self._off = 0
        self._quick = QuickRate()
        self.same_clock = True
        self.measured_hz: float | None = None
        self.fault: Remark | None = None
        self.fits_s = -np.inf

    @property
    def offset_s(self) -> float:
        """What to add to the samples' times to get this computer's clock."""
        return 0.0 if self.same_clock or self._age.value is None else self._age.value

    def latest_s(self, arrived_s: float) -> float:
        """No sample that has arrived by `arrived_s` can truly bear a later stamp."""
        floor = self._age.value
        if floor is None:
            return np.inf
        if not self._settled and -AHEAD_S <= floor <= BEHIND_S:
            floor = min(floor, 0.0)  # what is read first may have waited for us
        return arrived_s - floor + self._slack

    def room(self, arrived_s: float, number: int) -> float:
        """How many samples can have been lost at most, if the last to arrive by `arrived_s` was the `number`-th."""
        floor, first = self._behind.value, self._first_s
        if floor is None or first is None:
            return 0.0
        if not self._settled:
            return (arrived_s - first + BEHIND_S) * self._fs_hz
        return (arrived_s - number / self._fs_hz - floor + 2 * SLACK_S) * self._fs_hz

    def surely_lost(self, fresh: bool | None) -> float:
        """How many samples have not come though they were waited for; 0 if that cannot be told."""
        if not fresh or self._behind.value is None:
            return 0.0
        return max(0.0, (self._waited - self._behind.value) * self._fs_hz)

    def see(self, number: int, stamp_s: float, arrived_s: float, fresh: bool | None, guessed: int = 0) -> None:
        """Take in the last sample of a pull.

        Parameters
        ----------
        number
            Its number, lost ones counted.
        stamp_s
            Its stamp, freed of the clock's jumps.
        arrived_s
            This computer's clock.
        fresh
            Whether the reader had to wait for it; None: unknown.
        guessed
            How many of the lost ones are no more than likely.
        """
        if self._first_s is None:
            self._first_s = self._since_s = arrived_s
            age = arrived_s - stamp_s
            self.same_clock = -AHEAD_S <= age <= 60 * BEHIND_S
        elif not self._settled and arrived_s - self._first_s >= SETTLED_S and self._age.value is not None:
            self._settled = True
            self._first_age = self._age.value
            self.same_clock &= -AHEAD_S <= self._age.value <= BEHIND_S
        self._last_s = arrived_s
        behind_s = arrived_s - number / self._fs_hz
        seen = (behind_s, arrived_s - stamp_s, arrived_s, behind_s + guessed / self._fs_hz)
        self._youngest, self._oldest = min(self._youngest, seen[1]), max(self._oldest, seen[1])
        # Where a reader has to wait, what it read before was the newest that there was.
        newest = seen if fresh is None else self._held
        self._held = seen
        for floor, value in zip(self._floors, seen, strict=False):
            if floor.value is None or value < floor.value:
                floor.see(value, arrived_s)
        if fresh is not False and newest is not None:
            for floor, value in zip(self._floors, newest, strict=False):
                floor.see(value, newest[2])
            self._waited = newest[0]
            if self._least is None or newest[0] < self._least[1]:
                self._least = (newest[2], newest[0])
            self._look_quickly(Delay(newest[2], newest[3], newest[1]))
        if arrived_s - self._since_s >= SETTLED_S:
            self._stretch(arrived_s, fresh)

    def _stretch(self, arrived_s: float, fresh: bool | None) -> None:
        """One more second is over."""
        varied = self._oldest - self._youngest
        self._slack = min(MOST_SLACK_S, max(SLACK_S, varied, self._slack / 2))
        self._youngest, self._oldest = np.inf, -np.inf
        if self.same_clock and self._settled and self._age.value is not None and self._first_age is not None:
            # Only a reader that waits for its samples knows that it is the clock that runs late, and not itself.
            away = self._age.value - self._first_age
            self.same_clock = away > -ASTRAY_S and (away < ASTRAY_S or fresh is None)
        if arrived_s - self._since_s > 3 * SETTLED_S:
            self._points.clear()  # a pause is no slow rate
        self._since_s = arrived_s
        if self._least is None:
            return
        self._points.append(self._least)
        self._least = None
        if len(self._points) < 4:
            return
        at, behind = np.asarray(self._points).T
        # A backlog that is worked off looks like a fast source, but never goes below what was seen before.
        catching_up = behind[-1] < behind[0] and behind[-1] > self._deepest - SLACK_S
        self._deepest = min(self._deepest, float(behind.min()))
        slopes = np.diff(behind) / np.diff(at)
        if catching_up or np.ptp(slopes) > 0.02 + 0.5 * abs(float(np.median(slopes))):
            return
        slope = float((behind[-1] - behind[0]) / (at[-1] - at[0]))
        off = abs(slope) > RATE_TOLERANCE
        if off and abs(slope) < FAR_OFF and len(self._points) < STRETCHES:
            return
        self._off = self._off + 1 if off else 0
        if self._off == 0 and self._quick.off == 0:
            self.measured_hz = self._fs_hz * (1 - slope)
            self.fault = None
            self.fits_s = arrived_s
        elif self._off >= 2:
            self._blame(slope)

    def _look_quickly(self, newest: Delay) -> None:
        self._quick.see(newest)
        slope = self._quick.slope
        # Where samples are lost here and there, most come as they should; at a wrong rate, none does.
        if self._quick.off >= 2 and (slope < 0 or self._usual() > LATE_SHARE * slope / (1 - slope)):
            self._blame(slope)

    def _blame(self, slope: float) -> None:
        self.measured_hz = self._fs_hz * (1 - slope)
        self.fault = Remark(
            "wrong_rate",
            f"The stream declares {self._fs_hz:g} Hz, but {self.measured_hz:.4g} samples arrive a second (they may "
            f"differ by {RATE_TOLERANCE:.0%}); check the amplifier's settings.",
        )
