"""Learning a person from an unlabelled stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from rt_handdt.core import adaptation
from rt_handdt.core.adaptation import PersonAdapter
from rt_handdt.core.memory import Moments
from rt_handdt.core.noise_floor import FloorSettings
from rt_handdt.core.person import AdapterSettings, PersonModel
from rt_handdt.core.scale import RunningScale
from rt_handdt.core.types import Float32
from rt_handdt.errors import BundleError

MAPS, GRID = 2, (2, 3)
CELLS = MAPS * GRID[0] * GRID[1]
#: rest and three gestures; log-amplitudes of 12 values.
REST, LABELS = 0, 4


def model(between: float = 4.0) -> PersonModel:
    rng = np.random.default_rng(0)
    return PersonModel(
        amplitude=np.array([True, False]),
        floor=np.array([0.5, 1.0], np.float32),
        mean=rng.normal(2.0, 0.5, (MAPS, *GRID)).astype(np.float32),
        spread=np.full((MAPS, *GRID), 0.7, np.float32),
        occupied=np.array([[True, True, True], [True, True, False]]),
        projection=np.eye(10, 3, dtype=np.float32),
        offset=np.zeros(3),
        centres=4.0 * np.eye(3),
        between=np.full(3, between),
        gestures=np.array([1, 2, 3]),
    )


def always(*probabilities: float) -> Callable[[Float32], tuple[Float32, Float32]]:
    """A network that says the same of every window."""
    return lambda maps: (np.tile(np.float32(probabilities), (len(maps), 1)), np.zeros((len(maps), 2), np.float32))


undecided = always(0.1, 0.3, 0.3, 0.3)  # sees a movement and nothing more


def windows_of(about: PersonModel, points: np.ndarray) -> Float32:
    """Raw maps that project onto the given points (N, 3) for the average person."""
    normal = np.zeros((len(points), MAPS, *GRID), np.float32)
    flat = np.zeros((len(points), 10), np.float32)
    flat[:, :3] = points
    normal[:, :, about.occupied] = flat.reshape(len(points), MAPS, 5)
    return about.as_average(normal)


def test_the_average_person_is_shown_unchanged() -> None:
    about = model()
    raw = about.as_average(np.random.default_rng(1).normal(size=(4, MAPS, *GRID)).astype(np.float32))
    again = about.as_average((about.compress(raw) - about.mean) / about.spread)
    assert again == pytest.approx(raw, rel=1e-4, abs=1e-4)
    assert not raw[:, :, 1, 2].any()  # the empty cell stays empty


def session(about: PersonModel, rng: np.random.Generator, rounds: int) -> tuple[Float32, np.ndarray]:
    """Raw maps of rest (40 %) and movements as the training people make them, and which of them are rest."""
    rest = np.tile(np.repeat([True, False], [20, 30]), rounds)
    normal = rng.normal(size=(len(rest), MAPS, *GRID)).astype(np.float32)
    normal[:, 0] = np.where(rest[:, None, None], -1.2 + 0.05 * normal[:, 0], 0.8 + 0.3 * normal[:, 0])
    return about.as_average(normal), rest


def test_another_gain_is_learnt_away() -> None:
    """What an electrode's gain does to the windows is gone once its mean is known."""
    about = model()
    settings = AdapterSettings(every=1, prior_windows=5.0, floor=FloorSettings(rest_s=0.5))
    own, rest = session(about, np.random.default_rng(2), 12)
    louder = own.copy()
    louder[:, 0] *= 4.0
    seen: list[Float32] = []

    adapter = PersonAdapter(about, settings, REST)
    for maps, still in zip(louder, rest, strict=True):

        def network(maps: Float32, still: bool = bool(still)) -> tuple[Float32, Float32]:
            seen.append(maps[0])
            return always(0.9, 0.04, 0.03, 0.03)(maps) if still else undecided(maps)

        adapter.judge(maps, network)
        adapter.learn(undecided)
    ratio = (np.stack(seen)[:, 0, 0, :] / own[:, 0, 0, :])[~rest]
    assert np.median(ratio[:5]) > 2.5
    assert np.median(ratio[-100:]) == pytest.approx(1.0, abs=0.2)


