"""What the watchdog sees, at which moment; and that nothing old passes the publisher."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from rt_handdt.core.types import Decision
from rt_handdt.io.lsl import clock
from rt_handdt.runtime.limits import LiveLimits
from rt_handdt.runtime.publisher import Publisher
from rt_handdt.runtime.status import State, Status
from rt_handdt.runtime.watchdog import TICK_S, Vitals, Watchdog, judge

LIMITS = LiveLimits()
NOW = 1000.0
GONE = Status(State.NO_SIGNAL, "no_signal", "gone")


def vitals(**changes: Any) -> Vitals:
    """Of an engine that runs well at `NOW`."""
    return Vitals(**{"arrived_s": NOW, "fresh_s": NOW, "decided_s": NOW, "packet_s": 0.016} | changes)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, None),
        ({"fresh_s": NOW - 0.099, "arrived_s": NOW - 0.099}, None),
        ({"fresh_s": NOW - 0.101, "arrived_s": NOW - 0.101}, (State.NO_SIGNAL, "no_signal")),
        ({"fresh_s": NOW - 0.149, "arrived_s": NOW - 0.149, "packet_s": 0.125}, None),
        ({"fresh_s": NOW - 0.151, "arrived_s": NOW - 0.151, "packet_s": 0.125}, (State.NO_SIGNAL, "no_signal")),
        ({"fresh_s": NOW - 0.151, "arrived_s": NOW - 0.151, "packet_s": 0.25}, (State.NO_SIGNAL, "long_packets")),
        ({"fresh_s": NOW - 0.101, "age_s": 3.0}, (State.BEHIND, "old_samples")),
        ({"busy_s": NOW - 0.099}, None),
        ({"busy_s": NOW - 0.101}, (State.BEHIND, "busy")),
        ({"decided_s": NOW - 0.499}, None),
        ({"decided_s": NOW - 0.501}, (State.NO_DECISION, "no_window")),
        ({"decided_s": NOW - 0.501, "restarts": (NOW - 2.0, NOW - 0.2)}, (State.NO_DECISION, "gaps")),
        ({"decided_s": NOW - 0.501, "refused": True}, None),  # the worker says why itself
        ({"fresh_s": NOW - 9.0, "arrived_s": NOW - 9.0, "away": True}, None),  # … and that the source is lost
        ({"fresh_s": 0.0, "arrived_s": 0.0, "decided_s": 0.0}, None),  # nothing came yet
    ],
)
def test_what_is_seen(changes: dict[str, Any], found: tuple[State, str] | None) -> None:
    status = judge(vitals(**changes), LIMITS, NOW)
    if found is None:
        assert status is None
        return
    assert status is not None
    assert (status.state, status.code) == found
    assert status.sentence.endswith(".")


def test_it_looks_often_enough_to_keep_its_word() -> None:
    assert LIMITS.silence_s + 2 * TICK_S <= 0.12  # signal gone → rest


def decision(label: str = "fist", index: int = 7) -> Decision:
    return Decision(label, 0.9, np.asarray([0.1, 0.9], np.float32), False, 1.0, index, 5.0)


def test_an_old_decision_is_counted_and_not_given() -> None:
    told: list[Decision] = []
    publisher = Publisher(2, 0.15, told.append)
    assert publisher.give(decision(), clock())
    assert publisher.status.state == State.RUNNING
    assert 0 <= told[0].age_s < 0.15
    assert not publisher.give(decision(index=8), clock() - 0.2)
    assert (publisher.given, publisher.late) == (1, 1)
    assert [one.index for one in told] == [7]


@pytest.mark.parametrize("state", [State.STOPPED, State.FAILED])
def test_nothing_is_given_once_the_run_is_over(state: State) -> None:
    told: list[Decision] = []
    publisher = Publisher(2, 600.0, told.append)
    publisher.give(decision(), clock())
    publisher.rest(Status(state, str(state)))
    assert not publisher.give(decision(index=9), clock())
    assert (publisher.given, publisher.late, publisher.status.state) == (1, 0, state)
    assert [one.label for one in told] == ["fist", "rest"]


def test_the_run_s_end_is_not_taken_back() -> None:
    told: list[Decision] = []
    publisher = Publisher(2, 0.15, told.append)
    publisher.give(decision(), clock())
    publisher.rest(Status(State.FAILED, "failed", "why"))
    publisher.rest(GONE)  # the watchdog, who does not know it yet
    publisher.say(Status(State.CONNECTING, "first_window"))
    assert publisher.status == Status(State.FAILED, "failed", "why")
    assert [one.reason for one in told] == ["", "failed"]


def test_rest_is_told_once_a_reason_and_says_it() -> None:
    told: list[Decision] = []
    publisher = Publisher(2, 0.15, told.append)
    publisher.give(decision(), clock())
    publisher.rest(GONE)
    publisher.rest(GONE._replace(sentence="still gone"))
    assert publisher.status.sentence == "still gone"
    publisher.rest(Status(State.LOST, "lost", "away"))
    assert [(one.label, one.reason) for one in told] == [("fist", ""), ("rest", "no_signal"), ("rest", "lost")]
    assert (told[1].index, told[1].confidence, told[1].level) == (7, 0.0, 0.0)
    assert publisher.decision is told[-1]
    assert publisher.give(decision(), clock())
    assert publisher.status == Status(State.RUNNING, "running")


def test_rest_before_the_first_decision_reaches_the_hand_but_is_no_decision() -> None:
    told: list[Decision] = []
    publisher = Publisher(2, 0.15, told.append)
    publisher.rest(GONE)
    publisher.rest(GONE)
    assert publisher.decision is None
    assert {one.reason for one in told} == {"no_signal"}


def test_a_rest_that_waited_for_a_slow_sink_does_not_overtake_what_came_since() -> None:
    told: list[str] = []
    inside, go_on = threading.Event(), threading.Event()

    def slow(one: Decision) -> None:
        told.append(one.label)
        if len(told) == 1:
            inside.set()
            assert go_on.wait(30)

    publisher = Publisher(2, 600.0, slow)
    worker = threading.Thread(target=lambda: publisher.give(decision(), clock()))
    worker.start()
    assert inside.wait(30)
    watchdog = threading.Thread(target=lambda: publisher.rest(GONE))
    watchdog.start()
    while publisher.status.state != State.NO_SIGNAL:  # seen at once, though the sink is busy
        assert watchdog.is_alive()
    go_on.set()
    worker.join(30)
    watchdog.join(30)
    assert told == ["fist", "rest"]


def test_sinks_are_told_all_in_order_and_never_behind_a_slow_receiver_in_this_process() -> None:
    told: list[tuple[str, str, bool]] = []
    inside, go_on = threading.Event(), threading.Event()

    def slow(one: Decision) -> None:
        inside.set()
        assert go_on.wait(30)

    def note(one: Decision, status: Status, sampled_s: float) -> None:
        told.append((one.label, status.code, sampled_s == sampled_s))

    publisher = Publisher(2, 600.0, slow, note)
    publisher.say(Status(State.CONNECTING, "first_window", "It fills."))
    publisher.say(Status(State.CONNECTING, "first_window", "It still fills."))
    worker = threading.Thread(target=lambda: publisher.give(decision(), clock()))
    worker.start()
    assert inside.wait(30)
    watchdog = threading.Thread(target=lambda: publisher.rest(GONE))
    watchdog.start()
    while len(told) < 3:  # though the worker is still telling somebody else
        assert watchdog.is_alive()
    go_on.set()
    worker.join(30)
    watchdog.join(30)
    publisher.rest(GONE)
    assert told == [("rest", "first_window", False), ("fist", "running", True), ("rest", "no_signal", False)]
    assert not Publisher(2, 0.15, None, note).give(decision(), clock() - 0.2)
    assert len(told) == 3  # what is too old is told nobody


def test_time_in_each_state_adds_up() -> None:
    publisher = Publisher(2, 600.0)
    publisher.give(decision(), clock())
    publisher.rest(GONE)
    found = publisher.seconds_in()
    assert found.keys() == {State.CONNECTING, State.RUNNING, State.NO_SIGNAL}
    assert all(seconds >= 0 for seconds in found.values())


def test_the_watchdog_rests_a_hand_whose_worker_stands_still() -> None:
    told: list[Decision] = []
    rested = threading.Event()

    def sink(one: Decision) -> None:
        told.append(one)
        if one.reason:
            rested.set()

    publisher = Publisher(2, 600.0, sink)
    seen = Vitals()
    errors: list[BaseException] = []
    watchdog = Watchdog(seen, publisher, LIMITS, errors.append)
    watchdog.start()
    try:
        publisher.give(decision(), clock())
        seen.arrived_s = seen.fresh_s = seen.decided_s = seen.busy_s = clock()
        assert rested.wait(30)
    finally:
        watchdog.stop()
    assert told[-1].reason == "busy"
    assert not errors


def test_a_watchdog_that_cannot_tell_the_hand_says_so() -> None:
    def broken(one: Decision) -> None:
        raise OSError("no hand")

    failed = threading.Event()
    watchdog = Watchdog(Vitals(arrived_s=1.0, fresh_s=1.0), Publisher(2, 1.0, broken), LIMITS, lambda exc: failed.set())
    watchdog.start()
    assert failed.wait(30)
    watchdog.stop()
