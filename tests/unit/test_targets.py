"""Target tests: what counts and what does not, by decisions made by hand; and virtual users in closed loop."""

from __future__ import annotations

import json
import math
from copy import copy
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import rt_handdt as hd
from rt_handdt.cli.main import app
from rt_handdt.core.decoder_settings import DecoderSettings
from rt_handdt.core.dof import DofPair
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.velocity import VelocitySettings
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.runtime.targets.condition import Condition, all_conditions
from rt_handdt.runtime.targets.cursor import EDGE, Cursor
from rt_handdt.runtime.targets.fitts import FittsSettings, FittsTest
from rt_handdt.runtime.targets.motion import MotionSettings, MotionTest
from rt_handdt.runtime.targets.person import Plan, Subject
from rt_handdt.runtime.targets.tracking import TrackingSettings
from tests.support.tiny import tiny_bundle, tiny_spec

STEP_S = 1 / 64
DOFS = DofPair()
GESTURES = ("rest", *DOFS.gestures)


def told(label: str = "rest", level: float = 1.0, velocities: tuple[float, float] | None = None, reason: str = ""):
    return hd.Decision(label, 1.0, np.ones(5) / 5, False, level, 0, 0.0, reason=reason, velocities=velocities)


# -- the cursor ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decision", "mode", "steady", "moved"),
    [
        (None, "classification", None, (0, 0)),
        (told("hand_open", 0.5), "classification", None, (0.5, 0)),
        (told("hand_close", 2.0), "classification", None, (-1, 0)),
        (told("wrist_flexion", 0.1), "classification", 0.6, (0, 0.6)),
        (told("wrist_flexion_hand_close"), "classification", None, (-1, 1)),
        (told("thumb_extension"), "classification", None, (0, 0)),
        (told("hand_open", reason="lost"), "classification", None, (0, 0)),
        (told("hand_open", velocities=(0.3, -0.4)), "regression", None, (0.3, -0.4)),
        (told("hand_open", velocities=(0.3, -0.1)), "regression", 0.5, (0.5, 0)),
        (told("hand_open"), "regression", None, (0, 0)),
        (told("rest", velocities=(0.3, 0.3), reason="mains"), "regression", None, (0, 0)),
    ],
)
def test_a_cursor_does_what_was_decided_and_nothing_else(decision, mode, steady, moved) -> None:
    cursor = Cursor(DOFS, mode, speed=2.0, steady=steady)
    way = cursor.move(decision, 0.1)
    np.testing.assert_allclose(cursor.place, 0.2 * np.array(moved), atol=1e-12)
    assert way == pytest.approx(float(np.hypot(*cursor.place)))


def test_a_cursor_stays_in_its_field() -> None:
    cursor = Cursor(DOFS, "classification", 1.0)
    for _ in range(100):
        cursor.move(told("hand_open"), 0.1)
    assert cursor.place.tolist() == [EDGE, 0.0]


# -- targets ---------------------------------------------------------------------------------------------------------


def one_target(**settings: object) -> FittsTest:
    known = {"targets": 1, "distances": (0.8,), "widths": (0.2,), "directions": 1, "pause_s": 0.0, "dwell_s": 0.25}
    return FittsTest(Cursor(DOFS, "classification", 0.8), FittsSettings(**known | settings))  # type: ignore[arg-type]


def steer(test: FittsTest, decision: hd.Decision, seconds: float) -> None:
    for _ in range(round(seconds / STEP_S)):
        test.advance(decision, STEP_S)


def test_a_straight_way_is_timed_without_its_dwell() -> None:
    test = one_target()
    assert test.screen.target.tolist() == [0.8, 0.0]  # type: ignore[union-attr]
    steer(test, told("hand_open"), 1.0)
    steer(test, told(), 0.5)
    figures = test.figures()
    assert test.done
    assert figures.completion == 1.0
    assert figures.seconds == pytest.approx(0.7 / 0.8, abs=2 * STEP_S)  # to the circle's edge
    assert figures.throughput == pytest.approx(math.log2(5) / figures.seconds)
    assert figures.efficiency == pytest.approx(1.0)
    assert figures.overshoots == 0
    assert test.screen.target is None


