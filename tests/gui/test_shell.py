"""The whole window as a person would use it: a real engine, a real stream, in processes of their own."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt, QTimer
from pytestqt.qtbot import QtBot

from rt_handdt.gui import theme
from rt_handdt.gui.choices import Choices, load_choices, save_choices
from rt_handdt.gui.shell import Shell
from rt_handdt.gui.widgets.canvas import install_fonts
from rt_handdt.io.lsl import SignalOutlet
from rt_handdt.io.sources import open_recording
from tests.gui.fake_engine import FakeEngine
from tests.support.obedient import SPEC, Patience, obeying
from tests.support.streaming import streaming
from tests.support.tiny import noise, tiny_bundle

WAIT_MS = 90_000
CTRL = Qt.KeyboardModifier.ControlModifier


def _press(qtbot: QtBot, shell: Shell, key: Qt.Key) -> None:
    """Shortcuts reach the active window only, and a tooltip takes that from it where there is no window manager."""
    shell.activateWindow()
    qtbot.waitUntil(shell.isActiveWindow, timeout=WAIT_MS)
    qtbot.keyClick(shell, key)


def _choose(qtbot: QtBot, shell: Shell, name: str) -> None:
    """Click on a stream, once it is seen."""

    def names() -> list[str]:
        return [one.name for one in shell.page.streams.streams]

    qtbot.waitUntil(lambda: name in names(), timeout=WAIT_MS)
    shell.page.streams.selectRow(names().index(name))


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.timeout(300)
def test_from_the_start_page_to_a_hand_and_back(qtbot: QtBot, shell: Shell) -> None:
    shell.page.row.sinks.setText("udp:5999")
    qtbot.mouseClick(shell.page.virtual, Qt.MouseButton.LeftButton)
    assert shell.opening.isVisible()
    qtbot.waitUntil(lambda: shell.live.page is not None and shell.live.page._view.state == "Running", timeout=WAIT_MS)
    live, session = shell.live.page, shell.live.session
    assert live is not None
    assert session is not None
    assert live.outputs.text() == "Outputs off"
    _press(qtbot, shell, Qt.Key.Key_O)
    qtbot.waitUntil(lambda: session.engine.snapshot((0,)).outputs is True, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: live.outputs.text() == "Outputs LIVE", timeout=WAIT_MS)

    # an electrode is left out, the signal is there and looked back at
    qtbot.mouseClick(live.maps.rms, Qt.MouseButton.RightButton, pos=live.maps.rms.cell(3).center().toPoint())
    name = session.engine.layout.channels[3]
    qtbot.waitUntil(lambda: session.engine.snapshot((0,)).excluded == (name,), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: session.engine.memory.written > 3 * 256, timeout=WAIT_MS)
    _press(qtbot, shell, Qt.Key.Key_Left)  # the display is held for it
    assert live._paused
    assert live.signal.back_s > 0
    _press(qtbot, shell, Qt.Key.Key_Space)

    # the engine breaks down: it is started again, said, and nobody is moved by it unasked
    engine = session.engine
    os.kill(engine._process.pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: session.engine is not engine, timeout=WAIT_MS)
    assert any("started again" in sentence for sentence in shell.said)
    qtbot.waitUntil(lambda: shell.live.page is not None and shell.live.page._view.state == "Running", timeout=WAIT_MS)
    assert shell.live.page is not live
    assert shell.live.page.outputs.text() == "Outputs off"
    qtbot.waitUntil(lambda: session.engine.snapshot((0,)).excluded == (name,), timeout=WAIT_MS)

    # the stream goes: said, and the page stays
    session._replay._child.kill()
    qtbot.waitUntil(lambda: shell.live.page._view.state in ("No signal", "Lost"), timeout=WAIT_MS)
    _press(qtbot, shell, Qt.Key.Key_Escape)
    assert shell.live.page is None
    assert shell.page.isVisible()
    qtbot.waitUntil(lambda: session.ended, timeout=WAIT_MS)

    shell.close()
    assert not any(timer.isActive() for timer in shell.findChildren(QTimer))
    assert not session.engine._process.is_alive()
    assert load_choices(shell._file).choices.sinks == ("udp:5999",)


def test_what_cannot_be_opened_leads_back_with_a_sentence(qtbot: QtBot, shell: Shell, tmp_path: Path) -> None:
    shell.page.begin_replay(str(tmp_path / "none.xdf"))
    qtbot.waitUntil(lambda: shell.live.session is None and shell.page.isVisible(), timeout=WAIT_MS)
    assert "none.xdf" in shell.page._status.text()
    assert shell.page._status.isVisible()


def test_cancelled_while_it_opens(qtbot: QtBot, shell: Shell) -> None:
    qtbot.mouseClick(shell.page.virtual, Qt.MouseButton.LeftButton)
    _press(qtbot, shell, Qt.Key.Key_Escape)
    assert shell.page.isVisible()
    qtbot.waitUntil(lambda: not shell._ending, timeout=WAIT_MS)


def test_the_theme_changes_and_is_remembered(qtbot: QtBot, shell: Shell) -> None:
    before = shell.page
    qtbot.mouseClick(before.theme_button, Qt.MouseButton.LeftButton)
    assert shell.page is not before
    assert theme.current == "light"
    assert load_choices(shell._file).choices.theme == "light"
    assert "#ffffff" in shell.styleSheet()


def test_what_is_to_be_recorded_outlives_a_change_of_colours(qtbot: QtBot, shell: Shell, tmp_path: Path) -> None:
    shell.page.row.record_to(tmp_path / "run.xdf")
    qtbot.mouseClick(shell.page.theme_button, Qt.MouseButton.LeftButton)
    assert shell.page.row.recording_to == tmp_path / "run.xdf"
    assert "run.xdf" in shell.page.row.record.text()


def test_what_breaks_ends_the_window_and_is_kept(qtbot: QtBot, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("no such thing")

    monkeypatch.setattr(shell.page, "look", broken)
    qtbot.waitUntil(lambda: not shell.isVisible(), timeout=WAIT_MS)
    assert str(shell.error) == "no such thing"


def test_a_model_list_that_cannot_be_read_is_no_endless_wait(
    qtbot: QtBot, tmp_path: Path, lsl: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(recent: object) -> None:
        raise RuntimeError("no models")

    monkeypatch.setattr("rt_handdt.runtime.model_card.find_models", broken)
    made = Shell(tmp_path / "window.toml")
    qtbot.addWidget(made)
    made.show()
    made.start()
    qtbot.waitUntil(lambda: not made.isVisible(), timeout=WAIT_MS)
    assert str(made.error) == "no models"


class _Recorded:
    """A session and an engine of which a recording is made."""

    def __init__(self) -> None:
        self.engine = FakeEngine(at_s=24.6, recording="run.xdf")
        self.engine.wait_until_ready = lambda: self  # type: ignore[attr-defined]
        self.reject_below, self.ended, self.closed = 0.5, True, False

    def close(self) -> None:
        self.closed = True

    def join(self) -> None: ...


def test_while_a_run_is_recorded_quitting_asks_first(qtbot: QtBot, shell: Shell) -> None:
    shell._timer.stop()
    shell.enter(shell.live)
    shell.live.session = session = _Recorded()  # type: ignore[assignment]
    shell.live.show(session)  # type: ignore[arg-type]
    pictures: list[bool] = []
    shell.closed.connect(lambda: pictures.append(shell.live.page is not None))
    shell._quit()
    assert shell.isVisible()
    shell._quit()
    assert not shell.isVisible()
    assert session.closed
    assert pictures == [True]  # a picture on the way out is of the live page


def test_an_engine_that_is_started_again_stays_on_the_stage(qtbot: QtBot, shell: Shell) -> None:
    shell._timer.stop()
    shell.showMaximized()
    shell.enter(shell.live)
    shell.live.session = session = _Recorded()  # type: ignore[assignment]
    shell.live.show(session)  # type: ignore[arg-type]
    assert shell.live.page is not None
    shell.live.page.toggle_stage()
    shell.live.drop()
    shell.live.show(session)  # type: ignore[arg-type]
    assert shell.live.page.on_stage
    assert shell.isFullScreen()
    shell.back()
    assert not shell.isFullScreen()
    assert shell.isMaximized()


@pytest.mark.timeout(300)
def test_from_the_start_page_to_a_profile_and_a_live_page(
    qtbot: QtBot, tmp_path: Path, lsl: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Click by click: choose the model, calibrate, do what is asked for, name the profile, use it."""
    from rt_handdt.runtime.calibration_run import CalibrationRun
    from rt_handdt.runtime.guide import Phase

    quick = partial(CalibrationRun, hold_s=1.0, prepare_s=1.5)
    monkeypatch.setattr("rt_handdt.runtime.calibration_run.CalibrationRun", quick)
    bundle = tiny_bundle(tmp_path / "tiny", SPEC)
    save_choices(tmp_path / "window.toml", Choices().with_model(str(bundle.path)))
    install_fonts()
    shell = Shell(tmp_path / "window.toml")
    qtbot.addWidget(shell)
    shell.show()
    shell.start()
    outlet = SignalOutlet("wearer", SPEC.layout.channels, SPEC.fs_hz)

    def asked() -> str:
        view = None if shell.calibrating.run is None else shell.calibrating.run.progress.view
        return view.label if view is not None and view.phase in (Phase.PREPARE, Phase.HOLD) else "rest"

    with obeying(outlet, asked):
        _choose(qtbot, shell, "wearer")
        qtbot.waitUntil(shell.page.row.calibrate.isEnabled, timeout=WAIT_MS)
        qtbot.mouseClick(shell.page.row.calibrate, Qt.MouseButton.LeftButton)

        def fitted() -> bool:
            assert shell.calibrating.run is not None, shell.page._status.text()
            return patient() and shell.calibrating.page.use.isVisible()

        assert shell.calibrating.run is not None
        patient = Patience(shell.calibrating.run)
        qtbot.waitUntil(fitted, timeout=WAIT_MS)
        assert [shell.calibrating.page.steps.item(k).text()[3:] for k in range(3)] == ["Rest", "Left", "Right"]
        qtbot.waitUntil(shell.calibrating.page.subject.hasFocus, timeout=WAIT_MS)
        shell._quit()
        _press(qtbot, shell, Qt.Key.Key_F)  # a letter, and no key of the page
        assert shell.isVisible()
        assert "Again: discard" in shell.calibrating.page._said.text()
        shell.calibrating.page.subject.clear()
        qtbot.keyClicks(shell.calibrating.page.subject, "Änne / 1")
        qtbot.mouseClick(shell.calibrating.page.use, Qt.MouseButton.LeftButton)
        (kept,) = (tmp_path / "profiles").iterdir()
        assert kept.name.startswith("Änne___1_")
        qtbot.waitUntil(lambda: shell.live.page is not None, timeout=WAIT_MS)
        assert shell.live.session is not None
        assert shell.live.session.run.profile == kept
        assert any("Profile of 3 labels" in one for one in (*shell.said, *shell.live.session.said))
        _press(qtbot, shell, Qt.Key.Key_Escape)
        assert shell.page.row.profile.currentText().startswith("Änne / 1")
        qtbot.mouseClick(shell.page.theme_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: shell.page.row.profile.currentText().startswith("Änne / 1"), timeout=WAIT_MS)
        _choose(qtbot, shell, "wearer")
        qtbot.waitUntil(shell.page.row.calibrate.isEnabled, timeout=WAIT_MS)
        shell.page.row.calibrate.click()
        qtbot.waitUntil(lambda: shell._stack.currentWidget() is shell.calibrating.page, timeout=WAIT_MS)
        run = shell.calibrating.run
        assert run is not None
        _press(qtbot, shell, Qt.Key.Key_Escape)
        assert shell._stack.currentWidget() is shell.page
        qtbot.waitUntil(lambda: run.ended, timeout=WAIT_MS)
        shell.close()
    assert len(list((tmp_path / "profiles").iterdir())) == 1


