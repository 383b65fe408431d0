"""The released pipeline in one command, on a tiny cohort: what it writes, going on, looking back, refusals."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from offline.classifiers.base import CalibratedClassifier
from offline.cli import app
from offline.cohort.write import write_cohort
from offline.config.method import MethodConfig
from offline.features.feature_config import FeatureConfig
from offline.study import pipeline_run as pipeline_module
from offline.study.pipeline_run import run_pipeline
from offline.study.run_config import PipelineConfig
from offline.train.latents import Latents
from offline.train.loop import CHECKPOINT
from rt_handdt.core.bundle import load_bundle
from rt_handdt.core.gestures import hyser_code
from rt_handdt.errors import ConfigError, HanddtError, RecordingError
from rt_handdt.io.hyser_layout import session_folder
from rt_handdt.io.hyser_writer import write_session
from rt_handdt.paths import shipped

GESTURES = ("wrist_flexion", "wrist_extension", "hand_close")
SMOKE = shipped("configs", "method", "smoke.toml")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Path:
    """4 people × 1 session × 3 gestures × 2 trials."""
    out = tmp_path_factory.mktemp("pipeline") / "cohort"
    return write_cohort(out, 4, 1, 3, gestures=GESTURES, repetitions=2, processes=1, progress=False)


@pytest.fixture(scope="module")
def two_sessions(tmp_path_factory) -> Path:
    """2 people × 2 sessions × 3 gestures × 2 trials of noise, quicker to make than people; a gesture is a level."""
    out = tmp_path_factory.mktemp("two")
    rng = np.random.default_rng(0)
    for subject, session in ((1, 1), (1, 2), (2, 1), (2, 2)):
        codes = [hyser_code(label) for label in GESTURES] * 2
        trials = ((20.0 * code * rng.standard_normal((2048, 256)), code) for code in codes)
        write_session(session_folder(out, subject, session), trials)
    return out


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def run(cohort, cache, tmp_path_factory):
    """The command itself; with everything, figures too."""
    out = tmp_path_factory.mktemp("run") / "run"
    done = CliRunner().invoke(app, words(cohort, cache, out))
    assert done.exit_code == 0, (done.output, done.exception)
    return out, done


def words(cohort, cache, out, *more) -> list[str]:
    return [
        *("pipeline", "--data", str(cohort), "--measure", "td", "--test-subjects", "1", "--session", "1"),
        *("--classifiers", "knn,lda", "--latent", "pattern", "subject", "--config", str(SMOKE)),
        *("--cache", str(cache), "--processes", "1", "--out", str(out), *more),
    ]


def settings(cohort, **changes) -> PipelineConfig:
    method = MethodConfig.from_toml(SMOKE)
    method = method.model_copy(
        update={"keep": changes.pop("keep", "knn"), "optimiser": method.optimiser.model_copy(update={"epochs": 2})}
    )
    features = FeatureConfig(measure="rms", sessions=changes.pop("sessions", ("1",)))
    values = {"test_subjects": ("1",), "classifiers": ("knn",), "bundle": "none", **changes}
    return PipelineConfig(data=(str(cohort),), features=features, method=method, **values)


def started(cohort, cache, out, **changes):
    return run_pipeline(settings(cohort, **changes), out, cache=cache, processes=1, figures=False)


def test_one_command_writes_scores_latents_figures_and_a_report(run):
    out, done = run
    found = json.loads((out / "metrics.json").read_text())
    assert found["protocol"].startswith("cross-subject, session 1: trained on 2 people, tested on 1 person (01)")
    assert (found["unit"], found["n_people"], found["parts"]["test"]["samples"]) == ("trial", 1, 6)
    names = [(one["source"], one["classifier"]) for one in found["results"]]
    assert {("pattern", "knn"), ("pattern", "lda"), ("raw", "lda"), ("raw", "svm")} <= set(names)
    for one in found["results"]:
        assert sum(map(sum, one["confusion"])) == one["samples"]
        assert np.trace(one["confusion"]) / one["samples"] == pytest.approx(one["accuracy"])
        assert 0 <= one["ece"] <= 1
    # one test person: nobody to take for somebody else, which is said and not passed over
    assert any("Subject latent, test part" in note for note in found["notes"])
    people = [one for one in found["results"] if one["source"] == "subject"]
    assert [one["labels"] for one in people] == [found["parts"]["train"]["people"]] * 2
    assert "the encoder was trained on these very trials" in people[0]["detail"]
    assert [one["part"] for one in people] == ["train"] * 2

    train, test = (Latents.load(out / "latents" / f"{part}.npz") for part in ("train", "test"))
    assert [test.people[k] for k in np.unique(test.ys)] == ["01"]
    assert 0 not in train.ys
    assert test.recon_p.shape == (6, 4, 16, 16)

    for name in ("learning_curves", "confusion_pattern_knn", "confusion_raw_lda", "people", "comparison", "tsne"):
        assert (out / "figures" / f"{name}.png").stat().st_size > 5000
    for name in ("pattern_heatmaps", "pattern_heatmaps_mean", "subject_heatmaps", "gesture_correlation"):
        assert (out / "figures" / f"{name}.png").stat().st_size > 5000
    report = (out / "report.md").read_text()
    assert "82.51 %" in report
    assert "![tsne](figures/tsne.png)" in report
    assert "tested on 1 person" in " ".join(done.stdout.split())
    assert load_bundle(out / "bundle").manifest.scores["test_samples"] == 6


def test_the_same_command_goes_on_and_another_is_refused(run, cohort, cache):
    out, _ = run
    before = (out / "metrics.json").read_text(), (out / "latents" / "test.npz").read_bytes()
    trained = (out / "training" / CHECKPOINT).stat().st_mtime_ns
    (out / "metrics.json").unlink()
    again = CliRunner().invoke(app, words(cohort, cache, out, "--no-figures"))
    assert again.exit_code == 0, again.output
    assert (out / "training" / CHECKPOINT).stat().st_mtime_ns == trained  # not trained again
    assert ((out / "metrics.json").read_text(), (out / "latents" / "test.npz").read_bytes()) == before
    other = CliRunner().invoke(app, words(cohort, cache, out, "--seed", "1"))
    assert isinstance(other.exception, ConfigError)
    assert "they differ in seed, method" in str(other.exception)


def test_a_run_is_judged_again_without_training(run, monkeypatch):
    out, _ = run
    monkeypatch.setattr(pipeline_module, "train_method", None)
    with monkeypatch.context() as patched:
        patched.setattr(CalibratedClassifier, "fit", None)  # those of the run are kept, and never fitted again
        done = CliRunner().invoke(app, ["evaluate", str(out), "--on", "test", "--classifier", "knn"])
    assert done.exit_code == 0, (done.output, done.exception)
    assert {path.name for path in (out / "classifiers").iterdir()} == {"knn.onnx", "lda.onnx"}
    first = json.loads((out / "metrics.json").read_text())["results"][0]
    judged = json.loads((out / "evaluate_test_pattern.json").read_text())["results"]
    assert judged == [first]
    everybody = CliRunner().invoke(
        app, ["evaluate", str(out), "--on", "all", "--latent", "subject", "--classifier", "lda"]
    )
    assert everybody.exit_code == 0, everybody.output
    (found,) = json.loads((out / "evaluate_all_subject.json").read_text())["results"]
    assert found["labels"] == ["01", "02", "03", "04"]
    assert found["samples"] == 24
    itself = CliRunner().invoke(app, ["evaluate", str(out), "--on", "train", "--classifier", "knn"])
    assert "no measure of recognition" in " ".join(itself.stdout.split())
    assert json.loads((out / "evaluate_train_pattern.json").read_text())["results"][0]["accuracy"] == 1.0
    with pytest.raises(HanddtError, match="needs at least 2 people"):
        CliRunner().invoke(app, ["evaluate", str(out), "--latent", "subject"], catch_exceptions=False)
    with pytest.raises(HanddtError, match=r"holds neither a bundle .* nor a finished run of 'pipeline'"):
        CliRunner().invoke(app, ["evaluate", str(out.parent)], catch_exceptions=False)


def test_a_saved_run_is_drawn_again_as_it_was(run, cache, tmp_path, monkeypatch):
    out, _ = run
    monkeypatch.setattr(pipeline_module, "train_method", None)
    words = ["plots", str(out), "--only", "tsne", "learning_curves", "pattern_heatmaps", "confusion_raw"]
    done = CliRunner().invoke(app, [*words, "--cache", str(cache), "--out", str(tmp_path)])
    assert done.exit_code == 0, (done.output, done.exception)
    names = {path.name for path in tmp_path.iterdir()}
    maps = {"pattern_heatmaps.png", "pattern_heatmaps_mean.png"}
    assert names == {"tsne.png", "learning_curves.png", "confusion_raw_lda.png", "confusion_raw_svm.png"} | maps
    for name in names:  # with the input's panel, from the features kept
        assert (tmp_path / name).read_bytes() == (out / "figures" / name).read_bytes(), name
    listed = CliRunner().invoke(app, ["plots", str(out), "--list"]).stdout.split()
    assert {f"{name}.png" for name in listed} == {path.name for path in (out / "figures").iterdir()}


def test_without_features_kept_the_input_is_left_out_and_that_is_said(run, tmp_path):
    out, _ = run
    words = ["plots", str(out), "--only", "tsne", "subject_heatmaps_mean", "--format", "svg", "--out", str(tmp_path)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "The input is left out of the scatter: subject 01 session 1: its features are not kept" in done.output
    assert "--cache" in done.output
    assert {path.name for path in tmp_path.iterdir()} == {"tsne.svg", "subject_heatmaps_mean.svg"}
    moved = tmp_path / "moved"
    shutil.copytree(out / "latents", moved / "latents")
    shutil.copy(out / "metrics.json", moved)
    bare = CliRunner().invoke(app, ["plots", str(moved), "--only", "people", "pattern_heatmaps_mean"])
    assert bare.exit_code == 0, bare.output
    assert "There is no log.jsonl: learning curves are left out." in bare.output
    assert len(list((moved / "figures").iterdir())) == 2


def test_figures_that_cannot_be_drawn_are_refused(run, tmp_path, monkeypatch):
    out, _ = run

    def refused(says, *words):
        with pytest.raises(HanddtError, match=says):
            CliRunner().invoke(app, ["plots", *map(str, words)], catch_exceptions=False)

    refused("no figure 'tsn' in this run; did you mean 'tsne'", out, "--only", "tsn")
    refused("is not there; give the folder of a finished", tmp_path)
    monkeypatch.setitem(sys.modules, "umap", None)
    refused(r"needs the package umap-learn, which is not installed; install it .* or take --tsne", out, "--umap")
    broken = Path(shutil.copytree(out, tmp_path / "broken"))
    (broken / "latents" / "test.npz").write_bytes(b"half")
    refused("no readable file of latents", broken)
    (broken / "figures").rename(tmp_path / "away")
    shutil.copy(out / "latents" / "test.npz", broken / "latents")
    (broken / "figures").write_text("a file where the folder should be")
    refused("cannot be written", broken, "--only", "people")


def test_umap_takes_the_place_of_tsne(run, tmp_path):
    pytest.importorskip("umap")
    out, _ = run
    done = CliRunner().invoke(app, ["plots", str(out), "--umap", "--only", "umap", "--out", str(tmp_path)])
    assert done.exit_code == 0, (done.output, done.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["umap.png"]


def test_the_test_people_are_encoded_once_and_after_all_training(cohort, cache, tmp_path, monkeypatch):
    order: list[tuple[str, tuple[str, ...]]] = []

    def noting(name, real):
        def call(*args, **kwargs):
            tables = [one for one in args if hasattr(one, "maps")]
            order.append((name, tuple(one.people[k] for one in tables for k in np.unique(one.person))))
            return real(*args, **kwargs)

        return call

    monkeypatch.setattr(pipeline_module, "train_method", noting("train", pipeline_module.train_method))
    monkeypatch.setattr(pipeline_module, "encode", noting("encode", pipeline_module.encode))
    found = started(cohort, cache, tmp_path / "run", test_subjects=("2",))
    assert [name for name, _ in order] == ["train", "encode", "encode", "encode"]
    assert [k for k, (_, people) in enumerate(order) if "02" in people] == [3]
    assert order[3][1] == ("02",)
    assert [one.name for one in found.scores] == ["pattern knn", "raw lda", "raw svm"]


def test_sessions_and_repetitions_can_be_held_out(cohort, two_sessions, cache, tmp_path):
    crossed = started(
        two_sessions,
        cache,
        tmp_path / "a",
        protocol="cross-session",
        test_subjects=(),
        sessions=("1", "2"),
        latents=("subject",),
        keep="last",
        valid_people=0,
    )
    assert crossed.split.protocol.startswith("cross-session 1 → 2: 2 people")
    assert [len(one.people) for one in crossed.scores] == [2, 2, 2, 2]
    assert "the encoder knows these people" in crossed.scores[1].detail
    within = started(
        cohort, cache, tmp_path / "b", protocol="within-session", test_subjects=(), fold=2, folds=2, keep="last"
    )
    assert within.split.test.sum() == 12
    assert "fold 2 of 2 by repetition" in within.split.protocol


def test_other_data_may_be_the_test_people_even_reserved_ones(cohort, cache, tmp_path):
    reserved = write_cohort(
        tmp_path / "reserved", 1, 1, 1000, gestures=GESTURES, repetitions=1, processes=1, progress=False
    )
    found = started(cohort, cache, tmp_path / "a", test_subjects=(), test_data=(str(reserved),), valid_people=1)
    assert list(found.scores[0].people) == ["T01"]
    with pytest.raises(ConfigError, match="of seed 1000, and seeds from 1000 on are reserved"):
        started(reserved, cache, tmp_path / "b")
    assert not (tmp_path / "b").exists()
    # allowed, it goes as far as one person can go
    with pytest.raises(ConfigError, match="nobody is left to train on"):
        run_pipeline(settings(reserved), tmp_path / "c", cache=cache, processes=1, allow_reserved_seeds=True)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"test_subjects": ("9",)}, "no subject 9"),
        ({"test_subjects": ()}, "either 'test_subjects' or 'test_data'"),
        ({"classifiers": ("knnn",)}, "did you mean 'knn'"),
        ({"valid_people": 0}, "cannot be 0"),
        (
            {"protocol": "within-session", "test_subjects": (), "folds": 2},
            'nothing could be held out .* keep = "last"',
        ),
        ({"protocol": "within-session", "test_subjects": (), "fold": 4}, "'fold' cannot be 4"),
        ({"sessions": ("3",)}, "no session 3"),
    ],
)
def test_wrong_requests_are_refused_before_training(cohort, cache, tmp_path, changes, says):
    with pytest.raises((ConfigError, RecordingError, ValueError), match=says):
        started(cohort, cache, tmp_path / "run", **changes)
    # nothing stands in the way of asking rightly
    assert not (tmp_path / "run" / "training").exists()
    assert not (tmp_path / "run" / "run.json").exists() or "keep" in says


def test_a_folder_of_something_else_is_left_alone(cohort, cache, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="holds something already, but no run"):
        started(cohort, cache, tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("command", ["pipeline", "evaluate"])
def test_help_has_an_example(command):
    done = CliRunner().invoke(app, [command, "--help"])
    assert done.exit_code == 0
    assert f"handdt-offline {command}" in " ".join(done.stdout.split())