def test_a_cursor_that_runs_through_overshoots_and_its_way_is_longer() -> None:
    test = one_target()
    steer(test, told("hand_open"), 1.3)
    steer(test, told("hand_close"), 0.25)
    steer(test, told(), 0.5)
    figures = test.figures()
    assert test.done
    assert figures.overshoots == 1
    assert 0.6 < figures.efficiency < 0.9
    assert figures.seconds > 1.3


def test_a_target_missed_counts_as_that_and_in_no_mean() -> None:
    test = one_target(targets=2, timeout_s=2.0)
    steer(test, told("hand_close"), 2.0)
    assert [one.reached for one in test.reaches] == [False]
    assert test.figures().to_dict()["throughput"] is None
    steer(test, told("hand_open"), 1.0)
    steer(test, told(), 0.5)
    assert test.figures().completion == 0.5
    assert test.figures().seconds < 1.0


def test_between_targets_nothing_moves_and_every_kind_comes_equally_often() -> None:
    test = FittsTest(Cursor(DOFS, "classification", 0.8), FittsSettings(targets=32, pause_s=1.0), seed=3)
    steer(test, told("hand_open"), 0.9)
    assert test.screen.target is None
    assert test.cursor.place.tolist() == [0, 0]
    kinds = [(distance, width) for distance, width, _ in test._plan]
    assert {kinds.count(one) for one in set(kinds)} == {8}
    assert test._plan == FittsTest(Cursor(DOFS, "regression", 0.8), FittsSettings(targets=32), seed=3)._plan


# -- movements -------------------------------------------------------------------------------------------------------


def test_selection_and_completion_count_from_the_onset() -> None:
    test = MotionTest(["hand_open"], MotionSettings(repetitions=1, pause_s=0.0))
    assert test.screen.prompt == "hand_open"
    for seconds, decision, moving in (
        (0.25, told(), False),
        (0.25, told(), True),
        (0.25, told("hand_close"), True),
        (0.5, told("hand_open"), True),
        (0.5, told(), True),
        (0.5, told("hand_open"), True),
    ):
        for _ in range(round(seconds / STEP_S)):
            test.advance(decision, STEP_S, moving=moving)
    assert test.done
    figures = test.figures()
    assert figures.completion == 1.0
    assert figures.select_s == pytest.approx(0.5, abs=2 * STEP_S)
    assert figures.complete_s == pytest.approx(2.0, abs=2 * STEP_S)
    assert figures.others == pytest.approx(0.25 / 2.0, abs=0.02)


@pytest.mark.parametrize(("moving", "seconds"), [(True, 5.0), (False, 2.0)])
def test_what_never_comes_has_failed(moving: bool, seconds: float) -> None:
    test = MotionTest(["hand_open"], MotionSettings(repetitions=1, pause_s=0.0))
    for _ in range(round(seconds / STEP_S) + 1):
        test.advance(told("hand_open" if not moving else "hand_close"), STEP_S, moving=moving)
    assert test.done
    assert test.figures().completion == 0.0
    assert test.figures().to_dict()["select_s"] is None


def test_nothing_to_ask_for_is_said() -> None:
    with pytest.raises(hd.ConfigError, match="needs a movement besides rest"):
        MotionTest(["rest"])


# -- ways of control -------------------------------------------------------------------------------------------------


def test_what_is_left_out_is_left_out_of_the_decoder() -> None:
    def decoder(without: list[str], smoothing_s: float | None = None) -> DecoderSettings:
        post_processing = Condition.parse("classification", without, smoothing_s, ["rejected_s=0.3"]).post_processing
        return DecoderSettings().changed(post_processing, what="post-processing")

    assert decoder([]) == DecoderSettings(rejected_s=0.3)
    assert decoder(["rejection"]) == DecoderSettings(rejected_s=0.3, reject_below=0, reject_strange=99)
    plain = {"switch_margin": 0, "hold_s": 0, "switch_s": 0}
    assert decoder(["hysteresis"], 0.1) == DecoderSettings(rejected_s=0.3, smoothing_s=0.1, **plain)
    assert Condition().post_processing == ()
    assert Condition.parse("regression", smoothing_s=0.1).velocities().smoothing_s == 0.1
    assert Condition("regression").velocities() == VelocitySettings()
    assert len({one.name for one in all_conditions()}) == 8


