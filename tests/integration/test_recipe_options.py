"""Our own recipe in a study with all that is off by default: contrast, subject adversary, pretraining."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from offline.config import PersonConfig, TrainConfig
from offline.config import PipelineConfig as TrainingPipeline
from offline.features.feature_config import FeatureConfig
from offline.study.recipe import run_recipe
from offline.study.recipe_maps import RecipeMaps
from offline.study.run_config import PipelineConfig
from rt_handdt.core.bundle import load_bundle
from rt_handdt.core.gestures import REST
from rt_handdt.errors import ConfigError
from tests.support.noise_people import write_people

RECIPE = TrainConfig.model_validate(
    {
        "stride": 8,
        "threads": 1,
        "network": {"widths": [4, 4, 4]},
        "loss": {"reconstruct": 0, "triplet": 0, "cross": 0, "contrast": 0.5, "subject_adversary": 0.1},
        "optimiser": {"epochs": 1, "batch": 16, "pretrain_epochs": 2, "keep": "last"},
    }
)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_people(tmp_path_factory.mktemp("people"), [(1, 1), (2, 1), (3, 1), (4, 1)])


def judged(data: Path, out: Path, **split: Any) -> tuple[set[str], list[str], int]:
    """Loss terms, notes and number of test windows."""
    features = FeatureConfig(unit="window", stride=8, sessions=("1",))
    config = PipelineConfig(data=(str(data),), features=features, baselines=(), **split)
    run = run_recipe(config, RECIPE, out, processes=1, console=Console(quiet=True))
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    settings = json.loads((out / "recipe.json").read_text(encoding="utf-8"))["settings"]
    assert settings["loss"]["contrast"] == 0.5
    assert len(run.trained.pretraining) == 2
    made = {path.name for path in out.iterdir() if path.suffix != ".json"}
    assert made == {"patterns.npz", "figures", "cache", "bundle", "training"}
    assert {path.name for path in (out / "training").iterdir()} == {"log.jsonl"}
    bundle = load_bundle(out / "bundle")  # of the very network that was scored
    (network,) = (one for one in metrics["results"] if one["classifier"] == "network")
    assert bundle.manifest.scores["test_accuracy"] == round(network["accuracy"], 4)
    assert bundle.manifest.scores["test_windows"] == network["samples"] == run.split.test.sum()
    assert "Nothing was chosen by them." in (out / "bundle" / "CARD.md").read_text(encoding="utf-8")
    assert {path.name for path in (out / "figures").iterdir()} == {"pattern_heatmaps.png", "pattern_heatmaps_mean.png"}
    maps = RecipeMaps.load(out)
    assert REST not in maps.gestures
    assert len(maps.gestures) == len(run.trained.counts) - 1
    assert 0.0 <= np.nanmin(maps.cells) < np.nanmax(maps.cells) <= 1.0 + 1e-6
    return set(run.trained.epochs[0].losses), metrics["notes"], int(run.split.test.sum())


def test_three_people_have_an_adversary(data: Path, tmp_path: Path) -> None:
    terms, notes, count = judged(data, tmp_path / "run", test_subjects=("1",))
    assert terms == {"classify", "contrast", "subject_adversary", "total"}
    assert not any("adversary" in note for note in notes)
    assert count > 20


def test_one_person_has_none_and_the_metrics_say_so(tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    write_people(alone, [(1, 1)])
    terms, notes, _ = judged(alone, tmp_path / "run", protocol="within-session", folds=2)
    assert terms == {"classify", "contrast", "total"}
    assert any("'loss.subject_adversary' is ignored" in note for note in notes)


def test_a_recipe_that_learns_people_is_judged_three_ways_by_window_and_by_trial(data: Path, tmp_path: Path) -> None:
    values = {
        "person": PersonConfig(learn=True, dims=4, temperatures=(0.0, 0.1)),
        "pipeline": TrainingPipeline(features=("rms", "zc", "rms_along_2", "wl_around")),
    }
    learning = RECIPE.model_copy(update=values)
    for unit, count in (("window", None), ("trial", 6)):
        features = FeatureConfig(unit=unit, sessions=("1",), stride=8 if unit == "window" else 1)
        config = PipelineConfig(data=(str(data),), features=features, baselines=("lda",), test_subjects=("1",))
        run = run_recipe(config, learning, tmp_path / unit, processes=1, console=Console(quiet=True))
        assert [one.name for one in run.scores] == ["recipe network", "recipe adapted", "recipe session", "raw lda"]
        assert run.trained.person is not None
        assert run.trained.person.mean.shape[0] == 4
        sizes = {int(one.counts.sum()) for one in run.scores}
        assert len(sizes) == 1  # all on the very same samples
        assert count is None or sizes == {count}
        assert ("rest" in run.scores[0].labels) == (unit == "window")
        assert "not causal" in run.scores[2].detail
        content = json.loads((tmp_path / unit / "metrics.json").read_text(encoding="utf-8"))
        assert content["unit"] == unit


def test_a_recipe_of_what_no_table_holds_is_refused(data: Path, tmp_path: Path) -> None:
    recipe = RECIPE.model_copy(update={"pipeline": TrainingPipeline(features=("rms", "envelope"))})
    config = PipelineConfig(data=(str(data),), features=FeatureConfig(unit="window"), test_subjects=("1",))
    with pytest.raises(ConfigError, match=r"rms,envelope.* cannot be taken from a feature table"):
        run_recipe(config, recipe, tmp_path / "run", console=Console(quiet=True))
