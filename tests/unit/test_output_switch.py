"""The master switch of the outputs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rt_handdt.core.types import Decision
from rt_handdt.runtime.output_switch import OutputSwitch
from rt_handdt.runtime.status import State, Status

RUNNING = Status(State.RUNNING, "running")
FIST = Decision("fist", 0.9, np.array([0.1, 0.9], np.float32), False, 0.7, index=7, time_s=3.0)


class _Told:
    def __init__(self) -> None:
        self.heard: list[tuple[Decision, Status, float]] = []
        self.closed = False

    def tell(self, decision: Decision, status: Status, sampled_s: float) -> None:
        self.heard.append((decision, status, sampled_s))

    def report(self) -> list[dict[str, Any]]:
        return [{"name": "one"}]

    def close(self) -> None:
        self.closed = True


def test_on_it_is_not_there() -> None:
    told = _Told()
    OutputSwitch(told).tell(FIST, RUNNING, 3.0)
    assert told.heard == [(FIST, RUNNING, 3.0)]


def test_off_receivers_rest_at_the_same_pace() -> None:
    told = _Told()
    switch = OutputSwitch(told, on=False)
    switch.tell(FIST, RUNNING, 3.0)
    switch.tell(FIST, RUNNING, 3.1)
    for decision, status, _ in told.heard:
        assert (decision.label, decision.level, decision.confidence, decision.rejected) == ("rest", 0.0, 0.0, True)
        assert not decision.probabilities.any()
        assert (decision.reason, status.code, status.state) == ("outputs_off", "outputs_off", State.NO_DECISION)
        assert status.sentence
    assert [sampled_s for *_, sampled_s in told.heard] == [3.0, 3.1]
    assert FIST.probabilities.any()  # the recording and the window still see what was decided


def test_switching_off_tells_rest_at_once() -> None:
    told = _Told()
    switch = OutputSwitch(told)
    switch.turn(False)  # nothing was told yet
    assert not told.heard
    switch.turn(True)
    switch.tell(FIST, RUNNING, 3.0)
    switch.turn(False)
    decision, status, sampled_s = told.heard[-1]
    assert (decision.label, status.code) == ("rest", "outputs_off")
    assert math.isnan(sampled_s)
    switch.turn(False)
    assert len(told.heard) == 2
    switch.turn(True)
    switch.tell(FIST, RUNNING, 3.2)
    assert told.heard[-1][0] is FIST


def test_what_is_rest_anyway_says_why() -> None:
    told = _Told()
    switch = OutputSwitch(told, on=False)
    lost = Status(State.LOST, "lost", "It is gone.")
    switch.tell(FIST, lost, float("nan"))
    assert told.heard[0][1] is lost
    switch.close()
    assert told.closed
    assert switch.report() == [{"name": "one"}]