def test_a_hand_kept_still_from_the_start_is_at_rest_and_teaches_nothing_else() -> None:
    about = model()
    still = session(about, np.random.default_rng(6), 100)
    still_maps = still[0][still[1]]
    adapter = PersonAdapter(about, AdapterSettings(every=1), REST)
    found = [adapter.step(maps, undecided).probabilities.argmax() for maps in still_maps]
    assert len(found) == 2000
    assert set(found) == {REST}
    assert adapter.quiet
    assert np.array_equal(adapter.mean, about.mean)
    assert np.array_equal(adapter.spread, about.spread)


def test_a_contraction_counts_as_one_however_long_it_is_held() -> None:
    about, rng = model(), np.random.default_rng(7)
    before, _ = session(about, rng, 6)
    held = windows_of(about, np.array([[4.0, 0.5, 0.2]]) + rng.normal(0, 0.3, (1500, 3)))
    probe = windows_of(about, rng.normal(0, 2, (40, 3)) + about.centres[rng.integers(0, 3, 40)])
    found = []
    for length in (60, 1500):
        adapter = PersonAdapter(about, AdapterSettings(every=1, temperature=1.0, check_margin=0.99), REST)
        for maps in [*before, *held[:length]]:
            adapter.step(maps, undecided)
        found.append((adapter.mean, np.stack([adapter.judge(maps, undecided).probabilities for maps in probe])))
    assert found[0][0] == pytest.approx(found[1][0], abs=0.1)
    assert (found[0][1].argmax(axis=1) == found[1][1].argmax(axis=1)).mean() > 0.9


def test_nothing_is_learnt_from_bad_signal() -> None:
    about = model()
    own, rest = session(about, np.random.default_rng(8), 6)
    adapter = PersonAdapter(about, AdapterSettings(every=1), REST)
    for maps in own:
        adapter.step(maps, undecided)
    mean, spread, learnt = adapter.mean, adapter.spread, adapter.learnt
    for maps in 1000.0 * own[~rest]:  # mains
        adapter.step(maps, undecided)
        assert not adapter.plausible
    assert adapter.learnt == learnt
    assert adapter.refused == (~rest).sum()
    assert np.array_equal(adapter.mean, mean)
    assert np.array_equal(adapter.spread, spread)


def test_what_makes_the_network_less_sure_is_given_up() -> None:
    about = model()
    own, _ = session(about, np.random.default_rng(9), 40)
    louder = own.copy()
    louder[:, 0] *= 2.0

    def only_the_start_is_right(maps: Float32) -> tuple[Float32, Float32]:
        as_it_is = np.array([np.abs(louder - one).sum(axis=(1, 2, 3)).min() < 1e-2 * np.abs(one).sum() for one in maps])
        said = np.where(as_it_is[:, None], [0.0, 0.98, 0.01, 0.01], [0.1, 0.3, 0.3, 0.3])
        return said.astype(np.float32), np.zeros((len(maps), 2), np.float32)

    settings = AdapterSettings(every=1, check_windows=64, rehearse=0)
    adapter = PersonAdapter(about, settings, REST)
    went = []
    for maps in louder:
        adapter.step(maps, only_the_start_is_right)
        went.append(np.array_equal(adapter.mean, about.mean))
    assert adapter.rollbacks > 0
    assert any(later and not earlier for earlier, later in pairwise(went))  # it had learnt, and went back
    careless = PersonAdapter(about, settings.model_copy(update={"check_margin": 0.99}), REST)
    for maps in louder:
        careless.step(maps, only_the_start_is_right)
    assert careless.rollbacks == 0


def test_moved_centres_are_found_without_labels() -> None:
    """Two gestures that moved towards each other's place are told apart better than by the prior."""
    about, rng = model(), np.random.default_rng(3)
    moved = np.array([[1.0, 2.2, 0.0], [-2.5, 2.5, 0.0], [0.0, 0.0, 5.0]])
    label = rng.integers(0, 3, 1200)
    maps = windows_of(about, moved[label] + rng.normal(0, 0.8, (1200, 3)))
    adapter = PersonAdapter(about, AdapterSettings(every=1, prior_windows=1e9, temperature=1.0), REST)
    said, quiet = np.empty((len(maps), LABELS)), np.zeros(len(maps), bool)
    for k, one in enumerate(maps):
        said[k], quiet[k] = adapter.step(one, undecided).probabilities, adapter.quiet
    assert said.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    assert said[~quiet, REST] == pytest.approx(0.1)  # rest is the network's affair, but where nothing moves
    assert said[quiet, REST] == pytest.approx(0.95)
    right = said[-400:, 1:].argmax(axis=1) == label[-400:]
    adapter.reset()
    fresh = []
    for one in maps[-400:]:
        fresh.append(adapter.step(one, undecided).probabilities[1:].argmax())
        adapter.reset()
    assert right.mean() > (np.array(fresh) == label[-400:]).mean() + 0.1
    assert right.mean() > 0.95


