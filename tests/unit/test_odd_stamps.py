"""Stamps that jitter, run backwards, are absent, or are deduced from a rate a little off: losses and ages hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pytest

from rt_handdt.io.lsl.signal_inlet import SignalInlet
from rt_handdt.io.timeline import Timeline
from tests.support.timed_stream import Pull, TimedStream

FS = 2048
#: 100 samples lost every two seconds.
MANY = tuple((first, 100) for first in range(3 * FS + 700, 11 * FS, 2 * FS))
SECONDS = 12


class Judged(NamedTuple):
    """What was said of a stream: losses, where they were told, by how much its samples seem too old, remarks."""

    lost: int
    told_s: list[float]
    older_s: np.ndarray
    codes: list[str]


def judged(pulls: Iterator[Pull], drift: float = 0.0) -> Judged:
    timeline = Timeline(FS)
    lost, told, older = 0, [], []
    for pull in pulls:
        placed = timeline.place(pull.stamps_s, pull.arrived_s, None, pull.asked_s)
        if placed.missing.any():
            lost += int(placed.missing.sum())
            told.append(float(pull.numbers[0]) / FS)
        taken_s = 1000 + pull.numbers[-1] / (FS * (1 + drift))
        older.append(taken_s - float(placed.times_s[-1]) - placed.offset_s)
    return Judged(lost, told, np.asarray(older), [remark.code for remark in timeline.remarks])


def restamped(stream: TimedStream, how: Callable[[Pull, np.ndarray], np.ndarray]) -> Iterator[Pull]:
    """The stream with other stamps, made of a pull and its samples' places in their packets."""
    assert isinstance(stream.packet, int)
    for pull in stream.pulls():
        yield pull._replace(stamps_s=how(pull, pull.numbers % stream.packet))


def each_at_random(spread_s: float) -> Callable[[Pull, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(5)
    return lambda pull, _: pull.stamps_s + rng.normal(0, spread_s, len(pull.stamps_s))


@pytest.mark.parametrize("spread_s", [0.005, 0.01, 0.02])
def test_samples_that_are_stamped_at_random_each_are_counted_and_dated(spread_s: float) -> None:
    whole = judged(restamped(TimedStream(SECONDS), each_at_random(spread_s)))
    assert whole.lost == 0
    assert np.abs(whole.older_s[FS // 32 :]).max() < 0.02  # after the first second
    assert whole.codes == []
    lossy = judged(restamped(TimedStream(SECONDS, losses=MANY), each_at_random(spread_s)))
    assert lossy.lost == pytest.approx(100 * len(MANY), rel=0.1)
    assert len(lossy.told_s) == len(MANY)


@pytest.mark.parametrize("packet", [9, 32])
@pytest.mark.parametrize(("early", "spread_s"), [(True, 0.005), (False, 0.005), (False, 0.01)])
def test_packets_that_are_stamped_at_random_are_counted_and_dated(packet: int, early: bool, spread_s: float) -> None:
    stream = TimedStream(SECONDS, packet=packet, stamping="chunk", device_clock=early, early=early, jitter_s=spread_s)
    whole = judged(stream.pulls())
    assert whole.lost == 0
    assert whole.older_s[FS // 32 :].min() > -0.02
    lossy = judged(TimedStream(**{**vars(stream), "losses": MANY}).pulls())
    assert lossy.lost == pytest.approx(100 * len(MANY), rel=0.12)


def absent(which: Callable[[np.ndarray], np.ndarray], value: float) -> Callable[[Pull, np.ndarray], np.ndarray]:
    return lambda pull, place: np.where(which(place), value, pull.stamps_s)


@pytest.mark.parametrize("packet", [9, 32, 128])
@pytest.mark.parametrize("value", [0.0, float("nan")])
@pytest.mark.parametrize("there", ["first", "last", "all but the first"])
def test_stamps_that_are_absent_are_filled_in(packet: int, value: float, there: str) -> None:
    which = {
        "first": lambda place: place != 0,
        "last": lambda place: place != packet - 1,
        "all but the first": lambda place: place == 0,
    }[there]
    got = judged(restamped(TimedStream(SECONDS, packet=packet, losses=MANY), absent(which, value)))
    assert got.lost == 100 * len(MANY)
    assert len(got.told_s) == len(MANY)
    assert got.codes == []
    assert got.older_s[10:].min() > -1e-6
    assert got.older_s[10:].max() < 0.05  # the loss itself, until the next stamp


@pytest.mark.parametrize("packet", [9, 32, 64])
@pytest.mark.parametrize("step", [-1.0, -0.02])
def test_packets_that_are_stamped_backwards_lose_nothing_else(packet: int, step: float) -> None:
    def backwards(pull: Pull, place: np.ndarray) -> np.ndarray:
        return pull.stamps_s + (step - 1) / FS * place

    assert judged(restamped(TimedStream(SECONDS, packet=packet), backwards)).lost == 0
    lossy = judged(restamped(TimedStream(SECONDS, packet=packet, losses=MANY), backwards))
    assert lossy.lost == pytest.approx(100 * len(MANY), abs=max(10, packet // 2))


@pytest.mark.parametrize("packet", [9, 64, 100, 512])
@pytest.mark.parametrize("drift", [0.012, 0.0195, -0.012, -0.0195])
def test_deduced_stamps_of_a_source_that_is_a_little_off_tell_no_loss_and_true_ages(packet: int, drift: float) -> None:
    got = judged(TimedStream(SECONDS, packet=packet, stamping="chunk", drift=drift).pulls(), drift)
    assert got.lost == 0
    assert got.older_s[SECONDS * FS // 64 :].min() > -0.006  # known after some seconds
    assert got.older_s.min() > -0.021  # and bounded until then


def test_an_absent_stamp_of_another_computer_is_absent_here() -> None:
    """Its clock is brought to ours by a constant, which must not make a time of what is none."""
    inlet = SignalInlet.__new__(SignalInlet)
    inlet.timeline, inlet._counter = Timeline(FS), None
    inlet._first_correction = inlet._correction = -700.0
    older = []
    for pull in TimedStream(4).pulls():
        stamps_s = np.where(pull.numbers % 32 != 31, 0.0, pull.stamps_s + 700)
        for chunk in inlet._cut(np.zeros((len(stamps_s), 1)), stamps_s, pull.arrived_s, pull.asked_s):
            assert chunk.gap_samples == 0
            older.append(1000 + pull.numbers[-1] / FS - chunk.times_s[-1] - chunk.offset_s)
    assert np.abs(older[10:]).max() < 1e-6
