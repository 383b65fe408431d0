"""Losses judged by time stamps, whatever kind of stamps they are."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rt_handdt.core.types import Float64
from rt_handdt.io.knots import EXACT, STEADY, chunk_ends, regular, whole_steps
from rt_handdt.io.wild_stamps import BELIEVE_S, JUMP_S, WildStamps

Int64 = npt.NDArray[np.int64]

#: Fewest knots to know that.
KNOWN = 8
#: A clock is at most so much slower than it says; what exceeds it is a loss.
SLOWEST = 0.006
#: Where stamps jitter, a source that is slower by more has another rate than it declares.
OTHER_RATE = 0.015
#: Steps up to this share of the samples between them may be a slow clock's, until it is seen whether they recur.
SMALL = 0.01
#: Late deliveries are watched for so long before the least late of them is taken for the truth, in s.
BLOCK_S = 0.125
#: Deliveries may catch up for so many blocks.
PATIENCE = 16
#: Samples without a packet that tell that there are none, in s.
PACKET_S = 0.05
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

    Where knots scatter by less than `EXACT`, a step is a loss at once, exactly; small steps that recur in proportion to
    the samples between them are those of a slow clock. Where they scatter, the floor of the lags (their lower quartile
    in `BLOCK_S`) decides, two blocks after the loss, if it has risen by four times the scatter and is not on its way
    down again (a backlog).

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
        self._level, self._level_at = 0.0, self.number - 1
        self._bunched_at = self.number  # maybe
        self._first_block = True
        self._judged = False  # whether losses were judged so far
        self._tracked = False  # whether the level was guessed from scattered knots
        self._drift = 0.0  # lag that each sample adds
        self._scatter = np.inf
        self._steady = True
        self.exact = False
        self._unsteady_until = 0.0
        self._recent: deque[tuple[float, float]] = deque(maxlen=4 * KNOWN)  # (samples, step) from knot to knot
        self._knots = 0
        self._rates: deque[float] = deque(maxlen=256)  # step per sample, of more knots
        self._rate = 0.0
        self._span = (0.0, 0.0)
        self._spans: deque[tuple[float, float]] = deque(maxlen=8)  # (samples, steps) of 32 knots each
        self._small: list[tuple[float, float]] = []  # (samples, step) of steps that a slow clock may have made
        self._small_since = 0.0
        self._slow = 0.0  # step that each sample adds at the end of its chunk
        self._block: list[tuple[float, float]] = []
        self._block_x = np.nan
        self._floor = 0.0
        self._ends = 0  # steps in this block
        self._stall = 0.0
        self._risen = 0
        self._wild.clear()

    def anchor(self) -> None:
        """The next stamps are of another clock: begin anew from where the samples are."""
        self._origin = np.nan
        self._base += self._out / self._fs_hz
        self._out = 0.0
        self._restart()

    def excess(self, stamp_s: float, number: float) -> tuple[float, float]:
        """Samples that seem to be missing before one stamped so, the `number`-th; and how sure that is, in samples."""
        lag = (stamp_s - self._origin) * self._fs_hz - number
        expected = self._level + self._drift * (number - self._level_at)
        sure = 0.6 if self.exact else max(1.0, 3 * self._scatter)
        if number - self._bunched_at < PACKET_S * self._fs_hz and self._recent:
            sure += max(n for n, _ in self._recent)  # it is somewhere in a packet
        return lag - expected, sure

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
        latest = (latest_s - self._base) * self._fs_hz
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
                self._knot_at, self._knot_lag = float(numbers[-1]), self._expected(float(numbers[-1]))
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

    # -- knots -----------------------------------------------------------------------------------------------------

    def _knot(self, number: float, lag: float) -> int:
        """Take in the lag of a knot; returns how many samples are now known to be lost before it."""
        n = number - self._knot_at
        if n <= 0:
            return 0
        step = lag - self._knot_lag
        self._knot_at, self._knot_lag = number, lag
        self._span = (self._span[0] + n, self._span[1] + step)
        if self._knots and step < -0.9 * n and step < -4 * self._scatter:  # a backlog, stamped as it came
            self._doubt(number)
            return self._settled(self._blockwise(number, lag))
        self._knots += 1
        if abs(step) > STEADY:
            self._stepped_at = number - n + 1
            self._ends += 1
        if self._knots > 1:  # the first began in the middle of a packet, maybe
            self._remember(n, step)
        lost = self._learn(number, lag) if self._knots < 2 * KNOWN or self._knots % 8 == 0 else 0
        lost += self._exact(number, lag, n) if self.exact else self._blockwise(number, lag)
        return self._settled(lost)

    def _settled(self, lost: int) -> int:
        """What is believed of a loss, after the numbers of the samples were moved by it."""
        if not lost:
            return 0
        believed = self._plausible(lost, self.exact)
        self._knot_at += believed
        self._knot_lag -= believed
        self._level_at += believed
        # What is not believed stays in the lag: the stamps are out of step with the samples from here on.
        self._level -= believed
        self._step_at += believed
        self._bunched_at += believed
        return believed

    def _remember(self, n: float, step: float) -> None:
        self._rates.append(step / n)
        if self._knots % 32 == 0:
            self._spans.append(self._span)
            self._span = (0.0, 0.0)
            self._rate = self._long_rate()
        recent = self._recent
        if recent and abs(step) < EXACT and abs(recent[-1][1]) < EXACT and recent[-1][0] < BLOCK_S * self._fs_hz:
            # What follows without a step counts once: long chunks are known by their ends, however they are read.
            recent[-1] = (recent[-1][0] + n, recent[-1][1] + step)
        else:
            recent.append((n, step))

    def _long_rate(self) -> float:
        """Lag that each sample adds, from many knots: 0 unless long spans and single steps agree."""
        if len(self._spans) < 3:
            return 0.0
        rate = sorted(step / n for n, step in self._spans)[(len(self._spans) - 1) // 2]
        single = sorted(self._rates)[len(self._rates) // 2]
        # Spans are precise, but full of losses where losses are many; the middle step is vague, but knows none.
        return rate if abs(single - rate) < 0.5 * rate or abs(self._drift - rate) < 0.3 * rate else 0.0

    def _learn(self, number: float, lag: float) -> int:
        """What kind of stamps these are, from the last knots."""
        pairs = list(self._recent)
        if self._knots <= 4:
            return 0
        rate, scatter = regular(pairs)
        if rate < -0.9:
            return self._doubt(number)
        some = sum(n for n, _ in pairs) / len(pairs)
        ends = chunk_ends(pairs)
        if ends:  # even within chunks: their ends show how exact the stamps are
            rate, scatter = 0.0, regular(ends)[1] if len(ends) > 2 else min(self._scatter, 1e3)
        elif scatter > max(EXACT, 0.3 * abs(rate) * some):
            # The middle of many knots still tells a rate that is not the declared one.
            known = self._rate > max(OTHER_RATE, 0.05 * scatter / some) and not whole_steps(pairs)
            rate = self._rate if known else 0.0
            scatter = sorted(abs(step - rate * n) for n, step in pairs)[3 * len(pairs) // 4]
        if rate < -0.05 and scatter > EXACT:
            rate = 0.0  # a backlog that is worked off; that a source is too fast is no loss
        if abs(rate - self._drift) > 1e-9:
            # The expected line turns about where it is now.
            turn = number - pairs[-1][0]
            self._level, self._level_at = self._expected(turn), turn
            self._drift = rate
            if abs(rate) > SLOWEST:  # a rate that is not the declared one: what it explains was not lost
                explained = abs(rate) * some * len(self._rates) * 1.2
                off = lag - self._expected(number)
                self._level += max(-explained, min(explained, off))
                self._block.clear()
        self._scatter = scatter
        self._steady = scatter < EXACT or whole_steps(pairs)
        was, self.exact = self.exact, self._steady and self._knots > KNOWN and number >= self._unsteady_until
        if self.exact and not was:
            self._block.clear()
            self._risen = 0
            if not self._judged:
                self._judged = True
                return self._catch_up(number, lag)
            self._step_at = self._stepped_at
            if self._tracked and abs(lag - self._expected(number)) < 3:
                self._level, self._level_at = lag, number
            self._tracked = False
        return 0

    def _catch_up(self, number: float, lag: float) -> int:
        """Losses up to now, from the first knot on."""
        number -= sum(n for n, _ in self._recent)
        lag -= sum(step for _, step in self._recent)
        self._level, self._level_at = lag, number
        self._step_at = min(self._step_at, number)
        total = 0
        for n, step in self._recent:
            number, lag = number + n, lag + step
            lost = self._exact(number, lag, n)
            total += lost
            number, lag = number + lost, lag - lost
            self._level, self._level_at, self._step_at = self._level - lost, self._level_at + lost, self._step_at + lost
        self._level, self._level_at, self._step_at = self._level + total, self._level_at - total, self._step_at - total
        return total

    def _expected(self, number: float) -> float:
        return self._level + self._drift * (number - self._level_at)

    def _exact(self, number: float, lag: float, n: float) -> int:
        off = lag - self._expected(number)
        if abs(off) < STEADY:
            self._level, self._level_at = lag, number
            if self._small and number - self._small_since > 1.2 * self._fs_hz:
                return self._settle()
            return 0
        at = number - n + 1  # the step lies right after the last knot
        since = at - self._step_at
        rest = off - self._slow * since
        self._level, self._level_at = lag, number
        if abs(rest) < STEADY:
            self._step_at = at
            return 0
        if abs(rest) <= SMALL * since and since < self._fs_hz:
            if not self._small:
                self._small_since = number
            self._small.append((since, rest))
            self._step_at = at
            return 0
        if rest < 0:
            return self._doubt(number)
        self._step_at = at
        return round(rest / (1 + self._drift + self._slow))

    def _settle(self) -> int:
        """Small steps: those of a slow clock, or losses?"""
        small, self._small = self._small, []
        rates = sorted(step / n for n, step in small)
        rate = rates[len(rates) // 2]
        if (
            len(small) >= 3
            and abs(self._slow + rate) < SMALL
            and all(abs(one - rate) < 0.35 * abs(rate) for one in rates[1:-1])
        ):
            self._slow += rate
            return sum(max(0, round(step - rate * n)) for n, step in small)
        if rates[0] < 0:
            return self._doubt(self._knot_at)
        return sum(round(step) for _, step in small)

    def _doubt(self, number: float) -> int:
        """A stamp was late, or one was early."""
        self._unsteady_until = number + UNSTEADY_S * self._fs_hz
        self.exact = False
        return 0

    def _blockwise(self, number: float, lag: float) -> int:
        """Where knots scatter: by the floor of their lags."""
        if self._steady and self._unsteady_until == 0.0 and not self._first_block:
            return 0  # about to be known as exact, where nothing escapes
        x = number + lag
        if self._block_x != self._block_x:
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
        if not self._steady and self._ends < 3 and passed < 4 * BLOCK_S * self._fs_hz:
            return 0
        self._ends = 0
        lags = sorted(one - self._drift * (at - self._level_at) for at, one in self._block)
        self._block.clear()
        self._block_x = x
        turn = self._drift * (number - self._level_at)
        if self._first_block:
            self._first_block = False
            self._level, self._level_at, self._floor = lags[0] + turn, number, lags[0] + turn
            return 0
        self._tracked = self._judged = True
        floor = lags[len(lags) // 4]
        # A block that ended with a late delivery saw nothing of the time that it took.
        allowed = SLOWEST * (passed + self._stall)
        self._stall = passed if passed > 2 * BLOCK_S * self._fs_hz else 0.0
        limit = STEADY + 4 * min(self._scatter, self._fs_hz)
        rise = floor - self._level
        falling = floor < self._floor - limit
        lost = 0
        if rise <= limit + allowed:
            self._risen = 0
            self._level = min(floor, self._level + allowed)
        else:
            self._risen += 1
            if (self._risen >= 2 and not falling) or self._risen > PATIENCE:
                self._risen = 0
                lost = round(rise / (1 + self._drift))
                self._level = floor
        self._level += turn
        self._level_at = number
        self._floor = floor + turn - lost
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
            jump = lag - self._expected(float(numbers[-1])) - lost
            self.jumps_s.append(jump / self._fs_hz)
            self._origin += jump / self._fs_hz
            lags = lags - jump - lost
            sane = np.arange(len(sane)) >= len(sane) - n
        elif self._wild.nonsense:
            self.lost_track, self._wild.nonsense = True, False
        return np.where(sane, lags, self._level + self._drift * (numbers - self._level_at)), lost

    # -- times -----------------------------------------------------------------------------------------------------

    def _times(self, numbers: Float64, lags: Float64, even: bool) -> Float64:
        if even and lags[0] > self._out - STEADY:
            self._out = float(lags[-1])
            return np.asarray(self._base + (numbers + lags) / self._fs_hz)
        n = len(numbers)
        line = self._expected(float(numbers[-1]))
        # Never back in time: a floor that falls is followed at half the pace.
        target = max(line, self._out - 0.5 * n)
        ramp = self._out + (target - self._out) / n * (self._ramp[:n] + 1)
        self._out = target
        return np.asarray(self._base + (numbers + ramp) / self._fs_hz)
