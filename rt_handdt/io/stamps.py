"""Losses judged by time stamps, whatever kind of stamps they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rt_handdt.core.types import Float64
from rt_handdt.io.knots import STEADY
from rt_handdt.io.lag_floor import SLOWEST, LagFloor
from rt_handdt.io.lag_line import LagLine
from rt_handdt.io.small_steps import SmallSteps
from rt_handdt.io.stamp_kind import KNOWN, StampKind
from rt_handdt.io.wild_stamps import BELIEVE_S, JUMP_S, WildStamps

Int64 = npt.NDArray[np.int64]

#: Samples without a packet that tell that there are none, in s.
PACKET_S = 0.05
#: So many steps back in one pull are none of packets.
SCATTERED = 3
#: After a sign of late deliveries, a source does not count as one that keeps perfect time for so long, in s.
UNSTEADY_S = 10.0


class Judged(NamedTuple):
    """Samples missing right before each (None: none), and even times, in s."""

    missing: Int64 | None
    times_s: Float64


class StampJudge:
    """Judges by time stamps where samples were lost, and puts the samples on even times.

    A sample's *lag* is its stamp less what its number predicts, in samples. The last sample of each packet (of samples
    stamped alike, or in a loop), or of each pull where stamps are even, is a *knot*. Lateness raises the lag of some
    knots, a loss that of all that follow.

    Where knots scatter by less than `EXACT` (see `StampKind`), a step is a loss at once, exactly; small steps may be a
    clock's that runs apart (see `SmallSteps`). Where they scatter, the floor of the lags decides (see `LagFloor`).

    Parameters
    ----------
    fs_hz
        Declared rate.
    plausible
        Called with a loss that the stamps claim; returns what is believed of it.

    Attributes
    ----------
    jumps_s
        By how much the clock was set so far, each time.
    guessed
        Samples lost that scattered stamps have told, which are no more than likely.
    lost_track
        Whether the stamps have been nonsense for a second.
    """

    def __init__(self, fs_hz: float, plausible: Callable[[int, bool], int] = lambda lost, exact: lost) -> None:
        self._fs_hz = fs_hz
        self._plausible = plausible
        self._ramp = np.arange(4096.0)
        self._origin = np.nan  # stamp of number 0, by the clock as it is set now
        self._base = np.nan  # the same, by the clock as it was set at first
        self.number = 0.0  # of the next sample, lost ones counted
        self.jumps_s: list[float] = []
        self.guessed = 0
        self.lost_track = False
        self.stamp_s = np.nan  # the last one that made sense, less the clock's jumps
        self._out = 0.0  # lag of the last time given
        self._wild = WildStamps(fs_hz)
        self._restart()

    def _restart(self) -> None:
        """Nothing is known of the kind of stamps."""
        self._last_lag = 0.0
        self._last_x = self.number - 1
        self._knot_at, self._knot_lag = self.number - 1, 0.0
        self._step_at = self._stepped_at = self.number
        self._bunched_at = self.number  # maybe
        self._loose = 0.0  # by how much more stamps may be early, since they are at random
        self._line = LagLine(self.number - 1)
        self._kind = StampKind(self._fs_hz)
        self._floor = LagFloor(self._fs_hz)
        self._small = SmallSteps(self._fs_hz)
        self._judged = False  # whether losses were judged so far
        self.exact = False
        self._unsteady_until = 0.0
        self._wild.clear()

    def anchor(self) -> None:
        """The next stamps are of another clock: begin anew from where the samples are."""
        self._origin = np.nan
        self._base += self._out / self._fs_hz
        self._out = 0.0
        self._restart()

    def usual(self) -> float:
        """Lag that each sample adds, losses left out: 1 where half of the declared samples come."""
        return self._kind.usual

    def excess(self, stamp_s: float, number: float) -> tuple[float, float]:
        """Samples that seem to be missing before one stamped so, the `number`-th; and how sure that is, in samples."""
        lag = (stamp_s - self._origin) * self._fs_hz - number
        sure = 0.6 if self.exact else max(1.0, 3 * self._kind.scatter)
        if number - self._bunched_at < PACKET_S * self._fs_hz and self._kind.pairs:
            sure += max(n for n, _ in self._kind.pairs)  # it is somewhere in a packet
        return lag - self._line.expected(number), sure

    def judge(self, stamps_s: Float64, claimed: Int64 | None, latest_s: float, surely_lost: float) -> Judged:
        """Judge the next samples.

        Parameters
        ----------
        stamps_s
            Shape (n,).
        claimed
            Shape (n,): samples that a counter says are missing before each; None: none.
        latest_s
            No stamp can truly be later.
        surely_lost
            Samples that were waited for in vain, by this computer's clock.
        """
        n = len(stamps_s)
        if self._origin != self._origin:  # NaN: the first stamp that makes sense is the origin
            finite = stamps_s[np.isfinite(stamps_s)]
            if not len(finite):
                self.number += n
                return Judged(None, np.full(n, np.nan))
            self._origin = float(finite[0]) - self.number / self._fs_hz
            if self._base != self._base:
                self._base = self._origin
        if n > len(self._ramp):
            self._ramp = np.arange(2.0 * n)
        numbers = self._ramp[:n] + self.number
        if claimed is not None:
            numbers += np.cumsum(claimed)
            self._bunched_at += int(claimed.sum())
        lags = (stamps_s - self._origin) * self._fs_hz - numbers
        missing: Int64 | None = None
        latest = (latest_s - self._base) * self._fs_hz + self._loose
        low, high, last = lags.min(), lags.max(), self._last_lag
        if high - last < STEADY and low - last > -STEADY and numbers[-1] + lags[-1] <= latest and not self._wild:
            even = True
            self._last_lag = float(lags[-1])
            whole = numbers[-1] - self._bunched_at > PACKET_S * self._fs_hz  # else a packet may go on
            lost = self._knot(float(numbers[-1]), self._last_lag) if whole else 0
            if lost:
                missing = np.zeros(n, dtype=np.int64)
                missing[0] = lost
                numbers += lost
                lags -= lost
                self._last_lag -= lost
        else:
            x = lags + numbers
            replaced = False
            allowed = self._last_x - JUMP_S * self._fs_hz
            if not (x.min() >= allowed and x.max() <= latest):
                replaced = True
                lags, found = self._without_wild(lags, numbers, (x >= allowed) & (x <= latest), surely_lost)
            else:
                self._wild.clear()
                found = 0
            missing = np.zeros(n, dtype=np.int64)
            if found:  # with the jump, samples were lost
                missing[0] = found
                numbers += found
            if replaced and numbers[0] - self._bunched_at < PACKET_S * self._fs_hz:
                # Where one packet ends and the next begins is unknown: go on as expected.
                even = False
                self._knot_at, self._knot_lag = float(numbers[-1]), self._line.expected(float(numbers[-1]))
                self._last_lag = self._knot_lag
            else:
                even = self._step_through(lags, numbers, missing, claimed)
        self._last_x = float(numbers[-1] + self._last_lag)
        self.stamp_s = self._base + self._last_x / self._fs_hz
        self.number = float(numbers[-1]) + 1
        if missing is not None and not missing.any():
            missing = None
        return Judged(missing, self._times(numbers, lags, even and self.exact))

    def _step_through(self, lags: Float64, numbers: Float64, missing: Int64, claimed: Int64 | None) -> bool:
        """Judge knot by knot; `lags`, `numbers` and `missing` are corrected in place. Whether the stamps are even."""
        n = len(lags)
        steps = np.empty(n)
        steps[0] = lags[0] - self._last_lag
        np.subtract(lags[1:], lags[:-1], out=steps[1:])
        if claimed is not None:
            steps += claimed  # packets end where the stamps step, whatever was lost
        bounds = np.flatnonzero((steps > STEADY) | (steps < -1.5)).tolist()
        if np.count_nonzero(steps < -1.5) > SCATTERED:
            return self._scattered(lags, numbers, missing, claimed)
        if len(bounds) > 6:
            bounds = bounds[:: -(-len(bounds) // 6)]
        bunched = np.flatnonzero(steps < -STEADY)
        start = 0
        last_lag, last_number = self._last_lag, self.number - 1
        for bound in bounds:
            if bound:
                last_lag, last_number = float(lags[bound - 1]), float(numbers[bound - 1])
            lost = self._knot(last_number, last_lag)
            if lost:
                missing[start] += lost
                numbers[start:] += lost
                lags[start:] -= lost
            start = bound
        if len(bunched):
            self._bunched_at = float(numbers[bunched[-1]])
        if numbers[-1] - self._bunched_at > PACKET_S * self._fs_hz:  # else a packet may go on
            lost = self._knot(float(numbers[-1]), float(lags[-1]))
            if lost:
                missing[start] += lost
                numbers[start:] += lost
                lags[start:] -= lost
        self._last_lag = float(lags[-1])
        return not len(bunched)

    def _scattered(self, lags: Float64, numbers: Float64, missing: Int64, claimed: Int64 | None) -> bool:
        """Where samples are stamped at random, or backwards, no packet is seen: all of a pull are one knot."""
        self._bunched_at = float(numbers[-1])
        self._last_lag = float(np.median(lags))
        self._loose = min(4 * float(np.std(lags)), JUMP_S * self._fs_hz)
        lost = self._knot(float(numbers[-1]), self._last_lag)
        missing[0] += lost
        numbers += lost
        lags -= lost
        self._last_lag -= lost
        return False

    # -- knots -----------------------------------------------------------------------------------------------------

    def _knot(self, number: float, lag: float) -> int:
        """Take in the lag of a knot; returns how many samples are now known to be lost before it."""
        n = number - self._knot_at
        if n <= 0:
            return 0
        step = lag - self._knot_lag
        self._knot_at, self._knot_lag = number, lag
        kind = self._kind
        kind.span(n, step)
        if kind.knots and step < -0.9 * n and step < -4 * kind.scatter:  # a backlog, stamped as it came
            self._doubt(number)
            return self._settled(self._blockwise(number, lag))
        if abs(step) > STEADY:
            self._stepped_at = number - n + 1
            self._floor.ends += 1
        kind.see(n, step, self._line.drift)
        lost = self._learn(number, lag) if kind.knots < 2 * KNOWN or kind.knots % 8 == 0 else 0
        lost += self._exact(number, lag, n) if self.exact else self._blockwise(number, lag)
        return self._settled(lost)

    def _settled(self, lost: int) -> int:
        """What is believed of a loss, after the numbers of the samples were moved by it."""
        if not lost:
            return 0
        believed = self._plausible(lost, self.exact)
        self.guessed += 0 if self.exact else believed
        self._knot_at += believed
        self._knot_lag -= believed
        # What is not believed stays in the lag: the stamps are out of step with the samples from here on.
        self._line.move(believed)
        self._floor.move(believed)
        self._step_at += believed
        self._bunched_at += believed
        return believed

    def _learn(self, number: float, lag: float) -> int:
        """What kind of stamps these are, from the last knots."""
        kind, line = self._kind, self._line
        if kind.knots <= 4:
            return 0
        rate = kind.learn()
        if rate is None:
            return self._doubt(number)
        if abs(rate - line.drift) > 1e-9:
            line.turn(number - kind.pairs[-1][0], rate)
            if abs(rate) > SLOWEST:  # a rate that is not the declared one: what it explains was not lost
                explained = kind.explained(rate)
                line.level += max(-explained, min(explained, lag - line.expected(number)))
                self._floor.forget()
        was, self.exact = self.exact, kind.steady and kind.knots > KNOWN and number >= self._unsteady_until
        if self.exact and not was:
            self._floor.forget()
            if not self._judged:
                self._judged = True
                return self._catch_up(number, lag)
            self._step_at = self._stepped_at
            if self._floor.tracked and abs(lag - line.expected(number)) < 3:
                line.put(number, lag)
            self._floor.tracked = False
        return 0

    def _catch_up(self, number: float, lag: float) -> int:
        """Losses up to now, from the first knot on."""
        pairs, line = self._kind.pairs, self._line
        number -= sum(n for n, _ in pairs)
        lag -= sum(step for _, step in pairs)
        line.put(number, lag)
        self._step_at = min(self._step_at, number)
        total = 0
        for n, step in pairs:
            number, lag = number + n, lag + step
            lost = self._exact(number, lag, n)
            total += lost
            number, lag = number + lost, lag - lost
            line.move(lost)
            self._step_at += lost
        line.move(-total)
        self._step_at -= total
        return total

    def _exact(self, number: float, lag: float, n: float) -> int:
        off = lag - self._line.expected(number)
        if abs(off) < STEADY:
            self._line.put(number, lag)
            if not self._small.due(number):
                return 0
            lost = self._small.settle()
            return self._doubt(number) if lost is None else lost
        at = number - n + 1  # the step lies right after the last knot
        since = at - self._step_at
        rest = off - self._small.rate * since
        self._line.put(number, lag)
        if abs(rest) < STEADY or self._small.take(number, since, rest):
            self._step_at = at
            return 0
        if rest < 0:
            return self._doubt(number)
        self._step_at = at
        return round(rest / (1 + self._line.drift + self._small.rate))

    def _doubt(self, number: float) -> int:
        """A stamp was late, or one was early."""
        self._unsteady_until = number + UNSTEADY_S * self._fs_hz
        self.exact = False
        return 0

    def _blockwise(self, number: float, lag: float) -> int:
        """Where knots scatter: by the floor of their lags."""
        steady, floor = self._kind.steady, self._floor
        if steady and self._unsteady_until == 0.0 and floor.begun:
            return 0  # about to be known as exact, where nothing escapes
        lost = floor.see(number, lag, self._line, self._kind.scatter, steady=steady)
        self._judged |= floor.tracked
        return lost

    # -- wild stamps -----------------------------------------------------------------------------------------------

    def _without_wild(
        self, lags: Float64, numbers: Float64, sane: npt.NDArray[np.bool_], surely_lost: float
    ) -> tuple[Float64, int]:
        """Lags in which stamps that cannot be are replaced; after a while they are believed: the clock was set."""
        lost = 0
        believed = self._wild.see(lags, sane)
        if believed is not None:
            lag, n = believed
            lost = round(surely_lost) if surely_lost > BELIEVE_S * self._fs_hz else 0
            jump = lag - self._line.expected(float(numbers[-1])) - lost
            self.jumps_s.append(jump / self._fs_hz)
            self._origin += jump / self._fs_hz
            lags = lags - jump - lost
            sane = np.arange(len(sane)) >= len(sane) - n
        elif self._wild.nonsense:
            self.lost_track, self._wild.nonsense = True, False
        return np.where(sane, lags, self._line.level + self._line.drift * (numbers - self._line.at)), lost

    # -- times -----------------------------------------------------------------------------------------------------

    def _times(self, numbers: Float64, lags: Float64, even: bool) -> Float64:
        if even and lags[0] > self._out - STEADY:
            self._out = float(lags[-1])
            return np.asarray(self._base + (numbers + lags) / self._fs_hz)
        n = len(numbers)
        line = self._line.expected(float(numbers[-1]))
        # Never back in time: a floor that falls is followed at half the pace.
        target = max(line, self._out - 0.5 * n)
        ramp = self._out + (target - self._out) / n * (self._ramp[:n] + 1)
        self._out = target
        return np.asarray(self._base + (numbers + ramp) / self._fs_hz)
