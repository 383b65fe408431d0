"""Electrodes on the live page's maps: pointed at, shown, left out and taken back."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.gui.widgets.canvas import install_fonts
from rt_handdt.gui.widgets.heatmap import GridHeatmap
from rt_handdt.gui.window import MainWindow
from tests.gui.fake_engine import FakeEngine

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


def _open(qtbot: QtBot, engine: FakeEngine) -> MainWindow:
    install_fonts()
    window = MainWindow(engine)
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.refresh()
    return window


def _place(grid: GridHeatmap, channel: int) -> QPoint:
    return grid.cell(channel).center().toPoint()


def _hover(grid: GridHeatmap, at: QPoint) -> None:
    where, none = QPointF(at), Qt.MouseButton.NoButton
    spot = QPointF(grid.mapToGlobal(at))
    event = QMouseEvent(QMouseEvent.Type.MouseMove, where, spot, none, none, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(grid, event)


def test_the_mouse_on_an_electrode_tells_name_value_and_signal(qtbot: QtBot) -> None:
    engine = FakeEngine(at_s=24.6)
    engine.bad = {engine.layout.channels[40]: "noisy"}
    window = _open(qtbot, engine)
    for channel in (40, 200):
        _hover(window.maps.rms, _place(window.maps.rms, channel))
        name = engine.layout.channels[channel]
        told = window.electrodes.tip.accessibleName()
        assert window.electrodes.tip.isVisible()
        assert told.startswith(f"{name} · ")
        assert "µV" in told
        assert ("noisy: rebuilt" in told) == (channel == 40)
        assert window.rect().contains(window.electrodes.tip.geometry())
    assert len(window.electrodes.tip._low) == 256
    assert (window.electrodes.tip._high > window.electrodes.tip._low).all()
    before = window.electrodes.tip._low.copy()
    engine.at_s = 24.9
    window.refresh()
    assert (window.electrodes.tip._low != before).any()
    _hover(window.maps.rms, QPoint(1, 1))
    assert not window.electrodes.tip.isVisible()


def test_a_click_shows_a_trace_and_another_hides_it(qtbot: QtBot) -> None:
    window = _open(qtbot, FakeEngine(at_s=24.6))
    for channel, shown in ((7, (7,)), (99, (7, 99)), (7, (99,))):
        qtbot.mouseClick(window.maps.pattern, LEFT, pos=_place(window.maps.pattern, channel))
        assert window.signal.view.channels == shown
        assert window.maps.rms._marked == set(shown)
        window.refresh()
    assert window.signal.buttons.checkedButton().text() == "Chosen"
    qtbot.keyClick(window, Qt.Key.Key_T)
    assert len(window.signal.view.channels) == 16
    qtbot.mouseClick(window.maps.rms, LEFT, pos=_place(window.maps.rms, 99))
    assert window.signal.chosen == ()
    assert len(window.signal.view.channels) == 16
    for channel in range(64):
        window.electrodes.choose(channel)
    window.electrodes.choose(70)
    assert len(window.signal.chosen) == 64
    assert "No more than 64" in window._notice


def test_the_right_button_leaves_an_electrode_out_and_takes_it_back(qtbot: QtBot) -> None:
    engine = FakeEngine(at_s=24.6)
    window = _open(qtbot, engine)
    names = engine.layout.channels
    for channel in (3, 5):  # before the engine has answered, too
        qtbot.mouseClick(window.maps.rms, RIGHT, pos=_place(window.maps.rms, channel))
    assert engine.excluded == (names[3], names[5])
    assert f"{names[5]} is left out" in window._notice
    window.refresh()
    assert set(window.maps.rms._bad) == {names[3], names[5]}
    _hover(window.maps.rms, _place(window.maps.rms, 3))
    assert "left out by you" in window.electrodes.tip.accessibleName()
    assert "take it back" in window.electrodes.tip.accessibleName()
    qtbot.mouseClick(window.maps.pattern, RIGHT, pos=_place(window.maps.pattern, 3))
    assert engine.excluded == (names[5],)
    assert f"{names[3]} is used again" in window._notice
    qtbot.keyClick(window, Qt.Key.Key_U)
    assert engine.excluded == ()
    qtbot.keyClick(window, Qt.Key.Key_U)
    assert "No electrode is left out" in window._notice


def test_so_many_can_be_left_out_and_no_more(qtbot: QtBot) -> None:
    engine = FakeEngine(ElectrodeLayout.grid(2, 5), ("rest", "fist", "open"), at_s=3.0)
    window = _open(qtbot, engine)
    for channel in range(4):
        window.electrodes.exclude(channel)
    assert engine.excluded == ("E1", "E2", "E3")
    assert "No more than 30 %" in window._notice


@pytest.mark.parametrize("size", [(1024, 640), (1440, 900)])
def test_the_tip_stays_inside(qtbot: QtBot, size: tuple[int, int]) -> None:
    window = _open(qtbot, FakeEngine(at_s=24.6))
    window.resize(*size)
    qtbot.wait(10)
    for grid in (window.maps.rms, window.maps.pattern):
        for channel in (0, 63, 128, 255):
            _hover(grid, _place(grid, channel))
            assert window.rect().contains(window.electrodes.tip.geometry())
            assert not window.electrodes.tip.geometry().contains(grid.mapTo(window, _place(grid, channel)))
