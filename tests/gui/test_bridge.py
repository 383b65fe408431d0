"""Snapshot → view: no Qt involved."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.gui import theme
from rt_handdt.gui.bridge import NONE, Presenter, choose_traces, clock, stats
from rt_handdt.gui.pattern_style import pattern_style
from rt_handdt.gui.scale import Scale, nice_ceiling
from rt_handdt.gui.upsample import Upsampler
from rt_handdt.runtime.snapshot import HistoryPoint, Snapshot
from tests.gui.fake_engine import FakeEngine


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    return FakeEngine(at_s=24.6)


def test_running_match_and_mismatch(engine: FakeEngine) -> None:
    presenter = Presenter(engine.labels)
    snapshot = engine.snapshot((0, 1))
    assert snapshot.decision is not None
    view = presenter.view(snapshot)
    assert view.state == "Running"
    assert view.live
    assert view.headline.text == snapshot.decision.label.replace("_", " ").capitalize()
    assert view.cue.verdict == "Match"
    assert view.bars.current == engine.labels.index(snapshot.decision.label)
    assert view.headline.colour == presenter.colours[view.bars.current]

    other = next(label for label in engine.labels if label != snapshot.decision.label)
    assert presenter.view(replace(snapshot, truth=other)).cue.verdict == "Mismatch"
    assert presenter.view(replace(snapshot, truth="transition")).cue.verdict == ""
    assert presenter.view(replace(snapshot, truth=None)).cue.text == NONE


@pytest.mark.parametrize("state", ["no_signal", "lost", "failed", "stopped"])
def test_an_old_decision_never_looks_live(state: str) -> None:
    view = Presenter(FakeEngine().labels).view(FakeEngine(at_s=24.6, state=state).snapshot((0,)))
    assert not view.live
    assert not view.headline.live
    assert not view.bars.live
    assert view.headline.colour == theme.FAINT
    assert view.cue.verdict == ""
    assert view.state_colour == theme.STATE_COLOURS[state]


def test_held_decision_says_so(engine: FakeEngine) -> None:
    snapshot = engine.snapshot((0,))
    assert snapshot.decision is not None
    held = replace(snapshot, decision=replace(snapshot.decision, rejected=True))
    assert "Unsure" in Presenter(engine.labels).view(held).headline.note


def test_connecting_has_no_figures(engine: FakeEngine) -> None:
    view = Presenter(engine.labels).view(Snapshot())
    assert view.headline.text == "Waiting for signal"
    assert view.headline.confidence is None
    assert view.strip.cued == ()
    assert {stat.caption: stat.value for stat in view.stats}["Push to decision p50 / p99"] == NONE


def test_stats_name_losses_and_delays(engine: FakeEngine) -> None:
    snapshot = replace(engine.snapshot((0,)), samples_lost=1234, gaps=2, latency_ms={"p50": 1.84, "p99": 33.0})
    shown = {stat.caption: stat for stat in stats(snapshot)}
    assert shown["Lost / gaps"].value == "1,234 / 2"
    assert shown["Lost / gaps"].tone == theme.WARN
    assert shown["Push to decision p50 / p99"].value == "1.8 / 33.0 ms"
    assert shown["Push to decision p50 / p99"].tone == theme.WARN
    assert shown["Provider"].value == "CPU"
    assert shown["Accuracy"].value == "93.4 %"


def test_strip_joins_runs_and_keeps_ten_seconds() -> None:
    labels = ("rest", "hand_open")
    points = [HistoryPoint(100 + 0.5 * k, labels[k >= 30], None if k < 28 else labels[1]) for k in range(41)]
    strip = Presenter(labels).view(Snapshot(history=tuple(points))).strip
    assert [(band.text, band.start_s, band.end_s) for band in strip.decided] == [
        ("Rest", -10.0, -5.0),
        ("Hand open", -5.0, 0.0),
    ]
    assert [(band.text, band.start_s, band.end_s) for band in strip.cued] == [("Hand open", -6.0, 0.0)]


def test_wrong_number_of_probabilities_is_not_drawn(engine: FakeEngine) -> None:
    snapshot = replace(engine.snapshot((0,)), posterior=np.ones(3, dtype=np.float32) / 3)
    with pytest.raises(ValueError, match="3 probabilities for 11 labels"):
        Presenter(engine.labels).view(snapshot)


def test_scale_rises_at_once_and_falls_slowly() -> None:
    scale = Scale(floor=20.0)
    assert scale.update(130.0, 0.03) == 150.0
    assert scale.update(5.0, 1.0) == 150.0, "a rest between two gestures must not rescale the picture"
    assert scale.update(None, 100.0) == 150.0
    assert scale.update(float("nan"), 1.0) == 150.0
    for _ in range(100):
        value = scale.update(5.0, 1.0)
    assert value < 40.0


@pytest.mark.parametrize(("value", "expected"), [(1.0, 1.0), (1.01, 1.5), (74.0, 75.0), (76.0, 100.0), (0.021, 0.03)])
def test_nice_ceiling(value: float, expected: float) -> None:
    assert nice_ceiling(value) == pytest.approx(expected)


def test_clock() -> None:
    assert (clock(0), clock(75.9), clock(3725)) == ("0:00", "1:15", "1:02:05")


@pytest.mark.parametrize("shape", [(16, 16), (16, 4), (8, 16), (1, 10), (10, 1), (1, 64), (2, 3), (5, 64)])
def test_traces_are_spread_over_the_grid(shape: tuple[int, int]) -> None:
    layout = ElectrodeLayout.grid(*shape)
    chosen = choose_traces(layout)
    assert len(set(chosen)) == len(chosen)
    assert min(8, layout.n_channels) <= len(chosen) <= 16
    if layout.n_channels > 16:
        rows = {layout.cells[channel][0] for channel in chosen}
        columns = {layout.cells[channel][1] for channel in chosen}
        assert len(rows) * len(columns) == len(chosen)
        assert len(columns) > 1 or shape[1] == 1


def test_traces_of_hyser_come_array_by_array(engine: FakeEngine) -> None:
    names = [engine.layout.channels[channel].split("-")[0] for channel in choose_traces(engine.layout)]
    assert names == ["ED"] * 4 + ["FD"] * 4 + ["EP"] * 4 + ["FP"] * 4


def test_upsampling_is_exact_at_the_electrodes_and_blank_where_empty() -> None:
    rng = np.random.default_rng(1)
    values = rng.uniform(0, 100, size=(4, 6)).astype(np.float32)
    sampler = Upsampler(np.ones((4, 6), dtype=bool), per_cell=9)
    fine, visible = sampler.fill(values)
    assert visible is None
    np.testing.assert_allclose(fine[4::9, 4::9], values, rtol=1e-5)
    values[1, 2] = np.nan
    fine, visible = sampler.fill(values)
    assert visible is not None
    assert np.isfinite(fine).all()
    assert not visible[9:18, 18:27].any()
    assert visible.sum() == visible.size - 81


@pytest.mark.parametrize("count", [2, 11, 35])
def test_class_colours_differ_and_can_be_read(count: int) -> None:
    labels = ("rest", *(f"gesture_{number}" for number in range(count - 1)))
    colours = theme.class_colours(labels)
    assert len(set(colours)) == count
    assert all(theme.ink(tone) in (theme.BACKGROUND, theme.TEXT) for tone in colours)


def test_the_view_model_needs_no_qt() -> None:
    code = "import sys, rt_handdt.gui.bridge; sys.exit(bool({'PySide6', 'pyqtgraph'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_shared_patterns_keep_one_scale_and_reconstructions_follow_their_values(engine: FakeEngine) -> None:
    shared = Presenter(engine.labels, pattern_style(shared=True))
    other = Presenter(engine.labels, pattern_style(shared=False))
    for peak, wanted in ((0.1, 0.5), (7.0, 7.5)):
        snapshot = replace(engine.snapshot((0,)), pattern_grid=np.full((16, 16), peak, dtype=np.float32))
        assert shared.view(snapshot).pattern_range == (0.0, 1.0)
        assert other.view(snapshot).pattern_range == (-wanted, wanted)
    assert shared.style.remark != other.style.remark


def test_the_pattern_s_colours_rise_from_dark_to_light() -> None:
    red, green, blue = np.array(theme.pattern_map(), dtype=float).T
    luminance = 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2
    assert (np.diff(luminance) >= 0).mean() > 0.97
    assert luminance[0] < 0.01 * luminance[-1]


def test_a_long_hold_reaches_the_left_edge() -> None:
    history = (HistoryPoint(0.0, "rest", None), HistoryPoint(5.0, "fist", None), HistoryPoint(40.0, "fist", None))
    (band,) = Presenter(("rest", "fist")).view(Snapshot(history=history)).strip.decided
    assert (band.start_s, band.end_s, band.text) == (-10.0, 0.0, "Fist")


def test_why_there_is_no_command() -> None:
    """A movement that is no known gesture is refused however probable a gesture is."""
    engine = FakeEngine(at_s=24.6)
    snapshot = engine.snapshot((0,))
    assert snapshot.decision is not None
    decision = replace(snapshot.decision, label="rest", rejected=True)

    def note(highest: float) -> str:
        spread = np.full(len(engine.labels), (1 - highest) / (len(engine.labels) - 1), np.float32)
        spread[3] = highest
        shown = replace(snapshot, decision=replace(decision, probabilities=spread))
        return Presenter(engine.labels, reject_below=0.5).view(shown).headline.note

    assert note(0.8) == "No command: perhaps no gesture that is known"
    assert note(0.4) == "No command: no gesture is likely enough"


def test_velocities_drive_the_hand() -> None:
    engine = FakeEngine(at_s=24.6, dofs=("open_close", "flexion_extension"))
    presenter, snapshot = Presenter(engine.labels), engine.snapshot((0,))
    assert snapshot.decision is not None

    def flexion(snapshot: Snapshot) -> float:
        pose = presenter.view(snapshot).headline.pose
        assert pose is not None
        return pose.wrist.flexion

    def at(seconds: float, *velocities: float) -> Snapshot:
        assert snapshot.decision is not None
        decision = replace(snapshot.decision, velocities=(velocities[0], velocities[1]))
        return replace(snapshot, seconds=seconds, decision=decision)

    begun = flexion(at(30.0, 0.0, 0.0))
    bent = flexion(at(30.1, 0.0, 1.0))
    assert bent > begun
    assert flexion(at(30.2, 0.0, 0.0)) == bent  # it stays where it is
    assert flexion(replace(at(30.2, 0.0, 0.0), state="no_signal")) == bent
    assert Presenter(engine.labels).view(FakeEngine(at_s=24.6).snapshot((0,))).headline.pose is None
