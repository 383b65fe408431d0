"""Labelled repetitions: never worse than plain LDA, never outvoted, followed in drift and in nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rt_handdt.core.calibration import CalibratedClassifier, CalibrationSettings
from rt_handdt.core.calibration_fit import fit_calibration
from rt_handdt.core.discriminant import Discriminant, oracle_shrinkage
from rt_handdt.core.drift import Drift, DriftSettings
from rt_handdt.core.labelled import LabelledWindows, labelled_windows
from rt_handdt.core.population import Population
from rt_handdt.core.recording import ArrayRecording, Marker
from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import BundleError, RecordingError
from rt_handdt.infer.calibrated import CalibratedStream
from tests.support.people import FS_HZ, LABELS, LAYOUT, recording
from tests.support.tiny import tiny_spec

SPEC = tiny_spec()  # 2 maps on 2 × 4 electrodes
K = 5
OCCUPIED = np.ones((2, 4), bool)
PLAIN = Population.plain(SPEC, K)
NAMES = ("rest", "a", "b", "c", "d")


class Person:
    """Gestures as people have them: means of their own near the population's, and each repetition a little apart."""

    def __init__(self, seed: int, unlike: float = 0.6, apart: float = 0.25, size: float = 1.0) -> None:
        common = np.random.default_rng(0)
        self.population = size * common.normal(size=(K, 16))
        self.rng = np.random.default_rng([1, seed])
        self.means = self.population + size * unlike * self.rng.normal(size=(K, 16))
        mixing = common.normal(size=(16, 16)) / 4
        self.mixing = 0.35 * np.eye(16) + 0.35 * mixing
        self.apart = apart

    def windows(self, repetitions: int, n: int = 40, labels: tuple[int, ...] = tuple(range(K))) -> LabelledWindows:
        """Raw maps: exponentials, so that their logarithms are what was drawn."""
        x, y, r = [], [], []
        for repetition in range(repetitions):
            for k in labels:
                middle = self.means[k] + self.apart * self.rng.normal(size=16)
                x.append(middle + self.rng.normal(size=(n, 16)) @ self.mixing)
                y += [k] * n
                r += [repetition] * n
        maps = np.exp(np.concatenate(x)).reshape(-1, 2, 2, 4).astype(np.float32)
        return LabelledWindows(maps, np.array(y), np.array(r))

    def network(self, maps: Float32) -> tuple[Float32, Float32]:
        """Knows the population, not the person: a posterior, and scores as latents."""
        x = np.log(maps.reshape(len(maps), -1) + 1e-3)
        scores = -np.square(x[:, None] - self.population).sum(axis=2) / 2
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32), scores.astype(np.float32)

    def stream(
        self, windows: LabelledWindows, *, learn: bool = False, drift: DriftSettings | None = None
    ) -> CalibratedStream:
        how = CalibrationSettings(drift=drift or DriftSettings())
        return CalibratedStream.fit(windows, PLAIN, how, self.network, None, NAMES, OCCUPIED, learn=learn)[0]


def logs(windows: LabelledWindows) -> Float64:
    return np.log(windows.maps.reshape(len(windows), -1).astype(np.float64) + 1e-3)


def plain_lda(given: LabelledWindows, tested: LabelledWindows) -> float:
    found = Discriminant.fit(logs(given), given.label, shrink=0.05).scores(logs(tested)).argmax(axis=1)
    return float((found == tested.label).mean())


def named(stream: CalibratedStream, windows: LabelledWindows) -> np.ndarray:
    out = []
    for maps in windows.maps:
        out.append(int(stream.judge(maps).probabilities.argmax()))
        stream.learn()
    return np.array(out)


