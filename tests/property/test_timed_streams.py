"""Losses are told truly, whatever the stream: packets, stamps, clocks, counters, deliveries, readers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rt_handdt.io.timeline import Timeline
from tests.support.timed_stream import Int64, TimedStream, counted

FS = 2048
SECONDS = 14


class Told(NamedTuple):
    """What a timeline said of a whole stream."""

    timeline: Timeline
    missing: Int64
    true: Int64
    times_s: np.ndarray


def told(stream: TimedStream, counter: dict[str, Any] | None = None) -> Told:
    timeline = Timeline(stream.fs_hz)
    missing, numbers, times = [], [], []
    for pull in stream.pulls():
        counts = None if counter is None else counted(pull.numbers, **counter)
        placed = timeline.place(pull.stamps_s, pull.arrived_s, counts, pull.asked_s)
        missing.append(placed.missing.copy())
        numbers.append(pull.numbers)
        times.append(placed.times_s)
    every = np.concatenate(numbers)
    return Told(timeline, np.concatenate(missing), np.diff(every, prepend=every[0] - 1) - 1, np.concatenate(times))


@st.composite
def losses(draw: st.DrawFn, longest: int = 3000, first: int = FS // 2) -> tuple[tuple[int, int], ...]:
    """Up to six losses, a second or more apart, not in the last two seconds."""
    places = draw(st.lists(st.integers(0, SECONDS - 5), max_size=6, unique=True))
    return tuple(
        (first + FS * place + draw(st.integers(0, FS // 4)), draw(st.integers(1, min(longest, FS // 2))))
        for place in sorted(places)
    )


PACKETS = st.one_of(st.sampled_from([1, 9, 12, 32, 100, 256]), st.sampled_from([(5, 14), (1, 64)]))
LATE = st.sampled_from([(), ((6.0, 6.3),), ((3.0, 4.5), (9.0, 9.1))])
PAUSES = st.sampled_from([(), ((5.0, 8.0),)])
COUNTERS = st.fixed_dictionaries(
    {
        "modulus": st.sampled_from([128, 256, 1000, 65536, 1 << 24, 1 << 31, None]),
        "start": st.integers(0, 70_000),
        "step": st.sampled_from([1, 2, 4]),
        "base": st.sampled_from([0, 1]),
    }
)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    losses(),
    PACKETS,
    st.sampled_from(["even", "chunk", "same", "loop"]),
    st.sampled_from([0.0, 1.7e9, 1000.0]),
    LATE,
    PAUSES,
    st.integers(1, 300),
)
def test_stamps_that_keep_time_tell_every_loss(lost, packet, stamping, begin_s, late, pauses, hop) -> None:
    stream = TimedStream(
        SECONDS, packet=packet, stamping=stamping, begin_s=begin_s, late=late, pauses=pauses, losses=lost, hop=hop
    )
    got = told(stream)
    assert got.missing.sum() == got.true.sum()
    # of the first sample, where a stamp of 0 may be none, nothing is known
    assert np.isfinite(got.times_s[1:]).all()
    assert (np.diff(got.times_s[np.isfinite(got.times_s)]) >= 0).all()
    assert got.timeline.same_clock == (begin_s == 1000.0)
    assert got.timeline.fault is None


@settings(max_examples=20, deadline=None, derandomize=True)
@given(losses(), COUNTERS, st.sampled_from(["even", "chunk", "same"]), st.sampled_from([0.0, 1e-3]), LATE)
def test_a_counter_tells_every_loss_whatever_it_counts_by(lost, counter, stamping, jitter_s, late) -> None:
    stream = TimedStream(
        SECONDS, stamping=stamping, jitter_s=jitter_s, device_clock=not jitter_s, losses=lost, late=late
    )
    got = told(stream, counter)
    assert got.missing.sum() == got.true.sum()
    assert got.timeline.loss_method == "counter"
    assert not [remark for remark in got.timeline.remarks if remark.code == "counter_distrusted"]


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    PACKETS,
    st.sampled_from(["chunk", "same", "loop"]),
    st.sampled_from([5e-5, 3e-4, 1e-3, 3e-3]),
    st.booleans(),
    st.sampled_from([0.0, 0.002, -0.002]),
    LATE,
    st.integers(0, 99),
)
def test_stamps_that_jitter_tell_no_loss_where_there_is_none(
    packet, stamping, jitter_s, early, drift, late, seed
) -> None:
    stream = TimedStream(
        SECONDS,
        packet=packet,
        stamping=stamping,
        jitter_s=jitter_s,
        early=early,
        device_clock=False,
        drift=drift,
        late=late,
        seed=seed,
    )
    got = told(stream)
    # About one stream in a hundred of the worst jitter reaches the limit once.
    assert got.missing.sum() <= max(0.005, 6 * jitter_s) * FS


@settings(max_examples=12, deadline=None, derandomize=True)
@given(PACKETS, st.sampled_from(["chunk", "same", "loop"]), st.sampled_from([1e-4, 1e-3]), st.integers(0, 99))
def test_losses_that_stand_out_from_jitter_are_told(packet, stamping, jitter_s, seed) -> None:
    lost = ((5 * FS, 100), (7 * FS, 400), (9 * FS + 77, 3000))
    stream = TimedStream(
        SECONDS, packet=packet, stamping=stamping, jitter_s=jitter_s, device_clock=False, losses=lost, seed=seed
    )
    got = told(stream)
    assert abs(int(got.missing.sum()) - 3500) <= 12 + 10 * jitter_s * FS
