"""Training from the window, click by click, with trainers of the tests' own."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from rt_handdt.errors import ConfigError
from rt_handdt.gui.shell import Shell
from rt_handdt.gui.start import training_page
from rt_handdt.runtime import training_run
from rt_handdt.runtime.training_run import TrainingRun, TrainingStage, missing_trainer
from tests.support.sinks import until
from tests.support.tiny import tiny_bundle

WAIT_MS = 90_000


def trainer(folder: Path, body: str) -> tuple[str, ...]:
    """A program that is asked as the trainer is."""
    file = folder / "trainer.py"
    head = "import pathlib, shutil, sys, time\nout = pathlib.Path(sys.argv[sys.argv.index('--out') + 1])\n"
    file.write_text(head + textwrap.dedent(body), encoding="utf-8")
    return sys.executable, "-u", str(file)


def test_from_recordings_to_a_model_that_is_chosen(
    qtbot: QtBot, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready, out = tmp_path / "ready", tmp_path / "mine"
    tiny_bundle(ready)
    body = f"""
        print(" ".join(sys.argv[1:]), "<b>[red]")
        shutil.copytree({str(ready)!r}, out)
    """
    monkeypatch.setattr(training_run, "TRAINER", trainer(tmp_path, body))
    files = [str(tmp_path / "one.xdf"), str(tmp_path / "two.xdf")]
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (files, ""))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(out), ""))
    shell.page.train.click()
    page = shell.training.page
    assert page.isVisible()
    assert not page.start.isEnabled()
    page.files.click()
    page.files.click()  # none of them twice
    assert page.chosen == files
    assert page.layouts.currentText() == "hyser_16x16"  # as the model that was chosen
    page.start.click()
    qtbot.waitUntil(page.use.isVisible, timeout=WAIT_MS)
    said = page.log.toPlainText()
    assert f"train --data {files[0]} {files[1]} --out {out} --layout hyser_16x16 <b>[red]" in said
    page.use.click()
    assert shell.page.isVisible()
    assert shell.page.models.model is not None
    assert shell.page.models.model.given == str(out)


def test_what_was_recorded_is_offered(shell: Shell) -> None:
    shell.recording.page.trained.emit("/somewhere/session.xdf")
    assert shell.training.page.isVisible()
    assert shell.training.page.chosen == ["/somewhere/session.xdf"]
    shell.training.page.data.selectAll()
    shell.training.page.remove.click()
    assert not shell.training.page.start.isEnabled()


def test_a_trainer_that_fails_is_heard(
    qtbot: QtBot, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = 'print("Error: rest is missing", file=sys.stderr)\nsys.exit(2)\n'
    monkeypatch.setattr(training_run, "TRAINER", trainer(tmp_path, body))
    shell.train("x.xdf")
    shell.training.begin(["x.xdf"], "", tmp_path / "mine")
    qtbot.waitUntil(lambda: "No model was made" in shell.training.page._said.text(), timeout=WAIT_MS)
    assert "Error: rest is missing" in shell.training.page.log.toPlainText()
    assert not shell.training.page.use.isVisible()
    shell.training.page.back.click()
    assert shell.page.isVisible()


def test_leaving_asks_and_ends_the_trainer(
    qtbot: QtBot, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_run, "TRAINER", trainer(tmp_path, 'print("begun")\ntime.sleep(600)\n'))
    shell.train("x.xdf")
    shell.training.begin(["x.xdf"], "", tmp_path / "mine")
    qtbot.waitUntil(lambda: "begun" in shell.training.page.log.toPlainText(), timeout=WAIT_MS)
    run = shell.training.run
    assert run is not None
    assert not shell._may_leave()
    qtbot.waitUntil(lambda: "Again: stop it" in shell.training.page._said.text(), timeout=WAIT_MS)
    shell.training.page._again("leave")
    shell.training.page.back.click()
    shell.training.page.back.click()
    qtbot.waitUntil(lambda: shell.page.isVisible() and run.ended, timeout=WAIT_MS)
    assert run._process.poll() is not None


def test_stop_keeps_the_window_open(
    qtbot: QtBot, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_run, "TRAINER", trainer(tmp_path, 'print("begun")\ntime.sleep(600)\n'))
    shell.train("x.xdf")
    shell.training.begin(["x.xdf"], "", tmp_path / "mine")
    qtbot.waitUntil(lambda: "begun" in shell.training.page.log.toPlainText(), timeout=WAIT_MS)
    shell.training.page.stop.click()
    qtbot.waitUntil(lambda: shell.training.page.log.toPlainText().endswith("Stopped."), timeout=WAIT_MS)
    assert shell.training.page.isVisible()
    assert not shell.training.page.stop.isVisible()


def test_a_deaf_trainer_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_run, "STOP_S", 0.2)
    deaf = 'import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint("deaf")\ntime.sleep(600)\n'
    run = TrainingRun(["x.xdf"], tmp_path / "mine", trainer=trainer(tmp_path, deaf))
    until(lambda: run.state.lines == ("deaf",))
    run.join()
    until(lambda: run.ended)
    assert run.state.stage is TrainingStage.FAILED


def test_what_cannot_be_is_one_sentence(
    qtbot: QtBot, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="nothing to train on"):
        TrainingRun([], tmp_path / "mine")
    with pytest.raises(ConfigError, match="cannot be started"):
        TrainingRun(["x"], tmp_path / "mine", trainer=(str(tmp_path / "none"),))
    shell.train("x.xdf")
    shell.training.begin(["x.xdf"], "", tmp_path)
    assert "is there already" in shell.training.page._said.text()
    monkeypatch.setattr(training_run, "find_spec", lambda name: None)
    assert "pip install 'rt-handdt[offline]'" in missing_trainer()
    monkeypatch.setattr(training_page, "missing_trainer", lambda: "no torch")
    shell.training.page.ask(["y.xdf"])
    assert not shell.training.page.start.isEnabled()
    assert shell.training.page._said.text() == "no torch"
