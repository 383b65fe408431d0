"""The review page, walked through by mouse and keys."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot
from typer.testing import CliRunner

from rt_handdt.cli.main import app
from rt_handdt.core.recording import ArrayRecording, Marker
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.gui.choices import Choices, save_choices
from rt_handdt.gui.review.page import ReviewPage
from rt_handdt.gui.shell import Shell
from rt_handdt.gui.widgets.canvas import install_fonts
from rt_handdt.io.xdf import write_xdf
from rt_handdt.runtime.review import Review
from rt_handdt.runtime.reviewing import review
from tests.support.tiny import noise, tiny_bundle, tiny_spec

SPEC = tiny_spec()
LEFT = Qt.MouseButton.LeftButton
WAIT_MS = 60_000


class Run:
    """A run that is done already, or never is."""

    def __init__(self, made: Review | None, fault: str = "") -> None:
        self.review, self.fault, self.share, self.closed = made, fault, 0.4, False

    def close(self) -> None:
        self.closed = True

    def join(self) -> None: ...


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("review")
    tiny_bundle(folder / "tiny", SPEC, shared=True)
    n = 4096
    samples = noise(SPEC, n, 1.0)
    samples[n // 2 :, [0, 1, 4, 5]] += noise(SPEC, n // 2, 30.0, seed=1)[:, [0, 1, 4, 5]] - 20_000.0
    marks = (Marker(0, "rest"), Marker(n // 2, "left"))
    one = ArrayRecording("<b>session</b>", SPEC.fs_hz, SPEC.layout.channels, n, marks, samples=samples)
    write_xdf(folder / "session.xdf", one)
    return folder


@pytest.fixture(scope="module")
def made(folder: Path) -> Review:
    found = review(folder / "session.xdf", folder / "tiny")
    assert found is not None
    return found


def _open(qtbot: QtBot, made: Review | None, fault: str = "") -> ReviewPage:
    install_fonts()
    page = ReviewPage(Run(made, fault), "session.xdf")  # type: ignore[arg-type]
    qtbot.addWidget(page)
    page.resize(1024, 640)
    page.show()
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    page.start()
    return page


def _press(qtbot: QtBot, page: ReviewPage, key: Qt.Key, held: Qt.KeyboardModifier | None = None) -> float:
    qtbot.keyClick(page, key, held or Qt.KeyboardModifier.NoModifier)
    return page.at_s


def test_clicks_and_keys_go_to_a_moment(qtbot: QtBot, made: Review) -> None:
    page = _open(qtbot, made)
    assert page.at_s == pytest.approx(127 / SPEC.fs_hz)
    line = page.timeline
    qtbot.waitUntil(lambda: line.width() > 500)
    at = QPoint(round(line.x_of(6.0)), line.height() // 2)
    qtbot.mouseClick(line, LEFT, pos=at)
    assert page.at_s == pytest.approx(6.0, abs=0.02)
    assert page.gesture._headline.label == "left"
    assert page.gesture._cue.verdict == "Match"
    grid = page.rms._grid
    assert grid is not None
    assert grid[:, :2].min() > 5 * grid[:, 2:].max()
    assert page.rms._levels[1] == page._most_uv  # the same range all over the file
    assert page.pattern._filled

    assert _press(qtbot, page, Qt.Key.Key_Right) == pytest.approx(6.08, abs=0.02)
    assert _press(qtbot, page, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier) == pytest.approx(5.28, abs=0.02)
    assert _press(qtbot, page, Qt.Key.Key_PageUp) == pytest.approx(4.0)
    assert _press(qtbot, page, Qt.Key.Key_PageUp) == 0.0
    assert _press(qtbot, page, Qt.Key.Key_PageUp) == 0.0  # there is none before
    assert page.gesture._headline.text == "No decision"
    assert _press(qtbot, page, Qt.Key.Key_PageDown) == pytest.approx(4.0)
    assert _press(qtbot, page, Qt.Key.Key_End) == pytest.approx(4095 / SPEC.fs_hz)
    assert _press(qtbot, page, Qt.Key.Key_Right) == pytest.approx(4095 / SPEC.fs_hz)
    assert _press(qtbot, page, Qt.Key.Key_Home) == 0.0


def test_zoom_by_keys_wheel_and_strip(qtbot: QtBot, made: Review) -> None:
    page = _open(qtbot, made)
    line = page.timeline
    page.seek(4.0)
    _press(qtbot, page, Qt.Key.Key_Plus)
    assert line.view == pytest.approx((2.0, 6.0))
    spot = QPointF(line.x_of(5.0), line.height() / 2)
    nothing = Qt.KeyboardModifier.NoModifier
    for turn in (120,) * 30:
        wheel = QWheelEvent(
            spot, spot, QPoint(), QPoint(0, turn), Qt.MouseButton.NoButton, nothing, Qt.ScrollPhase.NoScrollPhase, False
        )
        QApplication.sendEvent(line, wheel)
    assert line.view[1] - line.view[0] == pytest.approx(0.5)  # no closer
    assert line.x_of(5.0) == pytest.approx(spot.x(), abs=1)
    _press(qtbot, page, Qt.Key.Key_Home)
    assert line.view == pytest.approx((0.0, 0.5))  # the cursor is never out of sight
    for _ in range(9):
        _press(qtbot, page, Qt.Key.Key_Minus)
    assert line.view == pytest.approx((0.0, 8.0))
    page.timeline.zoom(0.25)
    qtbot.mouseClick(line, LEFT, pos=QPoint(round(line.x_of(0.0) + 0.75 * line._room), 5))  # the strip of the file
    assert line.view == pytest.approx((5.0, 7.0), abs=0.05)
    assert page.at_s == pytest.approx(6.0, abs=0.05)
    _press(qtbot, page, Qt.Key.Key_0)
    assert line.view == pytest.approx((0.0, 8.0))
    top, height = line._lane(0)
    assert line.words_at(QPointF(line.x_of(6.0), top + height / 2)) == "Cued: Left, 4.00 to 8.00 s"
    assert line.words_at(QPointF(line.x_of(6.0), 3.0)) == ""


def test_confusion_figures_and_notes(qtbot: QtBot, made: Review) -> None:
    page = _open(qtbot, made)
    assert page.confusion.isVisible()
    assert page.confusion.words() == "Rest 100 %, Left 100 %"
    view = page.confusion
    row = view._labels.index("left")
    place = view.cell(row, row).center()
    assert "Left decided as Left: " in view.words_at(place)
    assert view.words_at(view.cell(row, 1 - row).center()) == ""
    page.seek(0.0)
    qtbot.mouseClick(view, LEFT, pos=place.toPoint())
    assert 4.0 < page.at_s < 4.3
    assert page._said.text() == "Left decided as Left: 1 of 1"
    qtbot.mouseClick(view, LEFT, pos=place.toPoint())  # from the last to the first
    assert 4.0 < page.at_s < 4.3
    qtbot.mouseClick(page.tabs.button(1), LEFT)
    assert page.figures.isVisible()
    assert "gestures never decided right and stable: 0 of 1" in page.figures.accessibleName()
    qtbot.mouseClick(page.tabs.button(2), LEFT)
    assert not page.confusion.isVisible()


def test_saved_as_picture_drawing_and_table_and_never_over_another(
    qtbot: QtBot, made: Review, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = _open(qtbot, made)
    page.seek(6.0)
    asked = iter(str(tmp_path / name) for name in ("a.png", "a.svg", "a.csv", "a.csv", "a.txt", "no/a.csv"))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (next(asked), ""))
    said = []
    for _ in range(6):
        qtbot.mouseClick(page.save, LEFT)
        said.append(page._said.text())
    assert [one.startswith("Saved") for one in said] == [True] * 3 + [False] * 3
    assert "not overwritten" in said[3]
    assert "must end in" in said[4]
    assert "cannot be written" in said[5]
    picture = QImage(str(tmp_path / "a.png"))
    assert picture.width() == 2960
    pixels = np.frombuffer(picture.convertToFormat(QImage.Format.Format_RGB32).constBits(), np.uint32)
    assert len(np.unique(pixels)) > 200
    drawing = (tmp_path / "a.svg").read_text()
    assert "<text" in drawing
    assert "&lt;b&gt;session" in drawing  # a name is never markup
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(made.decided)
    assert {row["cue"] for row in rows} == {"rest", "left"}


def test_while_it_is_read_and_when_it_cannot_be(qtbot: QtBot) -> None:
    page = _open(qtbot, None)
    assert page.waiting.isVisible()
    assert page.waiting._bar.value() == 400
    qtbot.keyClick(page, Qt.Key.Key_Escape)
    assert not page.isVisible()
    assert page.run.closed  # type: ignore[attr-defined]

    page = _open(qtbot, None)
    page.run.fault = "No such file."
    qtbot.waitUntil(lambda: not page.isVisible(), timeout=WAIT_MS)
    assert isinstance(page.error, RecordingError)


def test_from_the_start_page_and_back(
    qtbot: QtBot, folder: Path, tmp_path: Path, lsl: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_choices(tmp_path / "window.toml", Choices().with_model(str(folder / "tiny")))
    install_fonts()
    shell = Shell(tmp_path / "window.toml")
    qtbot.addWidget(shell)
    shell.show()
    shell.start()
    qtbot.waitUntil(shell.page.review.isEnabled, timeout=WAIT_MS)
    asked = iter(("", str(folder / "none.xdf"), str(folder / "session.xdf"), str(folder / "session.xdf")))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: (next(asked), ""))
    qtbot.mouseClick(shell.page.review, LEFT)
    assert shell.reviewing.page is None
    qtbot.mouseClick(shell.page.review, LEFT)
    qtbot.waitUntil(lambda: shell.reviewing.page is None, timeout=WAIT_MS)
    assert "none.xdf" in shell.page._status.text()
    qtbot.mouseClick(shell.page.review, LEFT)
    page = shell.reviewing.page
    assert page is not None
    qtbot.waitUntil(lambda: page.review is not None, timeout=WAIT_MS)
    assert shell.page._status.text() == ""
    shell.activateWindow()
    qtbot.waitUntil(shell.isActiveWindow, timeout=WAIT_MS)
    qtbot.keyClick(shell, Qt.Key.Key_Escape)
    assert shell.reviewing.page is None
    assert shell.page.isVisible()
    qtbot.mouseClick(shell.page.review, LEFT)
    assert shell.reviewing.page is not None
    run = shell.reviewing.page.run
    shell.close()  # at any moment
    assert run.ended


def test_the_command_writes_files_without_a_window(folder: Path, tmp_path: Path, qtbot: QtBot) -> None:
    files = [tmp_path / "a.svg", tmp_path / "a.csv"]
    asked = ["review", str(folder / "session.xdf"), "--bundle", str(folder / "tiny"), "--at", "6"]
    asked += [part for file in files for part in ("--save", str(file))]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.exception
    assert result.output.count("Saved") == 2
    assert "at 6.00 s" in files[0].read_text()
    assert files[1].read_text().startswith("time,")
    for bad, words in (("a.csv", "not overwritten"), ("a.pdf", "must end in")):
        result = CliRunner().invoke(app, [*asked[:6], "--save", str(tmp_path / bad)])
        assert isinstance(result.exception, ConfigError)
        assert words in str(result.exception)


def test_the_command_says_what_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RT_HANDDT_CONFIG", str(tmp_path))
    result = CliRunner().invoke(app, ["review", str(tmp_path / "none.xdf")])
    assert isinstance(result.exception, RecordingError)
    assert "no such file" in str(result.exception)
    result = CliRunner().invoke(app, ["review", str(tmp_path / "none.xdf"), "--bundle", str(tmp_path / "no model")])
    assert result.exception is not None
