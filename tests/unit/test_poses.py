"""Poses of gestures, the skeleton that they bend, and the shapes that are painted."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from rt_handdt.core.gestures import HYSER_GESTURES, REST
from rt_handdt.core.hand_skeleton import skeleton
from rt_handdt.core.pose import DIGITS, Pose
from rt_handdt.core.poses import Poses, shipped_poses
from rt_handdt.errors import ConfigError
from rt_handdt.gui.hand_figure import hand_shapes

EVERY = (REST, *HYSER_GESTURES)


def test_every_gesture_has_a_pose_of_its_own() -> None:
    poses = shipped_poses()
    assert set(poses.gestures) >= set(EVERY)
    for one, other in combinations(EVERY, 2):
        assert abs(poses.of(one).vector() - poses.of(other).vector()).max() > 15, (one, other)


@pytest.mark.parametrize("label", EVERY)
def test_what_a_gestures_name_says_is_what_the_picture_brings_out(label: str) -> None:
    active = shipped_poses().of(label).active
    words = set(label.split("_"))
    if words & {"close", "open"}:
        assert active >= set(DIGITS)
    else:
        assert active - {"wrist"} == words & set(DIGITS)
    assert ("wrist" in active) == ("wrist" in words)


def test_bones_keep_their_lengths_whatever_the_pose() -> None:
    poses = shipped_poses()
    straight = {name: np.linalg.norm(np.diff(joints, axis=0), axis=1) for name, joints in bones(poses.of(REST)).items()}
    for label in EVERY:
        for name, joints in bones(poses.of(label)).items():
            np.testing.assert_allclose(np.linalg.norm(np.diff(joints, axis=0), axis=1), straight[name], atol=1e-9)


def bones(pose: Pose) -> dict[str, np.ndarray]:
    return skeleton(pose).digits


def test_the_wrist_goes_where_anatomy_says() -> None:
    tip = {label: bones(shipped_poses().of(label))["middle"][3] for label in EVERY}
    thumb = {label: bones(shipped_poses().of(label))["thumb"][1] for label in EVERY}
    assert tip["wrist_flexion_hand_open"][2] > 100 > -100 > tip["wrist_extension_hand_open"][2]  # z: out of the palm
    assert tip["wrist_radial_hand_open"][0] > 50 > -50 > tip["wrist_ulnar_hand_open"][0]  # x: to the thumb's side
    # palm to the eye: pronation takes the thumb of a right hand over the front to the other side
    assert thumb["wrist_pronation_hand_open"][0] < 10 < thumb["hand_open"][0]
    assert thumb["wrist_supination_hand_open"][2] < 0


@pytest.mark.parametrize("label", [one for one in EVERY if "pinch" in one])
def test_pads_meet_in_a_pinch(label: str) -> None:
    made = skeleton(shipped_poses().of(label))
    thumb = made.digits["thumb"][3] - 8 * made.backs["thumb"]
    for finger in set(label.split("_")) & {"index", "middle"}:
        pad = made.digits[finger][3] - 8 * made.backs[finger]
        assert np.linalg.norm(pad - thumb) < 16, finger


def test_between_poses_every_angle_goes_one_way() -> None:
    poses = shipped_poses()
    ways = np.asarray([poses.at("hand_close", level).vector() for level in (-1, 0, 0.25, 0.5, 1, 2, float("nan"))])
    np.testing.assert_array_equal(ways[0], poses.of(REST).vector())
    np.testing.assert_array_equal(ways[6], ways[0])
    np.testing.assert_array_equal(ways[5], ways[4])
    np.testing.assert_allclose(ways[2], (ways[1] + ways[3]) / 2)


@pytest.mark.parametrize("left", [False, True])
def test_every_picture_fits_and_is_drawn_back_to_front(left: bool) -> None:
    for label in EVERY:
        shapes = hand_shapes(shipped_poses().of(label), left=left)
        depths = [shape.depth for shape in shapes]
        assert depths == sorted(depths)
        for shape in shapes:
            assert np.isfinite(shape.points).all()
            if shape.kind != "arm":
                assert abs(shape.points).max() <= 1.0, (label, shape.kind, shape.part)
        assert ("arrow" in {shape.kind for shape in shapes}) == label.startswith("wrist")


def test_an_arrow_points_where_the_wrist_turns() -> None:
    def way(label: str) -> tuple[float, float]:
        points = next(one.points for one in hand_shapes(shipped_poses().of(label)) if one.kind == "arrow")
        middle = len(points) // 2
        x, y = points[middle] - points[middle - 1]
        return float(x), float(y)

    assert way("wrist_pronation")[0] < 0 < way("wrist_supination")[0]  # before the forearm
    assert way("wrist_ulnar")[0] < 0 < way("wrist_radial")[0]


def test_a_file_adds_gestures_and_changes_them(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        '[fingers]\nhook = {knuckle = 5, middle = 80}\n[gestures.fist]\nlike = "hand_close"\nindex = "hook"\n'
        '[gestures.hand_open]\nfingers = "straight"\n'
    )
    poses = Poses.load(tmp_path / "own.toml")
    assert poses.of("fist").fingers[0].middle == 80
    assert poses.of("fist").fingers[1] == poses.of("hand_close").fingers[1]
    assert poses.of("hand_open").fingers[0] == poses.of("index_extension").fingers[0]
    assert not poses.knows("juggling")
    assert poses.of("juggling") == poses.of(REST)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[gestures.fist]\nlike = "hand_clos"', "did you mean 'hand_close'?"),
        ('[gestures.fist]\nindex = "strait"', "did you mean 'straight'?"),
        ('[gestures.fist]\npinky = "straight"', "unknown key 'gestures.fist.pinky'"),
        ('[gestures.a]\nlike = "b"\n[gestures.b]\nlike = "a"', "is like itself"),
        ("[fingers]\nhook = {knuckle = nan, middle = 1}", "fingers.hook.knuckle"),
        ("[fingers]\nhook = {knuckle = 500, middle = 1}", "fingers.hook.knuckle"),
        ("gestures = 3", "gestures"),
        ("[hands]\na = 1", "unknown key 'hands'"),
    ],
)
def test_a_file_that_cannot_be_is_said_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(ConfigError) as found:
        Poses.load(tmp_path / "own.toml")
    assert said in str(found.value)
    assert "own.toml" in str(found.value)
    assert "\n" not in str(found.value)
