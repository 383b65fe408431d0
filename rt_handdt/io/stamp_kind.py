"""What kind of stamps a stream has: at what rate they run, how far they scatter."""

from __future__ import annotations

from collections import deque
from statistics import median

from rt_handdt.io.knots import EXACT, Pair, chunk_ends, regular, whole_steps
from rt_handdt.io.lag_floor import BLOCK_S

#: Fewest knots to know that.
KNOWN = 8
#: Knots are taken together to stretches of so long, in which jitter counts for little, and which end with a packet
#: unless they last for so long; the newest so many of them are looked at. All in s.
STRETCH_S, LONGEST_S, USUAL_S = 0.05, 0.3, 2.5
#: Where stamps jitter, a source that is slower by more has another rate than it declares.
OTHER_RATE = 0.015


class _Newest:
    """The last (samples, step) of so many samples, and `KNOWN` at least."""

    def __init__(self, most: float) -> None:
        self._most, self._samples, self._held = most, 0.0, deque[Pair]()

    @property
    def pairs(self) -> list[Pair]:
        return list(self._held)

    def append(self, pair: Pair) -> None:
        self._held.append(pair)
        self._samples += pair[0]
        while self._samples > self._most and len(self._held) > KNOWN:
            self._samples -= self._held.popleft()[0]


class StampKind:
    """Learns from the steps between knots (see `rt_handdt.io.stamps`).

    Attributes
    ----------
    knots
        How many were seen.
    pairs
        (samples, step) from knot to knot, of the last ones.
    scatter
        How far most steps are from the usual one, in samples.
    steady
        Whether the source keeps perfect time.
    """

    def __init__(self, fs_hz: float) -> None:
        self._fs_hz = fs_hz
        self.knots = 0
        self.scatter = float("inf")
        self.steady = True
        self.pairs: deque[Pair] = deque(maxlen=4 * KNOWN)
        self._rates: deque[float] = deque(maxlen=256)  # step per sample, of more knots
        self._rate = 0.0
        self._stretch = (0.0, 0.0)
        self._stretches, self._singles = _Newest(USUAL_S * fs_hz), _Newest(USUAL_S * fs_hz)
        self._span = (0.0, 0.0)
        self._spans: deque[Pair] = deque(maxlen=8)  # (samples, steps) of 32 knots each

    def span(self, n: float, step: float) -> None:
        """From one knot to the next, whatever it tells of the others."""
        self._span = (self._span[0] + n, self._span[1] + step)

    def see(self, n: float, step: float, drift: float) -> None:
        """Take in a step; what was expected of each sample until now is `drift`."""
        self.knots += 1
        if self.knots == 1:
            return  # it began in the middle of a packet, maybe
        self._rates.append(step / n)
        self._stretch_out(n, step)
        if self.knots % 32 == 0:
            self._spans.append(self._span)
            self._span = (0.0, 0.0)
            self._rate = self._long_rate(drift)
        pairs = self.pairs
        if pairs and abs(step) < EXACT and abs(pairs[-1][1]) < EXACT and pairs[-1][0] < BLOCK_S * self._fs_hz:
            # What follows without a step counts once: long chunks are known by their ends, however they are read.
            pairs[-1] = (pairs[-1][0] + n, pairs[-1][1] + step)
        else:
            pairs.append((n, step))

    def learn(self) -> float | None:
        """Lag that each sample adds by the last knots (and `scatter`, `steady`); None: stamps ran backwards."""
        pairs = list(self.pairs)
        rate, scatter = regular(pairs)
        if rate < -0.9:
            return None
        ends = chunk_ends(pairs)
        if ends:  # even within chunks: their ends show how exact the stamps are
            rate, scatter = 0.0, regular(ends)[1] if len(ends) > 2 else min(self.scatter, 1e3)
        elif scatter > max(EXACT, 0.3 * abs(rate) * self.some):
            # The middle of many knots still tells a rate that is not the declared one.
            known = self._rate > max(OTHER_RATE, 0.05 * scatter / self.some) and not whole_steps(pairs)
            rate = self._rate if known else 0.0
            scatter = sorted(abs(step - rate * n) for n, step in pairs)[3 * len(pairs) // 4]
        if rate < -0.05 and scatter > EXACT:
            rate = 0.0  # a backlog that is worked off; that a source is too fast is no loss
        self.scatter = scatter
        self.steady = scatter < EXACT or whole_steps(pairs)
        return rate

    @property
    def usual(self) -> float:
        """Lag that each sample adds from most knots to the next, and in most stretches: that of a slow source.

        Many losses may be in most stretches, jitter may be from most of a few knots to the next; hardly both are both.
        """
        singles = chunk_ends(self._singles.pairs) or self._singles.pairs
        ways = (singles, self._stretches.pairs)
        return min((median(step / n for n, step in some) for some in ways if some), default=0.0)

    def _stretch_out(self, n: float, step: float) -> None:
        self._singles.append((n, step))
        long, _ = self._stretch = self._stretch[0] + n, self._stretch[1] + step
        if long >= STRETCH_S * self._fs_hz and (abs(step) > EXACT or long >= LONGEST_S * self._fs_hz):
            self._stretches.append(self._stretch)
            self._stretch = (0.0, 0.0)

    @property
    def some(self) -> float:
        """Samples from knot to knot, on average."""
        return sum(n for n, _ in self.pairs) / len(self.pairs)

    def explained(self, rate: float) -> float:
        """By how much such a rate may have raised the lag since the first knot that is remembered, in samples."""
        return abs(rate) * self.some * len(self._rates) * 1.2

    def _long_rate(self, drift: float) -> float:
        """Lag that each sample adds, from many knots: 0 unless long spans and single steps agree."""
        if len(self._spans) < 3:
            return 0.0
        rate = sorted(step / n for n, step in self._spans)[(len(self._spans) - 1) // 2]
        single = sorted(self._rates)[len(self._rates) // 2]
        # Spans are precise, but full of losses where losses are many; the middle step is vague, but knows none.
        return rate if abs(single - rate) < 0.5 * rate or abs(drift - rate) < 0.3 * rate else 0.0
