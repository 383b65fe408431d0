"""Velocities of two degrees of freedom: which gesture is which direction, the fit, the command, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import rt_handdt as hd
from rt_handdt.core.dof import FLEXION_EXTENSION, ROTATION, DofPair
from rt_handdt.core.labelled import labelled_windows
from rt_handdt.core.profile import REGRESSION, Profile
from rt_handdt.core.recording import ArrayRecording
from rt_handdt.core.regression import RegressionSettings, VelocityRegression, loudness
from rt_handdt.core.regression_fit import determination, stronger_half
from rt_handdt.core.types import Decision
from rt_handdt.core.velocity import VelocityDecoder, VelocitySettings
from rt_handdt.io.lsl import clock
from rt_handdt.runtime.publisher import Publisher
from rt_handdt.runtime.status import State, Status
from tests.support.tiny import noise, tiny_bundle
from tests.support.two_dof import DOFS, SPEC, cues, signal


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> hd.Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny", SPEC)


@pytest.fixture(scope="module")
def fitted(bundle: hd.Bundle) -> hd.StreamClassifier:
    classifier = hd.StreamClassifier(bundle)
    classifier.calibrate_velocities(cues())
    return classifier


def velocities(bundle: hd.Bundle, regression: VelocityRegression, samples: np.ndarray) -> np.ndarray:
    classifier = hd.StreamClassifier(bundle)
    classifier.use_velocities(regression, VelocitySettings(dead_band=0.0, smoothing_s=0.0))
    return np.array([one.velocities for one in classifier.push(samples)])


def test_labels_are_directions() -> None:
    assert [DOFS.direction(label).tolist() for label in DOFS.gestures] == [[1, 0], [-1, 0], [0, 1], [0, -1]]
    assert len(set(DOFS.combined) | set(DOFS.gestures)) == 8
    assert all(np.abs(DOFS.direction(label)).sum() == 2 for label in DOFS.combined)
    assert DOFS.direction("rest").tolist() == [0, 0]
    assert DOFS.direction("wrist_pronation") is None
    assert DOFS.direction("wrist_pronation_hand_close") is None
    two_of_the_wrist = DofPair(FLEXION_EXTENSION, ROTATION)
    assert two_of_the_wrist.direction("wrist_supination_wrist_extension").tolist() == [-1, 1]


@pytest.mark.parametrize("names", ["open_close", "open_close,open_close", "open_close,[red]", "", "a,b,c"])
def test_two_known_degrees_of_freedom_are_named(names: str) -> None:
    with pytest.raises(hd.ConfigError, match="Two degrees of freedom must be named"):
        DofPair.parse(names)


@pytest.mark.parametrize("settings", [RegressionSettings(), RegressionSettings(kernel=0.0, ridge=0.3)])
def test_velocities_follow_movements_of_both_at_once(bundle: hd.Bundle, settings: RegressionSettings) -> None:
    classifier = hd.StreamClassifier(bundle)
    report = classifier.calibrate_velocities(cues(), settings=settings)
    assert report.repetitions == 2
    assert min(report.r2) > 0.7
    assert report.combined
    at = np.arange(20 * round(SPEC.fs_hz)) / SPEC.fs_hz
    true = np.stack([np.sin(2 * np.pi * 0.13 * at), np.cos(2 * np.pi * 0.21 * at)], axis=1)
    found = velocities(bundle, classifier.regression, signal(true, 3))
    ends = SPEC.window_samples - 1 + SPEC.hop_samples * np.arange(len(found))
    assert determination(true[ends], found).min() > 0.7


def test_single_movements_suffice_and_it_is_said(bundle: hd.Bundle) -> None:
    report = hd.StreamClassifier(bundle).calibrate_velocities(cues(DOFS.gestures, repetitions=1))
    assert not report.combined
    assert np.isnan(report.r2).all()
    assert any("guessed from single ones" in one for one in report.sentences())


def test_rest_does_not_move_nor_does_what_is_no_emg(bundle: hd.Bundle, fitted: hd.StreamClassifier) -> None:
    classifier = hd.StreamClassifier(bundle)
    classifier.use_velocities(fitted.regression)
    moving = np.tile([1.0, 0.0], (512, 1))
    assert classifier.push(signal(moving, 4))[-1].velocities[0] > 0.5
    still = classifier.push(noise(SPEC, 1024, 1.0, 5))
    assert still[-1].velocities == (0.0, 0.0)
    flat = classifier.push(np.zeros((1024, 8)))
    assert flat[-1].reason
    assert flat[-1].velocities == (0.0, 0.0)


def test_after_a_gap_nothing_is_left_of_what_was_before(bundle: hd.Bundle, fitted: hd.StreamClassifier) -> None:
    one, other = hd.StreamClassifier(bundle), hd.StreamClassifier(bundle)
    for classifier in (one, other):
        classifier.use_velocities(fitted.regression, VelocitySettings(smoothing_s=5.0))
    one.push(signal(np.tile([1.0, 0.0], (1024, 1)), 6))
    one.gap()
    after = signal(np.tile([0.0, 1.0], (256, 1)), 7)
    assert one.push(after)[0].velocities == other.push(after)[0].velocities


def test_the_dead_band_is_dead_and_beyond_it_grows_from_nothing(fitted: hd.StreamClassifier) -> None:
    class Ramp:
        rest_loudness, occupied = 0.0, fitted.regression.occupied
        value = 0.0

        def predict(self, maps: np.ndarray, population: object) -> np.ndarray:
            return np.array([[self.value, -self.value]])

    ramp = Ramp()
    decoder = VelocityDecoder(ramp, fitted.bundle.population(), 0.03, VelocitySettings(smoothing_s=0, dead_band=0.1))  # type: ignore[arg-type]
    maps = np.ones(SPEC.frame_shape, np.float32)
    found = []
    for ramp.value in np.linspace(0, 1, 101):
        up, down = decoder.step(maps)
        assert up == -down
        found.append(up)
    assert not any(found[:11])
    assert (np.diff(found[10:]) > 0).all()
    assert found[11] < 0.02
    assert found[-1] == pytest.approx(1.0)


def test_missing_cues_are_one_sentence(bundle: hd.Bundle) -> None:
    with pytest.raises(hd.RecordingError, match="missing: hand_open, hand_close"):
        hd.StreamClassifier(bundle).calibrate_velocities(own())  # of another model, say
    with pytest.raises(hd.RecordingError, match="missing: hand_open, wrist_flexion") as caught:
        hd.StreamClassifier(bundle).calibrate_velocities(cues(("hand_close", "wrist_extension")))
    assert "\n" not in str(caught.value)


def test_a_gesture_that_was_not_made_is_one_sentence(bundle: hd.Bundle) -> None:
    made = cues()
    still = ArrayRecording(
        "still", made.fs_hz, made.channels, made.n_samples, made.markers, samples=made.samples * 0 + 1
    )
    still.samples[:] = noise(SPEC, made.n_samples, 1.0)
    with pytest.raises(hd.RecordingError, match="hardly louder than rest") as caught:
        hd.StreamClassifier(bundle).calibrate_velocities(still)
    assert "\n" not in str(caught.value)


def test_they_come_back_from_a_file_and_a_damaged_one_is_refused(
    bundle: hd.Bundle, fitted: hd.StreamClassifier
) -> None:
    regression = fitted.regression
    frames = hd.StreamClassifier(bundle).windows(signal(np.tile([1.0, 0.0], (2048, 1)), 8))
    maps, population = np.stack([one.maps for one in frames]), bundle.population()
    content, shape = regression.to_bytes(), SPEC.layout.shape
    again = VelocityRegression.from_bytes(content, SPEC.n_maps * 8, shape)
    np.testing.assert_array_equal(again.predict(maps, population), regression.predict(maps, population))
    assert again.dofs == DOFS
    for damaged in (content[:-40], b"", b"PK"):
        with pytest.raises(hd.BundleError, match=r"regression.npz"):
            VelocityRegression.from_bytes(damaged, SPEC.n_maps * 8, shape)
    with pytest.raises(hd.BundleError, match="does not fit"):
        VelocityRegression.from_bytes(content, SPEC.n_maps * 9, shape)


def test_a_profile_holds_them_and_an_altered_one_is_refused(
    bundle: hd.Bundle, fitted: hd.StreamClassifier, tmp_path: Path
) -> None:
    classifier = hd.StreamClassifier(bundle)
    classifier.use_velocities(fitted.regression)
    report = classifier.calibrate(own())
    classifier.profile(report, rest_rms_uv=1.0, active_rms_uv={}).save(tmp_path / "p")
    loaded = Profile.load(tmp_path / "p", bundle)
    assert loaded.facts.velocities == DOFS.names
    assert loaded.regression is not None
    np.testing.assert_array_equal(loaded.regression.weights, fitted.regression.weights)
    content = bytearray((tmp_path / "p" / REGRESSION).read_bytes())
    content[-30] ^= 1
    (tmp_path / "p" / REGRESSION).write_bytes(content)
    with pytest.raises(hd.ConfigError, match="was altered"):
        Profile.load(tmp_path / "p", bundle)
    (tmp_path / "p" / REGRESSION).unlink()
    with pytest.raises(hd.ConfigError, match="is no profile"):
        Profile.load(tmp_path / "p", bundle)


def own() -> hd.ArrayRecording:
    """What the tiny model itself is calibrated with."""
    n = 1024
    pieces = [noise(SPEC, n, 1.0, k) for k in range(3)]
    pieces[1][:, [0, 1, 4, 5]] *= 31.0
    pieces[2][:, [2, 3, 6, 7]] *= 31.0
    marks = tuple(hd.Marker(k * n, label) for k, label in enumerate(("rest", "left", "right")))
    samples = np.concatenate(pieces).astype(np.float32)
    return hd.ArrayRecording("own", SPEC.fs_hz, SPEC.layout.channels, 3 * n, marks, samples=samples)


def test_a_classifier_knows_slow_cues_by_their_stronger_half(bundle: hd.Bundle) -> None:
    labels = ("rest", *DOFS.gestures)
    windows = labelled_windows([cues(DOFS.gestures)], SPEC, labels, 0.0)
    kept = stronger_half(windows, labels, bundle.population(), SPEC)
    loud = [loudness(one.maps, bundle.population(), SPEC.layout.occupied) for one in (windows, kept)]
    rest = windows.label == 0
    assert (kept.label == 0).sum() == rest.sum()
    for k in range(1, len(labels)):
        full = np.percentile(loud[0][windows.label == k], 80)
        assert loud[1][kept.label == k].min() > 0.4 * full
        assert 0.3 < (kept.label == k).sum() / (windows.label == k).sum() < 0.8
    held = labelled_windows([cues(DOFS.gestures)], SPEC, labels, 1.9)  # what is left of each is at full strength
    assert len(stronger_half(held, labels, bundle.population(), SPEC)) > 0.9 * len(held)


def test_a_profile_of_somebody_else_takes_velocities_away_and_a_calibration_its_levels(
    tmp_path: Path, fitted: hd.StreamClassifier
) -> None:
    model = tiny_bundle(tmp_path / "five", SPEC, labels=("rest", *DOFS.gestures))
    one, other = hd.StreamClassifier(model), hd.StreamClassifier(model)
    one.calibrate_velocities(cues())
    report = other.calibrate(cues(DOFS.gestures), rising=True)
    profile = other.profile(report, rest_rms_uv=1.0, active_rms_uv={"hand_open": 5.0})
    one.use(profile)
    assert one.regression is None
    assert one._decoder._spans_uv == {"hand_open": 4.0}
    one.calibrate(cues(DOFS.gestures))
    assert one._decoder._spans_uv == {}


def test_a_hand_that_rests_has_velocities_of_nothing_if_it_had_any() -> None:
    publisher = Publisher(2, 0.15)
    moving = Decision("hand_open", 1.0, np.zeros(2, np.float32), False, 0.5, 1, 0.0, velocities=(0.5, 0.0))
    publisher.give(moving, clock())
    publisher.rest(Status(State.NO_SIGNAL, "no_signal"))
    assert publisher.decision is not None
    assert publisher.decision.velocities == (0.0, 0.0)
