"""The report of a study, and its statistics, from folders of tiny runs: whole, in part, and damaged."""

from __future__ import annotations

import json
import re
import shutil
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from offline.cli import app
from offline.config.method import MethodConfig
from offline.evaluate.classify import gesture_scores, raw_scores
from offline.evaluate.metrics import Scores
from offline.study.recipe_maps import RecipeMaps
from offline.sweep.study_report import write_report
from offline.train.latents import encode
from offline.train.method_training import train_method
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.errors import ConfigError, HanddtError
from tests.support.method_tables import method_table
from tests.support.studies import scores, write_job, write_metrics, write_study

TABLE = method_table(people=8, noise=1.0)
TRAIN, VALID, TEST = (TABLE.select(who) for who in (TABLE.person < 3, TABLE.person == 3, TABLE.person > 3))
LOSSES = {
    "full": {"reconstruct": 1.0, "triplet": 0.5, "cross": 1.0, "classify": 0.0},
    "plain": {"reconstruct": 0.0, "triplet": 0.0, "cross": 0.0, "classify": 1.0},
}
CONDITIONS = [
    {"name": "full", "kind": "method", "config": "method/faithful.toml", "loss": LOSSES["full"]},
    {"name": "plain", "kind": "method", "override": {"loss": LOSSES["plain"]}, "loss": LOSSES["plain"]},
    {"name": "best", "kind": "recipe", "config": "train_best.toml"},
    {"name": "features", "kind": "baseline"},
]


def trained(out: Path, name: str, seed: int) -> str:
    """A job as the pipeline leaves it: trained, encoded and classified, of a table that takes a second."""
    config = MethodConfig.parse(
        {
            "seed": seed,
            "device": "cpu",
            "threads": 1,
            "validate_every": 1,
            "network": {"widths": (8, 6, 5)},
            "loss": {**LOSSES[name], "normalise": True},
            "optimiser": {"epochs": 3, "batch": 20},
        },
        what="test",
    )
    job = write_job(out, name, [scores({"x": 0.5})], seed=seed)
    folder = out / "jobs" / job
    method = train_method(TRAIN, VALID, config, out=folder / "training")
    train, test = encode(method, TRAIN), encode(method, TEST)
    train.save(folder / "latents" / "train.npz")
    test.save(folder / "latents" / "test.npz")
    shape = method.net.latent_shape
    found: list[Scores] = [
        gesture_scores(train, test, "test", one, shape=shape, protocol="cross-subject", seed=seed)
        for one in ("knn", "lda")
    ]
    found += raw_scores(TRAIN, TEST, ("lda", "svm"), protocol="cross-subject", seed=seed)
    write_metrics(folder, found, notes=method.notes)
    return job


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """Two conditions trained with two seeds, a recipe of which only scores are there, a baseline; one failed, one not
    begun."""
    out = tmp_path_factory.mktemp("study") / "study"
    jobs = [trained(out, name, seed) for name in ("full", "plain") for seed in (0, 1)]
    people = {f"p{n}": 0.9 for n in range(4, 8)}
    gestures = TEST.gestures.labels
    jobs += [
        write_job(out, "best", [scores(people, "recipe", "network", labels=gestures)], kind="recipe"),
        write_job(out, "best", None, kind="recipe", seed=1),
        write_job(out, "features", [scores(people, "raw", "lda", labels=gestures)], kind="baseline"),
        "full_td_s1_f1_seed2",
    ]
    (out / "jobs" / jobs[5] / "failed.json").write_text('{"message": "Training diverged; lower the rate."}')
    write_study(
        out, jobs, CONDITIONS, seeds=[0, 1, 2], classifiers=["lda", "knn"], data=["/home/somebody/hyser"], fold_size=4
    )
    write_report(out)
    return out


@pytest.fixture
def copy(whole, tmp_path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "study"))


def test_a_recipe_shows_what_people_share(copy):
    maps = np.random.default_rng(0).uniform(size=(3, 4, 3, 5))
    job = next((copy / "jobs").glob("best*seed0"))
    RecipeMaps(
        maps, ("hand_close", "hand_open", "wrist_flexion"), ("a", "b", "c", "d"), ElectrodeLayout.grid(3, 5)
    ).save(job)
    write_report(copy)
    page = (copy / "report.html").read_text(encoding="utf-8")
    assert "Pattern maps, best" in re.findall(r"<h2>(.*?)</h2>", page)
    assert "What people share of each gesture, as the live window draws it" in page
    assert "Condition best: no job has latents" not in page


def run(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words])


