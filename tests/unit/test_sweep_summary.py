"""A study's records and summaries, against numbers worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from offline.sweep.contrast import contrast, said_of
from offline.sweep.records import read_study
from offline.sweep.summary import RAW, best, chosen, summarise
from offline.sweep.verdicts import against_raw, disentanglement, ordering, ranks, spearman
from offline.sweep.view import StudyView, between_measures, view_of
from rt_handdt.errors import ConfigError, HanddtError
from tests.support.studies import scores, write_job, write_study

FULL = {"name": "full", "kind": "method", "loss": {"triplet": 0.5, "cross": 1.0, "classify": 0.0}}
PLAIN = {"name": "plain", "kind": "method", "loss": {"triplet": 0.0, "cross": 0.0, "classify": 1.0}}
PEOPLE = [f"{n:02d}" for n in range(1, 13)]


def test_people_are_averaged_over_folds_then_seeds(tmp_path: Path) -> None:
    jobs = [
        write_job(tmp_path, "full", [scores({"01": 0.5, "02": 0.7}, ece=0.1)], seed=0, fold=1),
        write_job(tmp_path, "full", [scores({"03": 0.9}, ece=0.2)], seed=0, fold=2),
        write_job(tmp_path, "full", [scores({"01": 0.7, "02": 0.9}, ece=0.3)], seed=1, fold=1),
        write_job(tmp_path, "full", [scores({"03": 1.0}, ece=0.4)], seed=1, fold=2),
        # the same person in another session of the same seed: averaged within the seed first
        write_job(tmp_path, "full", [scores({"03": 0.8}, ece=0.5)], seed=1, fold=2, session="2"),
    ]
    write_study(tmp_path, jobs, [FULL])
    (one,) = summarise(read_study(tmp_path).records)
    assert one.people == pytest.approx({"01": 0.6, "02": 0.8, "03": 0.9})
    assert one.mean == pytest.approx(2.3 / 3)
    assert one.sd == pytest.approx(np.std([0.6, 0.8, 0.9], ddof=1))
    assert one.by_seed == pytest.approx({0: 2.1 / 3, 1: 2.5 / 3})
    assert one.seed_sd == pytest.approx(np.std([2.1 / 3, 2.5 / 3], ddof=1))
    assert one.ece == pytest.approx(0.3)
    assert (one.n_jobs, one.counts.sum(), one.chance) == (5, 140, 0.5)
    (halved,) = summarise(read_study(tmp_path).records, "balanced")
    assert halved.mean == pytest.approx(one.mean / 2)


def test_seeds_are_compared_on_people_whom_all_of_them_tested(tmp_path: Path) -> None:
    jobs = [
        write_job(tmp_path, "full", [scores({"01": 0.5, "02": 1.0})], seed=0),
        write_job(tmp_path, "full", [scores({"01": 0.7})], seed=1),
    ]
    write_study(tmp_path, jobs, [FULL])
    (one,) = summarise(read_study(tmp_path).records)
    assert one.by_seed == {0: 0.5, 1: 0.7}
    assert one.people == pytest.approx({"01": 0.6, "02": 1.0})


def test_the_features_themselves_count_once_for_each_measure(tmp_path: Path) -> None:
    raw, other = scores({"01": 0.4}, "raw", "lda"), scores({"01": 0.6}, "raw", "lda")
    jobs = [
        write_job(tmp_path, "full", [scores({"01": 0.5}), raw]),
        write_job(tmp_path, "plain", [scores({"01": 0.5}), raw]),
        write_job(tmp_path, "nothing", [raw], kind="baseline"),
        write_job(tmp_path, "full", [scores({"01": 0.5}), other], measure="rms"),
        write_job(tmp_path, "full", [scores({"01": 0.5}), scores({"01": 0.8}, "raw", "lda")], seed=1),
    ]
    write_study(tmp_path, jobs, [FULL, PLAIN, {"name": "nothing", "kind": "baseline"}])
    found = [one for one in summarise(read_study(tmp_path).records) if one.condition == RAW]
    assert [(one.measure, one.kind, one.n_jobs) for one in found] == [("td", "baseline", 2), ("rms", "baseline", 1)]
    assert found[0].people == pytest.approx({"01": 0.6})  # seeds 0 and 1, once each
    assert int(found[0].counts.sum()) == 2 * 20


def test_gestures_that_a_job_lacks_keep_their_place(tmp_path: Path) -> None:
    three = scores({"01": 1.0}, labels=("a", "b", "c"))
    jobs = [
        write_job(tmp_path, "full", [three], fold=1),
        write_job(tmp_path, "full", [scores({"02": 0.5}, labels=("c", "a"))], fold=2),
    ]
    write_study(tmp_path, jobs, [FULL])
    (one,) = summarise(read_study(tmp_path).records)
    assert one.labels == ("a", "b", "c")
    np.testing.assert_array_equal(one.counts, [[15, 0, 5], [0, 10, 0], [5, 0, 15]])


def test_the_classifier_that_stands_for_a_condition_is_not_the_best_on_the_test(tmp_path: Path) -> None:
    results = [scores({"01": 0.9}, classifier="rf"), scores({"01": 0.2}, classifier="knn")]
    jobs = [
        write_job(tmp_path, "full", results),
        write_job(tmp_path, "own", results),
        write_job(tmp_path, "best", [scores({"01": 0.8}, "recipe", "network")], kind="recipe"),
    ]
    write_study(tmp_path, jobs, [FULL, {"name": "own", "kind": "method", "classifiers": ["rf"]}])
    study = read_study(tmp_path)
    found = {one.condition: one for one in chosen(summarise(study.records), study.settings)}
    assert {name: one.classifier for name, one in found.items()} == {"full": "knn", "own": "rf", "best": "network"}
    flattering = best(one for one in summarise(study.records) if one.condition == "full")
    assert flattering is not None
    assert flattering.classifier == "rf"


def test_failed_missing_and_damaged_jobs_are_counted_and_said(tmp_path: Path) -> None:
    good = write_job(tmp_path, "full", [scores({"01": 0.5})])
    begun = write_job(tmp_path, "full", None, seed=1)
    failed = [write_job(tmp_path, "full", None, seed=seed) for seed in (2, 3)]
    for name in failed:
        (tmp_path / "jobs" / name / "failed.json").write_text('{"message": "The disk is full."}')
    late = write_job(tmp_path, "plain", [scores({"01": 0.5})])  # its scores are there; at its figures it failed
    (tmp_path / "jobs" / late / "failed.json").write_text('{"message": "No space for figures."}')
    torn = write_job(tmp_path, "plain", [scores({"01": 0.5})], seed=1)
    (tmp_path / "jobs" / torn / "metrics.json").write_text('{"results": [{"task"')
    odd = write_job(tmp_path, "plain", [scores({"01": 0.5})], seed=2)
    (tmp_path / "jobs" / odd / "job.json").write_text("[]")
    write_job(tmp_path, "stranger", [scores({"01": 0.5})])
    write_study(tmp_path, [good, begun, *failed, late, torn, odd, "full_td_s1_f1_seed9"], [FULL, PLAIN])
    study = read_study(tmp_path)
    assert {state: study.count(state) for state in ("done", "open", "failed", "damaged")} == {
        "done": 1,
        "open": 2,
        "failed": 3,
        "damaged": 2,
    }
    said = " ".join(study.notes)
    assert "2 of 8 jobs have no result yet: full_td_s1_f1_seed1, full_td_s1_f1_seed9." in said
    assert "2 jobs (full_td_s1_f1_seed2, full_td_s1_f1_seed3): each failed: The disk is full." in said
    assert "Job plain_td_s1_f1_seed0 failed: No space for figures." in said
    assert "Job plain_td_s1_f1_seed1 is damaged and left out" in said
    assert "Job plain_td_s1_f1_seed2 is damaged and left out: its job.json cannot be read" in said
    assert "1 folders under jobs/ are not in the plan and are left out: stranger_td_s1_f1_seed0." in said
    assert {record.job.id for record in study.records} == {good}


def test_folders_that_are_no_study_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HanddtError, match=r"holds no study\.json"):
        read_study(tmp_path)
    (tmp_path / "study.json").write_text('{"format": "rt-handdt.study/9", "jobs": []}')
    with pytest.raises(HanddtError, match="was not written by this version"):
        read_study(tmp_path)
    write_study(tmp_path, ["full_td_s1_f1_seed0"], [FULL])
    with pytest.raises(ConfigError, match="not one of its 1 jobs has a result yet"):
        view_of(read_study(tmp_path))


def study_of(out: Path, **conditions: list[float]) -> StudyView:
    """Twelve people; ``raw`` are LDA's accuracies on the features."""
    raw = conditions.pop("raw", None)
    results = {
        name: [scores(dict(zip(PEOPLE, values, strict=True)))]
        + ([scores(dict(zip(PEOPLE, raw, strict=True)), "raw", "lda")] if raw else [])
        for name, values in conditions.items()
    }
    jobs = [write_job(out, name, own) for name, own in results.items()]
    write_study(out, jobs, [one for one in (FULL, PLAIN) if one["name"] in conditions])
    return view_of(read_study(out))


