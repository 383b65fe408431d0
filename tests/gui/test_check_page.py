"""The electrode check, click by click, on a stream with broken electrodes and a finger."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from rt_handdt.core.press import Pressed
from rt_handdt.core.quality import KINDS
from rt_handdt.gui.choices import Choices, save_choices
from rt_handdt.gui.shell import Shell
from rt_handdt.gui.start.check_page import WORDS, CheckPage
from rt_handdt.gui.start.style import style_sheet
from rt_handdt.gui.widgets.canvas import install_fonts
from rt_handdt.io.lsl import SignalOutlet, clock
from rt_handdt.runtime.electrode_check import CheckStage, CheckState, ElectrodeCheck, Suspect
from rt_handdt.runtime.live_run import LiveRun
from tests.support.sinks import until
from tests.support.tiny import noise, tiny_bundle, tiny_spec

SPEC = tiny_spec()
WAIT_MS = 90_000
LEFT = Qt.MouseButton.LeftButton


class Person:
    """Electrode 1 is flat; a finger presses another now and then, and muscles may work."""

    pressed, gain, broken = -1, 1.0, True


@contextmanager
def wearing(outlet: SignalOutlet, person: Person) -> Iterator[threading.Event]:
    """Stream until the context is left, or until the event is set: then the stream goes."""
    gone = threading.Event()

    def send() -> None:
        began, sent, gain, push, seed = clock(), 0, 1.0, np.zeros(8), 0
        while not gone.is_set():
            n = SPEC.hop_samples
            at = sent + np.arange(n)
            sent, seed = sent + n, seed + 1
            due = began + sent / outlet.fs_hz
            if gone.wait(max(0.0, due - clock())):
                return
            gain += 0.2 * (person.gain - gain)
            push += 0.2 * (np.where(np.arange(8) == person.pressed, 150.0, 0.0) - push)
            samples = 20_000.0 + gain * (noise(SPEC, n, 2.0, seed) - 20_000.0)
            samples += push * np.sin(2 * np.pi * 5 * at / SPEC.fs_hz)[:, None]
            if person.broken:
                samples[:, 1] = 20_000.0
            outlet.push(samples.astype(np.float32), due)

    thread = threading.Thread(target=send, name="wearing")
    thread.start()
    try:
        yield gone
    finally:
        gone.set()
        thread.join()


def test_a_check_tells_bad_electrodes_and_the_one_that_is_pressed(tmp_path: Path, lsl: None) -> None:
    bundle, person = tiny_bundle(tmp_path / "tiny", SPEC), Person()
    with wearing(SignalOutlet("worn", SPEC.layout.channels, SPEC.fs_hz), person) as gone:
        check = ElectrodeCheck(LiveRun(bundle.path, "worn", timeout_s=60.0))
        try:
            until(lambda: check.state.now == {1: "flat"} and check.state.seconds > 2)
            assert check.state.stage is CheckStage.CHECKING
            assert check.layout == SPEC.layout
            assert not check.state.worked
            assert check.state.rms_uv is not None
            assert check.state.rms_uv[1] < 0.01  # as it is, not as its neighbours are
            assert 1 < check.state.rms_uv[0] < 4
            assert check.state.suspects[0].name == "E2"
            check.find()
            until(lambda: check.state.still is not None)
            until(lambda: check.state.still == 1.0)
            person.pressed = 6
            until(lambda: check.state.pressed is not None)
            assert check.state.pressed is not None
            assert check.state.pressed.channel == 6
            person.pressed = -1
            until(lambda: check.state.pressed is None)
            person.gain = 15.0
            until(lambda: check.state.worked)
            person.broken = False
            until(lambda: not check.state.now)
            assert (check.state.suspects[0].now, check.state.suspects[0].mostly) == ("", "flat")
            check.start_anew()
            until(lambda: not check.state.suspects)
            gone.set()
            until(lambda: "Nothing has come" in check.state.remark)
            until(lambda: check.state.stage is CheckStage.OVER)
            assert "sent nothing" in check.state.sentences[0] or "gone" in check.state.sentences[0]
        finally:
            check.join()


@pytest.mark.timeout(300)
def test_from_the_start_page_click_by_click(qtbot: QtBot, tmp_path: Path, lsl: None) -> None:
    bundle, person = tiny_bundle(tmp_path / "tiny", SPEC), Person()
    save_choices(tmp_path / "window.toml", Choices().with_model(str(bundle.path)))
    install_fonts()
    shell = Shell(tmp_path / "window.toml")
    qtbot.addWidget(shell)
    shell.show()
    shell.start()
    with wearing(SignalOutlet("worn too", SPEC.layout.channels, SPEC.fs_hz), person):

        def names() -> list[str]:
            return [one.name for one in shell.page.streams.streams]

        qtbot.waitUntil(lambda: "worn too" in names(), timeout=WAIT_MS)
        shell.page.streams.selectRow(names().index("worn too"))
        qtbot.waitUntil(shell.page.check.isEnabled, timeout=WAIT_MS)
        qtbot.mouseClick(shell.page.check, LEFT)
        page = shell.checking.page
        qtbot.waitUntil(lambda: page.isVisible() and page.table.rowCount() == 1, timeout=WAIT_MS)
        assert page.table.item(0, 0).text() == "E2"
        assert page.table.item(0, 1).text() == "Flat"
        assert page.legend.accessibleName() == "Flat 1"
        qtbot.mouseClick(page.press, LEFT)
        qtbot.waitUntil(lambda: page._found.text() == "Press an electrode.", timeout=WAIT_MS)
        person.pressed = 4
        qtbot.waitUntil(lambda: page._found.text().startswith("E5: "), timeout=WAIT_MS)
        assert page.map is not None
        assert page.map._ringed == 4
        check = shell.checking.run
        assert check is not None
        shell.activateWindow()
        qtbot.waitUntil(shell.isActiveWindow, timeout=WAIT_MS)
        qtbot.keyClick(shell, Qt.Key.Key_Escape)
        assert shell.page.isVisible()
        assert shell.checking.run is None
        qtbot.waitUntil(lambda: check.ended, timeout=WAIT_MS)
        qtbot.mouseClick(shell.page.check, LEFT)
        again = shell.checking.run
        assert again is not None
        shell.close()  # at any moment
        assert again.ended


def _page(qtbot: QtBot) -> CheckPage:
    install_fonts()
    page = CheckPage()
    page.setStyleSheet(style_sheet())
    qtbot.addWidget(page)
    page.begin(SPEC.layout)
    page.resize(1024, 640)
    page.show()
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    return page


def test_every_kind_has_its_word_and_electrodes_say_theirs(qtbot: QtBot) -> None:
    assert set(WORDS) == set(KINDS)
    page = _page(qtbot)
    rms = np.full(8, 5.0)
    state = CheckState(CheckStage.CHECKING, 3.0, rms, dict(enumerate(KINDS)))
    page.show_state(
        state._replace(suspects=(Suspect("E4", "repeated", "repeated", 1.0), Suspect("E8", "", "flat", 0.2)))
    )
    page.grab()
    for word, _ in WORDS.values():
        assert f"{word} 1" in page.legend.accessibleName()
    assert page.table.item(1, 1).text() == "good now (flat before)"
    page.table.setCurrentCell(0, 0)
    assert page._line.text().startswith("E4   5.0 µV   ·   Repeated")
    assert page.map is not None
    place = page.map.cell(7).center()
    none = Qt.MouseButton.NoButton
    spot = QPointF(page.map.mapToGlobal(place.toPoint()))
    move = QMouseEvent(QMouseEvent.Type.MouseMove, place, spot, none, none, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(page.map, move)
    assert page._line.text() == "E8   5.0 µV   ·   good"
    page.show_state(state._replace(pressed=Pressed(3, 8.2), still=1.0, remark="All electrodes jumped at once."))
    assert page._found.text() == "E4: 8 times as at rest"
    assert page._remark.isVisible()


def test_hints_follow_what_was_heard(qtbot: QtBot) -> None:
    page = _page(qtbot)
    assert "Waiting" in page._hint.text()
    state = CheckState(CheckStage.CHECKING, 3.0, np.full(8, 5.0))
    page.show_state(state)
    assert "make a fist" in page._hint.text()
    page.show_state(state._replace(worked=True))
    assert "every electrode is good" in page._hint.text()
    assert page.legend.accessibleName() == "No electrode is bad"
