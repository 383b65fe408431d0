"""The pattern component of a trained bundle: rest is dark, gestures differ, all on one scale, live as in the graph."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from rich.console import Console

from offline.bundle.writing import with_metadata
from offline.config import TrainConfig
from offline.data.recordings import TrainingData
from offline.study.recipe_maps import RecipeMaps
from offline.train.shared_patterns import strength
from offline.train.window_run import train_bundle
from rt_handdt.core.bundle import Bundle, save_bundle
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.pattern import PATTERN_KEY, PatternSettings
from rt_handdt.core.preprocess import iter_frames
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.errors import BundleError, HanddtError
from rt_handdt.infer.recognizer import Recognizer
from tests.bench.pattern_scores import pattern_scores
from tests.bench.pattern_sheet import pattern_sheet
from tests.support.people import FS_HZ, LABELS, LAYOUT, recording
from tests.support.tiny import tiny_bundle

SETTINGS = {
    "stride": 2,
    "threads": 1,
    "pipeline": {"band_hz": [20.0, 200.0], "notch_hz": 0, "hop_s": 16 / FS_HZ},
    "network": {"widths": [8, 8, 8]},
    "pattern": {"sharpness": 2.0},
    "optimiser": {"keep": "last", "epochs": 12, "batch": 32, "learning_rate": 5e-3},
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    people = TrainingData(tuple(recording(person) for person in range(4)), "synthetic people", True)
    out = tmp_path_factory.mktemp("models") / "patterns"
    return train_bundle(people, LAYOUT, out, TrainConfig.model_validate(SETTINGS), Console(file=io.StringIO()))


def maps_of(bundle: Bundle, person: int, *, alone: bool = False) -> np.ndarray:
    """(K, H, W) mean pictures of an unseen person's windows, as live; or by their latents alone."""
    recognizer, stranger = Recognizer(bundle, "cpu"), recording(person)
    found: list[list[np.ndarray]] = [[] for _ in LABELS]
    for frame in iter_frames(stranger, bundle.spec):
        for segment in stranger.segments():
            if segment.holds(frame.index - bundle.spec.window_samples + 1, frame.index):
                one = recognizer.predict(frame.maps)
                grid = recognizer.pattern_grid(one.probabilities, one.latent)
                found[LABELS.index(segment.label)].append(recognizer.explain(one.latent)[0] if alone else grid)
    return np.stack([np.mean(one, axis=0) for one in found])


def test_rest_is_dark_and_each_gesture_lights_where_its_muscle_is(bundle: Bundle) -> None:
    rest, flexion, extension = maps_of(bundle, 77)
    assert rest.max() < 0.1
    assert flexion.mean(axis=0).argmax() in (0, 1)  # loudest at columns 0.5 and 3.5
    assert extension.mean(axis=0).argmax() in (3, 4)
    for gesture in (flexion, extension):
        assert 0.6 < gesture.max() <= 1.0 + 1e-6
    assert np.corrcoef(flexion.ravel(), extension.ravel())[0, 1] < 0.0


def test_people_share_it(bundle: Bundle) -> None:
    cells = np.stack([maps_of(bundle, person)[1:] for person in (77, 78)], axis=1)
    scores = pattern_scores(cells, LAYOUT.occupied)
    assert scores.same.min() > 0.9
    assert scores.named.min() == 1.0


def test_the_graph_alone_paints_what_the_kernel_does(bundle: Bundle) -> None:
    """Nothing is learnt of a person here, so that the latent alone says all."""
    np.testing.assert_allclose(maps_of(bundle, 77), maps_of(bundle, 77, alone=True), atol=1e-5)


def test_the_bundle_says_how_it_is_drawn(bundle: Bundle) -> None:
    recognizer = Recognizer(bundle, "cpu")
    assert recognizer.shared is not None
    assert recognizer.shared.settings == PatternSettings(sharpness=2.0)
    assert recognizer.shared.patterns.shape == (3, *LAYOUT.shape)
    assert recognizer.shared.patterns[0].tolist() == np.zeros(LAYOUT.shape).tolist()
    assert recognizer.shared.patterns[1:].max(axis=(1, 2)) == pytest.approx([1.0, 1.0])
    model = onnx.load_model_from_string(bundle.file("explainer.onnx"))
    assert [item.key for item in model.metadata_props] == [PATTERN_KEY]


