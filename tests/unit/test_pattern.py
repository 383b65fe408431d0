"""The kernel of the pattern component: relative to rest, what people share, what tells gestures apart, fixed scale."""

from __future__ import annotations

import numpy as np
import pytest

from rt_handdt.core.pattern import (
    PatternSettings,
    SharedPatterns,
    over_rest,
    resting_amplitude,
    shown_map,
    subject_patterns,
)

SETTINGS = PatternSettings()
SPOTS = {1: (1, 1), 2: (1, 6), 3: (4, 4)}


def windows(seed: int, gain: float = 1.0, common: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """RMS maps (N, 6, 8) and labels of one subject: noise of 3 everywhere, a spot for each of three gestures."""
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(4), 20)
    row, column = np.mgrid[0:6, 0:8]
    maps = np.full((len(label), 6, 8), 3.0)
    for k, (i, j) in SPOTS.items():
        own = gain * k * 20.0 * np.exp(-((row - i) ** 2 + (column - j) ** 2) / 2.0) + gain * k * common
        maps[label == k] = np.sqrt(9.0 + own**2)
    maps *= rng.normal(1.0, 0.02, maps.shape)
    return maps.astype(np.float32), label


def shared(*subjects: tuple[np.ndarray, np.ndarray], settings: PatternSettings = SETTINGS) -> SharedPatterns:
    return SharedPatterns.of(np.stack([subject_patterns(*one, 4, 0) for one in subjects]), settings)


def test_powers_add_so_rest_is_taken_out_of_them() -> None:
    assert over_rest(5.0, 3.0) == pytest.approx(4.0)
    assert over_rest([[3.0, 2.0]], [[3.0, 3.0]]).tolist() == [[0.0, 0.0]]


def test_rest_is_measured_at_rest_or_where_an_electrode_is_quietest() -> None:
    maps, label = windows(0)
    assert resting_amplitude(maps, label, 0) == pytest.approx(np.full((6, 8), 3.0), rel=0.05)
    # no window is known to be rest, but a quarter of them are
    assert resting_amplitude(maps, label, None) == pytest.approx(np.full((6, 8), 2.9), rel=0.05)


def test_a_subject_s_strength_does_not_count() -> None:
    weak, strong = subject_patterns(*windows(1), 4, 0), subject_patterns(*windows(1, gain=8.0), 4, 0)
    assert weak[0].max() == 0.0
    for k in SPOTS:
        assert np.sqrt(np.square(strong[k]).mean()) == pytest.approx(1.0)
        assert np.corrcoef(weak[k].ravel(), strong[k].ravel())[0, 1] > 0.99


def test_each_gesture_has_its_spot_on_one_scale_and_rest_none() -> None:
    made = shared(windows(1), windows(2, gain=3.0))
    pictures = made.blend(np.eye(4))
    assert pictures.dtype == np.float32
    assert pictures[0].max() == 0.0
    for k, spot in SPOTS.items():
        assert np.unravel_index(pictures[k].argmax(), (6, 8)) == spot
        assert pictures[k].max() == pytest.approx(1.0)
        assert (pictures[k] > 0.5).mean() < 0.15
    alike = np.corrcoef(pictures[1:].reshape(3, -1))
    assert alike[~np.eye(3, dtype=bool)].max() < 0.1


def test_what_all_gestures_have_in_common_is_taken_out() -> None:
    """Where every gesture is equally active nothing shows, however strong it is."""
    far = (5, 0)
    kept = shared(windows(3, common=8.0), settings=PatternSettings(common=0.0)).blend(np.eye(4))
    out = shared(windows(3, common=8.0), settings=PatternSettings(common=1.0)).blend(np.eye(4))
    for k in SPOTS:
        assert kept[k][far] > 0.1
        assert out[k][far] < 0.02


def test_doubt_pales_and_no_knowledge_is_dark() -> None:
    made = shared(windows(4))
    certain, half, unknown = made.blend([[0, 1, 0, 0], [0.5, 0.5, 0, 0], [0, 1 / 3, 1 / 3, 1 / 3]])
    spot = SPOTS[1]
    assert half[spot] == pytest.approx(0.5**SETTINGS.sharpness, rel=1e-5)
    assert certain[spot] > half[spot] > unknown[spot]
    both = made.blend([0, 0.5, 0.5, 0])
    assert both[SPOTS[1]] > 0.1
    assert both[SPOTS[2]] > 0.1
    assert made.blend([0, 0, 0, 0]).max() == 0.0


def test_pictures_never_leave_the_scale() -> None:
    made = shared(windows(5), windows(6))
    odds = np.random.default_rng(0).dirichlet(np.full(4, 0.3), 500)
    pictures = made.blend(odds)
    assert pictures.shape == (500, 6, 8)
    assert float(pictures.min()) >= 0.0
    assert float(pictures.max()) <= 1.0 + 1e-6


def test_a_subject_without_a_gesture_counts_for_the_others() -> None:
    maps, label = windows(7)
    few = subject_patterns(maps[label != 3], label[label != 3], 4, 0)
    assert np.isnan(few[3]).all()
    made = SharedPatterns.of(np.stack([few, subject_patterns(*windows(8), 4, 0)]), SETTINGS)
    assert np.isfinite(made.patterns).all()
    assert np.unravel_index(made.blend(np.eye(4))[3].argmax(), (6, 8)) == SPOTS[3]


def test_a_gesture_that_nobody_made_and_a_lone_one_break_nothing() -> None:
    maps, label = windows(9)
    alone = subject_patterns(maps[label < 2], label[label < 2], 4, 0)[None]
    made = SharedPatterns.of(alone, SETTINGS)
    assert made.blend(np.eye(4))[1].max() == pytest.approx(1.0)
    assert made.patterns[2:].max() == 0.0
    assert SharedPatterns.of(alone, PatternSettings(common=1.0)).blend(np.eye(4)).max() == 0.0
    nobody = np.full((1, 4, 6, 8), np.nan)
    assert SharedPatterns.of(nobody, SETTINGS).patterns.max() == 0.0


def test_what_stands_for_a_reconstruction() -> None:
    assert shown_map(("wl", "rms")) == 1
    assert shown_map(("wl",)) == 0
    assert shown_map(("wl", "zc")) is None