@pytest.mark.parametrize("repetitions", [1, 3])
def test_no_person_is_worse_off_than_with_plain_lda_or_the_network(repetitions: int) -> None:
    """The contract, on 12 synthetic people of whom the network knows little or much."""
    gains = []
    for seed in range(12):
        person = Person(seed, unlike=(0.2, 0.6, 1.0)[seed % 3])
        given, tested = person.windows(repetitions), person.windows(4)
        right = float((named(person.stream(given), tested) == tested.label).mean())
        lda = plain_lda(given, tested)
        network = float((person.network(tested.maps)[0].argmax(axis=1) == tested.label).mean())
        assert right >= lda - 0.01
        assert right >= network - 0.01
        gains.append(right - lda)
    assert np.mean(gains) > 0 or repetitions > 1


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(4, 30), d=st.integers(2, 40))
def test_more_features_than_windows_are_solved_alike(seed: int, n: int, d: int) -> None:
    """Woodbury's identity against the covariance written out."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    x = rng.normal(size=(n, d)) + y[:, None]
    within = rng.normal(size=(3, d)).astype(np.float32)
    found = Discriminant.fit(x, y, shrink=0.1, within=within, pooled=0.25)
    z = (x - found.mean) / found.scale
    means = np.stack([z[y == k].mean(axis=0) for k in range(3)])
    own = (z - means[y]).T @ (z - means[y]) / n
    covariance = 0.75 * own + 0.25 * within.T.astype(float) @ within
    covariance = 0.9 * covariance + 0.1 * np.trace(covariance) / d * np.eye(d)
    np.testing.assert_allclose(found.weights, np.linalg.solve(covariance, means.T).T, rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(found.axes @ covariance @ found.axes.T, np.eye(len(found.axes)), atol=2e-3)


def test_shrinkage_follows_how_many_windows_there_are_for_each_feature() -> None:
    """Chen et al.'s rule, against its formula written out; and it spares what windows know well."""
    rng = np.random.default_rng(0)
    for n, d in ((30, 60), (2000, 60)):
        x = rng.normal(size=(n, d)) * np.geomspace(0.1, 3.0, d)
        s = x.T @ x / n
        rule = ((1 - 2 / d) * np.trace(s @ s) + np.trace(s) ** 2) / (
            (n + 1 - 2 / d) * (np.trace(s @ s) - np.trace(s) ** 2 / d)
        )
        found = oracle_shrinkage(float(np.trace(s)), float(np.trace(s @ s)), d, n)
        assert found == pytest.approx(min(1.0, rule))
        assert (found > 0.2) == (n < d)
    assert oracle_shrinkage(3.0, 3.0, 3, 100.0) == 1.0  # spherical as it is


def test_windows_that_share_samples_count_as_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    monkeypatch.setattr(
        "rt_handdt.core.discriminant.oracle_shrinkage", lambda trace, square, d, n: asked.append(n) or 0.1
    )
    person = Person(2)
    for repetitions in (1, 4):
        person.stream(replace(person.windows(repetitions), independent=0.25))
    # halves, all of one repetition; and of four: each left out, and all, by as many as one repetition has
    features = asked[::1]
    assert features == [25.0, 25.0, 50.0, *[50.0] * 5]


@pytest.mark.parametrize("repetitions", [1, 3])
def test_what_is_usual_is_measured_on_windows_that_were_not_fitted_to(repetitions: int) -> None:
    """With more features than windows those fitted to lie next to their label; drift would then learn from none."""
    rng = np.random.default_rng(1)
    d, n = 400, 40
    means = 0.5 * rng.normal(size=(K, d))

    def windows(count: int) -> LabelledWindows:
        label = np.tile(np.repeat(np.arange(K), n), count)
        x = means[label] + 0.3 * rng.normal(size=(len(label), d))
        maps = np.exp(x).astype(np.float32).reshape(-1, 1, 20, 20)
        return LabelledWindows(maps, label, np.repeat(np.arange(count), K * n))

    plain = Population(np.array([True]), np.full(1, 1e-3, np.float32), np.zeros((0, d), np.float32), PLAIN.latents)

    def ask(mean: object, spread: object) -> object:
        return lambda x: (np.full((len(x), K), -np.log(K)), np.zeros((len(x), K), np.float32))

    given = windows(repetitions)
    found, _ = fit_calibration(given, plain, np.ones((20, 20), bool), CalibrationSettings(), ask)  # type: ignore[arg-type]
    later = windows(2)

    def distances(one: LabelledWindows) -> Float64:
        squared = found.features.squared_distances(found.flat(plain.compress(one.maps)))
        return np.asarray(squared[np.arange(len(one)), one.label])

    assert np.percentile(distances(given), 95) < found.usual_distance / 1.5
    assert np.percentile(distances(later), 95) < 2.0 * found.usual_distance


def test_a_dead_electrode_that_wakes_up_outvotes_nobody() -> None:
    person = Person(3)
    given, tested = person.windows(1), person.windows(2)
    given.maps[:, :, 0, 1] = 0.5  # nothing moves there in the repetition
    awake = tested.maps.copy()
    awake[:, :, 0, 1] *= np.exp(0.3)
    still = tested.maps.copy()
    still[:, :, 0, 1] = 0.5
    stream = person.stream(given)
    asleep = named(stream, LabelledWindows(still, tested.label, tested.repetition))
    woken = named(stream, LabelledWindows(awake, tested.label, tested.repetition))
    assert (woken == tested.label).mean() > (asleep == tested.label).mean() - 0.15


def test_labels_that_were_not_shown_are_left_to_the_network_and_the_others_are_not() -> None:
    person = Person(1, unlike=0.3)
    given = person.windows(1, labels=(0, 2, 4))
    tested = person.windows(3)
    stream = person.stream(given)
    probabilities = np.stack([stream.judge(maps).probabilities for maps in tested.maps])
    network = person.network(tested.maps)[0]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(probabilities[:, [1, 3]], network[:, [1, 3]], atol=2e-3)
    shown = np.isin(tested.label, (0, 2, 4))
    apart = probabilities[:, [0, 2, 4]].argmax(axis=1)
    assert (np.array([0, 2, 4])[apart] == tested.label)[shown].mean() > 0.9