def fails(says: str, *words: object) -> None:
    with pytest.raises(HanddtError, match=says) as caught:
        CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_the_page_is_one_file_with_tables_and_figures(whole):
    page = (whole / "report.html").read_text(encoding="utf-8")
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert "<script" not in page
    headings = [unescape(one) for one in re.findall(r"<h2>(.*?)</h2>", page)]
    for wanted in (
        "Measures, beside the published ones",
        "All conditions and measures",
        "Did disentanglement help?",
        "Against LDA and linear SVM (one against one) on the features themselves",
        "Ablations, td",
        "Significance between conditions, td",
        "Differences between conditions, td",
        "Person by person, td",
        "Confusions, td",
        "Learning curves, td",
        "All results",
        "Calibration (ECE)",
        "Pattern maps, full",
        "Correlation of the gestures' patterns, full",
        "Jobs",
        "Settings",
        "Versions",
    ):
        assert wanted in headings
    assert page.count("data:image/png;base64,") == 7
    assert page.count("<table>") == 9
    for said in (
        "Protocol: cross-subject, 4 left out at a time. Unit: one trial. Tested: 4 people; session 1; seeds 0, 1.",
        "6 of 8 jobs have results",
        "1 of 8 jobs have no result yet: full_td_s1_f1_seed2.",
        "Job best_td_s1_f1_seed1 failed: Training diverged; lower the rate.",
        "Condition plain: no loss trains its decoder, so it has no maps.",
        "Condition best: no job has latents, so its maps are not shown.",
        "82.51",
        "No log: best.",
        "full 2, plain 2, best 1",
        "nothing could be certain",
        "drawn at random. (in 2 of 6 jobs)",
    ):
        assert said in page
    assert "/home/somebody" not in page


def test_markdown_says_the_same_and_shows_the_same_figures(whole):
    text = (whole / "report.md").read_text(encoding="utf-8")
    links = re.findall(r"!\[.*?\]\((.*?)\)", text)
    assert len(links) == 7
    for link in links:
        assert (whole / link).stat().st_size > 3000
    assert {path.name for path in (whole / "report_figures").iterdir()} == {Path(link).name for link in links}
    row = next(line for line in text.splitlines() if line.startswith("| full * | td"))
    results = json.loads((whole / "jobs" / "full_td_s1_f1_seed0" / "metrics.json").read_text())["results"]
    other = json.loads((whole / "jobs" / "full_td_s1_f1_seed1" / "metrics.json").read_text())["results"]
    lda = [next(one for one in some if one["classifier"] == "lda") for some in (results, other)]
    assert f"pattern lda | {50 * (lda[0]['people_mean'] + lda[1]['people_mean']):.1f} ±" in row


def test_disentanglement_is_judged_either_way(whole):
    text = (whole / "report.md").read_text(encoding="utf-8")
    sentence = text.split("## Did disentanglement help?")[1].split("##")[0].strip()
    assert re.match(r"td: disentanglement made no certain difference: full \(lda\) has [\d.]+ % accuracy", sentence)


def test_a_report_may_be_written_again_with_less(copy):
    for path in copy.glob("jobs/*"):
        if path.name != "full_td_s1_f1_seed0":
            shutil.rmtree(path)
    (copy / "jobs" / "full_td_s1_f1_seed0" / "training" / "log.jsonl").write_text('{"epoch": 1}\n{"epoch"')
    done = run("plots", copy)
    assert done.exit_code == 0, done.output
    assert f"Wrote {copy / 'report.html'}" in done.output
    text = (copy / "report.md").read_text(encoding="utf-8")
    assert "7 of 8 jobs have no result yet" in text
    assert "Cannot be drawn" in text
    assert len(list((copy / "report_figures").iterdir())) == 6  # the curves' figure is gone
    assert "cannot be told from this study" in text


def test_nothing_done_yet_is_said(tmp_path):
    write_study(tmp_path, ["a_td_s1_f1_seed0"], CONDITIONS)
    fails("not one of its 1 jobs has a result yet", "plots", tmp_path)
    fails("give no other option", "plots", tmp_path, "--only", "tsne")


# -- stats ---------------------------------------------------------------------------------------------------------