@pytest.mark.parametrize(
    ("mode", "without", "words"),
    [
        ("steering", [], "mode must be classification or regression"),
        ("regression", ["rejection"], "Of regression, level can be left out"),
        ("classification", ["[red]"], r"got '\[red\]'"),
    ],
)
def test_ways_that_are_none(mode: str, without: list[str], words: str) -> None:
    with pytest.raises(hd.ConfigError, match=words):
        Condition.parse(mode, without)


# -- virtual users ---------------------------------------------------------------------------------------------------


@cache
def recognizer(folder: Path) -> Recognizer:
    spec = tiny_spec().model_copy(update={"layout": ElectrodeLayout.grid(4, 8, pitch_mm=30.0)})
    return Recognizer(tiny_bundle(folder / "five", spec, labels=GESTURES), "cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundles")


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(
        "fitts",
        (Condition(), Condition("regression")),
        calibrate=True,
        fitts=FittsSettings(targets=3, widths=(0.35,)),
        motion=MotionSettings(repetitions=1),
        tracking=TrackingSettings(seconds=20.0),
    )


@pytest.fixture(scope="module")
def subject(folder: Path, plan: Plan) -> Subject:
    return Subject(recognizer(folder), 3, plan)


@pytest.mark.parametrize("mode", ["classification", "regression"])
def test_a_user_reaches_targets_and_the_same_seed_the_same_way(subject: Subject, mode: str) -> None:
    condition = Condition.parse(mode)
    one = subject.run(condition)
    assert one.to_dict()["completion"] > 0.5  # type: ignore[operator]
    assert one == subject.run(condition)


def test_the_command_writes_what_it_shows(folder: Path, tmp_path: Path) -> None:
    model = recognizer(folder).bundle.path
    out = tmp_path / "figures.json"
    asked = ["targets", "--bundle", str(model), "--test", "motion", "--count", "1", "--calibrate", "--people", "1"]
    result = CliRunner().invoke(app, [*asked, "--seed", "3", "--compare", "--json", str(out)])
    assert result.exit_code == 0, result.output
    content = json.loads(out.read_text())
    assert content["schema"] == "rt-handdt.targets/1"
    assert [one["seed"] for one in content["people"]] == [3]
    for one in content["people"]:
        assert list(one["conditions"]) == [own.name for own in all_conditions(("classification",))]
        assert one["conditions"]["classification"]["movements"] == 4
    assert "no rejection" in result.output


def test_velocities_are_tracked(plan: Plan, subject: Subject) -> None:
    tracking = copy(subject)
    tracking.plan = replace(plan, test="track")
    figures = tracking.run(Condition("regression"))
    assert min(figures.to_dict().values()) > 0.3  # type: ignore[type-var]
    assert tracking.regression_report.combined


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--test", "golf"], "test must be one of fitts, motion, track"),
        (["--test", "motion", "--mode", "regression"], "is for the mode classification"),
        (["--test", "track", "--mode", "classification"], "is for the mode regression"),
        (["--compare", "--without", "level"], "--compare is of all ways"),
        (["--dofs", "open_close,rotation"], "this one lacks wrist_supination, wrist_pronation"),
        (["--without", "sense"], "can be left out"),
        (["--post-processing", "smooth=1"], "smooth"),
        (["--window", "--people", "3", "--test", "motion"], "leave out --test, --people"),
        (["--window", "--without", "level"], "leave out --without"),
        (["--window", "--compare"], "--window has none"),
        (["--stream", "EMG"], "are for --window"),
    ],
)
def test_what_cannot_be_asked_for_is_one_sentence(folder: Path, options: list[str], words: str) -> None:
    model = recognizer(folder).bundle.path
    result = CliRunner().invoke(app, ["targets", "--bundle", str(model), *options])
    assert isinstance(result.exception, hd.ConfigError), result.output
    assert words in str(result.exception)


def test_a_model_of_gestures_that_nobody_virtual_can_make(tmp_path: Path) -> None:
    model = tiny_bundle(tmp_path / "tiny")
    result = CliRunner().invoke(app, ["targets", "--bundle", str(model.path), "--test", "motion"])
    assert isinstance(result.exception, hd.ConfigError), result.output
    assert "'left' is not one of Hyser's 34 gestures" in str(result.exception)
    result = CliRunner().invoke(app, ["targets", "--bundle", str(model.path), "--mode", "regression", "--count", "1"])
    assert result.exit_code == 0, result.output  # nobody is asked to make them
