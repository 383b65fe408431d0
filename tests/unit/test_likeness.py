"""Gestures made anew are alike, whatever their strength; other movements are strange."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rt_handdt.core.calibration import CalibratedClassifier, CalibrationSettings
from rt_handdt.core.calibration_fit import fit_calibration
from rt_handdt.core.labelled import LabelledWindows
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.likeness import LEAST_ELECTRODES, MOST_ELECTRODES, Ground, Likeness, LikenessSettings, distances_mm
from rt_handdt.core.population import Population
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32
from rt_handdt.errors import BundleError

LAYOUT = ElectrodeLayout.grid(6, 8)
SPEC = PipelineSpec(fs_hz=2048.0, layout=LAYOUT)
E = LAYOUT.n_channels
PLAIN = Population.plain(SPEC, 2)
#: Where four muscles lie, and how much each of three gestures uses them; the fourth is that of another movement.
PLACES = np.array([[1, 1], [1, 6], [4, 1], [4, 6]])
USES = {1: (1.0, 0.2, 0.0, 0.0), 2: (0.0, 1.0, 0.3, 0.0), 3: (0.2, 0.0, 1.0, 0.0)}
OTHER = (0.0, 0.0, 0.1, 1.0)
REST_UV, GESTURE_UV = 5.0, 60.0


def windows(uses: tuple[float, ...], strength: float, rng: np.random.Generator, n: int = 40) -> Float32:
    """(n, F, H, W) raw maps: powers of muscles and of noise add up."""
    cells = np.argwhere(LAYOUT.occupied)
    seen = np.exp(-0.5 * np.square(cells[None] - PLACES[:, None]).sum(axis=2) / 1.2**2)
    power = REST_UV**2 + (strength * GESTURE_UV) ** 2 * (np.array(uses) @ seen)
    rms = np.sqrt(power * np.exp(0.15 * rng.standard_normal((n, E))))
    maps = np.zeros((n, *SPEC.frame_shape), np.float32)
    maps[:, :2] = LAYOUT.to_grid(rms)[:, None]
    return maps


def repetition(rng: np.random.Generator, labels: tuple[int, ...] = (0, 1, 2, 3)) -> LabelledWindows:
    maps = [windows(USES.get(k, (0, 0, 0, 0)), 1.0, rng) for k in labels]
    label = np.repeat(np.array(labels), 40)
    return LabelledWindows(np.concatenate(maps), label, np.zeros_like(label))


def fitted(given: LabelledWindows, ground: Ground | None) -> CalibratedClassifier:
    def network(_mean: Float32, _spread: Float32):  # type: ignore[no-untyped-def]
        return lambda maps: (np.log(np.full((len(maps), 5), 0.2)), np.zeros((len(maps), 2), np.float32))

    settings = CalibrationSettings(latent=0.0, network=0.0)
    return fit_calibration(given, PLAIN, LAYOUT.occupied, settings, network, ground=ground, rest=0)[0]


def judged(one: CalibratedClassifier, maps: Float32, network: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Names and strangeness of windows, the network being sure of one label, or of none."""
    probabilities = np.full((len(maps), 5), 0.2)
    if network is not None:
        probabilities[:] = 0.01
        probabilities[:, network] = 0.96
    scores, strange = one.judged(PLAIN.compress(maps), np.log(probabilities), np.zeros((len(maps), 2), np.float32))
    return scores.argmax(axis=1), strange


@pytest.mark.parametrize("strength", [0.4, 2.0])
def test_a_gesture_made_at_another_strength_is_alike_and_another_movement_strange(strength: float) -> None:
    rng = np.random.default_rng(0)
    one = fitted(repetition(rng), Ground.of(SPEC))
    for label, uses in USES.items():
        named, strange = judged(one, windows(uses, strength, rng))
        assert (named == label).mean() > 0.95
        assert strange.max() < 0
    _, strange = judged(one, windows(OTHER, strength, rng))
    assert strange.min() > 0