@pytest.mark.timeout(300)
def test_a_target_test_from_the_start_page_and_back(qtbot: QtBot, tmp_path: Path, lsl: None) -> None:
    bundle = tiny_bundle(tmp_path / "tiny", SPEC)
    save_choices(tmp_path / "window.toml", Choices().with_model(str(bundle.path)))
    install_fonts()
    shell = Shell(tmp_path / "window.toml")
    qtbot.addWidget(shell)
    shell.show()
    shell.start()
    outlet = SignalOutlet("tested", SPEC.layout.channels, SPEC.fs_hz)

    def asked() -> str:
        watched = None if shell.targeting.page is None else shell.targeting.page.watched
        return "rest" if watched is None else watched.test.screen[0] or "rest"  # type: ignore[return-value]

    with obeying(outlet, asked):
        _choose(qtbot, shell, "tested")
        qtbot.waitUntil(shell.page.targets.isEnabled, timeout=WAIT_MS)
        qtbot.mouseClick(shell.page.targets, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: shell.targeting.page is not None, timeout=WAIT_MS)
        page, session = shell.targeting.page, shell.targeting.session
        assert page is not None
        assert session is not None
        assert page.setup.kind.currentData() == "motion"  # the model steers no axes
        page.go.click()

        def made() -> bool:
            assert page.watched is not None
            return page.watched.test.counted[0] >= 1

        qtbot.waitUntil(made, timeout=WAIT_MS)
        _press(qtbot, shell, Qt.Key.Key_Escape)
        assert page.running  # it asks first
        _press(qtbot, shell, Qt.Key.Key_Escape)
        assert shell.targeting.page is None
        assert shell.page.isVisible()
        qtbot.waitUntil(lambda: session.ended, timeout=WAIT_MS)
        shell.close()
    assert not session.engine._process.is_alive()


