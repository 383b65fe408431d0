"""The window itself, drawn into memory."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QFontInfo, QFontMetricsF, QImage
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from rt_handdt.core.gestures import HYSER_GESTURES
from rt_handdt.core.layout import ArrayBlock, ElectrodeLayout
from rt_handdt.errors import DisplayError
from rt_handdt.gui import theme
from rt_handdt.gui.app import run_window
from rt_handdt.gui.widgets.canvas import bold, install_fonts, wrapped
from rt_handdt.gui.widgets.stage import WORDS
from rt_handdt.gui.window import NOTICE_S, MainWindow
from rt_handdt.runtime.snapshot import Snapshot
from rt_handdt.runtime.status import State
from tests.gui.fake_engine import FakeEngine


def _pixels(path: Path) -> np.ndarray:
    image = QImage(str(path)).convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), dtype=np.uint32).reshape(image.height(), image.width())
    return pixels.copy()  # the memory is the image's, and goes with it


def _open(qtbot: QtBot, engine: FakeEngine, **options: float) -> MainWindow:
    install_fonts()
    window = MainWindow(engine, **options)
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()  # shortcuts reach the active window only
    qtbot.waitUntil(window.isActiveWindow)
    return window


def test_all_states_and_many_frames(qtbot: QtBot) -> None:
    engine = FakeEngine()
    window = _open(qtbot, engine, reject_below=0.5)
    for frame in range(60):
        engine.at_s = 0.02 + 0.21 * frame
        engine.state = ("connecting", "running", "running", "no_signal", "running", "lost")[frame // 10]
        window.refresh()
        qtbot.wait(1)
    assert window.error is None
    assert window.frames == 60


def _layouts() -> list[ElectrodeLayout]:
    holed = ElectrodeLayout.parse(
        {"name": "holed", "shape": (3, 3), "channels": ("A", "B", "C"), "cells": ((0, 0), (2, 1), (1, 2))}, what="test"
    )
    blocks = (ArrayBlock(name="up", rows=(0, 3), columns=(0, 7)), ArrayBlock(name="down", rows=(4, 7), columns=(0, 7)))
    overlapping = (*blocks, ArrayBlock(name="over", rows=(2, 5), columns=(2, 5)))
    return [
        ElectrodeLayout.grid(16, 4),
        ElectrodeLayout.grid(1, 10),
        ElectrodeLayout.grid(10, 1),
        ElectrodeLayout.grid(8, 16),
        ElectrodeLayout.grid(1, 1),
        holed,
        ElectrodeLayout.grid(8, 8).model_copy(update={"arrays": blocks}),
        ElectrodeLayout.grid(8, 8).model_copy(update={"arrays": overlapping}),
    ]


@pytest.mark.parametrize("layout", _layouts(), ids=lambda layout: f"{layout.name}-{len(layout.arrays)}")
def test_any_grid(qtbot: QtBot, layout: ElectrodeLayout, tmp_path: Path) -> None:
    window = _open(qtbot, FakeEngine(layout, ("rest", "fist", "open"), at_s=4.0))
    window.refresh()
    window.resize(1100, 700)
    assert window.save_screenshot(tmp_path / "grid.png")
    assert len(np.unique(_pixels(tmp_path / "grid.png"))) > 500


def test_all_hyser_gestures_fit(qtbot: QtBot, tmp_path: Path) -> None:
    window = _open(qtbot, FakeEngine(labels=("rest", *HYSER_GESTURES), at_s=4.0))
    window.resize(1100, 700)
    window.refresh()
    assert window.save_screenshot(tmp_path / "all.png")


def _geometry(window: MainWindow) -> list[tuple[str, tuple[int, int, int, int]]]:
    window.grab()  # lays out and paints
    return [(type(part).__name__, part.geometry().getRect()) for part in window.findChildren(QWidget)]


def test_nothing_moves_when_the_contents_change(qtbot: QtBot) -> None:
    engine = FakeEngine(labels=("rest", *HYSER_GESTURES), at_s=3.0, state="connecting")
    window = _open(qtbot, engine)
    window.refresh()
    before = _geometry(window)
    engine.state = "running"
    for at_s in (0.1, 2.5, 6.0, 9.9, 13.7, 4000.0):
        engine.at_s = at_s
        window.refresh()
        assert _geometry(window) == before
    engine.state = "failed"
    window.refresh()
    assert _geometry(window) == before


def test_what_is_shown_follows_the_snapshot(qtbot: QtBot, tmp_path: Path) -> None:
    engine = FakeEngine(at_s=23.0)
    window = _open(qtbot, engine)
    window.refresh()
    window.save_screenshot(tmp_path / "rest.png")
    engine.at_s = 24.6
    window.refresh()
    window.save_screenshot(tmp_path / "gesture.png")
    changed = (_pixels(tmp_path / "rest.png") != _pixels(tmp_path / "gesture.png")).mean()
    assert changed > 0.05


def test_pause_holds_the_display_only(qtbot: QtBot) -> None:
    engine = FakeEngine()
    window = _open(qtbot, engine)
    window.start()
    qtbot.waitUntil(lambda: engine.calls > 3)
    qtbot.keyClick(window, Qt.Key.Key_Space)
    held = engine.calls
    qtbot.wait(150)
    assert engine.calls == held
    qtbot.keyClick(window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: engine.calls > held + 2)


def test_polls_at_thirty_frames_at_most(qtbot: QtBot) -> None:
    engine = FakeEngine()
    window = _open(qtbot, engine)
    began = time.monotonic()
    window.start()
    qtbot.wait(1000)
    qtbot.waitUntil(lambda: engine.calls >= 5, timeout=60_000)
    assert engine.calls <= 30 * (time.monotonic() - began) + 2  # on a busy machine a second is longer


def test_keys(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    window = _open(qtbot, FakeEngine(at_s=3.0))
    window.start()
    qtbot.keyClick(window, Qt.Key.Key_S)
    (saved,) = tmp_path.glob("rt_handdt_*.png")
    assert saved.stat().st_size > 10_000
    with qtbot.waitSignal(window.closed):
        qtbot.keyClick(window, Qt.Key.Key_Escape)


def test_a_subject_is_forgotten_at_the_second_time_only(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine(at_s=3.0)
    window = _open(qtbot, engine)
    now_s = 100.0
    monkeypatch.setattr("rt_handdt.gui.window.time.monotonic", lambda: now_s)
    qtbot.keyClick(window, Qt.Key.Key_N)
    assert engine.forgotten == 0
    qtbot.keyClick(window, Qt.Key.Key_N)
    assert engine.forgotten == 1
    qtbot.keyClick(window, Qt.Key.Key_N)
    now_s += NOTICE_S + 0.1  # that was an accident
    qtbot.keyClick(window, Qt.Key.Key_N)
    assert engine.forgotten == 1


def test_escape_leaves_sheet_and_stage_before_the_page(qtbot: QtBot) -> None:
    window = _open(qtbot, FakeEngine(at_s=24.6))
    window.start()
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert window.on_stage
    assert window.isFullScreen()
    assert window.stage.words.accessibleName().startswith("Thumb")
    qtbot.keyClick(window, "?")
    assert window.keys.isVisible()
    for left in ("sheet", "stage"):
        qtbot.keyClick(window, Qt.Key.Key_Escape)
        assert not window.keys.isVisible()
        assert window.on_stage == (left == "sheet")
        assert window.isVisible()
    assert not window.isFullScreen()
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isVisible()


@pytest.mark.parametrize("key", [Qt.Key.Key_Escape, Qt.Key.Key_Q])
def test_leaving_while_something_is_recorded_asks(qtbot: QtBot, key: Qt.Key) -> None:
    window = _open(qtbot, FakeEngine(at_s=3.0, recording="run.xdf"))
    window.start()
    held = Qt.KeyboardModifier.ControlModifier if key == Qt.Key.Key_Q else Qt.KeyboardModifier.NoModifier
    qtbot.keyClick(window, key, held)
    assert window.isVisible()
    qtbot.keyClick(window, key, held)
    assert not window.isVisible()


def test_outputs_are_switched_and_seen(qtbot: QtBot) -> None:
    engine = FakeEngine(at_s=3.0, outputs=False)
    window = _open(qtbot, engine)
    window.start()
    assert window.outputs.isVisible()
    assert window.outputs.text() == "Outputs off"
    qtbot.keyClick(window, Qt.Key.Key_O)
    assert engine.outputs is True
    assert window.outputs.text() == "Outputs LIVE"
    assert theme.BAD in window.outputs.styleSheet()
    qtbot.mouseClick(window.outputs, Qt.MouseButton.LeftButton)
    assert engine.outputs is False
    engine.outputs = True  # it shows what the engine says, not what was clicked
    window.refresh()
    assert window.outputs.text() == "Outputs LIVE"


def test_without_outputs_there_is_no_switch(qtbot: QtBot) -> None:
    engine = FakeEngine(at_s=3.0)
    window = _open(qtbot, engine)
    window.start()
    qtbot.keyClick(window, Qt.Key.Key_O)
    assert engine.outputs is None
    assert not window.outputs.isVisible()


@pytest.mark.parametrize("state", [state for state in State if state not in (State.RUNNING, State.STOPPED)])
def test_the_stage_says_in_words_what_is_wrong(qtbot: QtBot, state: State) -> None:
    window = _open(qtbot, FakeEngine(at_s=24.6, state=state))
    window.toggle_stage()
    assert WORDS[state] in window.stage.words.accessibleName()
    assert "Thumb" not in window.stage.words.accessibleName()


@pytest.mark.parametrize("size", [(1024, 640), (1440, 900), (3840, 2160)])
def test_stage_names_are_as_large_as_they_fit(qtbot: QtBot, size: tuple[int, int]) -> None:
    window = _open(qtbot, FakeEngine(labels=("rest", *HYSER_GESTURES), at_s=4.0))
    words = window.stage.words
    pixels = words.pixels(0.5 * size[0], 0.8 * size[1])
    assert pixels >= 0.045 * size[0]
    widest = max((word for text in words._titles for word in text.split()), key=len)
    assert QFontMetricsF(bold(pixels)).horizontalAdvance(widest) <= 0.5 * size[0]
    assert all(len(wrapped(text, bold(pixels), 0.5 * size[0])) <= 2 for text in words._titles)


def test_the_stage_is_never_empty_and_says_what_is_asked(qtbot: QtBot) -> None:
    window = _open(qtbot, FakeEngine(at_s=24.6, recording="run.xdf"))
    window.start()
    window.toggle_pause()
    window.toggle_stage()
    assert window.stage.words.accessibleName().startswith("Thumb")
    window.leave_for_good()
    assert window.isVisible()
    window.refresh()
    assert "This run is recorded" in window._header._shown[2]


def test_closing_stops_every_timer(qtbot: QtBot) -> None:
    engine = FakeEngine()
    window = _open(qtbot, engine)
    window.start()
    window.close()
    assert not any(timer.isActive() for timer in window.findChildren(QTimer))
    calls = engine.calls
    qtbot.wait(120)
    assert engine.calls == calls


def test_run_window_takes_the_screenshot_and_ends(qtbot: QtBot, tmp_path: Path) -> None:
    picture = tmp_path / "new" / "window.png"
    assert run_window(FakeEngine(at_s=24.6), seconds=0.3, screenshot=picture, reject_below=0.5) == 0
    pixels = _pixels(picture)
    assert pixels.shape == (900, 1440)
    assert len(np.unique(pixels)) > 1000


def test_run_window_says_where_it_cannot_write(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(DisplayError, match=r"folder\.png"):
        run_window(FakeEngine(at_s=24.6), seconds=0.1, screenshot=tmp_path / "folder.png")
    (tmp_path / "file").touch()
    with pytest.raises(DisplayError, match="cannot be written"):
        run_window(FakeEngine(at_s=24.6), seconds=0.1, screenshot=tmp_path / "file" / "window.png")


class _Broken(FakeEngine):
    def snapshot(self, trace_channels: Sequence[int] | None = None) -> Snapshot:
        if self.calls == 3:
            raise RuntimeError("the ring is gone")
        return super().snapshot(trace_channels)


def test_an_exception_of_the_engine_is_raised_not_swallowed(qtbot: QtBot) -> None:
    with pytest.raises(RuntimeError, match="the ring is gone"):
        run_window(_Broken(), seconds=5.0)


def test_an_exception_of_the_first_snapshot_too(qtbot: QtBot) -> None:
    engine = _Broken()
    engine.calls = 3
    with pytest.raises(RuntimeError, match="the ring is gone"):
        run_window(engine, seconds=5.0)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_closes_the_window(tmp_path: Path) -> None:
    code = (
        "import os, signal, threading, time\n"
        "from tests.gui.fake_engine import FakeEngine\n"
        "from rt_handdt.gui.app import run_window\n"
        "engine = FakeEngine()\n"
        "ask = engine.snapshot\n"
        "def snapshot(channels):\n"
        "    if engine.calls == 5:\n"
        "        threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT)).start()\n"
        "    return ask(channels)\n"
        "engine.snapshot = snapshot\n"
        "began = time.monotonic()\n"
        "code = run_window(engine, seconds=30.0)\n"
        "early = time.monotonic() - began < 25.0\n"  # and not only when its time was up
        "print('closed', code, early, signal.getsignal(signal.SIGINT) is signal.default_int_handler)\n"
    )
    environ = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "closed 0 True True"


def test_signal_handlers_come_back(qtbot: QtBot) -> None:
    before = signal.getsignal(signal.SIGINT)
    run_window(FakeEngine(at_s=3.0), seconds=0.1)
    assert signal.getsignal(signal.SIGINT) is before


def test_the_shipped_font_is_used(qtbot: QtBot) -> None:
    install_fonts()
    info = QFontInfo(bold(20))
    assert info.family() == "Roboto"
    assert info.bold()


@pytest.mark.parametrize("stage", [False, True])
def test_the_drawn_hand_follows_velocities(qtbot: QtBot, stage: bool) -> None:
    engine = FakeEngine(at_s=24.6, dofs=("open_close", "flexion_extension"))
    window = _open(qtbot, engine)
    if stage:
        window.toggle_stage()
    window.refresh()
    hand = window.stage.hand if stage else window._gesture._hand
    hand.step(math.inf)
    assert window._view.headline.pose is not None
    assert hand._pose == window._view.headline.pose
