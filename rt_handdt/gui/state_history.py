"""What the engine said of itself in the last seconds, in a word each."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from rt_handdt.core.gestures import REST
from rt_handdt.runtime.snapshot import Snapshot
from rt_handdt.runtime.status import State, state_title

UNSURE, NO_COMMAND, NOT_WATCHED = "Unsure", "No command", "Display held"


class Stretch(NamedTuple):
    """A state's word and the state, over a time in s before now (0 = now)."""

    start_s: float
    end_s: float
    word: str
    state: State


class StateHistory:
    """Remembers states by the clock of this computer, which goes on when a stream does not.

    Parameters
    ----------
    span_s
        How far back, in s.
    clock
        Seconds that never go back.
    """

    def __init__(self, span_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._span_s, self._clock = span_s, clock
        self._changes: deque[tuple[float, str, State]] = deque()
        self._newest: tuple[float, float] | None = None  # time of the newest decision, and when it was first seen

    def note(self, snapshot: Snapshot) -> float:
        """Take in a snapshot; the answer is how long no new decision has been seen, in s (0 while decisions come)."""
        now_s, word, state = self._clock(), state_word(snapshot), State(snapshot.state)
        if not self._changes or self._changes[-1][1:] != (word, state):
            self._changes.append((now_s, word, state))
        while len(self._changes) > 1 and self._changes[1][0] < now_s - self._span_s:
            self._changes.popleft()
        newest_s = snapshot.history[-1].time_s if snapshot.history else None
        if newest_s is None:
            self._newest = None
        elif self._newest is None or self._newest[0] != newest_s:
            self._newest = (newest_s, now_s)
        # Between two decisions of a running engine the lanes stand still: they would tremble by a hop otherwise.
        return 0.0 if state == State.RUNNING or self._newest is None else now_s - self._newest[1]

    def look_away(self) -> None:
        """Until the next snapshot nobody knows how it is, and the lane says so."""
        self._changes.append((self._clock(), NOT_WATCHED, State.STOPPED))

    def stretches(self) -> tuple[Stretch, ...]:
        """All stretches in which something is to be said, oldest first; none while all is well."""
        now_s = self._clock()
        ends = [at_s for at_s, _, _ in list(self._changes)[1:]] + [now_s]
        return tuple(
            Stretch(max(at_s - now_s, -self._span_s), end_s - now_s, word, state)
            for (at_s, word, state), end_s in zip(self._changes, ends, strict=True)
            if word and end_s > now_s - self._span_s
        )


def state_word(snapshot: Snapshot) -> str:
    """What is amiss with the newest decision, in one or two words; empty where it may be acted on.

    Examples
    --------
    >>> state_word(Snapshot(state=State.NO_SIGNAL))
    'No signal'
    >>> state_word(Snapshot(state=State.RUNNING))
    ''
    """
    if snapshot.state != State.RUNNING:
        return state_title(snapshot.state)
    decision = snapshot.decision
    return "" if decision is None else decision_word(decision.label, decision.reason, rejected=decision.rejected)


def decision_word(label: str, reason: str, *, rejected: bool) -> str:
    """The same of a decision that was given while the engine ran."""
    if reason or (rejected and label == REST):
        return NO_COMMAND
    return UNSURE if rejected else ""