BASE = [0.50 + 0.01 * n for n in range(12)]
UP = [value + 0.05 + 0.003 * n for n, value in enumerate(BASE)]
MIXED = [value + (0.01 + 0.001 * n) * (-1) ** n for n, value in enumerate(BASE)]


@pytest.mark.parametrize(
    ("full", "plain", "says"),
    [
        (UP, BASE, "td: disentanglement helped: full (knn) has 62.2 % accuracy, plain (knn), a plain encoder of the"),
        (BASE, UP, "td: disentanglement did harm: full (knn) has 55.5 %"),
        (MIXED, BASE, "td: disentanglement made no certain difference: full (knn)"),
    ],
)
def test_the_sentence_on_disentanglement_follows_the_numbers(
    tmp_path: Path, full: list[float], plain: list[float], says: str
) -> None:
    view = study_of(tmp_path, full=full, plain=plain)
    (sentence,) = disentanglement(view)
    assert sentence.startswith(says)
    pair = view.contrasts["td"].pair("full", "plain")  # type: ignore[union-attr]
    assert said_of(pair) in sentence
    assert pair.difference == pytest.approx(np.mean(full) - np.mean(plain))
    if full is UP:
        assert pair.p_holm == pytest.approx(2 / 2**12)
        assert pair.interval[0] > 0.05