def test_the_networks_word_counts_as_much_as_it_is_trusted() -> None:
    about = model()
    between_all = windows_of(about, np.full((1, 3), 1.5))[0]  # as far from each centre
    for trust in (1.0, 0.5, 0.0):
        adapter = PersonAdapter(about, AdapterSettings(trust=trust), REST)
        found = adapter.judge(between_all, always(0.1, 0.6, 0.2, 0.1)).probabilities
        share = np.array([0.6, 0.2, 0.1]) ** trust
        assert found[1:] == pytest.approx(0.9 * share / share.sum(), rel=1e-4)
        assert found[REST] == pytest.approx(0.1)


def rehearse(adapter: PersonAdapter, frames: int, network: Callable[[Float32], tuple[Float32, Float32]]) -> None:
    """Let frames pass that are not learnt from: the network takes them for rest, and their level does not."""
    moving = windows_of(adapter.model, np.full((1, 3), 1.0))[0]
    for _ in range(frames):
        adapter.judge(moving, always(0.6, 0.2, 0.1, 0.1))
        assert not adapter.quiet
        adapter.learn(network)


def test_the_network_is_asked_about_every_kept_window_in_turn() -> None:
    about = model()
    kept = windows_of(about, np.linspace(1.0, 2.0, 6)[:, None] * (1.0, 1.0, 1.0))
    # `refresh` is never due: windows look as they looked at first. Half of the frames come, so two a frame are due.
    adapter = PersonAdapter(about, AdapterSettings(every=1, rehearse=1, refresh=1000), REST, stride=2)
    for maps in kept:
        adapter.step(maps, undecided)
    assert adapter.learnt == 6
    asked: list[Float32] = []

    def network(maps: Float32) -> tuple[Float32, Float32]:
        asked.extend(maps)
        return undecided(maps)

    for times in (1, 2):
        rehearse(adapter, 3, network)
        same = [[np.allclose(one, maps, rtol=1e-3, atol=1e-3) for maps in kept] for one in asked]
        assert np.sum(same, axis=0).tolist() == [times] * 6


def test_what_the_network_says_on_second_thoughts_counts() -> None:
    about = model()
    between = windows_of(about, np.array([[2.0, 2.0, 0.0]]) + np.random.default_rng(12).normal(0, 0.3, (40, 3)))
    probe = windows_of(about, np.array([[2.0, 2.0, 0.0]]))[0]
    settings = AdapterSettings(every=1, prior_windows=1e9, check_margin=0.99, rehearse=4, temperature=0.2)

    def probabilities(second: Callable[[Float32], tuple[Float32, Float32]], **change: object) -> np.ndarray:
        adapter = PersonAdapter(about, settings.model_copy(update=change), REST)
        for maps in between:
            adapter.step(maps, always(0.0, 0.9, 0.05, 0.05))
        rehearse(adapter, 20, second)
        adapter.update()
        return adapter.judge(probe, always(0.0, 0.4, 0.4, 0.2)).probabilities

    other, still = always(0.0, 0.05, 0.9, 0.05), always(0.99, 0.004, 0.003, 0.003)
    assert probabilities(other, rehearse=0).argmax() == 1
    assert probabilities(other).argmax() == 2
    fresh = PersonAdapter(about, settings, REST).judge(probe, always(0.0, 0.4, 0.4, 0.2)).probabilities
    assert np.abs(probabilities(always(0.0, 0.9, 0.05, 0.05)) - fresh).max() > 0.05
    assert probabilities(still) == pytest.approx(fresh, abs=0.01)  # they were no movement after all


