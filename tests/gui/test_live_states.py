"""What the live page says is amiss: lanes, header and maps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QPointF
from pytestqt.qtbot import QtBot

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.gui import theme
from rt_handdt.gui.bridge import Presenter
from rt_handdt.gui.health import Health
from rt_handdt.gui.widgets.heatmap import GridHeatmap
from rt_handdt.runtime.snapshot import Snapshot
from rt_handdt.runtime.status import State
from tests.gui.fake_engine import FakeEngine


class _Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_lanes_go_on_when_the_stream_does_not() -> None:
    clock, engine = _Clock(), FakeEngine(at_s=24.6)
    presenter = Presenter(engine.labels, now=clock)
    running = engine.snapshot((0,))
    strip = presenter.view(running).strip
    assert strip.states == ()
    assert strip.decided[-1].end_s == 0.0
    dead = replace(running, state=State.NO_SIGNAL)
    clock.now_s += 1.0
    presenter.view(dead)
    clock.now_s += 3.0
    strip = presenter.view(dead).strip
    assert strip.decided[-1].end_s == pytest.approx(-4.0)
    assert strip.decided[0].start_s >= -10.0
    assert [(band.text, band.start_s, band.end_s) for band in strip.states] == [("No signal", -3.0, 0.0)]
    assert strip.states[0].colour == theme.STATE_COLOURS[State.NO_SIGNAL]
    clock.now_s += 7.0
    strip = presenter.view(dead).strip
    assert (strip.cued, strip.decided) == ((), ())
    assert [(band.start_s, band.end_s) for band in strip.states] == [(-10.0, 0.0)]


@pytest.mark.parametrize("state", [state for state in State if state != State.RUNNING])
def test_every_state_has_its_word_in_the_lane(state: State) -> None:
    clock, engine = _Clock(), FakeEngine(at_s=24.6)
    presenter = Presenter(engine.labels, now=clock)
    presenter.view(replace(engine.snapshot((0,)), state=state))
    clock.now_s += 1.0
    (band,) = presenter.view(replace(engine.snapshot((0,)), state=state)).strip.states
    assert band.text == state.replace("_", " ").capitalize()


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"rejected": True}, "Unsure"),
        ({"rejected": True, "label": "rest"}, "No command"),
        ({"reason": "bad_signal", "rejected": True}, "No command"),
    ],
)
def test_a_decision_not_to_act_on_is_in_the_lane(changes: dict[str, Any], word: str) -> None:
    clock, engine = _Clock(), FakeEngine(at_s=24.6)
    presenter = Presenter(engine.labels, now=clock)
    snapshot = engine.snapshot((0,))
    assert snapshot.decision is not None
    unsure = replace(snapshot, decision=replace(snapshot.decision, **changes))
    presenter.view(unsure)
    clock.now_s += 0.5
    presenter.view(snapshot)
    clock.now_s += 0.5
    (band,) = presenter.view(snapshot).strip.states
    assert (band.text, band.start_s, band.end_s) == (word, -1.0, -0.5)


def test_health_is_silent_when_all_is_well_and_news_grow_old() -> None:
    clock = _Clock()
    health = Health(clock)
    well = Snapshot(state=State.RUNNING, seconds=60.0, samples_lost=500, gaps=3)
    assert health.sentence(well) == ""  # lost before anybody looked
    clock.now_s += 5.0
    worse = replace(well, samples_lost=540, gaps=4)
    assert health.sentence(worse) == "40 samples lost in 1 gap within 10 s"
    clock.now_s += 9.0
    assert health.sentence(worse) != ""
    clock.now_s += 1.0
    assert health.sentence(worse) == ""
    anew = replace(well, seconds=1.0, samples_lost=0, gaps=0)
    assert health.sentence(anew) == ""
    assert health.sentence(replace(anew, windows_skipped=2)) == "2 windows passed over as too old within 10 s"


def test_health_names_old_samples_and_slow_decisions() -> None:
    snapshot = FakeEngine(at_s=24.6).snapshot((0,))
    assert snapshot.decision is not None
    old = replace(snapshot, decision=replace(snapshot.decision, age_s=0.12), latency_ms={"p99": 33.0})
    assert Health(_Clock()).sentence(old) == "Samples are 120 ms old · slow: a decision takes up to 33 ms"


def test_the_reason_for_resting_is_not_pushed_aside_by_figures() -> None:
    engine = FakeEngine(at_s=24.6, state="no_signal")
    snapshot = replace(engine.snapshot((0,)), latency_ms={"p50": 1.0, "p99": 40.0})
    view = Presenter(engine.labels).view(snapshot)
    assert view.message == snapshot.message
    assert view.message_colour == view.state_colour
    view = Presenter(engine.labels).view(replace(snapshot, state=State.RUNNING, message="3 electrodes are rebuilt"))
    assert view.message.endswith("40 ms · 3 electrodes are rebuilt")
    assert view.message_colour == theme.WARN


def test_a_map_names_its_electrodes_and_crosses_out_the_bad(qtbot: QtBot) -> None:
    layout = ElectrodeLayout.grid(4, 4)
    heat = GridHeatmap(layout, table=[(0, 0, value) for value in range(256)], unit="µV")
    qtbot.addWidget(heat)
    heat.resize(300, 240)
    heat.show()
    heat.show_grid(FakeEngine(layout, ("rest", "fist"), at_s=4.0).snapshot(()).rms_grid, (0.0, 100.0))
    plain = heat.grab().toImage()
    name = layout.channels[5]
    centre = heat._cells[5].center()
    assert heat.words_at(centre).startswith(f"{name} · ")
    assert "µV" in heat.words_at(centre)
    assert heat.words_at(QPointF(-5.0, -5.0)) == ""
    heat.show_bad({name: "flat"})
    assert "flat, rebuilt from its neighbours" in heat.words_at(centre)
    crossed = heat.grab().toImage()
    spot = (round(centre.x()) * crossed.width() // 300, round(centre.y()) * crossed.height() // 240)
    assert crossed.pixelColor(*spot).lightness() > 200
    assert plain.pixelColor(*spot) != crossed.pixelColor(*spot)


def test_what_nobody_watched_is_not_called_well() -> None:
    clock, engine = _Clock(), FakeEngine(at_s=24.6)
    presenter = Presenter(engine.labels, now=clock)
    presenter.view(engine.snapshot((0,)))
    presenter.look_away()
    clock.now_s += 2.0
    presenter.view(engine.snapshot((0,)))
    clock.now_s += 1.0
    (band,) = presenter.view(engine.snapshot((0,))).strip.states
    assert (band.text, band.start_s, band.end_s) == ("Display held", -3.0, -1.0)
