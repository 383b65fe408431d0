"""The judge of one stream's time: what was lost, when each sample was taken, whose clock that is."""

from __future__ import annotations

from collections import deque
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from rt_handdt.core.types import Chunk, Float64, Remark
from rt_handdt.io.arrival import Arrival
from rt_handdt.io.counter import USUAL, CounterJudge
from rt_handdt.io.stamps import Int64, StampJudge
from rt_handdt.io.usable_stamps import UsableStamps

#: A reader that had to wait for so long, in s, has read all there was.
WAITED_S = 0.0005
#: Losses shorter than this, in s, which stamps that jitter claim, are no evidence against a counter.
EVIDENT_S = 0.1
#: Times may be so far ahead of the stamps, in s; and so far ahead it is the stamps that are wild.
AHEAD_S, FAR_S = 0.02, 5.0
#: So many losses that a counter has not counted are the counter's fault.
CONTRADICTIONS = 3
#: So many losses are remembered, for when they turn out to be none.
TOLD = 1024


class Placed(NamedTuple):
    """Samples put in their places.

    Attributes
    ----------
    missing
        Shape (n,): samples lost right before each.
    times_s
        Shape (n,), float64: even times, on the stamps' clock as it was set at first; never falling. NaN until the first
        stamp comes.
    offset_s
        What to add to them to get this computer's clock.
    """

    missing: Int64
    times_s: Float64
    offset_s: float

    def chunks(self, samples: npt.NDArray[Any], stamps_s: Float64 | None = None) -> list[Chunk]:
        """The n samples that were placed, with the stamps that they came with (if any), cut where some are missing."""
        starts = [0, *(int(cut) for cut in np.flatnonzero(self.missing) if cut > 0)]
        stops = [*starts[1:], len(samples)]
        return [
            Chunk(
                samples[start:stop],
                self.times_s[start:stop],
                int(self.missing[start]),
                self.offset_s,
                None if stamps_s is None else stamps_s[start:stop],
            )
            for start, stop in zip(starts, stops, strict=True)
        ]


