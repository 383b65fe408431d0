"""Target tests on screen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QRectF, Qt
from pytestqt.qtbot import QtBot

from rt_handdt.core.dof import DofPair
from rt_handdt.core.types import Decision
from rt_handdt.gui.targets import field
from rt_handdt.gui.targets.page import TargetsPage
from rt_handdt.gui.targets.setup import TestSetup
from rt_handdt.gui.widgets.canvas import install_fonts
from rt_handdt.runtime.snapshot import Snapshot
from rt_handdt.runtime.targets.fitts import FittsTest
from rt_handdt.runtime.targets.motion import MotionTest
from tests.gui.fake_engine import FakeEngine


class Steering(FakeEngine):
    """An engine whose wearer does what the page shows, at once."""

    page: TargetsPage | None = None

    def snapshot(self, trace_channels: object = None) -> Snapshot:
        shot = super().snapshot(())
        assert shot.decision is not None
        return replace(shot, decision=self._wanted(shot.decision))

    def _wanted(self, told: Decision) -> Decision:
        watched = None if self.page is None else self.page.watched
        if watched is None or self.state != "running":
            return told
        if isinstance(watched.test, MotionTest):
            return replace(told, label=watched.test.screen.prompt or "rest", level=1.0)
        screen = watched.test.screen
        if screen.target is None:
            return replace(told, label="rest", level=0.0)
        error = screen.target - screen.cursor
        axis = int(abs(error[1]) > abs(error[0]))
        dof = DofPair()[axis]
        level = min(1.0, 4 * abs(float(error[axis])))
        return replace(told, label=dof.positive if error[axis] > 0 else dof.negative, level=level, rejected=False)


@pytest.fixture
def page(qtbot: QtBot) -> TargetsPage:
    install_fonts()
    engine = Steering(at_s=24.6)
    made = TargetsPage(engine, calibrated=True)
    engine.page = made
    qtbot.addWidget(made)
    made.show()
    return made


def _played(page: TargetsPage, seconds: float, step_s: float = 0.03) -> None:
    watched = page.watched
    assert watched is not None
    now = [0.0]
    watched._clock = lambda: now[0]
    watched._before_s = None
    while now[0] < seconds and not watched.done:
        now[0] += step_s
        page.refresh()


def test_who_steers_well_reaches_each_target_and_it_is_saved(page: TargetsPage, qtbot: QtBot, tmp_path: Path) -> None:
    page.setup.count.setValue(3)
    page.setup.subject.setText("Änne <b>")
    qtbot.mouseClick(page.go, Qt.MouseButton.LeftButton)
    assert not page.setup.isEnabled()
    _played(page, 60.0)
    assert page.go.text() == "Begin"
    assert page.watched is not None
    assert page.watched.test.figures().completion == 1.0
    assert page.field.grab().width() > 0
    assert not page.may_leave()  # the figures are not saved
    page._ask = lambda: tmp_path / "none" / "x.json"
    page.save.click()
    assert "cannot be written" in page._said.text()
    page._ask = lambda: tmp_path / "figures.json"
    page.save.click()
    assert page.may_leave()
    found = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert found["schema"] == "rt-handdt.targets/1"
    assert (found["test"], found["calibrated"], found["settings"]["targets"]) == ("fitts", True, 3)
    (person,) = found["people"]
    assert person["subject"] == "Änne <b>"
    assert person["conditions"]["classification"]["completion"] == 1.0
    assert len(person["each"]) == 3


def test_an_engine_that_does_not_run_holds_the_test(page: TargetsPage) -> None:
    page.go.click()
    _played(page, 2.0)
    watched = page.watched
    assert watched is not None
    assert isinstance(watched.test, FittsTest)
    left_s, place = watched.test.left_s, watched.test.cursor.place
    page._engine.state = "no_signal"  # type: ignore[attr-defined]
    watched._clock = lambda: 1e3  # an hour of it
    for _ in range(5):
        page.refresh()
    assert watched.held is not None
    assert (watched.test.left_s, watched.test.cursor.place.tolist()) == (left_s, place.tolist())
    assert watched.held_s > 0
    assert "held" in page.field.accessibleName()


def test_movements_are_made_and_a_stopped_test_has_figures(page: TargetsPage, tmp_path: Path) -> None:
    page._out = tmp_path / "motion.json"
    page.setup.kind.setCurrentIndex(page.setup.kind.findData("motion"))
    assert not page.setup.axes.isEnabled()
    page.go.click()
    _played(page, 7.0)
    assert page.running
    assert page.cue.accessibleName()
    page.go.click()
    figures = json.loads(page._out.read_text())["people"][0]["conditions"]["classification"]
    assert figures["completion"] == 1.0
    assert figures["movements"] >= 2
    assert page.may_leave()


def test_what_the_model_does_not_know_cannot_be_asked_for(qtbot: QtBot) -> None:
    install_fonts()
    few = TargetsPage(FakeEngine(labels=("rest", "fist"), at_s=4.0))
    qtbot.addWidget(few)
    assert [few.setup.kind.itemData(k) for k in range(few.setup.kind.count())] == ["motion"]
    none = TestSetup(("rest",), ())
    qtbot.addWidget(none)
    assert none.kind.count() == 0
    moved = TargetsPage(FakeEngine(at_s=4.0, dofs=("open_close", "rotation")))
    qtbot.addWidget(moved)
    assert moved.setup.dofs.names == ("open_close", "rotation")
    assert moved.setup.condition == "regression"


def test_no_words_lie_where_targets_may(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[QRectF, str]] = []
    monkeypatch.setattr(field, "write", lambda painter, box, text, *style: written.append((box, text)))
    shown = field.TargetField()
    qtbot.addWidget(shown)
    shown.resize(580, 440)
    shown.grab()
    assert sorted(text[2:] for _, text in written if text[0] in "←↑↓") == [
        "Hand close",
        "Wrist extension",
        "Wrist flexion",
    ]
    inside = QRectF((580 - 392) / 2, 24, 392, 392)
    assert not any(box.intersects(inside) for box, _ in written)