def test_the_order_of_windows_and_other_peoples_names_change_nothing() -> None:
    person = Person(2)
    given, tested = person.windows(2), person.windows(1)
    order = np.random.default_rng(0).permutation(K)  # labels in other positions
    renamed = LabelledWindows(given.maps, order[given.label], given.repetition)

    def other(maps: Float32) -> tuple[Float32, Float32]:
        probabilities, latents = person.network(maps)
        out = np.empty_like(probabilities)
        out[:, order] = probabilities
        return out, latents

    one, _ = CalibratedStream.fit(given, PLAIN, CalibrationSettings(), person.network, None, NAMES, OCCUPIED)
    two, _ = CalibratedStream.fit(renamed, PLAIN, CalibrationSettings(), other, None, NAMES, OCCUPIED)
    for maps in tested.maps[::7]:
        np.testing.assert_allclose(one.judge(maps).probabilities, two.judge(maps).probabilities[order], atol=1e-4)


def test_gestures_that_cannot_be_told_apart_are_named_with_their_confusion() -> None:
    person = Person(4)
    person.means[3] = person.means[1]
    windows = person.windows(3)
    _, report = CalibratedStream.fit(windows, PLAIN, CalibrationSettings(), person.network, None, NAMES, OCCUPIED)
    pairs = {(made, found) for made, found, _ in report.at_risk}
    assert pairs
    assert pairs <= {("a", "c"), ("c", "a")}
    shares = [share for _, _, share in report.at_risk]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1.0, abs=0.35)
    assert any(
        "A is taken for C in" in sentence or "C is taken for A in" in sentence for sentence in report.sentences()
    )


def test_a_common_displacement_is_followed_and_a_hold_takes_no_gesture_along() -> None:
    person = Person(5, apart=0.05, size=0.2)
    given = person.windows(1)
    learn = DriftSettings(every=1, prior_windows=50, typical=30.0)
    shift = np.exp(0.4 * np.random.default_rng(9).normal(size=(2, 2, 4))).astype(np.float32)
    tested = person.windows(6)
    moved = LabelledWindows(tested.maps * shift, tested.label, tested.repetition)
    still, following = person.stream(given), person.stream(given, learn=True, drift=learn)
    before = (named(still, moved) == moved.label)[400:].mean()
    after = (named(following, moved) == moved.label)[400:].mean()
    assert after > before + 0.03
    found = following.drift.displacement
    wanted = np.log(shift).reshape(-1)
    assert np.corrcoef(found, wanted)[0, 1] > 0.9
    # one gesture, held for ever: its own repetition lay a little aside, and that must not become everybody's drift
    held = person.windows(1, n=4000, labels=(2,))
    holding = person.stream(given, learn=True, drift=learn)
    assert (named(holding, held) == 2).mean() > (named(still, held) == 2).mean() - 0.05
    later = person.windows(2)
    assert (named(holding, later) == later.label).mean() > (named(still, later) == later.label).mean() - 0.02


def test_nothing_is_learnt_from_what_is_no_movement_of_the_repetition() -> None:
    person = Person(6)
    stream = person.stream(person.windows(1), learn=True, drift=DriftSettings(every=1))
    rng = np.random.default_rng(0)
    for _ in range(500):  # unplugged: all electrodes at some level that nobody showed
        stream.judge(np.exp(6.0 + 0.05 * rng.normal(size=(2, 2, 4))).astype(np.float32))
        stream.learn()
    assert stream.drift.learnt == 0
    assert not stream.drift.displacement.any()


def test_a_displacement_that_explains_nothing_is_dropped() -> None:
    centres = np.zeros((3, 4))
    drift = Drift(centres, np.ones(4), DriftSettings(every=1, newest=20, prior_windows=10))
    share = np.array([1.0, 0.0, 0.0])
    for _ in range(30):
        drift.watch(np.ones(4, np.float32), share, 0.5)
    assert 0.5 < drift.displacement[0] < 1.0
    for _ in range(60):
        drift.watch(np.ones(4, np.float32), share, -5.0)
    assert drift.dropped >= 1
    for _ in range(10_000):  # and it is bounded
        drift.watch(np.full(4, 50.0, np.float32), share, 1.0)
    assert drift.displacement == pytest.approx(1.5)


