"""One stream's time: jumps, foreign clocks, nonsense, true rates, counters that lie."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from rt_handdt.io.timeline import Timeline
from tests.support.timed_stream import Int64, TimedStream, counted

FS = 2048
#: 16 samples lost every 0.2 s.
LOSSY = tuple((first, 16) for first in range(3 * FS, 18 * FS, 410))
#: 100 samples lost every two seconds.
MANY = tuple((first, 100) for first in range(3 * FS + 700, 18 * FS, 2 * FS))
Counts = Callable[[Int64], np.ndarray]
#: How much later samples come that would have come at a time (s from the beginning).
Later = Callable[[float], float]


class Run:
    """A stream judged to its end."""

    def __init__(self, stream: TimedStream, counts: Counts | None = None, later: Later = lambda at_s: 0.0) -> None:
        self.timeline = Timeline(stream.fs_hz)
        self.lost, self.faults, times, ages, arrived = 0, [], [], [], []
        self.told_at: list[int] = []
        for pull in stream.pulls():
            given = None if counts is None else counts(pull.numbers)
            late_s = later(pull.arrived_s - 1000)
            placed = self.timeline.place(pull.stamps_s, pull.arrived_s + late_s, given, pull.asked_s + late_s)
            self.lost += int(placed.missing.sum())
            self.told_at += pull.numbers[np.flatnonzero(placed.missing)].tolist()
            self.faults.append(self.timeline.fault)
            arrived.append(pull.arrived_s)
            times.append(placed.times_s)
            ages.append(pull.arrived_s - placed.times_s[-1] - placed.offset_s)
        self.times_s = np.concatenate(times)
        self.ages_s = np.asarray(ages)
        faulty = [self.faults.index(one) for one in self.faults if one is not None][:1]
        self.fault_s = arrived[faulty[0]] - 1000 if faulty else np.inf
        self.codes = [remark.code for remark in self.timeline.remarks]


def test_even_stamps_are_given_back_as_they_are() -> None:
    stream = TimedStream(5, losses=((4000, 7),))
    stamps = np.concatenate([pull.stamps_s for pull in stream.pulls()])
    np.testing.assert_allclose(Run(stream).times_s, stamps, atol=1e-9)


@pytest.mark.parametrize("packet", [1, 9, 32, 100, 256])
@pytest.mark.parametrize("stamping", ["chunk", "same", "loop"])
def test_a_lossy_link_is_counted_truly_and_each_loss(packet: int, stamping: str) -> None:
    run = Run(TimedStream(20, packet=packet, stamping=stamping, losses=LOSSY))
    assert run.lost == 16 * len(LOSSY)
    assert len(run.told_at) == pytest.approx(len(LOSSY), abs=8)


def test_a_loss_is_told_right_where_stamps_keep_time() -> None:
    assert Run(TimedStream(20, losses=LOSSY)).told_at == [first + 16 for first, _ in LOSSY]


@pytest.mark.parametrize("first", [0.1, 0.3, 0.7])
def test_a_loss_in_the_first_second_counts(first: float) -> None:
    assert Run(TimedStream(4, losses=((round(first * FS), 50),))).lost == 50


@pytest.mark.parametrize("drift", [0.002, -0.002, 0.005, -0.005])
@pytest.mark.parametrize("packet", [32, 512])
def test_a_clock_that_runs_apart_loses_nothing(drift: float, packet: int) -> None:
    stream = TimedStream(20, packet=packet, stamping="chunk", drift=drift)
    assert Run(stream).lost == 0
    assert Run(replace(stream, losses=MANY)).lost == pytest.approx(100 * len(MANY), abs=2)


@pytest.mark.parametrize("stamping", ["even", "same", "loop"])
@pytest.mark.parametrize("by_s", [3600.0, -3600.0, 0.3, -1.0, 2e5])
def test_a_jump_of_the_clock_is_no_loss_and_hides_none(by_s: float, stamping: str) -> None:
    run = Run(TimedStream(20, packet=9, stamping=stamping, jumps=((5.0, by_s),), losses=MANY))
    assert run.lost == 100 * len(MANY)
    assert run.codes == ["clock_jump"]
    assert not run.timeline.same_clock
    assert (np.diff(run.times_s) >= 0).all()
    assert run.ages_s[100:].max() < 0.06
    assert run.ages_s.min() > -0.05


def test_wild_stamps_are_neither_losses_nor_jumps() -> None:
    wild = ((9000, 4600.0), (9010, 0.0), (20100, float("nan")), (25000, -2600.0), (30000, 1e12))
    run = Run(TimedStream(20, wild=wild, losses=MANY))
    assert run.lost == 100 * len(MANY)
    assert run.codes == []
    assert run.timeline.same_clock
    assert (np.diff(run.times_s) > 0).all()


@pytest.mark.parametrize("begin_s", [0.0, 1.7e9, 5.0, 1060.0])
def test_stamps_of_another_clock_are_called_so_and_ages_are_reckoned_from_arrival(begin_s: float) -> None:
    run = Run(TimedStream(20, begin_s=begin_s, losses=MANY, pauses=((8.0, 11.0),)))
    assert run.lost == 100 * len(MANY)
    assert not run.timeline.same_clock
    assert run.codes == ["foreign_clock"]
    assert run.ages_s.max() == pytest.approx(3.0, abs=0.1)  # what has waited is as old as it is
    assert np.median(run.ages_s) < 0.02


@pytest.mark.parametrize("stamp_s", [0.0, 1234.5, float("nan")])
def test_stamps_that_are_none_are_replaced_by_arrival(stamp_s: float) -> None:
    timeline = Timeline(FS)
    lost = 0
    lossy = TimedStream(20, packet=32, losses=((10 * FS, 1000),))
    for pull in lossy.pulls():
        placed = timeline.place(np.full(len(pull.stamps_s), stamp_s), pull.arrived_s, None, pull.asked_s)
        lost += int(placed.missing.sum())
    assert lost == pytest.approx(1000, abs=40)
    assert not timeline.same_clock
    assert "no_stamps" in [remark.code for remark in timeline.remarks]


@pytest.mark.parametrize("drift", [-0.5, 1.0, -0.1, 0.1, -0.03, 0.03])
@pytest.mark.parametrize("device_clock", [True, False])
def test_a_true_rate_off_the_declared_one_is_a_fault_and_no_loss(drift: float, device_clock: bool) -> None:
    run = Run(
        TimedStream(
            14, stamping="chunk", drift=drift, device_clock=device_clock, jitter_s=0.0 if device_clock else 1e-3
        )
    )
    assert run.timeline.fault is not None
    assert run.timeline.fault.code == "wrong_rate"
    assert run.timeline.measured_hz == pytest.approx(FS * (1 + drift), rel=0.01)
    assert run.fault_s < (3.0 if abs(drift) >= 0.1 else 11.0)
    assert run.lost == run.timeline.taken_back


def test_losses_of_a_source_that_turns_out_slower_than_it_says_are_taken_back_and_said() -> None:
    run = Run(TimedStream(8, packet=256, stamping="chunk", drift=-0.3, device_clock=False, jitter_s=5e-3))
    assert run.fault_s < 5.0
    assert run.lost > 0
    assert run.timeline.taken_back == run.lost
    assert run.timeline.gaps_taken_back == len(run.told_at)
    assert run.codes == ["losses_taken_back"]


@pytest.mark.parametrize("packet", [32, 64])
@pytest.mark.parametrize("drift", [0.012, 0.0195])
def test_no_sample_of_a_source_that_is_a_little_fast_seems_younger_than_it_is(packet: int, drift: float) -> None:
    """Deduced stamps, 1 to 2 % fast, which is no fault: then each packet comes 0.25 s late."""
    stream = TimedStream(20, packet=packet, stamping="chunk", drift=drift)
    timeline, ages = Timeline(stream.fs_hz), []
    for pull in stream.pulls():
        late = 0.25 if pull.arrived_s > 1015 else 0.0
        placed = timeline.place(pull.stamps_s, pull.arrived_s + late, None, pull.asked_s + late)
        ages.append((late, pull.arrived_s + late - placed.times_s[-1] - placed.offset_s))
    assert timeline.fault is None
    assert min(age for _, age in ages) > -0.03
    assert min(age for late, age in ages if late) > 0.2


def test_bursts_backlogs_and_pauses_are_no_wrong_rate() -> None:
    late = ((4.0, 6.0), (9.0, 9.3), (12.0, 15.0))
    for stream in (
        TimedStream(20, late=late),
        TimedStream(20, pauses=late),
        TimedStream(20, losses=((5 * FS, 6 * FS),)),
        TimedStream(20, packet=256, stamping="same", jitter_s=0.01, device_clock=False),
    ):
        run = Run(stream)
        assert run.faults == [None] * len(run.faults)
        assert run.timeline.measured_hz == pytest.approx(FS, rel=0.01)


@pytest.mark.parametrize("share", [0.15, 0.4])
def test_a_link_that_is_too_slow_for_a_while_is_no_wrong_rate(share: float) -> None:
    """Its samples are old, and so are those that it then delivers faster than they were taken."""

    def later(at_s: float) -> float:
        return share * min(max(at_s - 4, 0.0), max(0.0, 10 - at_s)) if at_s < 10 else 0.0

    assert set(Run(TimedStream(14), later=later).faults) == {None}


@pytest.mark.parametrize("share", [0.1, 0.2])
def test_a_link_that_loses_many_packets_is_no_wrong_rate(share: float) -> None:
    gone = np.flatnonzero(np.random.default_rng(1).random(10 * FS // 32) < share)
    lost = tuple((int(32 * one), 32) for one in gone)
    run = Run(TimedStream(10, stamping="chunk", device_clock=False, jitter_s=1e-3, losses=lost))
    assert set(run.faults) == {None}
    assert run.lost > 0.7 * 32 * len(gone)


@pytest.mark.parametrize(("fs_hz", "lost"), [(500.0, 16), (1000.0, 16), (2048.0, 40)])
@pytest.mark.parametrize("packet", [4, 10, 32])
def test_a_link_that_loses_samples_every_200_ms_is_no_wrong_rate(fs_hz: float, lost: int, packet: int) -> None:
    """8 to 16 % of them, by stamps that jitter as those of a program do that sends packets."""
    every = tuple((first, lost) for first in range(round(3 * fs_hz), round(13 * fs_hz), round(0.2 * fs_hz)))
    stream = TimedStream(
        14, fs_hz, packet=packet, stamping="chunk", device_clock=False, jitter_s=1e-3, losses=every, hop=16
    )
    assert set(Run(stream).faults) == {None}


def test_a_rate_that_turns_wrong_is_known_soon() -> None:
    timeline, began = Timeline(FS), None
    ways = {"stamping": "chunk", "device_clock": False, "jitter_s": 1e-3}
    for stream, after_s in ((TimedStream(6, **ways), 0.0), (TimedStream(10, drift=-0.5, **ways), 6.0)):
        for pull in stream.pulls():
            timeline.place(pull.stamps_s + after_s, pull.arrived_s + after_s, None, pull.asked_s + after_s)
            if timeline.fault is not None and began is None:
                began = pull.arrived_s - 1000
                assert after_s
    assert began is not None
    assert began < 4.0


@pytest.mark.parametrize("every_s", [0.1, 0.3, 0.6])
@pytest.mark.parametrize("packet", [9, 64])
def test_a_link_that_delivers_in_bursts_is_no_wrong_rate(every_s: float, packet: int) -> None:
    rng = np.random.default_rng(3)
    bounds = np.cumsum(rng.uniform(0.5, 1.5, round(14 / every_s)) * every_s)
    late = tuple(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True))
    run = Run(TimedStream(12, packet=packet, stamping="chunk", device_clock=False, jitter_s=2e-3, late=late))
    assert set(run.faults) == {None}


def test_a_wrong_rate_is_forgiven_when_it_is_right_again() -> None:
    timeline = Timeline(FS)
    slow, right = TimedStream(10, drift=-0.5), TimedStream(16)
    for pull in slow.pulls():
        timeline.place(pull.stamps_s, pull.arrived_s, None, pull.asked_s)
    assert timeline.fault is not None
    for pull in right.pulls():
        timeline.place(pull.stamps_s + 20, pull.arrived_s + 20, None, pull.asked_s + 20)
    assert timeline.fault is None


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        (lambda n: np.full(len(n), 7.0), "does not count samples"),
        (lambda n: np.minimum(n, 20_000).astype(float), "stands still"),
        (lambda n: (n // 9 % 128).astype(np.float32), "does not count samples"),
        (lambda n: np.random.default_rng(n[0]).integers(0, 65536, len(n)), "does not count samples"),
        (lambda n: np.full(len(n), np.nan), "is not a number"),
    ],
)
def test_a_counter_that_does_not_count_is_distrusted(counts: Counts, why: str) -> None:
    run = Run(TimedStream(20, losses=MANY), counts)
    assert run.lost == 100 * len(MANY)
    assert run.timeline.loss_method == "timestamps"
    assert why in run.timeline.remarks[0].sentence
    assert run.codes == ["counter_distrusted"]


def test_a_counter_that_counts_what_arrives_is_distrusted_and_its_losses_told() -> None:
    seen = 0

    def counts(numbers: Int64) -> np.ndarray:
        nonlocal seen
        seen += len(numbers)
        return np.arange(seen - len(numbers), seen) % 65536

    run = Run(TimedStream(20, losses=MANY), counts)
    assert run.lost == 100 * len(MANY)
    assert run.codes == ["counter_distrusted"]


@pytest.mark.parametrize("modulus", [128, 256, 65536])
def test_losses_of_whole_turns_are_found_by_the_stamps(modulus: int) -> None:
    losses = ((5 * FS, 2 * modulus), (5 * FS + 4 * modulus + 5000, modulus + 3))
    stream = TimedStream(25 + 6 * modulus / FS, losses=losses)
    assert Run(stream, lambda n: counted(n, modulus=modulus)).lost == 3 * modulus + 3


def test_a_counter_started_anew_goes_on() -> None:
    run = Run(TimedStream(20, losses=MANY), lambda n: np.where(n >= 20_000, n - 20_000, n + 500))
    assert run.lost == 100 * len(MANY)
    assert run.timeline.loss_method == "counter"


def test_a_counter_beyond_what_float64_tells_apart_is_read_exactly() -> None:
    run = Run(TimedStream(10, losses=((9000, 3),)), lambda n: n + (1 << 60))
    assert run.lost == 3
    assert run.timeline.loss_method == "counter"


def test_float32_beyond_what_it_can_count_loses_nothing() -> None:
    run = Run(TimedStream(20), lambda n: counted(n, modulus=1 << 32, start=16_777_000, kind=np.float32))
    assert run.lost <= 1


def test_it_is_cheap_and_does_not_grow() -> None:
    pulls = list(TimedStream(20).pulls())
    timeline = Timeline(FS)
    took = []
    for pull in pulls:
        began = time.perf_counter()
        timeline.place(pull.stamps_s, pull.arrived_s, None, pull.asked_s)
        took.append(time.perf_counter() - began)
    assert np.median(took) < 2e-4  # measured: 2e-5; ten times slower is a fault, not a slow computer
    assert len(timeline._stamps._floor) < 300