class Timeline:
    """Judges live, pull by pull, by what came so far.

    Losses are counted by a counter where there is one that agrees with the time that passes, else by the stamps (see
    `StampJudge`: at once and exactly where they keep time, also in packets; 0.25 s later where they jitter, and only
    what stands out). Losses that a counter cannot see, since they are multiples of its modulus, are found by the
    stamps. Where stamps are none (all alike, not numbers), the time of arrival takes their place. A loss in the first
    eighth of a second is told as soon as the kind of stamps is known.

    Parameters
    ----------
    fs_hz
        Declared rate.

    Attributes
    ----------
    loss_method
        What losses are judged by now.
    taken_back, gaps_taken_back
        Samples, and places, that were told to be lost and were not: the source is slower than it says.
    """

    def __init__(self, fs_hz: float) -> None:
        self._fs_hz = fs_hz
        self._stamps = StampJudge(fs_hz, self._plausible)
        self._arrival = Arrival(fs_hz, self._stamps.usual)
        self._counter: CounterJudge | None = None
        self._remarks: dict[str, Remark] = {}
        self._contradictions = 0
        self._withheld = 0  # samples lost by the stamps, not by the counter
        self._usable = UsableStamps(fs_hz)
        self._jumps = 0
        self._told: deque[tuple[float, int, int]] = deque(maxlen=TOLD)  # (arrival, samples, places) of losses by stamps
        self.taken_back = self.gaps_taken_back = 0
        self._none = np.zeros(4096, dtype=np.int64)
        self._none.setflags(write=False)
        self.loss_method: Literal["counter", "timestamps"] = "timestamps"

    @property
    def same_clock(self) -> bool:
        """Whether the stamps are on the clock of the arrivals: only then is a latency known."""
        return self._arrival.same_clock and not self._jumps and not self._usable.stampless

    @property
    def measured_hz(self) -> float | None:
        """The rate at which samples really come, lost ones included; None until known."""
        return self._arrival.measured_hz

    @property
    def fault(self) -> Remark | None:
        """Why nothing should be decided from this stream now."""
        return self._arrival.fault

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What a user should know of this stream's time."""
        if not self._arrival.same_clock:
            self._remark(
                "foreign_clock",
                "The stream's time stamps are not on LSL's clock: latency and score are withheld, and the age of a "
                "sample is reckoned from its arrival.",
            )
        return tuple(self._remarks.values())

    def place(
        self,
        stamps_s: Float64,
        arrived_s: float,
        counts: npt.NDArray[Any] | None = None,
        asked_s: float | None = None,
    ) -> Placed:
        """Judge the next samples.

        Parameters
        ----------
        stamps_s
            Shape (n,), n ≥ 1: stamps as sent, brought to this computer's clock by a constant.
        arrived_s
            This computer's LSL clock when they were there.
        counts
            Shape (n,): the counter's column, in its own number format; None: there is none.
        asked_s
            The same clock when the reader began to wait for them; None: not known. Only with it can a slow stream be
            told from a slow reader.
        """
        n = len(stamps_s)
        fresh = None if asked_s is None else arrived_s - asked_s > WAITED_S
        judge, arrival, usable = self._stamps, self._arrival, self._usable
        was = usable.stampless
        stamps_s = usable.take(stamps_s, arrived_s)
        if usable.stampless != was:
            self._turn_stamps()
        claimed = None
        if counts is not None:
            claimed = self._count(counts, stamps_s, arrived_s)
        lost = arrival.surely_lost(fresh)
        own, times_s = judge.judge(stamps_s, claimed, arrival.latest_s(arrived_s), lost)
        if judge.stamp_s == judge.stamp_s:  # NaN: no stamp has come yet
            arrival.see(int(judge.number) - 1, judge.stamp_s, arrived_s, fresh, judge.guessed)
        if own is not None and self._arrival.fault is not None:
            own = None  # what does not come at such a rate is not lost
        if own is not None:
            self._told.append((arrived_s, int(own.sum()), int(np.count_nonzero(own))))
        if arrival.fault is not None and self._told:
            self._take_back()
        if len(judge.jumps_s) > self._jumps:
            self._jumps = len(judge.jumps_s)
            self._remark(
                "clock_jump",
                f"The source's clock was set by {judge.jumps_s[-1]:+.3g} s in the middle of the stream; its samples go "
                "on, and their times too. Latency and score are withheld.",
            )
        if judge.lost_track:
            judge.lost_track = False
            usable.give_up()
            self._turn_stamps()
        if claimed is None:
            missing = self._zeros(n) if own is None else own
        else:
            missing = claimed if own is None else claimed + own
        # Even times run ahead of the stamps where a source is faster than it says: no sample may seem younger by that.
        ahead_s = float(times_s[-1]) - judge.stamp_s
        ahead_s = ahead_s if AHEAD_S < ahead_s < FAR_S else 0.0
        return Placed(missing, times_s, arrival.offset_s - ahead_s)

    def _take_back(self) -> None:
        """Losses that the stamps told since the rate was known to fit were none."""
        for at_s, lost, gaps in self._told:
            if at_s > self._arrival.fits_s:
                self.taken_back += lost
                self.gaps_taken_back += gaps
        self._told.clear()
        if self.taken_back:
            self._remark(
                "losses_taken_back",
                "Samples that seemed lost were not, since the source is slower than it declares; they are no longer "
                "counted as lost.",
            )

    def _zeros(self, n: int) -> Int64:
        if n > len(self._none):
            self._none = np.zeros(2 * n, dtype=np.int64)
        return self._none[:n]

    # -- the counter -----------------------------------------------------------------------------------------------

    def _count(self, counts: npt.NDArray[Any], stamps_s: Float64, arrived_s: float) -> Int64 | None:
        if self._counter is None:
            self._counter = CounterJudge(self._fs_hz)
            self.loss_method = "counter"
        counter, judge = self._counter, self._stamps
        if counter.wrong:
            return None

        def witness(i: int) -> tuple[float, float, float]:
            seems, sure = judge.excess(float(stamps_s[i]), judge.number + i)
            room = self._arrival.room(arrived_s, int(judge.number) + len(stamps_s) - 1)
            return seems, sure, room

        missing = counter.missing(counts, witness)
        if counter.wrong:
            self._distrust(counter.wrong)
            return None
        return missing

    def _distrust(self, why: str) -> None:
        self.loss_method = "timestamps"
        self._remark(
            "counter_distrusted",
            f"The counter channel {why}; losses are judged by the time stamps instead.",
        )

    def _plausible(self, lost: int, exact: bool) -> int:
        """What is believed of a loss that the stamps claim: all, unless a counter knows better."""
        counter = self._counter
        if counter is None or counter.wrong:
            return lost
        near = 1.0 if exact else max(4.0, 0.02 * self._fs_hz)
        moduli = [counter.modulus] if counter.modulus else [one for one in USUAL if one > counter.largest]
        for modulus in moduli:
            turn = modulus / counter.step if counter.step else modulus
            turns = round(lost / turn)
            if turns and abs(lost - turns * turn) <= min(near, turn / 3):
                return round(turns * turn)
        if exact or lost > EVIDENT_S * self._fs_hz:
            self._contradictions += 1
            if self._contradictions >= CONTRADICTIONS:
                counter.wrong = "misses losses that the time stamps show"
                self._distrust(counter.wrong)
                return lost + self._withheld
            self._withheld += lost
        return 0

    def _turn_stamps(self) -> None:
        self._stamps.anchor()
        if self._usable.stampless:
            self._remark(
                "no_stamps",
                "The stream's time stamps stand still or are nonsense; the time of arrival is taken instead, and "
                "latency and score are withheld.",
            )

    def _remark(self, code: str, sentence: str) -> None:
        self._remarks.setdefault(code, Remark(code, sentence))
