"""Pages grow with their window, and nothing is cut off in the smallest."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from rt_handdt.gui.start.calibration_page import CalibrationPage
from rt_handdt.gui.start.recording_page import RecordingPage
from rt_handdt.gui.start.style import style_sheet
from rt_handdt.gui.start.training_page import TrainingPage
from rt_handdt.gui.targets.page import TargetsPage
from rt_handdt.gui.widgets import canvas
from rt_handdt.gui.widgets.canvas import Canvas, install_fonts
from rt_handdt.gui.window import MainWindow
from rt_handdt.gui.zoom import LEAST, Zoom, unit_for
from tests.gui.fake_engine import FakeEngine

SIZES = ((1024, 640), (1440, 900), (1920, 1080), (3840, 2160))
#: What is cut where there is no room, and said elsewhere: bands of the strip, keys and their meanings.
CUT = ("Hand", "Wrist", "Thumb", "Index", "Middle", "Rest", "Connecting")


def _grown(qtbot: QtBot, page: QWidget, size: tuple[int, int]) -> None:
    page.resize(*size)
    page.show()
    qtbot.waitUntil(lambda: page.size() == QSize(*size))
    page.grab()  # lays out and paints


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Texts that were painted with an ellipsis."""
    found: set[str] = set()
    whole = canvas.elided

    def elided(text: str, which: object, width: float) -> str:
        painted = whole(text, which, width)
        if painted != text:
            found.add(text)
        return painted

    monkeypatch.setattr(canvas, "elided", elided)
    return found


@pytest.mark.parametrize("size", [(960, 540), *SIZES], ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_live_page_at_any_size(qtbot: QtBot, size: tuple[int, int], cut: set[str]) -> None:
    install_fonts()
    window = MainWindow(FakeEngine(at_s=24.6, outputs=True), reject_below=0.5)
    qtbot.addWidget(window)
    window.setMinimumSize(800, 500)  # as on a screen that has no more
    window.refresh()
    window.refresh()
    _grown(qtbot, window, size)
    window.refresh()
    window.grab()
    assert {one for one in cut if not one.startswith(CUT)} == set()
    unit = unit_for(QSize(*size))
    parts = window.findChildren(Canvas)
    assert {one.unit_px for one in parts} == {unit}
    qtbot.waitUntil(lambda: abs(window.outputs.height() - 30 * unit) <= 3)
    name = window._gesture
    assert name._side < name.wide  # the hand leaves room for the name
    # Where an electrode is drawn is where the mouse finds it.
    pressed: list[int] = []
    window.maps.rms.clicked.connect(pressed.append)
    qtbot.mouseClick(window.maps.rms, Qt.MouseButton.LeftButton, pos=window.maps.rms.cell(37).center().toPoint())
    assert pressed == [37]


@pytest.mark.parametrize("page", [CalibrationPage, RecordingPage, TrainingPage], ids=lambda page: page.__name__)
def test_buttons_and_labels_have_the_room_that_they_ask_for(qtbot: QtBot, page: type[QWidget]) -> None:
    install_fonts()
    made = page()
    zoom = Zoom(made)
    zoom.style(style_sheet())
    qtbot.addWidget(made)
    for size in SIZES:
        _grown(qtbot, made, size)
        qtbot.waitUntil(lambda: not _short(made))
        highest = max(one.height() for one in made.findChildren(QPushButton) if one.isVisible())
        assert highest <= 45 * unit_for(QSize(*size))  # magnified once, not twice


def _short(page: QWidget) -> list[str]:
    """Texts that have less room than they ask for (two pixels are a main button's frame)."""
    parts = page.findChildren(QPushButton) + [one for one in page.findChildren(QLabel) if not one.wordWrap()]
    return [
        one.text()
        for one in parts
        if one.isVisible()
        and (one.width() < one.minimumSizeHint().width() or one.height() < one.minimumSizeHint().height() - 2)
    ]


def test_it_goes_back_to_what_it_was_and_takes_in_what_comes_later(qtbot: QtBot) -> None:
    install_fonts()
    page = TargetsPage(FakeEngine(at_s=24.6))
    qtbot.addWidget(page)
    _grown(qtbot, page, (1440, 900))
    before = (page.styleSheet(), page.layout().contentsMargins())
    _grown(qtbot, page, (2880, 1800))
    assert "font-size: 28px" in page.styleSheet()
    late = QWidget()
    late.setMinimumHeight(40)
    page.layout().addWidget(late)
    qtbot.waitUntil(lambda: late.minimumHeight() == 80)
    page.layout().removeWidget(late)
    _grown(qtbot, page, (1440, 900))
    assert late.minimumHeight() == 40
    assert (page.styleSheet(), page.layout().contentsMargins()) == before


def test_a_small_screen_gets_a_small_page() -> None:
    assert unit_for(QSize(800, 500)) == 0.75
    assert unit_for(LEAST) == 1.0
    assert unit_for(QSize(100, 100)) == 0.5