def test_it_names_what_the_features_alone_do_not() -> None:
    rng = np.random.default_rng(1)
    given = repetition(rng)
    ways = [fitted(given, Ground.of(SPEC)), fitted(given, None)]
    tried = [(label, windows(USES[label], s, np.random.default_rng(2))) for label in USES for s in (0.3, 0.35, 3.0)]
    right = [np.mean([judged(way, maps)[0] == label for label, maps in tried]) for way in ways]
    assert right[0] > 0.95 > right[1]


def test_what_the_repetitions_lack_is_the_networks_and_not_called_strange() -> None:
    rng = np.random.default_rng(3)
    one = fitted(repetition(rng), Ground.of(SPEC))
    named, strange = judged(one, windows(OTHER, 1.0, rng), network=4)
    assert (named == 4).all()
    assert np.isnan(strange).all()


def test_without_rest_and_without_a_likeness() -> None:
    rng = np.random.default_rng(4)
    active = fitted(repetition(rng, (1, 2, 3)), Ground.of(SPEC))
    assert active.likeness is not None
    assert active.likeness.rest is None
    named, strange = judged(active, windows(USES[2], 0.7, rng))
    assert (named == 2).all()
    assert strange.max() < judged(active, windows(OTHER, 0.7, rng))[1].min()
    assert np.isnan(judged(fitted(repetition(rng), None), windows(USES[2], 0.7, rng))[1]).all()


def test_it_travels_in_a_file_without_its_covariances_and_only_to_its_layout() -> None:
    one = fitted(repetition(np.random.default_rng(5)), Ground.of(SPEC))
    content = one.to_bytes()
    again = CalibratedClassifier.from_bytes(content, SPEC, 5, 2)
    maps = windows(USES[1], 0.8, np.random.default_rng(6))
    for before, after in zip(judged(one, maps), judged(again, maps), strict=True):
        np.testing.assert_allclose(before, after, rtol=1e-3, atol=1e-3)
    assert one.likeness is not None
    for scatter in (np.full((E, E), np.nan), -5 * np.eye(E)):
        broken = replace(one, likeness=replace(one.likeness, scatter=scatter.astype(np.float32)))
        with pytest.raises(BundleError, match="likeness"):
            CalibratedClassifier.from_bytes(broken.to_bytes(), SPEC, 5, 2)
    older = CalibratedClassifier.from_bytes(fitted(repetition(np.random.default_rng(5)), None).to_bytes(), SPEC, 5, 2)
    assert older.likeness is None  # a profile from before there was one


def test_few_electrodes_have_no_likeness_and_many_are_thinned() -> None:
    assert Ground.of(PipelineSpec(fs_hz=2048.0, layout=ElectrodeLayout.grid(1, LEAST_ELECTRODES - 1))) is None
    wide = Ground.of(PipelineSpec(fs_hz=2048.0, layout=ElectrodeLayout.grid(20, 30)))
    assert wide is not None
    assert len(wide.columns) == MOST_ELECTRODES == len(np.unique(wide.columns))
    assert wide.distance_mm.shape == (MOST_ELECTRODES, MOST_ELECTRODES)
    assert wide.columns.max() == 599


def test_electrodes_that_are_dead_all_the_time_change_nothing() -> None:
    rng = np.random.default_rng(7)
    ground = Ground.of(SPEC)
    assert ground is not None
    x = np.log(np.maximum(rng.normal(10, 1, (60, 4 * E)), 1)).astype(np.float32)
    x[:, ground.columns[:5]] = np.log(1e-3)
    one = Likeness.fit(x, np.repeat([0, 1, 2], 20), 0, ground, LikenessSettings())
    assert np.isfinite(one.log_densities(x)).all()
    assert np.isfinite(one.whiten).all()


def test_round_the_limb_the_shorter_way() -> None:
    ring = LAYOUT.model_copy(update={"closed": True})
    assert distances_mm(LAYOUT)[0, 7] == 70
    assert distances_mm(ring)[0, 7] == 10
