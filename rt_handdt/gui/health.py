"""What is not well with a run that goes on: said while it is so, and silent when all is well."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from rt_handdt.runtime.limits import LiveLimits
from rt_handdt.runtime.snapshot import Snapshot
from rt_handdt.runtime.status import State

#: For so long something that has happened is news.
NEWS_S = 10.0
#: Of half the age at which a decision is refused one should know.
OLD_S = LiveLimits().max_age_s / 2
#: States of a sink that say it should be looked after.
AILING = ("failed", "stuck")
#: A delay that a user feels on top of window and smoothing.
SLOW_MS = 20.0


class Health:
    """Compares counters with those of ten seconds ago: a loss long over is in the figures, but is no news.

    Parameters
    ----------
    clock
        Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._past: deque[tuple[float, tuple[int, ...]]] = deque()

    def sentence(self, snapshot: Snapshot) -> str:
        """All that is amiss, the gravest first; empty when all is well."""
        now_s = self._clock()
        dropped = sum(one.dropped for one in snapshot.sinks)
        counted = (snapshot.samples_lost, snapshot.gaps, snapshot.windows_skipped, dropped)
        if self._past and any(new < old for new, old in zip(counted, self._past[-1][1], strict=True)):
            self._past.clear()  # another run
        if not self._past:
            self._past.append((now_s, (0,) * len(counted) if snapshot.seconds < NEWS_S else counted))
        if counted != self._past[-1][1]:
            self._past.append((now_s, counted))
        # What is kept is each change; the newest of those that are old is the state of ten seconds ago.
        while len(self._past) > 1 and self._past[1][0] <= now_s - NEWS_S:
            self._past.popleft()
        lost, gaps, skipped, dropped = (new - old for new, old in zip(counted, self._past[0][1], strict=True))
        parts = []
        decision = snapshot.decision
        if snapshot.state == State.RUNNING and decision is not None and decision.age_s > OLD_S:
            parts.append(f"samples are {1000 * decision.age_s:.0f} ms old")
        if lost or gaps:
            parts.append(f"{lost:,} samples lost in {gaps:,} gap{'' if gaps == 1 else 's'}")
        if skipped:
            parts.append(f"{skipped:,} windows passed over as too old")
        if dropped:
            parts.append(f"{dropped:,} messages to outputs dropped")
        if parts and (lost or gaps or skipped or dropped):
            parts[-1] += f" within {NEWS_S:.0f} s"
        parts += [f"output {one.name} is {one.state}" for one in snapshot.sinks if one.state in AILING]
        p99_ms = snapshot.latency_ms.get("p99", 0.0)
        if p99_ms > SLOW_MS:
            parts.append(f"slow: a decision takes up to {p99_ms:.0f} ms")
        text = " · ".join(parts)
        return text[:1].upper() + text[1:]
