"""The start page, with streams that are only said to be there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from rt_handdt.core.bundle import read_manifest
from rt_handdt.gui import theme
from rt_handdt.gui.choices import Choices
from rt_handdt.gui.start.label import Label
from rt_handdt.gui.start.page import StartPage
from rt_handdt.gui.start.style import style_sheet
from rt_handdt.gui.widgets.canvas import install_fonts
from rt_handdt.io.description import StreamDescription
from rt_handdt.runtime.live_run import LiveRun
from tests.gui.fake_watch import FakeWatch

SPEC = read_manifest("default").spec
N = SPEC.layout.n_channels
BARE = StreamDescription("Amp", "EMG", "pc", "id", "u1", 2048.0, N, "float32")
FULL = replace(BARE, channels=SPEC.layout.channels, units=("uV",) * N, kinds=("EMG",) * N)
MARKERS = StreamDescription("Cues", "Markers", "pc", "m", "u2", 0.0, 1, "text")


@pytest.fixture(autouse=True)
def _dark() -> Iterator[None]:
    yield
    theme.use("dark")


def _page(qtbot: QtBot, watch: FakeWatch, choices: Choices | None = None) -> StartPage:
    install_fonts()
    page = StartPage(choices or Choices(), watch)
    page.setStyleSheet(style_sheet())
    qtbot.addWidget(page, before_close_func=lambda widget: widget.stop())
    page.resize(1024, 640)
    page.show()
    page.start()
    qtbot.waitUntil(lambda: page.models.model is not None, timeout=30_000)
    return page


def _texts(page: StartPage) -> str:
    return "\n".join(label.text() for label in page.findChildren(Label) if label.isVisible())


def test_the_only_stream_that_fits_is_chosen_and_started(qtbot: QtBot) -> None:
    page = _page(qtbot, FakeWatch(FULL, MARKERS), Choices(sinks=("udp:5006",)))
    qtbot.waitUntil(page.start_button.isEnabled)
    assert "They fit." in _texts(page)
    with qtbot.waitSignal(page.begun) as begun:
        qtbot.mouseClick(page.start_button, Qt.MouseButton.LeftButton)
    run, replay = begun.args
    assert isinstance(run, LiveRun)
    assert replay is None
    assert run.stream.stream == "Amp"
    assert run.sinks == ("udp:5006",)
    assert run.outputs is False  # nobody is moved before it is switched on
    assert page.choices.stream == "Amp"


def test_none_of_several_is_taken_by_chance(qtbot: QtBot) -> None:
    other = replace(FULL, name="Other", uid="u3", source_id="o")
    page = _page(qtbot, FakeWatch(FULL, other))
    page.look()
    assert page.streams.stream is None
    assert not page.start_button.isEnabled()
    page.streams.selectRow(1)
    qtbot.waitUntil(page.start_button.isEnabled)
    page._watch.tell(other)  # the row moves, the choice stays
    page.look()
    assert page.streams.stream.name == "Other"
    page._watch.tell(FULL)  # what was chosen has gone: the other one is not taken for it
    page.look()
    assert page.streams.stream is None
    assert not page.start_button.isEnabled()


def test_the_last_stream_is_chosen_again(qtbot: QtBot) -> None:
    other = replace(FULL, name="Other", uid="u3", source_id="o")
    page = _page(qtbot, FakeWatch(FULL, other), Choices(stream="Other"))
    page.look()
    assert page.streams.stream.name == "Other"


def test_misfits_are_named_and_remedied(qtbot: QtBot) -> None:
    odd = replace(FULL, channels=tuple(f"Ch {k}" for k in range(N)), units=("furlong",) * N)
    page = _page(qtbot, FakeWatch(odd))
    qtbot.waitUntil(lambda: "They do not fit yet." in _texts(page))
    assert "furlong" in _texts(page)
    assert "names its channels" in _texts(page)
    assert not page.start_button.isEnabled()
    page.fit.electrodes.setCurrentIndex(page.fit.electrodes.findData("position"))
    assert "names its channels" not in _texts(page)
    page.fit.unit.setCurrentIndex(page.fit.unit.findData("uV"))
    assert page.start_button.isEnabled()
    page.fit.columns.setText("7-")
    assert not page.start_button.isEnabled()
    page.fit.columns.setText(f"0-{N - 1}")
    assert page.start_button.isEnabled()


def test_markers_cannot_be_chosen(qtbot: QtBot) -> None:
    page = _page(qtbot, FakeWatch(MARKERS))
    page.look()
    page.streams.selectRow(0)
    assert page.streams.stream is None


def test_names_from_outside_are_text(qtbot: QtBot) -> None:
    odd = replace(FULL, name="<b>Amp</b> [red]", units=("<img src=x>",) * N)
    page = _page(qtbot, FakeWatch(odd))
    qtbot.waitUntil(lambda: "<img src=x>" in _texts(page))
    assert page.streams.item(0, 0).text() == "<b>Amp</b> [red]"
    for label in page.findChildren(Label):
        assert label.textFormat() == Qt.TextFormat.PlainText


def test_a_model_that_cannot_be_read_says_why(qtbot: QtBot, tmp_path: Path) -> None:
    page = _page(qtbot, FakeWatch(FULL))
    page.models.browsed.emit(str(tmp_path))
    qtbot.waitUntil(lambda: "holds no manifest.json" in _texts(page))
    assert not page.start_button.isEnabled()
    assert not page.replay.isEnabled()
    assert page.choices.recent == (str(tmp_path),)


def test_columns_that_cannot_be_read_stop_a_replay_in_one_sentence(qtbot: QtBot, tmp_path: Path) -> None:
    page = _page(qtbot, FakeWatch(FULL))
    page.fit.columns.setText("a-b")
    begun = []
    page.begun.connect(lambda *what: begun.append(what))
    page.begin_replay(str(tmp_path / "run.xdf"))
    assert not begun
    assert page._status.isVisible()


@pytest.mark.parametrize("name", ["dark", "light"])
def test_contrast_of_texts(name: str) -> None:
    """WCAG 2 AA: 4.5 to 1."""
    theme.use(name)

    def luminance(tone: str) -> float:
        parts = (int(tone[at : at + 2], 16) / 255 for at in (1, 3, 5))
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    for ground in (theme.PANEL, theme.BACKGROUND, theme.TRACK):
        for ink in (theme.TEXT, theme.MUTED, theme.ACCENT, theme.GOOD, theme.WARN, theme.BAD):
            light, dark = sorted((luminance(ground), luminance(ink)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (name, ground, ink)
    for fill in (theme.ACCENT, theme.BAD):
        light, dark = sorted((luminance(fill), luminance(theme.ink(fill))), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (name, fill)


def test_a_run_is_recorded_once(qtbot: QtBot, tmp_path: Path) -> None:
    page = _page(qtbot, FakeWatch(FULL))
    qtbot.waitUntil(page.start_button.isEnabled)
    page.row.record_to(tmp_path / "<b>run & co.xdf")
    assert page.row.record.text() == "Record: <b>run && co.xdf"
    runs: list[LiveRun] = []
    page.begun.connect(lambda run, replay: runs.append(run))
    page.begin()
    page.begin()
    assert [run.record for run in runs] == [tmp_path / "<b>run & co.xdf", None]
