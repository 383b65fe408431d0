"""What training windows say of how gestures move from person to person."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from offline.config import PersonConfig, TrainConfig
from offline.data.datasets import Trial, WindowSet
from offline.models.standardise import InputLayer
from offline.train.person import LEAST_BETWEEN, fit_person_model, reference
from rt_handdt.core.gestures import GestureSet
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.errors import ConfigError

GESTURES, PEOPLE, EACH = 3, 4, 30


def _windows(features: tuple[str, ...] = ("rms",)) -> WindowSet:
    """Four people whose gestures move much along one electrode and hardly along the others."""
    rng = np.random.default_rng(3)
    spec = PipelineSpec(fs_hz=2048, layout=ElectrodeLayout.grid(2, 3), features=features)
    gestures = GestureSet(("rest", "fist", "point", "spread"))
    label = np.tile(np.repeat(np.arange(1, GESTURES + 1), EACH), PEOPLE)
    person = np.repeat(np.arange(PEOPLE), GESTURES * EACH)
    moved = rng.normal(size=(PEOPLE, GESTURES, 6)) * [2.0, 0.02, 0.02, 0.02, 0.02, 0.02]
    gesture = rng.normal(size=(GESTURES, 6))
    logarithm = gesture[label - 1] + moved[person, label - 1] + 0.1 * rng.normal(size=(len(label), 6))
    trials = tuple(Trial("one", f"p{p}", "1", gestures.labels[k + 1]) for p in range(PEOPLE) for k in range(GESTURES))
    return WindowSet(
        spec=spec,
        gestures=gestures,
        maps=np.exp(logarithm).reshape(-1, 1, 2, 3).astype(np.float32).repeat(len(features), axis=1),
        label=label,
        person=person,
        trial=np.repeat(np.arange(PEOPLE * GESTURES), EACH),
        since_cue_s=np.ones(len(label), np.float32),
        level_uv=np.ones(len(label), np.float32),
        people=tuple(f"p{p}" for p in range(PEOPLE)),
        trials=trials,
    )


def test_between_is_how_far_the_centres_of_people_lie_apart_in_each_direction() -> None:
    windows = _windows()
    inputs = InputLayer([True], np.ones((2, 3), bool))
    inputs.fit(windows.maps)
    average = reference(inputs)
    model = fit_person_model(windows, np.ones(len(windows), bool), average, PersonConfig(learn=True, dims=6))

    points = model.project((model.compress(windows.maps) - model.mean) / model.spread)
    means = np.array([points[windows.trial == t].mean(axis=0) for t in range(PEOPLE * GESTURES)])
    means = means.reshape(PEOPLE, GESTURES, -1)
    expected = np.square(means - means.mean(axis=0)).sum(axis=(0, 1)) / ((PEOPLE - 1) * GESTURES)
    np.testing.assert_allclose(model.between, np.maximum(expected, LEAST_BETWEEN), rtol=1e-3)
    assert np.sort(model.between)[-1] > 100 * np.sort(model.between)[-2]  # what moves is one electrode; no smear
    assert model.gestures.tolist() == [1, 2, 3]


def test_the_centres_lie_in_the_named_features_alone() -> None:
    windows = _windows(("rms", "wl"))
    noise = np.random.default_rng(4).uniform(1, 2, windows.maps[:, 0].shape).astype(np.float32)
    windows.maps[:, 0] = noise  # the first map says nothing
    inputs = InputLayer([True, True], np.ones((2, 3), bool))
    inputs.fit(windows.maps)
    train = np.ones(len(windows), bool)
    config = PersonConfig(learn=True, features=("wl",), dims=6)
    model = fit_person_model(windows, train, reference(inputs), config)
    assert not model.projection[:6].any()
    assert model.projection[6:].any(axis=1).all()

    one = InputLayer([True], np.ones((2, 3), bool))
    one.fit(windows.maps[:, 1:])
    alone = replace(_windows(("wl",)), maps=windows.maps[:, 1:])
    expected = fit_person_model(alone, train, reference(one), PersonConfig(learn=True, dims=6))
    np.testing.assert_allclose(model.between, expected.between, rtol=1e-4)
    normal = (model.compress(windows.maps) - model.mean) / model.spread
    np.testing.assert_allclose(
        np.abs(model.project(normal)), np.abs(expected.project(normal[:, 1:])), rtol=1e-2, atol=1e-3
    )


def test_a_feature_that_the_pipeline_lacks_is_named() -> None:
    with pytest.raises(ConfigError, match=r"'person.features' names 'zc'.*\(rms, wl\)"):
        TrainConfig.parse({"pipeline": {"features": ["rms", "wl"]}, "person": {"features": ["zc"]}}, what="test")