def test_without_a_plain_encoder_nothing_is_claimed(tmp_path: Path) -> None:
    (sentence,) = disentanglement(study_of(tmp_path, full=UP))
    assert "cannot be told from this study" in sentence


@pytest.mark.parametrize(
    ("full", "says"),
    [
        (UP, "better than every classifier on the raw features, beyond chance: full."),
        (BASE, "no trained condition is better than the best classifier on the raw features, not even in the mean."),
        ([value + 0.001 for value in MIXED], "nothing is better than every classifier on the raw features beyond"),
    ],
)
def test_the_sentence_on_the_raw_features_follows_the_numbers(tmp_path: Path, full: list[float], says: str) -> None:
    (sentence,) = against_raw(study_of(tmp_path, full=full, raw=BASE))
    assert says in sentence


def test_the_order_of_measures_is_compared_with_the_published_one(tmp_path: Path) -> None:
    means = {"raw": 0.3, "rms": 0.6, "td": 0.5, "stft": 0.2, "ar": 0.9}
    jobs = [
        write_job(tmp_path, "full", [scores({"01": value, "02": value + 0.1})], measure=measure)
        for measure, value in means.items()
    ]
    write_study(tmp_path, jobs, [FULL], measures=list(means))
    view = view_of(read_study(tmp_path))
    said = " ".join(ordering(view))
    assert "Our order (full): rms > td > raw > stft. Published: td > stft > rms > raw." in said
    # our ranks of raw, stft, rms, td: 3 4 1 2; published 4 2 3 1: rho = 1 − 6 (1 + 4 + 4 + 1) / (4 · 15)
    assert "over 4 measures: +0.00" in said
    assert "Not measured here, or not done yet: envelope, wl, stft_td." in said
    assert ranks({"a": 0.1, "b": 0.3, "c": 0.3}) == {"a": 3, "b": 1, "c": 1}
    assert np.isnan(spearman([1.0, 1.0], [1.0, 2.0]))
    both = between_measures(view)
    assert not isinstance(both, str)
    assert both.comparison.names == ("raw", "rms", "td", "stft", "ar")


def test_conditions_with_few_of_the_people_take_no_part() -> None:
    everybody = dict(zip(PEOPLE, BASE, strict=True))
    some = dict.fromkeys(PEOPLE[:3], 0.9)
    most = dict.fromkeys(PEOPLE[:11], 0.9)
    found = contrast({"a": everybody, "b": some, "c": most})
    assert found.comparison.names == ("a", "c")
    assert found.comparison.people == tuple(PEOPLE[:11])
    assert found.left_out == (
        "'b' scored 3 of the 12 people of 'a' and takes no part in the comparison.",
        "Not scored under every condition, and left out of the comparison: 12.",
    )
    with pytest.raises(ConfigError, match="'b' scored 0 of the 12 people"):
        contrast({"a": everybody, "b": {"99": 0.5}})


def test_windows_are_judged_by_mean_recall(tmp_path: Path) -> None:
    jobs = [write_job(tmp_path, "full", [scores({"01": 0.8, "02": 0.6})], unit="window")]
    write_study(tmp_path, jobs, [FULL], unit="window")
    view = view_of(read_study(tmp_path))
    assert (view.metric, view.chosen[0].mean) == ("balanced", pytest.approx(0.35))
