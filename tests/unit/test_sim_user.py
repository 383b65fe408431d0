"""A virtual user: late, no quicker than people, the same each time; two movements at once are made as people do."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from rt_handdt.core.gestures import HYSER_GESTURES
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.errors import ConfigError
from rt_handdt.sim.aim import CursorScreen, OneByOne, Pressing, PromptScreen, Together
from rt_handdt.sim.donning import draw_donning
from rt_handdt.sim.forearm import Forearm
from rt_handdt.sim.intent import TOGETHER, mixed
from rt_handdt.sim.person import draw_person
from rt_handdt.sim.user import REACTION_S, UserSettings, VirtualUser

FS = 1024.0
LAYOUT = ElectrodeLayout.grid(2, 4, pitch_mm=30.0)
GESTURES = ("hand_open", "hand_close", "wrist_flexion", "wrist_extension")
AXES = (("hand_open", "hand_close"), ("wrist_flexion", "wrist_extension"))
PERSON = draw_person(0, 1)
DONNING = draw_donning(PERSON, 1)
STEP_S = 1 / 64


class Obedient:
    def want(self, seen: Mapping[str, float], time_s: float) -> Mapping[str, float]:
        return seen


@pytest.fixture(scope="module")
def forearm() -> Forearm:
    return Forearm(PERSON, DONNING, LAYOUT, FS)


def user(forearm: Forearm, seed: int = 1, **settings: float) -> VirtualUser[Mapping[str, float]]:
    known = UserSettings(**{"noise": 0.0, **settings})
    return VirtualUser(PERSON, DONNING, GESTURES, LAYOUT, FS, seed=seed, settings=known, forearm=forearm)


def test_nothing_is_meant_before_the_reaction_and_then_no_quicker_than_people(forearm: Forearm) -> None:
    one = user(forearm, reaction_s=0.25, bandwidth_hz=2.0)
    levels = []
    for _ in range(96):
        one.step({"hand_open": 1.0}, Obedient())
        levels.append(one.levels["hand_open"])
    assert max(levels[:16]) == 0
    assert min(levels[17:]) > 0
    full = levels[-1]
    assert 0.5 < full < 2
    rise = np.flatnonzero(np.array(levels) > 0.9 * full)[0] - 16
    assert 0.15 < rise * STEP_S < 0.4  # 0.18 s by the bandwidth, and the muscles besides


def test_the_reaction_is_a_persons_own(forearm: Forearm) -> None:
    assert REACTION_S[0] <= user(forearm).reaction_s <= REACTION_S[1]
    assert user(forearm, seed=1).reaction_s == user(forearm, seed=2).reaction_s


def test_another_movement_waits_for_the_last_but_letting_go_does_not(forearm: Forearm) -> None:
    one = user(forearm, reaction_s=0.0, correction_s=0.5)
    for _ in range(8):
        one.step({"hand_open": 1.0}, Obedient())
    before = one.levels["hand_open"]
    for _ in range(16):
        one.step({"hand_close": 1.0}, Obedient())
    assert one.levels["hand_open"] < before
    assert one.levels["hand_close"] == 0
    for _ in range(32):
        one.step({"hand_close": 1.0}, Obedient())
    assert one.levels["hand_close"] > 0.4


def test_the_same_seed_gives_the_same_signal_and_another_one_not(forearm: Forearm) -> None:
    signals = []
    for seed in (1, 1, 2):
        one = user(forearm, seed)
        signals.append(np.concatenate([one.step({"hand_open": 1.0}, Obedient()) for _ in range(40)]))
    assert signals[0].shape == (640, 8)
    np.testing.assert_array_equal(signals[0], signals[1])
    assert not np.array_equal(signals[0], signals[2])


def test_both_at_once_is_the_combined_gesture_of_this_person() -> None:
    rows = [PERSON.strategy[HYSER_GESTURES.index(one)] for one in ("wrist_flexion", "hand_close")]
    combined = PERSON.strategy[HYSER_GESTURES.index("wrist_flexion_hand_close")]
    both = mixed(np.ones(2), np.stack(rows))
    clear = (combined < 1) & (np.max(rows, axis=0) < 1)
    np.testing.assert_allclose(both[clear], combined[clear], rtol=1e-9)
    assert mixed(np.array([0.5, 0.0]), np.eye(2)).tolist() == [0.5, 0.0]
    assert TOGETHER < 1


@pytest.mark.parametrize(("levels", "words"), [({"fist": 1.0}, "may mean"), ({"hand_open": 3.0}, "between 0 and 2")])
def test_what_cannot_be_meant(forearm: Forearm, levels: dict[str, float], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        user(forearm).intent.mean(levels)


# -- minds -----------------------------------------------------------------------------------------------------------


def screen(cursor: tuple[float, float], target: tuple[float, float] | None = (0.8, -0.4)) -> CursorScreen:
    return CursorScreen(np.array(cursor), None if target is None else np.array(target), 0.1)


def test_together_goes_straight_there_and_stops() -> None:
    mind = Together(AXES, 0.8, STEP_S, 0.2)
    wanted = mind.want(screen((0.0, 0.0)), 0.0)
    assert set(wanted) == {"hand_open", "wrist_extension"}
    assert Together(AXES, 0.8, STEP_S, 0.2).want(screen((0.79, -0.41)), 0.0) == {}
    assert mind.want(screen((0.0, 0.0), None), 1.0) == {}


def test_one_by_one_takes_the_longer_way_first_and_stays_on_it() -> None:
    mind = OneByOne(AXES, 0.8, STEP_S, 0.0)
    assert set(mind.want(screen((0.0, 0.0)), 0.0)) == {"hand_open"}
    assert set(mind.want(screen((0.5, 0.0)), 0.1)) == {"hand_open"}  # now the other is longer
    found = [mind.want(screen((0.8, 0.0)), 0.3 + k * STEP_S) for k in range(30)]
    assert set(found[-1]) == {"wrist_extension"}


def test_a_hand_that_disobeys_is_let_go_and_tried_again() -> None:
    mind = OneByOne(AXES, 0.8, STEP_S, 0.0)
    found = [bool(mind.want(screen((0.0, 0.0)), k * STEP_S)) for k in range(128)]
    assert found[0]
    assert not all(found)
    first = found.index(False)
    assert any(found[first:])

    pressing = Pressing()
    found = [bool(pressing.want(PromptScreen("hand_open", "hand_close"), k * STEP_S)) for k in range(128)]
    assert found[0]
    first = found.index(False)
    assert any(found[first:])
    assert pressing.want(PromptScreen(None, "rest"), 3.0) == {}
    assert all(pressing.want(PromptScreen("hand_open", "hand_open"), 4 + k * STEP_S) for k in range(128))
