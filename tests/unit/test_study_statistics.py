"""Intervals, corrected tests and scores, against values worked out by hand or by definition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from offline.evaluate.metrics import score
from offline.evaluate.subject_statistics import bootstrap_interval, compare, holm
from rt_handdt.errors import ConfigError


def test_the_interval_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    drawn = rng.normal(0.7, 0.1, (200, 20))
    inside = [low <= 0.7 <= high for low, high in (bootstrap_interval(one, resamples=1000) for one in drawn)]
    assert 0.88 <= np.mean(inside) <= 0.98
    assert bootstrap_interval([0.5, 0.5, 0.5]) == (0.5, 0.5)
    assert np.isnan(bootstrap_interval([0.5])).all()


def test_holm_by_hand():
    # sorted: .01 × 4, .02 × 3, .03 × 2, .04 × 1, never falling
    np.testing.assert_allclose(holm([0.03, 0.01, 0.04, 0.02]), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.6, 0.5]), [1.0, 1.0])
    np.testing.assert_allclose(holm([np.nan, 0.02, 0.04]), [np.nan, 0.04, 0.04])


def test_conditions_are_compared_on_the_same_people():
    rng = np.random.default_rng(1)
    base = rng.uniform(0.5, 0.8, 12)
    gain = rng.uniform(0.01, 0.1, 12)
    names = [f"{n:02d}" for n in range(12)]
    scores = {
        "low": dict(zip(names, base, strict=True)),
        "high": dict(zip(names, base + gain, strict=True)),
        "same": {**dict(zip(names, base, strict=True)), "extra": 0.1},
    }
    found = compare(scores)
    assert found.people == tuple(names)
    assert found.difference[1, 0] == pytest.approx(gain.mean())
    assert found.p[0, 1] == pytest.approx(2 / 2**12)  # everybody better: the lowest that 12 people can give
    assert found.lowest_p == pytest.approx(2 / 2**12)
    assert found.p[0, 2] == 1.0
    assert found.p_holm[0, 1] == pytest.approx(3 * 2 / 2**12)
    np.testing.assert_array_equal(found.p_holm, found.p_holm.T)
    assert np.isnan(np.diag(found.p)).all()


def test_ties_are_judged_by_all_signs():
    """With ties the p-value is that of all 2^n signs, each as likely."""
    a = {"1": 0.9, "2": 0.8, "3": 0.7, "4": 0.6, "5": 0.5}
    b = {"1": 0.8, "2": 0.7, "3": 0.6, "4": 0.7, "5": 0.5}
    differences = np.array([a[name] - b[name] for name in a])
    differences[np.abs(differences) < 1e-12] = 0
    ranks = stats.rankdata(np.round(np.abs(differences[differences != 0]), 9))
    observed = (ranks * np.sign(differences[differences != 0])).sum()
    sums = [np.dot(signs, ranks) for signs in itertools.product((-1, 1), repeat=len(ranks))]
    by_hand = np.mean(np.abs(sums) >= abs(observed) - 1e-9)
    assert compare({"a": a, "b": b}).p[0, 1] == pytest.approx(by_hand)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ConfigError, match="at least two conditions"):
        compare({"a": {"1": 0.5}})
    with pytest.raises(ConfigError, match="Nobody was scored in all of a, b"):
        compare({"a": {"1": 0.5}, "b": {"2": 0.5}})


def test_scores_by_sample_and_by_person():
    label = np.array([0, 0, 0, 0, 1, 1])
    person = np.array([0, 0, 2, 2, 2, 2])
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
    found = score(
        probabilities,
        label,
        person,
        labels=("a", "b"),
        people=("x", "y", "z"),
        task="gesture",
        source="pattern",
        part="test",
        classifier="knn",
    )
    assert found.people == {"x": 0.5, "z": 1.0}
    assert found.people_balanced == {"x": 0.5, "z": 1.0}
    assert found.accuracy == pytest.approx(5 / 6)
    assert found.balanced == pytest.approx((3 / 4 + 1) / 2)
    assert found.mean == 0.75
    assert found.sd == pytest.approx(np.std([0.5, 1.0], ddof=1))
    np.testing.assert_array_equal(found.counts, [[3, 1], [0, 2]])
    assert found.ece == pytest.approx((0.1 + 0.8) / 6)  # .9 right: off by .1; .8 wrong: off by .8
    plain = found.to_dict()
    assert plain["n_people"] == 2
    assert plain["confusion"] == [[3, 1], [0, 2]]


def test_the_test_is_exact_for_twenty_people_with_ties_and_as_scipys_without():
    rng = np.random.default_rng(3)
    names = [f"{n:02d}" for n in range(20)]
    low = np.round(rng.uniform(0.4, 0.8, 20), 1)
    ahead = compare(
        {"a": dict(zip(names, low, strict=True)), "b": dict(zip(names, low + rng.choice([0.1, 0.2], 20), strict=True))}
    )
    assert ahead.p[0, 1] == pytest.approx(2 / 2**20)  # everybody better, most of them tied
    one, other = rng.uniform(size=(2, 20))
    free = compare({"a": dict(zip(names, one, strict=True)), "b": dict(zip(names, other, strict=True))})
    assert free.p[0, 1] == pytest.approx(stats.wilcoxon(one - other).pvalue)
    some = one.copy()
    some[:3] = other[:3]  # three who do not differ say nothing
    partly = compare({"a": dict(zip(names, some, strict=True)), "b": dict(zip(names, other, strict=True))})
    assert partly.p[0, 1] == pytest.approx(stats.wilcoxon((some - other)[3:]).pvalue)
