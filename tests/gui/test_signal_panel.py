"""Traces, raster, hold and look back on the live page, by keys, wheel and clicks."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.gui.widgets.canvas import install_fonts
from rt_handdt.gui.window import MainWindow
from rt_handdt.runtime.snapshot import Snapshot
from tests.gui.fake_engine import FS_HZ, FakeEngine


def _open(qtbot: QtBot, engine: FakeEngine) -> MainWindow:
    install_fonts()
    window = MainWindow(engine)
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    for second in range(8):
        assert engine.at_s is not None
        engine.at_s += 1.0 if second else 0.0
        window.refresh()
    return window


def _wheel(window: MainWindow, turn: int, held: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    spot, none = QPointF(100, 100), Qt.MouseButton.NoButton
    phase = Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(spot, spot, QPoint(), QPoint(0, turn), none, held, phase, False)
    QApplication.sendEvent(window.signal.view, event)


def test_keys_and_clicks_change_what_is_shown(qtbot: QtBot) -> None:
    window = _open(qtbot, FakeEngine(at_s=20.0))
    view = window.signal.view
    shown = []
    for _ in range(5):
        shown.append((len(view.channels), view.raster, view.signed))
        qtbot.keyClick(window, Qt.Key.Key_T)
    assert shown == [(16, False, False), (64, False, False), (256, True, False), (256, True, True), (16, False, False)]
    qtbot.mouseClick(window.signal.buttons.button(2), Qt.MouseButton.LeftButton)
    assert view.raster
    assert sorted(view.channels) == list(range(256))
    before = view.seconds
    qtbot.keyClick(window, Qt.Key.Key_Period)
    assert view.seconds == pytest.approx(2 * before)
    _wheel(window, 120, Qt.KeyboardModifier.ControlModifier)
    assert view.seconds == pytest.approx(before)
    assert window.refresh() is None
    assert window.error is None


def test_held_it_stands_and_looks_back_to_what_was(qtbot: QtBot) -> None:
    engine = FakeEngine(at_s=20.0)
    window = _open(qtbot, engine)
    view = window.signal.view
    qtbot.keyClick(window, Qt.Key.Key_Space)
    held = view._image.pixels.copy()
    written = engine.memory.written
    engine.memory.push(np.full((round(40 * FS_HZ), 256), 500.0, np.float32))  # all that was is written over
    assert engine.memory.written > written
    window.refresh()
    assert (view._image.pixels == held).all()
    qtbot.keyClick(window, Qt.Key.Key_Left)
    assert window.signal.back_s == pytest.approx(view.seconds / 8)
    assert not (view._image.pixels == held).all()
    qtbot.keyClick(window, Qt.Key.Key_Right)
    assert window.signal.back_s == 0.0
    assert (np.roll(view._image.pixels, 0) == held).all()
    qtbot.keyClick(window, Qt.Key.Key_Home)
    there_s = written / 256 - view.seconds
    assert window.signal.back_s == pytest.approx(there_s, abs=0.01)  # no further back than there is anything
    qtbot.keyClick(window, Qt.Key.Key_End)
    assert window.signal.back_s == 0.0
    qtbot.keyClick(window, Qt.Key.Key_Left)
    qtbot.keyClick(window, Qt.Key.Key_Space)
    assert window.signal.back_s == 0.0
    assert not (view._image.pixels == held).all()


def test_the_wheel_holds_the_display_and_looks_back(qtbot: QtBot) -> None:
    window = _open(qtbot, FakeEngine(at_s=20.0))
    _wheel(window, -120)  # there is nothing ahead
    assert not window._paused
    _wheel(window, 120)
    assert window._paused
    assert "held" in window._header._shown[2]
    assert window.signal.back_s == pytest.approx(window.signal.view.seconds / 8)
    qtbot.keyClick(window, Qt.Key.Key_F11)
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert window.signal.back_s == 0.0
    _wheel(window, 120)
    assert window._paused


def test_the_signal_is_followed_only_where_it_is_seen(qtbot: QtBot) -> None:
    asked: list[bool] = []

    class Asked(FakeEngine):
        def snapshot(self, trace_channels: object = None) -> Snapshot:
            asked.append(bool(trace_channels))
            return super().snapshot(trace_channels)  # type: ignore[arg-type]

    window = _open(qtbot, Asked(at_s=20.0))
    assert all(asked)
    asked.clear()
    window.toggle_stage()
    window.refresh()
    assert asked
    assert not any(asked)


def test_one_loud_channel_sets_the_range(qtbot: QtBot) -> None:
    engine = FakeEngine(at_s=20.0, state="connecting")
    window = _open(qtbot, engine)
    traces = np.random.default_rng(0).normal(0, 5, size=(4096, 256)).astype(np.float32)
    traces[:, window.signal.view.channels[11]] *= 40
    engine.memory.push(traces)
    for _ in range(9):
        window.refresh()
    assert window.signal.view._trace_uv.value >= 300


@pytest.mark.parametrize("shape", [(1, 1), (1, 10), (5, 4)])
def test_few_channels_leave_few_choices(qtbot: QtBot, shape: tuple[int, int]) -> None:
    engine = FakeEngine(ElectrodeLayout.grid(*shape), ("rest", "fist", "open"), at_s=3.0)
    window = _open(qtbot, engine)
    for _ in range(4):
        qtbot.keyClick(window, Qt.Key.Key_T)
        window.refresh()
        window.grab()
    assert window.error is None