def test_rest_of_long_ago_is_forgotten() -> None:
    about = model()
    settings = AdapterSettings(horizon_windows=50, prior_windows=1e-6, gesture_windows=10.0)
    scale = RunningScale(about, settings, knows_rest=True)
    gesture = Moments.none(about.mean.shape)
    gesture.add(np.zeros(about.mean.shape, np.float32))
    for displaced, expected in ((1.0, 1.0), (-1.0, -0.96)):
        for _ in range(200):
            scale.watch_rest(about.mean + np.float32(displaced))
        scale.update({0: gesture})
        assert (scale.mean - about.mean) / about.rest_share == pytest.approx(
            np.full(about.mean.shape, expected), abs=0.03
        )


def test_a_gesture_held_all_day_counts_as_one_held_a_little() -> None:
    about = model()
    scale = RunningScale(about, AdapterSettings(gesture_windows=10.0, prior_windows=1e-6), knows_rest=False)
    shape, seen = about.mean.shape, {}
    for gesture, (windows, away) in enumerate(((1000, 1.0), (10, -1.0))):
        seen[gesture] = Moments.none(shape)
        for _ in range(windows):
            seen[gesture].add(np.full(shape, away, np.float32))
    scale.update(seen)
    assert scale.mean == pytest.approx(about.mean, abs=1e-3)


def test_kept_windows_are_seen_by_what_is_known_now_all_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few at each update are as good as all, once as many updates have been as it takes."""
    about = model()
    settings = AdapterSettings(
        every=1, refresh=1, prior_windows=5.0, temperature=0.2, weight=1.0, rehearse=0, check_margin=0.99
    )
    own, _ = session(about, np.random.default_rng(13), 2)
    own[:, 0] *= 4.0
    found = []
    for at_once in (4, 1000):
        monkeypatch.setattr(adaptation, "PROJECTED", at_once)
        adapter = PersonAdapter(about, settings, REST)
        for maps in [*own, *[own[0]] * 60]:  # the scale is settled by the end, and rest brings one update a window
            adapter.step(maps, undecided)
        found.append(np.stack([adapter.judge(maps, undecided).probabilities for maps in own]))
    assert found[0] == pytest.approx(found[1], abs=1e-5)


def test_it_is_causal_and_deterministic() -> None:
    about, rng = model(), np.random.default_rng(4)
    maps = windows_of(about, rng.normal(0, 3, (300, 3)))
    full, half = (PersonAdapter(about, AdapterSettings(), REST) for _ in range(2))
    first = np.array([full.step(one, undecided).probabilities for one in maps])
    again = np.array([half.step(one, undecided).probabilities for one in maps[:150]])
    assert np.array_equal(first[:150], again)
    assert full.learnt == 38  # every eighth
    full.reset()
    assert full.learnt == 0
    assert np.array_equal(full.step(maps[0], undecided).probabilities, first[0])


def test_rest_is_not_learnt_as_a_gesture() -> None:
    about = model()
    at_rest = windows_of(about, np.full((400, 3), 1.3))
    adapter = PersonAdapter(about, AdapterSettings(every=1, prior_windows=1e9), REST)
    point = windows_of(about, np.array([[3.0, 1.0, 0.0]]))[0]
    first = adapter.step(point, undecided).probabilities
    for one in at_rest:
        adapter.step(one, always(0.7, 0.1, 0.1, 0.1))
    assert adapter.step(point, undecided).probabilities == pytest.approx(first, abs=0.02)


def test_the_file_gives_back_what_was_written_and_refuses_what_does_not_fit() -> None:
    about = model()
    found = PersonModel.from_bytes(replace(about, rest_share=0.2).to_bytes())
    assert found.rest_share == pytest.approx(0.2)
    for name in ("amplitude", "mean", "projection", "between", "gestures"):
        assert np.array_equal(getattr(found, name), getattr(about, name))
    with pytest.raises(BundleError, match="'between' must have the shape"):
        PersonModel.from_bytes(replace(about, between=np.ones(5)).to_bytes())
    with pytest.raises(BundleError, match="'rest_share' must be"):
        PersonModel.from_bytes(replace(about, rest_share=1.0).to_bytes())
    with pytest.raises(BundleError, match="cannot be read"):
        PersonModel.from_bytes(b"PK nothing")
