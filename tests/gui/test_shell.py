"""The whole window as a person would use it: a real engine, a real stream, in processes of their own."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from pytestqt.qtbot import QtBot

from rt_handdt.gui import theme
from rt_handdt.gui.choices import Choices, load_choices, save_choices
from rt_handdt.gui.shell import Shell
from rt_handdt.gui.widgets.canvas import install_fonts
from tests.gui.fake_engine import FakeEngine

WAIT_MS = 90_000


def _press(qtbot: QtBot, shell: Shell, key: Qt.Key) -> None:
    """Shortcuts reach the active window only, and a tooltip takes that from it where there is no window manager."""
    shell.activateWindow()
    qtbot.waitUntil(shell.isActiveWindow, timeout=WAIT_MS)
    qtbot.keyClick(shell, key)


@pytest.fixture
def shell(qtbot: QtBot, tmp_path: Path, lsl: None) -> Iterator[Shell]:
    install_fonts()
    made = Shell(tmp_path / "window.toml")
    qtbot.addWidget(made)
    made.show()
    made.start()
    qtbot.waitUntil(lambda: made.page.models.model is not None, timeout=WAIT_MS)
    yield made
    made.close()
    theme.use("dark")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.timeout(300)
def test_from_the_start_page_to_a_hand_and_back(qtbot: QtBot, shell: Shell) -> None:
    shell.page.sinks.setText("udp:5999")
    qtbot.mouseClick(shell.page.virtual, Qt.MouseButton.LeftButton)
    assert shell.opening.isVisible()
    qtbot.waitUntil(lambda: shell.live is not None and shell.live._view.state == "Running", timeout=WAIT_MS)
    live, session = shell.live, shell.session
    assert live is not None
    assert session is not None
    assert live.outputs.text() == "Outputs off"
    _press(qtbot, shell, Qt.Key.Key_O)
    qtbot.waitUntil(lambda: session.engine.snapshot(live._channels).outputs is True, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: live.outputs.text() == "Outputs LIVE", timeout=WAIT_MS)

    # the engine breaks down: it is started again, said, and nobody is moved by it unasked
    engine = session.engine
    os.kill(engine._process.pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: session.engine is not engine, timeout=WAIT_MS)
    assert any("started again" in sentence for sentence in shell._said)
    qtbot.waitUntil(lambda: shell.live is not None and shell.live._view.state == "Running", timeout=WAIT_MS)
    assert shell.live is not live
    assert shell.live.outputs.text() == "Outputs off"

    # the stream goes: said, and the page stays
    session._replay._child.kill()
    qtbot.waitUntil(lambda: shell.live._view.state in ("No signal", "Lost"), timeout=WAIT_MS)
    _press(qtbot, shell, Qt.Key.Key_Escape)
    assert shell.live is None
    assert shell.page.isVisible()
    qtbot.waitUntil(lambda: session.ended, timeout=WAIT_MS)

    shell.close()
    assert not any(timer.isActive() for timer in shell.findChildren(QTimer))
    assert not session.engine._process.is_alive()
    assert load_choices(shell._file).choices.sinks == ("udp:5999",)


def test_what_cannot_be_opened_leads_back_with_a_sentence(qtbot: QtBot, shell: Shell, tmp_path: Path) -> None:
    shell.page.begin_replay(str(tmp_path / "none.xdf"))
    qtbot.waitUntil(lambda: shell.session is None and shell.page.isVisible(), timeout=WAIT_MS)
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
    shell.page.record_to(tmp_path / "run.xdf")
    qtbot.mouseClick(shell.page.theme_button, Qt.MouseButton.LeftButton)
    assert shell.page.recording_to == tmp_path / "run.xdf"
    assert "run.xdf" in shell.page.record.text()


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
    shell.session = session = _Recorded()  # type: ignore[assignment]
    shell._go_live(session)  # type: ignore[arg-type]
    pictures: list[bool] = []
    shell.closed.connect(lambda: pictures.append(shell.live is not None))
    shell._quit()
    assert shell.isVisible()
    shell._quit()
    assert not shell.isVisible()
    assert session.closed
    assert pictures == [True]  # a picture on the way out is of the live page


def test_an_engine_that_is_started_again_stays_on_the_stage(qtbot: QtBot, shell: Shell) -> None:
    shell._timer.stop()
    shell.showMaximized()
    shell.session = session = _Recorded()  # type: ignore[assignment]
    shell._go_live(session)  # type: ignore[arg-type]
    assert shell.live is not None
    shell.live.toggle_stage()
    shell._drop_live()
    shell._go_live(session)  # type: ignore[arg-type]
    assert shell.live.on_stage
    assert shell.isFullScreen()
    shell.back()
    assert not shell.isFullScreen()
    assert shell.isMaximized()


def test_broken_choices_are_said(qtbot: QtBot, tmp_path: Path) -> None:
    file = tmp_path / "window.toml"
    save_choices(file, Choices())
    file.write_text("theme = ")
    shell = Shell(file)
    qtbot.addWidget(shell)
    shell.show()
    assert "The last choices are not used" in shell.page._status.text()
    shell.close()
