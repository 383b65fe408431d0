"""Recorded times, as amplifiers and their programs write them, made even."""

from __future__ import annotations

import numpy as np
import pytest

from rt_handdt.errors import RecordingError
from rt_handdt.io.xdf_time import make_even

FS, N = 1000.0, 20_000
TIMES = 100 + np.arange(N) / FS


def packets(size: int, step_s: float) -> np.ndarray:
    """Packets stamped when their last sample was taken, alike or in a loop."""
    first = np.arange(N) // size * size
    last = np.minimum(first + size, N) - 1
    return 100 + last / FS + (np.arange(N) - first) * step_s


def changed(rows: slice | int, by_s: float) -> np.ndarray:
    times = TIMES.copy()
    times[rows] += by_s
    return times


@pytest.mark.parametrize("wild_s", [2e5, -2e5, 0.5, -0.5, np.nan])
def test_one_wild_stamp_bends_nothing(wild_s: float) -> None:
    rows, even, lost = make_even("it", changed(10_000, wild_s), FS)
    assert lost.size == 0
    assert rows.tolist() == list(range(N))
    np.testing.assert_allclose(even, TIMES, atol=1e-6)


@pytest.mark.parametrize("rows", [slice(10_000, 15_000), slice(0, 59), slice(N - 59, N)])
def test_a_clock_that_is_set_and_set_back_loses_nothing(rows: slice) -> None:
    _, even, lost = make_even("it", changed(rows, -9e4), FS)
    assert lost.size == 0
    np.testing.assert_allclose(even, TIMES, atol=1e-6)


def test_a_clock_that_is_set_back_is_called_so() -> None:
    with pytest.raises(RecordingError, match=r"set back by 5 s after 10 s of samples"):
        make_even("it", changed(slice(10_000, N), -5), FS)


@pytest.mark.parametrize("size", [9, 32, 100, 256, 500, 1000])
@pytest.mark.parametrize("step_s", [0.0, 1e-5])
def test_packets_are_no_gaps_and_their_last_sample_has_their_time(size: int, step_s: float) -> None:
    _, even, lost = make_even("it", packets(size, step_s), FS)
    assert lost.size == 0
    np.testing.assert_allclose(even, TIMES + step_s * (size - 1), atol=2e-5)


@pytest.mark.parametrize("times", [TIMES, packets(9, 0.0)])
def test_gaps_above_two_percent_are_filled_and_the_rate_is_judged_without_them(times: np.ndarray) -> None:
    kept = np.arange(N) % 200 >= 16
    rows, even, lost = make_even("it", times[kept], FS)
    assert lost.sum() == rows[-1] - kept.sum() + 1 == pytest.approx(16 * (N // 200 - 1), abs=9)
    np.testing.assert_allclose(even, TIMES[kept], atol=0.009)


def test_late_deliveries_caught_up_are_no_gap() -> None:
    late = TIMES + np.repeat(np.random.default_rng(0).exponential(0.004, N // 20), 20)
    late[5000:5600] = np.maximum(late[5000:5600], 105.6)
    _, even, lost = make_even("it", late, FS)
    assert lost.size == 0
    assert np.abs(even - TIMES).max() < 0.004  # the median lateness


@pytest.mark.parametrize("share", [0.025, 0.1])
def test_single_samples_lost_all_over_are_counted_where_stamps_keep_time(share: float) -> None:
    kept = np.flatnonzero(np.random.default_rng(0).random(N) >= share)
    kept = np.unique([0, *kept, N - 1])
    rows, even, lost = make_even("it", TIMES[kept], FS)
    assert rows.tolist() == kept.tolist()
    assert lost.sum() == N - len(kept)
    np.testing.assert_allclose(even, TIMES[kept], atol=1e-9)


def test_every_second_sample_is_another_rate_and_no_loss() -> None:
    with pytest.raises(RecordingError, match="its times run at 500 Hz"):
        make_even("it", TIMES[::2], FS)