def test_it_travels_as_bytes_and_must_fit() -> None:
    person = Person(7)
    windows = person.windows(2)
    stream = person.stream(windows)
    content = stream.classifier.to_bytes()
    again = CalibratedClassifier.from_bytes(content, SPEC, K, K)
    compressed = PLAIN.compress(windows.maps[:9])
    probabilities, latents = person.network(windows.maps[:9])
    said = [one.scores(compressed, np.log(probabilities + 1e-9), latents) for one in (stream.classifier, again)]
    np.testing.assert_array_equal(*said)
    with pytest.raises(BundleError, match=r"labels that the bundle does not have"):
        CalibratedClassifier.from_bytes(content, SPEC, K - 1, K)
    with pytest.raises(BundleError, match=r"'latents' must have the shape"):
        CalibratedClassifier.from_bytes(content, SPEC, K, K + 1)
    with pytest.raises(BundleError, match="cannot be read"):
        CalibratedClassifier.from_bytes(content[: len(content) // 2], SPEC, K, K)
    pool = Population(PLAIN.amplitude, PLAIN.floor, np.ones((2, 16), np.float32), np.ones((1, K), np.float32))
    same = Population.from_bytes(pool.to_bytes(), SPEC, K)
    np.testing.assert_array_equal(same.features, pool.features)
    with pytest.raises(BundleError, match=r"'latents' must have the shape"):
        Population.from_bytes(pool.to_bytes(), SPEC, K + 1)


def test_leaving_repetitions_out_weighs_the_network_by_what_it_is_worth() -> None:
    person = Person(8, unlike=0.2)

    def fitted(network: object) -> CalibrationSettings:
        how = CalibrationSettings(network=0.5)
        windows = person.windows(4)
        return CalibratedStream.fit(windows, PLAIN, how, network, None, NAMES, OCCUPIED)[0].classifier.settings  # type: ignore[arg-type]

    def noise(maps: Float32) -> tuple[Float32, Float32]:
        rng = np.random.default_rng(int(1e3 * maps[0, 0, 0, 0]))
        odds = rng.dirichlet(np.full(K, 0.2), len(maps)).astype(np.float32)
        return odds, rng.normal(size=(len(maps), K)).astype(np.float32)

    assert fitted(noise).network < fitted(person.network).network


def test_windows_of_a_recording_are_counted_by_label_and_repetition() -> None:
    spec = tiny_spec(FS_HZ).model_copy(update={"layout": LAYOUT})
    found = labelled_windows([recording(1, repetitions=2), recording(1, repetitions=1)], spec, LABELS, 0.5)
    assert set(zip(found.label.tolist(), found.repetition.tolist(), strict=True)) == {
        (k, r) for k in range(3) for r in range(3)
    }
    late = labelled_windows([recording(1)], spec, LABELS, 0.0)
    assert len(late) > len(found)
    assert not late.notes
    part = labelled_windows([recording(1, labels=("rest", "wrist_flexion", "fist"))], spec, LABELS, 0.5)
    assert part.notes[0] == "Not among the model's labels, left out: fist (3 segments)."
    assert "left to the network: wrist_extension" in part.notes[1]


def test_bad_repetitions_get_one_sentence() -> None:
    spec = tiny_spec(FS_HZ).model_copy(update={"layout": LAYOUT})
    with pytest.raises(RecordingError, match=r"two or more of the model's labels .* found rest\. Record each gesture"):
        labelled_windows([recording(1, labels=("rest",))], spec, LABELS, 0.5)
    with pytest.raises(RecordingError, match=r"each held for 0\.88 s or longer; found none"):
        labelled_windows([recording(1, segment_s=0.3)], spec, LABELS, 0.5)
    with pytest.raises(RecordingError, match="found none"):
        labelled_windows([recording(1, markers=False)], spec, LABELS, 0.5)
    whole = recording(1, repetitions=1)
    at = [marker.index for marker in whole.markers]
    cut = (*whole.markers[:2], Marker(at[2] + 400, LABELS[2]))
    short = ArrayRecording("short", FS_HZ, whole.channels, whole.n_samples, cut, samples=whole.samples)
    assert "Too short to learn from, left out: wrist_extension" in labelled_windows([short], spec, LABELS, 0.5).notes[0]


def test_scores_of_a_classifier_are_log_probabilities() -> None:
    person = Person(9)
    windows = person.windows(1)

    def ask(mean: Float32, spread: Float32) -> object:
        return lambda compressed: (
            np.log(person.network(PLAIN.expand(compressed))[0] + 1e-9),
            person.network(PLAIN.expand(compressed))[1],
        )

    found, confusion = fit_calibration(windows, PLAIN, OCCUPIED, CalibrationSettings(), ask)  # type: ignore[arg-type]
    scores = found.scores(PLAIN.compress(windows.maps), *ask(found.mean, found.spread)(PLAIN.compress(windows.maps)))  # type: ignore[operator]
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1.0, atol=1e-6)
    assert confusion.sum() == len(windows)
