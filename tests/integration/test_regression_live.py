"""Velocities live: from a recording of cues over LSL to files, recording and receivers; what lacks is one sentence."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import rt_handdt as hd
from rt_handdt.cli.main import app
from rt_handdt.core.profile import Profile
from rt_handdt.io.lsl import SignalOutlet, clock
from rt_handdt.io.message import Message
from rt_handdt.io.recorded_decisions import read_decisions
from rt_handdt.io.xdf import write_xdf
from rt_handdt.runtime.hub import Hub
from rt_handdt.runtime.live_run import LiveRun
from rt_handdt.runtime.opening import open_engine
from rt_handdt.runtime.output_switch import OutputSwitch
from rt_handdt.runtime.status import State, Status
from tests.support.limits import PATIENT
from tests.support.sinks import NotingSink, about, message, until
from tests.support.streaming import streaming
from tests.support.tiny import tiny_bundle
from tests.support.two_dof import DOFS, SPEC, cues, signal

RUNNING = Status(State.RUNNING, "running")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> hd.Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny", SPEC)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cues") / "cues.xdf"
    write_xdf(path, cues())
    return path


def test_velocities_go_live_and_end_at_nothing(bundle: hd.Bundle, recording: Path, lsl: None, tmp_path: Path) -> None:
    outlet = SignalOutlet("moving_velocities", SPEC.layout.channels, SPEC.fs_hz)
    moving = signal(np.tile([1.0, -1.0], (1024, 1)), 11)
    said: list[str] = []
    run = LiveRun(
        bundle.path,
        "moving_velocities",
        calibration=str(recording),
        mode="regression",
        limits=PATIENT,
        record=tmp_path / "run.xdf",
        sinks=(f"file:{tmp_path / 'd.jsonl'}", f"file:{tmp_path / 'd.csv'}"),
    )
    with streaming(outlet, moving):
        engine = open_engine(run, said.append)
        engine.start()
        try:
            until(lambda: engine.decision is not None and (engine.decision.velocities or (0,))[0] > 0.5)
            assert engine.decision.velocities[1] < -0.5  # type: ignore[index, union-attr]
        finally:
            engine.stop()
    engine.raise_error()
    assert any("Velocities of open_close and flexion_extension" in one for one in said)
    lines = [json.loads(one) for one in (tmp_path / "d.jsonl").read_text().splitlines()]
    assert all(list(one["velocities"]) == list(DOFS.names) for one in lines)
    assert any(one["velocities"]["open_close"] > 0.5 for one in lines)
    assert lines[-1]["state"] == "stopped"
    assert set(lines[-1]["velocities"].values()) == {0.0}
    head, *rows = (tmp_path / "d.csv").read_text().splitlines()
    assert head.endswith("v_open_close,v_flexion_extension")
    assert {row.count(",") for row in rows} == {head.count(",")}
    told = read_decisions(tmp_path / "run.xdf")
    assert told is not None
    assert told.column("v_open_close").max() > 0.5
    assert told.column("v_flexion_extension").min() < -0.5


def test_a_velocity_is_as_old_as_a_gesture_and_nobody_acts_on_it() -> None:
    """Even where the label beside it is rest."""
    now = clock()
    moving = message(label="rest", index=0, level=0.0, dofs=DOFS.names, velocities=(0.5, 0.0), time_s=now - 1.0)
    assert moving.moves
    assert moving.too_old(now, 0.15)
    again = moving.again(now, 0.15)
    assert (again.velocities, again.code) == ((0.0, 0.0), "stale")
    still = message(label="rest", index=0, level=0.0, dofs=DOFS.names, velocities=(0.0, 0.0), time_s=now - 1.0)
    assert not still.too_old(now, 0.15)
    assert "velocities" not in message().values()


def test_whoever_hears_a_velocity_hears_its_end_whatever_the_rate() -> None:
    p = np.array([1.0, 0.0, 0.0], np.float32)
    moving = hd.Decision("rest", 1.0, p, False, 0.0, 7, 5.0, velocities=(0.5, 0.0))
    still = hd.Decision("rest", 1.0, p, False, 0.0, 8, 5.1, velocities=(0.0, 0.0))
    sink = NotingSink(NotingSink.Settings(rate=0.001, heartbeat=0.0))
    hub = Hub([("noting", sink)], about(dofs=DOFS.names), print)
    hub.open()
    try:
        for one in (moving, moving, still):
            hub.tell(one, RUNNING, clock())
        until(lambda: len(sink.heard) == 2)
        assert [one.velocities for one in sink.heard] == [(0.5, 0.0), (0.0, 0.0)]
    finally:
        hub.close()


def test_switched_off_nothing_moves() -> None:
    sink = NotingSink()
    hub = Hub([("noting", sink)], about(dofs=DOFS.names), print)
    hub.open()
    switch = OutputSwitch(hub)
    p = np.array([1.0, 0.0, 0.0], np.float32)
    try:
        switch.tell(hd.Decision("rest", 1.0, p, False, 0.0, 7, 5.0, velocities=(0.5, 0.0)), RUNNING, clock())
        until(lambda: sink.heard)
        switch.turn(False)
        switch.tell(hd.Decision("rest", 1.0, p, False, 0.0, 8, 5.0, velocities=(0.5, 0.0)), RUNNING, clock())
        until(lambda: len(sink.heard) >= 3)
    finally:
        switch.close()
    assert sink.heard[0].velocities == (0.5, 0.0)
    assert {one.velocities for one in sink.heard[1:]} == {(0.0, 0.0)}


def test_a_state_that_decides_nothing_moves_nothing() -> None:
    resting = hd.Decision("rest", 0.0, np.zeros(3, np.float32), True, 0.0, -1, math.nan, reason="lost")
    told = Message.of(0, resting, "lost", "lost", math.nan, ("rest", "a", "b"), dofs=DOFS.names)
    assert told.velocities == (0.0, 0.0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--mode", "regression"], "cues of their own"),
        (["--mode", "[red]"], "must be classification or regression"),
        (
            ["--mode", "regression", "--calibration", "CUES", "--dofs", "open_close,rotation"],
            "missing: wrist_supination",
        ),
        (["--mode", "regression", "--calibration", "CUES", "--dofs", "fingers"], "Two degrees of freedom"),
        (["--calibration", "CUES", "--dofs", "open_close,rotation"], "--dofs is for --mode regression"),
    ],
)
def test_what_lacks_is_one_sentence(bundle: hd.Bundle, recording: Path, options: list[str], words: str) -> None:
    asked = [str(recording) if one == "CUES" else one for one in options]
    result = CliRunner().invoke(app, ["live", "--bundle", str(bundle.path), "--headless", *asked])
    assert isinstance(result.exception, hd.HanddtError), result.output
    assert words in str(result.exception)
    assert "\n" not in str(result.exception)


def test_a_profile_of_velocities_is_made_from_a_recording_and_goes_live(
    recording: Path, lsl: None, tmp_path: Path
) -> None:
    model = tiny_bundle(tmp_path / "five", SPEC, labels=("rest", *DOFS.gestures))
    for name, mode in (("with", "regression"), ("without", "classification")):
        asked = ["calibrate", "--bundle", str(model.path), "--recording", str(recording), "--mode", mode]
        result = CliRunner().invoke(app, [*asked, "--out", str(tmp_path / name)])
        assert result.exit_code == 0, result.output
    assert Profile.load(tmp_path / "with", model).facts.velocities == DOFS.names
    outlet = SignalOutlet("profiled_velocities", SPEC.layout.channels, SPEC.fs_hz)
    run = LiveRun(model.path, "profiled_velocities", profile=tmp_path / "with", mode="regression", limits=PATIENT)
    with streaming(outlet, signal(np.tile([-1.0, 0.0], (1024, 1)), 12)):
        engine = open_engine(run, print)
        engine.start()
        try:
            until(lambda: engine.decision is not None and (engine.decision.velocities or (0,))[0] < -0.5)
            assert engine.classifier.reader.calibrated is not None
        finally:
            engine.stop()
    with pytest.raises(hd.ConfigError, match="its velocities are of open_close and flexion_extension"):
        open_engine(replace(run, dofs="open_close,rotation"), print)
    with pytest.raises(hd.ConfigError, match="holds no velocities"):
        open_engine(replace(run, profile=tmp_path / "without"), print)


def test_a_profile_is_for_models_that_know_the_gestures(bundle: hd.Bundle, recording: Path, tmp_path: Path) -> None:
    asked = ["calibrate", "--bundle", str(bundle.path), "--recording", str(recording), "--out", str(tmp_path / "p")]
    result = CliRunner().invoke(app, [*asked, "--mode", "regression"])
    assert isinstance(result.exception, hd.ConfigError)
    assert "knows none of" in str(result.exception)
