"""The hub: order, safe rest, and that no sink delays a decision; real receivers are in integration/sinks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rt_handdt.errors import SinkError
from rt_handdt.io.sink import SinkSettings
from rt_handdt.runtime import sink_worker
from rt_handdt.runtime.hub import Hub
from rt_handdt.runtime.status import State, Status
from tests.support.sinks import NotingSink, QuietSettings, RecordSettings, about, tell, until

GONE = Status(State.NO_SIGNAL, "no_signal", "No samples.")
Opened = Callable[..., Hub]


@pytest.fixture
def opened() -> Iterator[Opened]:
    hubs: list[Hub] = []

    def make(*sinks: NotingSink, say: Callable[[str], None] = lambda sentence: None, **changes: Any) -> Hub:
        hubs.append(Hub([(f"sink{k}", sink) for k, sink in enumerate(sinks)], about(**changes), say))
        hubs[-1].open()
        return hubs[-1]

    yield make
    for hub in hubs:
        hub.close()


def balanced(hub: Hub) -> bool:
    """Whether every message is accounted for."""
    return all(
        one["told"] == one["sent"] + one["skipped"] + one["dropped"] + one["untaken"] + one["waiting"]
        for one in hub.report()
    )


def test_every_sink_is_told_everything_in_order(opened: Opened) -> None:
    sinks = [NotingSink() for _ in range(6)]
    hub = opened(*sinks)
    for k in range(200):
        tell(hub, ("fist", "open", "rest")[k % 3])
        if k % 32 == 31:  # a queue holds 64
            until(lambda: all(len(sink.heard) == k + 1 for sink in sinks))  # noqa: B023
    until(lambda: all(len(sink.heard) == 200 for sink in sinks))
    for sink in sinks:
        assert [one.seq for one in sink.heard] == list(range(200))
        assert sink.labels[:3] == ["fist", "open", "rest"]
    assert all((one["sent"], one["dropped"]) == (200, 0) for one in hub.report())
    assert balanced(hub)


def test_a_sink_that_blocks_delays_nobody_and_drops_the_oldest(opened: Opened) -> None:
    slow, quick = NotingSink(), NotingSink()
    slow.gate.clear()
    hub = opened(slow, quick)
    tell(hub)
    assert slow.entered.wait(60)
    began = time.monotonic()
    for k in range(100):
        tell(hub, "open")
        if k % 32 == 31:
            until(lambda: len(quick.heard) == k + 2)  # noqa: B023
    until(lambda: len(quick.heard) == 101)
    assert time.monotonic() - began < 30.0  # `slow` would have held it up for a minute
    slow.gate.set()
    until(lambda: slow.heard and slow.heard[-1].seq == 100)
    seqs = [one.seq for one in slow.heard]
    assert seqs[0] == 0
    assert seqs[1:] == list(range(101 - sink_worker.WAITING, 101))
    until(lambda: hub.report()[0]["waiting"] == 0)
    assert hub.report()[0]["dropped"] == 100 - sink_worker.WAITING
    assert balanced(hub)


def test_rest_overtakes_what_waits(opened: Opened) -> None:
    hand, record = NotingSink(), NotingSink(RecordSettings())
    for sink in (hand, record):
        sink.gate.clear()
    hub = opened(hand, record)
    for _ in range(4):
        tell(hub, "fist")
    assert hand.entered.wait(60)
    assert record.entered.wait(60)
    tell(hub, "rest", GONE)
    for sink in (hand, record):
        sink.gate.set()
    until(lambda: hand.labels[-1:] == ["rest"] and record.labels[-1:] == ["rest"])
    assert record.labels == ["fist"] * 4 + ["rest"]
    assert len(hand.labels) < 5  # the first may have been on its way alone, or not yet
    assert hand.labels[-2:] == ["fist", "rest"]
    assert (hand.heard[-1].state, hand.heard[-1].code, hand.heard[-1].age_ms) == (
        "no_signal",
        "no_signal",
        pytest.approx(float("nan"), nan_ok=True),
    )
    assert balanced(hub)


def test_no_gesture_is_sent_that_has_become_too_old(opened: Opened) -> None:
    slow = NotingSink()
    slow.gate.clear()
    hub = opened(slow, max_age_s=0.05)
    tell(hub, "open")
    assert slow.entered.wait(60)
    for _ in range(3):
        tell(hub, "fist")
    time.sleep(0.06)  # they are too old now, however slow the machine
    slow.gate.set()
    until(lambda: len(slow.heard) == 2)
    assert slow.labels == ["open", "rest"]
    told = slow.heard[1]
    assert (told.state, told.code, told.repeat, told.index, told.level, told.confidence) == (
        "behind",
        "stale",
        True,
        0,
        0,
        0,
    )
    assert sum(told.probabilities) == 0
    until(lambda: hub.report()[0]["dropped"] == 3)
    assert balanced(hub)


def test_the_last_is_repeated_and_becomes_rest_when_nothing_follows(opened: Opened) -> None:
    hand = NotingSink(SinkSettings(heartbeat=0.01))
    hub = opened(hand, max_age_s=0.3)
    tell(hub, "fist")
    until(lambda: len(hand.heard) > 2 and hand.labels[-1] == "rest")
    assert not hand.heard[0].repeat
    assert all(one.repeat and one.seq == 0 for one in hand.heard[1:])
    ages = [one.age_ms for one in hand.heard]
    assert ages == sorted(ages)
    # what was sent as a gesture was young enough; all after it is rest
    assert all((one.label == "rest") == (one.age_ms > 300) for one in hand.heard)
    assert hand.heard[-1].code == "stale"
    assert hub.report()[0]["sent"] == 1
    assert hub.report()[0]["repeats"] > 1
    tell(hub, "open")
    until(lambda: "open" in hand.labels)


def test_a_state_without_decisions_is_repeated_at_the_pace_of_decisions(opened: Opened) -> None:
    hand = NotingSink(SinkSettings(heartbeat=600.0))
    hub = opened(hand, rate_hz=64.0)
    tell(hub, "rest", GONE)
    until(lambda: len(hand.heard) > 3)  # and not after ten minutes
    assert {one.code for one in hand.heard} == {"no_signal"}


def test_on_change_and_rate_leave_out_and_count(opened: Opened) -> None:
    change, seldom = NotingSink(QuietSettings(on="change")), NotingSink(QuietSettings(rate=0.001))
    hub = opened(change, seldom)
    for label in ("fist", "fist", "rest", "rest", "open", "open", "rest"):
        tell(hub, label)
    until(lambda: all(one["waiting"] == 0 for one in hub.report()))  # else rest overtakes them
    tell(hub, "rest", GONE)
    until(lambda: all(one["waiting"] == 0 for one in hub.report()))
    assert change.labels == ["fist", "rest", "open", "rest", "rest"]
    assert change.heard[-1].code == "no_signal"
    assert seldom.labels == ["fist", "rest"]  # rest has no rate
    assert [one["skipped"] for one in hub.report()] == [3, 6]
    assert balanced(hub)


def test_a_rate_is_kept_on_average(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(sink_worker, "clock", lambda: now[0])
    sink = NotingSink(QuietSettings(rate=50.0))
    hub = opened(sink)
    for k in range(128):
        now[0] = 100.0 + k / 64
        tell(hub)
        until(lambda: hub.report()[0]["waiting"] == 0)
    assert 90 <= len(sink.heard) <= 100  # two seconds; every second decision would be 64


@pytest.mark.parametrize(
    "error", [ValueError("torn"), SystemExit(3), SinkError("the device is gone; plug it in again.")]
)
def test_a_sink_that_raises_is_said_counted_and_tried_again(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    monkeypatch.setattr(sink_worker, "RETRY_S", 0.001)
    monkeypatch.setattr(sink_worker, "RETRY_LIMIT_S", 0.001)
    said: list[str] = []
    bad, good = NotingSink(), NotingSink()
    hub = opened(bad, good, say=said.append)
    tell(hub)
    until(lambda: len(bad.heard) == 1)
    bad.error = bad.open_error = error
    tell(hub)
    tell(hub)
    until(lambda: len(good.heard) == 3 and hub.report()[0]["dropped"] == 2)
    assert hub.report()[0]["state"] == "failed"
    assert str(error) in hub.report()[0]["last_error"]
    assert bad.closed
    bad.error = bad.open_error = None
    until(lambda: hub.report()[0]["resumed"] == 1)
    until(lambda: len(bad.heard) == 2)  # what the others were told last, at once
    assert bad.heard[1].repeat
    tell(hub, "open")
    until(lambda: bad.labels[-1] == "open")
    found = hub.report()[0]
    assert (found["state"], found["failures"], found["sent"]) == ("open", 1, 2)
    assert balanced(hub)
    assert len(said) == 2
    assert said[0].startswith("sink0: ")
    assert said[1] == "sink0: works again."


def test_a_record_that_failed_is_written_when_it_works_again(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_worker, "RETRY_S", 0.001)
    record = NotingSink(RecordSettings())
    record.error = OSError("full")
    hub = opened(record)
    for _ in range(20):
        tell(hub)
    until(lambda: hub.report()[0]["failures"])
    record.error = None
    until(lambda: len(record.heard) == 20)
    assert [one.seq for one in record.heard] == list(range(20))
    assert hub.report()[0]["dropped"] == 0


def test_nobody_there_is_said_once_and_counted(opened: Opened) -> None:
    said: list[str] = []
    sink = NotingSink()
    sink.refusal = "nobody listens"
    hub = opened(sink, say=said.append)
    for _ in range(5):
        tell(hub)
    until(lambda: hub.report()[0]["untaken"] == 5)
    assert hub.report()[0]["state"] == "nobody listens"
    sink.refusal = None
    tell(hub)
    until(lambda: hub.report()[0]["sent"] == 1)
    assert hub.report()[0]["state"] == "open"
    assert said == ["sink0: nobody listens.", "sink0: messages are taken."]
    assert balanced(hub)


def test_the_last_word_is_rest(opened: Opened) -> None:
    hand, record = NotingSink(), NotingSink(RecordSettings())
    hub = opened(hand, record)
    for _ in range(50):
        tell(hub, "fist")
    hub.close()
    until(lambda: [one["state"] for one in hub.report()] == ["closed", "closed"])
    for sink in (hand, record):
        assert sink.heard[-1].label == "rest"
        assert sink.heard[-1].code == "stopped"
        assert sink.closed == 1
    assert len(record.heard) == 51
    assert balanced(hub)
    tell(hub, "fist")  # a worker that was still busy: too late
    assert hand.labels[-1] == "rest"
    assert hub.report()[0]["told"] == 51


def test_a_sink_that_never_returns_does_not_hold_up_the_end() -> None:
    said: list[str] = []
    stuck, good = NotingSink(), NotingSink()
    stuck.gate.clear()
    hub = Hub([("stuck", stuck), ("good", good)], about(), said.append)
    hub.open()
    tell(hub)
    assert stuck.entered.wait(60)
    until(lambda: good.heard)  # else the last rest overtakes it
    thread = threading.Thread(target=hub.close)
    thread.start()
    thread.join(30.0)
    assert not thread.is_alive()
    until(lambda: [one["state"] for one in hub.report()] == ["stuck", "closed"])
    assert hub.report()[0]["waiting"] == 2
    assert balanced(hub)
    assert good.labels == ["fist", "rest"]
    assert "does not let go" in said[0]
    stuck.gate.set()
    until(lambda: stuck.closed)


def test_a_record_that_cannot_be_written_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    record = NotingSink(RecordSettings())
    record.error = OSError("full")
    hub = Hub([("record", record)], about())
    hub.open()
    tell(hub)
    until(lambda: hub.report()[0]["failures"])
    hub.close()
    until(lambda: hub.report()[0]["dropped"] == 2)
    found = hub.report()[0]
    assert (found["told"], found["waiting"]) == (2, 0)


def test_if_one_cannot_be_opened_none_is() -> None:
    good, bad = NotingSink(), NotingSink()
    bad.open_error = OSError("in use")
    hub = Hub([("good", good), ("bad", bad)], about())
    with pytest.raises(SinkError, match=r"--sink bad: cannot be opened .*in use"):
        hub.open()
    assert (good.opened, good.closed) == (1, 1)