@pytest.mark.timeout(300)
def test_a_session_is_recorded_with_clicks(
    qtbot: QtBot, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "made.xdf"
    (tmp_path / "there.xdf").write_text("")
    asked = iter([None, tmp_path / "there.xdf", file])
    monkeypatch.setattr(shell.page, "ask_new_file", lambda question, name: next(asked))
    outlet = SignalOutlet("to record", SPEC.layout.channels, SPEC.fs_hz)
    with streaming(outlet, noise(SPEC, 16, 1.0).astype(np.float32)):
        _choose(qtbot, shell, "to record")
        qtbot.waitUntil(shell.page.session.isEnabled, timeout=WAIT_MS)
        qtbot.mouseClick(shell.page.session, Qt.MouseButton.LeftButton)
        page = shell.recording.page
        assert page.isVisible()
        for row in range(page.gestures.count()):
            page.gestures.item(row).setCheckState(Qt.CheckState.Unchecked)
        assert not page.start.isEnabled()
        page.gestures.item(6).setCheckState(Qt.CheckState.Checked)
        page.repetitions.setValue(1)
        page.hold.setValue(1.0)
        page.rest.setValue(0.5)
        qtbot.mouseClick(page.start, Qt.MouseButton.LeftButton)
        assert shell.recording.session is None  # no file was chosen
        qtbot.mouseClick(page.start, Qt.MouseButton.LeftButton)
        assert "there.xdf" in page._length.text()
        assert page.start.isVisible()
        qtbot.mouseClick(page.start, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(page.cue.isVisible, timeout=WAIT_MS)
        session = shell.recording.session
        shell._quit()
        assert shell.isVisible()  # asks first
        for key, held in ((Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier), (Qt.Key.Key_Return, CTRL)):
            shell.activateWindow()
            qtbot.keyClick(shell, key, held)  # what cannot be seen is not pressed
        assert shell.recording.session is session
        assert page.isVisible()
        qtbot.waitUntil(page.replay.isVisible, timeout=WAIT_MS)
    assert "Saved as" in page._said.text()
    assert {one.label for one in open_recording(file).markers} == {"rest", "hand_close"}
    _press(qtbot, shell, Qt.Key.Key_Escape)
    assert shell.page.isVisible()
    assert shell.recording.session is None


def test_broken_choices_are_said(qtbot: QtBot, tmp_path: Path) -> None:
    file = tmp_path / "window.toml"
    save_choices(file, Choices())
    file.write_text("theme = ")
    shell = Shell(file)
    qtbot.addWidget(shell)
    shell.show()
    assert "The last choices are not used" in shell.page._status.text()
    shell.close()
