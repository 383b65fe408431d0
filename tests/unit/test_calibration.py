"""Calibration scores against hand-made cases, and the temperature against probabilities that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from offline.classifiers.base import Calibration
from offline.classifiers.calibration import (
    expected_calibration_error,
    fit_temperature,
    temperature_loss,
)
from offline.classifiers.folds import held_out
from offline.classifiers.inputs import checked_samples
from rt_handdt.errors import HanddtError


def drawn(n: int = 20_000, k: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose softmax is the truth: labels are drawn from it."""
    rng = np.random.default_rng(seed)
    logits = 2.0 * rng.standard_normal((n, k))
    draws = rng.random((n, 1))
    return logits, np.minimum((np.cumsum(softmax(logits, axis=1), axis=1) < draws).sum(axis=1), k - 1)


def test_ece_of_a_case_worked_by_hand() -> None:
    # 4 samples at 0.9, 3 of them right; 2 at 0.6, both right: (4·|0.75 − 0.9| + 2·|1 − 0.6|) / 6
    p = np.asarray([[0.9, 0.1]] * 4 + [[0.4, 0.6]] * 2)
    y = np.asarray([0, 0, 0, 1, 1, 1])
    assert expected_calibration_error(p, y) == pytest.approx((4 * 0.15 + 2 * 0.4) / 6)


def test_ece_is_small_for_the_truth_and_known_for_certainty() -> None:
    logits, y = drawn()
    assert expected_calibration_error(softmax(logits, axis=1), y) < 0.02
    certain = np.eye(5)[logits.argmax(axis=1)]
    share = (logits.argmax(axis=1) == y).mean()
    assert expected_calibration_error(certain, y) == pytest.approx(1 - share)


@pytest.mark.parametrize("factor", [0.2, 3.0])
def test_temperature_undoes_a_factor_and_keeps_the_label(factor: float) -> None:
    logits, y = drawn()
    temperature = fit_temperature(factor * logits, y)
    assert temperature == pytest.approx(factor, rel=0.05)
    assert Calibration.fit(factor * logits, y).temperature == temperature
    before, after = (expected_calibration_error(softmax(factor * logits / t, axis=1), y) for t in (1.0, temperature))
    assert after < 0.02 < before


def test_temperature_stays_above_zero_when_nothing_is_wrong() -> None:
    logits = np.eye(3)[[0, 1, 2] * 10]
    temperature, loss = temperature_loss(logits, np.asarray([0, 1, 2] * 10))
    top = softmax(logits[:1] / temperature, axis=1).max()
    assert top == pytest.approx(31 / 32, abs=0.02)  # one more sample than the 30 seen may be wrong
    assert 0 < loss < 0.1


def test_classes_that_a_fold_did_not_know_do_not_count() -> None:
    logits, y = drawn(4000)
    masked = logits.copy()
    masked[:2000, 4] = -np.inf
    masked[3000:] = np.nan  # never held out
    calibration = Calibration.fit(masked, y)
    assert calibration.n == int((y[:2000] != 4).sum()) + 1000
    assert np.isfinite(calibration.temperature)
    nothing = Calibration.fit(np.full((3, 2), np.nan), np.zeros(3, np.int64))
    assert (nothing.temperature, nothing.n) == (1.0, 0)
    assert "not calibrated" in nothing.note


def test_folds_hold_out_whole_groups_and_every_sample_once() -> None:
    groups = np.repeat(np.arange(7), 12)
    y = np.tile(np.arange(4), 21)
    samples = checked_samples(np.zeros((84, 2)), y, groups, 4, "test")
    folds = held_out(samples, 3, seed=1)
    assert len(folds) == 3
    assert (np.sum(folds, axis=0) == 1).all()
    for mask in folds:
        assert not set(groups[mask]) & set(groups[~mask])
    assert len(held_out(samples, 50, seed=1)) == 7  # no more folds than people


def test_one_group_cannot_be_held_out() -> None:
    samples = checked_samples(np.zeros((8, 2)), np.arange(8) % 2, np.zeros(8, np.int64), 2, "test")
    with pytest.raises(HanddtError, match="trials as 'groups'"):
        held_out(samples, 3, seed=0)


@pytest.mark.parametrize(
    ("p", "y", "match"),
    [
        (np.zeros((0, 3)), np.zeros(0, int), "at least one sample"),
        (np.full((2, 2), 0.9), [0, 1], "sum to 1"),
        (np.asarray([[np.nan, 1.0]]), [0], "NaN"),
        (np.asarray([[0.5, 0.5]]), [2], r"0\.\.1"),
        (np.asarray([[0.5, 0.5]]), [0, 1], "shapes"),
    ],
)
def test_what_is_no_probability_is_refused(p: np.ndarray, y: list[int], match: str) -> None:
    with pytest.raises(HanddtError, match=match):
        expected_calibration_error(p, y)


def test_no_temperature_without_a_known_class() -> None:
    with pytest.raises(HanddtError, match="finite logit"):
        fit_temperature(np.asarray([[-np.inf, 0.0]]), np.asarray([0]))
