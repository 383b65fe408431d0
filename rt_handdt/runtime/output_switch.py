"""The master switch between decisions and those who move by them."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from rt_handdt.core.gestures import REST
from rt_handdt.core.types import Decision
from rt_handdt.runtime.status import State, Status

#: What receivers are told while it is off.
OFF = Status(State.NO_DECISION, "outputs_off", "Outputs are switched off; whoever is told decisions rests.")


class Told(Protocol):
    """Whoever hands decisions to sinks: a `Hub` or a `SinkProcess`."""

    def tell(self, decision: Decision, status: Status, sampled_s: float) -> None:
        """Take a decision; never waits."""
        ...

    def report(self) -> list[dict[str, Any]]:
        """The counters of each sink."""
        ...

    def close(self) -> None:
        """Have every receiver told rest, and let go."""
        ...


class OutputSwitch:
    """Hands decisions on while it is on; while it is off, receivers are told rest, at the same pace.

    Sinks stay open and their heartbeats go on, so that switching costs no connection and no receiver takes an outage
    for the switch, or the switch for an outage.

    Parameters
    ----------
    told
        Open already.
    on
        How it stands at first.
    """

    def __init__(self, told: Told, *, on: bool = True) -> None:
        self._told, self._on = told, on
        self._last: Decision | None = None
        # Lest a decision that is under way when it is switched off arrives after the rest.
        self._turn = threading.Lock()

    @property
    def on(self) -> bool:
        """Whether decisions go out."""
        return self._on

    def turn(self, on: bool) -> None:
        """Switch; off, receivers are told rest before this returns."""
        with self._turn:
            was, self._on = self._on, on
            if was and not on and self._last is not None:
                self._told.tell(_resting(self._last), OFF, float("nan"))

    def tell(self, decision: Decision, status: Status, sampled_s: float) -> None:
        """See `Hub.tell`."""
        with self._turn:
            self._last = decision
            if self._on or status.state != State.RUNNING:  # every other state is rest, and says more
                self._told.tell(decision, status, sampled_s)
            else:
                self._told.tell(_resting(decision), OFF, sampled_s)

    def report(self) -> list[dict[str, Any]]:
        """See `Hub.report`."""
        return self._told.report()

    def close(self) -> None:
        """See `Hub.close`."""
        self._told.close()


def _resting(decision: Decision) -> Decision:
    return replace(
        decision,
        label=REST,
        confidence=0.0,
        probabilities=np.zeros_like(decision.probabilities),
        rejected=True,
        level=0.0,
        reason=OFF.code,
        velocities=None if decision.velocities is None else (0.0, 0.0),
    )
