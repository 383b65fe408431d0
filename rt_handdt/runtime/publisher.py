"""The one door through which decisions leave the engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from rt_handdt.core.gestures import REST
from rt_handdt.core.types import Decision
from rt_handdt.io.lsl import clock
from rt_handdt.runtime.status import State, Status

#: After these nothing is given any more.
OVER = (State.STOPPED, State.FAILED)


class Publisher:
    """Holds what the hand was last told, and tells it. Worker and watchdog both come here; any thread may read.

    Nothing leaves it that is older than the limit, and whoever calls `rest` is heard at once, whatever the other thread
    is doing: a decision that is still being computed then is checked for its age when it comes.

    Parameters
    ----------
    n_classes
        Length of a decision's probabilities.
    max_age_s
        A decision whose newest sample is older than this is not given.
    on_decision
        Called with every decision, in order, on the thread that made it; must be quick.
    on_told
        Called before that, and where the status alone has changed, with what the hand is told, the status that goes
        with it, and when its newest sample was taken (this computer's LSL clock; NaN where there is none). In order,
        and never behind an `on_decision` that takes its time; must not wait for anything.
    """

    def __init__(
        self,
        n_classes: int,
        max_age_s: float,
        on_decision: Callable[[Decision], None] | None = None,
        on_told: Callable[[Decision, Status, float], None] | None = None,
    ) -> None:
        self._max_age_s = max_age_s
        self._on_decision = on_decision
        self._on_told = on_told
        self._nothing = np.zeros(n_classes, np.float32)
        self._lock = threading.Lock()  # the fields, and the order of `on_told`; never held while anything slow is done
        self._turn = threading.RLock()  # the order in which `on_decision` is called
        self._status = Status(State.CONNECTING, "")  # known to nobody: the first that is said is told
        self._since = time.monotonic()
        self._seconds: dict[State, float] = {}
        self.decision: Decision | None = None
        self.given = 0
        self.late = 0

    @property
    def status(self) -> Status:
        """What state the engine is in."""
        return self._status

    def seconds_in(self) -> dict[State, float]:
        """How long each state has lasted so far, s."""
        with self._lock:
            found = dict(self._seconds)
            found[self._status.state] = found.get(self._status.state, 0.0) + time.monotonic() - self._since
        return found

    def say(self, status: Status) -> None:
        """Change the status alone; after the run's end, only to another end."""
        with self._lock:
            if self._is_over(status):
                return
            known = self._known(status)
            self._enter(status)
            if not known and self._on_told is not None:
                self._on_told(self._resting(status), status, float("nan"))

    def give(self, decision: Decision, sampled_s: float) -> bool:
        """Tell the hand, if that is still true enough; also enters `State.RUNNING`.

        Parameters
        ----------
        decision
            The decoder's.
        sampled_s
            When its newest sample was taken, on this computer's LSL clock.

        Returns
        -------
        bool
            False if the sample is too old by now (counted as late), or the run is over.
        """
        with self._turn:
            age_s = clock() - sampled_s
            with self._lock:
                if self._status.state in OVER:  # a worker that could not be waited for comes back
                    return False
                if age_s > self._max_age_s:
                    self.late += 1
                    return False
                told = replace(decision, age_s=age_s)
                self.given += 1
                self.decision = told
                status = Status(State.RUNNING, "running")
                self._enter(status)
                if self._on_told is not None:
                    self._on_told(told, status, sampled_s)
            self._tell(told)
        return True

    def rest(self, status: Status) -> None:
        """Tell the hand to rest, once a state: it is not known any more what it should do.

        The decision given keeps the newest one's place in time, says why in `Decision.reason`, and has no confidence.
        After the run's end nothing is told but another end.
        """
        with self._lock:
            if self._is_over(status):
                return
            known = self._known(status)
            self._enter(status)
            if known and (self.decision is None or self.decision.reason == status.code):
                return
            last = self.decision
            told = self._resting(status)
            if last is not None:  # before the first decision there is nothing to show
                self.decision = told
            if self._on_told is not None:
                self._on_told(told, status, float("nan"))
        with self._turn:
            # A decision given while this thread waited for its turn is newer, and stands.
            if last is None or self.decision is told:
                self._tell(told)

    def _is_over(self, status: Status) -> bool:
        """Whether the run has ended, and this is the watchdog, who does not know it yet."""
        return self._status.state in OVER and status.state not in OVER

    def _known(self, status: Status) -> bool:
        return self._status.code == status.code and self._status.state == status.state

    def _resting(self, status: Status) -> Decision:
        last = self.decision
        return Decision(
            label=REST,
            confidence=0.0,
            probabilities=self._nothing.copy(),
            rejected=True,
            level=0.0,
            index=-1 if last is None else last.index,
            time_s=float("nan") if last is None else last.time_s,
            reason=status.code,
            velocities=None if last is None or last.velocities is None else (0.0, 0.0),
        )

    def _enter(self, status: Status) -> None:
        if status.state != self._status.state:
            now = time.monotonic()
            self._seconds[self._status.state] = self._seconds.get(self._status.state, 0.0) + now - self._since
            self._since = now
        self._status = status

    def _tell(self, decision: Decision) -> None:
        if self._on_decision is not None:
            self._on_decision(decision)
