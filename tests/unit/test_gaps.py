"""Loss, and what only looks like it."""

from __future__ import annotations

import numpy as np
import pytest

from rt_handdt.io.gaps import CountedGaps, TimedGaps

FS = 1000.0


def judged(times_s: np.ndarray, chunk: int = 20) -> np.ndarray:
    gaps = TimedGaps(FS)
    return np.concatenate([gaps.missing(times_s[start : start + chunk]) for start in range(0, len(times_s), chunk)])


def stamped(n_chunks: int, chunk: int, at_s: np.ndarray) -> np.ndarray:
    """Chunks whose last sample is stamped `at_s`, the others by the nominal rate, as LSL does."""
    return (at_s[:, None] - (chunk - 1 - np.arange(chunk)) / FS).reshape(-1)


def test_a_counter_proves_every_loss_across_its_turn() -> None:
    counts = np.delete(np.arange(65000, 67000) % 65536, np.r_[300:310, 536, 1990:1999])
    gaps = CountedGaps(65536)
    missing = np.concatenate([gaps.missing(part.astype(np.float32)) for part in np.array_split(counts, 37)])
    assert missing[missing > 0].tolist() == [10, 1, 9]
    assert missing.sum() + len(counts) == 2000


@pytest.mark.parametrize("lost", [1, 7, 500])
def test_a_steady_source_shows_the_loss_of_one_sample(lost: int) -> None:
    times = np.delete(np.arange(4000), np.arange(2500, 2500 + lost)) / FS
    missing = judged(times)
    assert np.flatnonzero(missing).tolist() == [2500]
    assert missing[2500] == lost


def test_jitter_is_no_loss() -> None:
    rng = np.random.default_rng(0)
    at = 0.02 * np.arange(1, 1500) + rng.normal(0, 0.002, 1499).clip(-0.006, 0.006)
    missing = judged(stamped(1499, 20, at))
    assert (missing > 0).sum() <= 1  # before it has seen how far this source goes


def test_a_source_slower_than_it_says_loses_nothing() -> None:
    rng = np.random.default_rng(1)
    at = np.cumsum(0.02 + np.abs(rng.normal(0.0004, 0.0002, 1499)))  # each chunk 0.4 ms late, never early
    assert judged(stamped(1499, 20, at)).sum() <= 4  # of 30,000


def test_a_large_loss_stands_out_from_jitter() -> None:
    rng = np.random.default_rng(2)
    at = 0.02 * np.arange(1, 1500) + rng.normal(0, 0.001, 1499).clip(-0.003, 0.003)
    at[800:] += 0.2
    missing = judged(stamped(1499, 20, at))
    assert missing[16000] == pytest.approx(200, abs=8)
    assert (missing > 0).sum() <= 2