def test_a_studys_conditions_are_compared(whole, tmp_path):
    done = run("stats", whole, "--out", tmp_path / "all.json", "--figure", tmp_path / "matrix.png")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "matrix.png").stat().st_size > 5000
    found = json.loads((tmp_path / "all.json").read_text())
    assert [one["name"] for one in found["scores"]] == ["full", "plain", "best", "raw lda", "raw svm"]
    assert found["people"] == ["p4", "p5", "p6", "p7"]
    assert found["lowest_p"] == 0.125
    by_name = {one["name"]: one for one in found["scores"]}
    assert by_name["best"]["mean"] == pytest.approx(0.9)
    assert by_name["full"]["classifier"] == "lda"  # the first of the settings
    pair = found["pairs"][1]
    assert (pair["first"], pair["second"]) == ("full", "best")
    assert pair["difference"] == pytest.approx(by_name["full"]["mean"] - 0.9)
    assert "failed: Training diverged" in " ".join(done.output.split())
    assert "fixed before any score was seen" in " ".join(done.output.split())


def test_runs_are_compared_by_name_and_one_runs_classifiers(tmp_path):
    people = [f"{n:02d}" for n in range(8)]
    low = {who: 0.5 + 0.01 * n for n, who in enumerate(people)}
    high = {who: value + 0.02 + 0.002 * n for n, (who, value) in enumerate(low.items())}
    write_metrics(tmp_path / "low", [scores(low, classifier="knn"), scores(high, classifier="svm")])
    write_metrics(tmp_path / "high", [scores(high, classifier="knn")], measure="rms")
    write_metrics(tmp_path / "fewer", [scores({who: high[who] for who in people[:6]}, classifier="knn")])
    out = tmp_path / "d.csv"
    done = run("stats", tmp_path / "low", tmp_path / "high", "--out", out)
    assert done.exit_code == 0, done.output
    head, row = out.read_text().splitlines()
    assert head.startswith("first,second,mean_first")
    first, second, *numbers = row.split(",")
    assert (first, second) == ("low td low", "high rms high") or (first, second) == ("td low", "rms high")
    assert float(numbers[0]) == pytest.approx(np.mean(list(low.values())))
    assert float(numbers[4]) == pytest.approx(np.mean(list(low.values())) - np.mean(list(high.values())), abs=1e-6)
    assert float(numbers[7]) == pytest.approx(2 / 2**8, rel=1e-5)
    assert numbers[-1] == "8"
    one = run("stats", tmp_path / "low", "--out", tmp_path / "d.md")
    assert one.exit_code == 0, one.output
    assert "| pattern knn | pattern svm | −2.7 |" in (tmp_path / "d.md").read_text()
    measures = run("stats", tmp_path / "low", tmp_path / "high", "--by", "classifier", "--classifier", "knn")
    assert "low td pattern knn" in measures.output
    partly = run("stats", tmp_path / "low", tmp_path / "fewer", "--metric", "balanced")
    assert "left out of the comparison: 06, 07." in " ".join(partly.output.split())
    assert "Balanced accuracy of trials in %, on 6 people" in " ".join(partly.output.split())


def test_what_cannot_be_compared_is_refused(whole, tmp_path):
    a, b = {"01": 0.5, "02": 0.6}, {"11": 0.5, "12": 0.6}
    write_metrics(tmp_path / "a", [scores(a)])
    write_metrics(tmp_path / "b", [scores(b)])
    write_metrics(tmp_path / "window", [scores(a)], unit="window")
    write_metrics(tmp_path / "torn", [scores(a)])
    (tmp_path / "torn" / "metrics.json").write_text('{"results": [{}]}')
    fails("'b' scored 0 of the 2 people of 'a'", "stats", tmp_path / "a", tmp_path / "b")
    fails("Scores of trials and of windows cannot be compared", "stats", tmp_path / "a", tmp_path / "window")
    fails("named once", "stats", tmp_path / "a", tmp_path / "a")
    fails("at least two scores", "stats", tmp_path / "a")
    fails("holds no scores that can be read", "stats", tmp_path / "torn")
    fails("give the folder of a finished", "stats", tmp_path)
    fails("no condition 'ful' with scores here; did you mean 'full'", "stats", whole, "--condition", "ful")
    fails("a comparison is written as .csv, .json, .md", "stats", whole, "--out", tmp_path / "x.xlsx")
    fails("a figure is written as", "stats", whole, "--figure", tmp_path / "x.bmp")
    with pytest.raises(ConfigError, match="by measure needs at least two"):
        CliRunner().invoke(
            app,
            ["stats", str(whole), "--by", "measure", "--condition", "full"],
            catch_exceptions=False,
        )


@pytest.mark.parametrize("command", ["stats", "plots"])
def test_help_has_an_example(command):
    done = run(command, "--help")
    assert done.exit_code == 0
    assert f"handdt-offline {command}" in " ".join(done.stdout.split())