def test_certainty_of_one_gesture_is_the_whole_scale(bundle: Bundle) -> None:
    recognizer, latent = Recognizer(bundle, "cpu"), np.zeros(bundle.manifest.latent_size)
    for k in (1, 2):
        assert float(np.nanmax(recognizer.pattern_grid(np.eye(3)[k], latent))) == pytest.approx(1.0)
    assert float(np.nanmax(recognizer.pattern_grid(np.eye(3)[0], latent))) == 0.0


def _altered(bundle: Bundle, path: Path, explainer: bytes) -> Bundle:
    files = {name: bundle.file(name) for name in bundle.manifest.file_names}
    return save_bundle(path, bundle.manifest, {**files, "explainer.onnx": explainer})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read as JSON"),
        ("[1]", "must be an object"),
        (json.dumps({"sharpnes": 2}), "did you mean 'sharpness'"),
    ],
)
def test_metadata_that_say_nonsense_are_refused(bundle: Bundle, tmp_path: Path, text: str, said: str) -> None:
    altered = _altered(bundle, tmp_path / "x", with_metadata(bundle.file("explainer.onnx"), PATTERN_KEY, text))
    with pytest.raises(BundleError, match=said):
        Recognizer(altered, "cpu")


def test_patterns_of_another_shape_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    other = tiny_bundle(tmp_path / "tiny")
    marked = with_metadata(other.file("explainer.onnx"), PATTERN_KEY, PatternSettings().canonical_json())
    with pytest.raises(BundleError, match="one map for each gesture, but has None"):
        Recognizer(_altered(other, tmp_path / "x", marked), "cpu")


def test_bundles_of_before_show_their_reconstruction(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "tiny")
    recognizer = Recognizer(bundle, "cpu")
    assert recognizer.shared is None
    latent = np.array([0.0, 3.0, 1.0, 0.0], np.float32)
    grid = recognizer.pattern_grid(np.eye(3)[1], latent)
    np.testing.assert_array_equal(grid, recognizer.explain(latent)[0])  # RMS stands for all


def test_empty_cells_stay_blank(tmp_path: Path) -> None:
    layout = ElectrodeLayout.parse(
        {
            "name": "holed",
            "shape": (2, 4),
            "channels": tuple("ABCDEF"),
            "cells": ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 3)),
        },
        what="test",
    )
    spec = PipelineSpec(
        fs_hz=512.0,
        layout=layout,
        band_hz=(20.0, 200.0),
        notch_hz=None,
        features=("rms", "wl"),  # type: ignore[arg-type]
    )
    recognizer = Recognizer(tiny_bundle(tmp_path / "tiny", spec), "cpu")
    grid = recognizer.pattern_grid(np.eye(3)[1], np.ones(4))
    assert np.isnan(grid).tolist() == (~layout.occupied).tolist()


def test_strength_is_rms_or_the_next_best_feature() -> None:
    def spec(*names: str) -> PipelineSpec:
        return PipelineSpec.parse(
            {"fs_hz": 512.0, "layout": LAYOUT, "band_hz": (20.0, 200.0), "features": names}, what="test"
        )

    rng = np.random.default_rng(0)
    for names, wanted in ((("zc", "wl", "rms"), 2), (("zc", "wl"), 1), (("zc", "ssc"), 0)):
        maps = rng.uniform(1.0, 2.0, (4, len(names), *LAYOUT.shape)).astype(np.float32)
        np.testing.assert_array_equal(strength(maps, spec(*names)), maps[:, wanted])
    several = spec("rms_envelope")
    maps = rng.normal(size=(4, several.n_maps, *LAYOUT.shape)).astype(np.float32)
    np.testing.assert_allclose(strength(maps, several), np.sqrt((maps**2).mean(axis=1)), rtol=1e-5)


def test_sheets_and_figures_can_be_drawn_of_missing_maps_too(tmp_path: Path) -> None:
    cells = np.random.default_rng(0).uniform(size=(2, 3, *LAYOUT.shape))
    cells[1, 2] = np.nan
    pattern_sheet(cells, 50 * cells, LAYOUT, LABELS[1:], ("a", "b", "c")).savefig(tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 5000
    made = RecipeMaps(cells, LABELS[1:], ("a", "b", "c"), LAYOUT)
    made.save(tmp_path)
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {
        "pattern_heatmaps.png",
        "pattern_heatmaps_mean.png",
    }
    again = RecipeMaps.load(tmp_path)
    np.testing.assert_array_equal(again.cells, cells)
    assert (again.gestures, again.people, again.layout) == (made.gestures, made.people, made.layout)
    (tmp_path / "patterns.npz").write_bytes(b"no maps")
    with pytest.raises(HanddtError, match="run the job again"):
        RecipeMaps.load(tmp_path)
