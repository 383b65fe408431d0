"""The electrodes in the control window: breaking, mending, their colours, and any grid."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from rt_handdt.core.gestures import REST
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.gui.tiles import around_words, lay_out
from rt_handdt.paths import layout_path
from tests.gui.controls import cell_of, map_of, open_controls, picture_of
from tests.gui.fake_person import FakePerson

LEFT = Qt.MouseButton.LeftButton


def test_clicks_break_make_noisy_and_mend(qtbot: QtBot) -> None:
    person = FakePerson()
    window = open_controls(qtbot, person)
    for _ in range(3):
        qtbot.mouseClick(map_of(window), LEFT, pos=cell_of(window, 100))
    assert person.calls == [("break", 100, "lost"), ("break", 100, "noisy"), ("mend", 100)]


def test_each_electrode_is_hit_and_the_seams_are_not(qtbot: QtBot) -> None:
    person = FakePerson()
    window = open_controls(qtbot, person)
    for channel in (0, 63, 64, 127, 128, 191, 192, 255):
        qtbot.mouseClick(map_of(window), LEFT, pos=cell_of(window, channel))
        assert person.calls[-1] == ("break", channel, "lost")
    person.calls.clear()
    names = person.layout.channels
    above, below = cell_of(window, names.index("ED-8-1")), cell_of(window, names.index("EP-1-1"))
    qtbot.mouseClick(map_of(window), LEFT, pos=(above + below) / 2)
    qtbot.mouseClick(map_of(window), LEFT, pos=QPoint(2, 2))
    assert person.calls == []


def test_arrows_walk_and_return_breaks(qtbot: QtBot) -> None:
    person = FakePerson()
    window = open_controls(qtbot, person)
    chart = map_of(window)
    chart.setFocus()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Return):
        qtbot.keyClick(chart, key)
    assert person.calls == [("break", person.layout.channels.index("ED-1-2"), "lost")]


def test_the_menu(qtbot: QtBot) -> None:
    person = FakePerson()
    window = open_controls(qtbot, person)
    person.broken = {5: "lost", 6: "noisy"}
    window.refresh()
    place = cell_of(window, 5)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, map_of(window).mapToGlobal(place))
    QApplication.sendEvent(map_of(window), event)
    (menu,) = window.findChildren(QMenu)
    assert menu.isVisible()
    possible = [action.text() for action in menu.actions()]
    name = person.layout.channels[5]
    assert possible == [f"{name}: make it noisy", f"{name}: mend", "Mend all"]
    menu.actions()[-1].trigger()
    assert person.calls == [("mend", 5), ("mend", 6)]
    menu.close()


def test_signs_of_broken_electrodes(qtbot: QtBot) -> None:
    person = FakePerson()
    window = open_controls(qtbot, person)
    box = map_of(window).cell(40).toRect()

    def cell() -> np.ndarray:
        window.refresh()
        return picture_of(map_of(window))[box.top() : box.bottom(), box.left() : box.right()]

    sound = cell()
    person.broken = {40: "lost"}
    lost = cell()
    person.broken = {40: "noisy"}
    noisy = cell()
    assert len(np.unique(sound[1:-2, 1:-2])) == 1
    red = lambda part: ((part >> 16 & 255) > 200) & ((part >> 8 & 255) < 130)  # noqa: E731
    assert red(lost).any()
    assert not red(noisy).any()
    assert len(np.unique(noisy)) > 3


def test_noisy_electrodes_leave_the_colours_of_the_others_alone(qtbot: QtBot) -> None:
    person = FakePerson()
    window = open_controls(qtbot, person)
    at = cell_of(window, 200)
    sound = picture_of(map_of(window))[at.y(), at.x()]
    person.broken = dict.fromkeys(range(20), "noisy")
    window.refresh()
    assert picture_of(map_of(window))[at.y(), at.x()] == sound


def test_colours_follow_the_signal(qtbot: QtBot) -> None:
    person = FakePerson()
    window = open_controls(qtbot, person)
    person.told = person.doing = "hand_close"
    hottest = int(np.argmax(person.state().rms_uv))

    def shade() -> list[int]:
        window.refresh()
        at = cell_of(window, hottest)
        value = int(picture_of(map_of(window))[at.y(), at.x()])
        return [value >> 16 & 255, value >> 8 & 255, value & 255]

    active = shade()
    person.doing = REST
    resting = shade()
    assert sum(active) > sum(resting) + 200  # bright at the top of the range, dark at its bottom
    assert active[0] > 240


def test_tiles_fit_and_keep_their_gaps() -> None:
    hyser = ElectrodeLayout.from_toml(layout_path("hyser_16x16"))
    grid = lay_out(hyser, (400.0, 300.0), caption_px=18.0, seam_px=10.0)
    assert grid.width <= 400
    assert grid.height <= 300
    left, right = (grid.cells[hyser.channels.index(name)] for name in ("ED-1-8", "FD-1-1"))
    assert right.left - (left.left + left.width) == 10.0
    above, below = (grid.cells[hyser.channels.index(name)] for name in ("ED-8-1", "EP-1-1"))
    assert below.top - (above.top + above.height) == 18.0
    assert around_words(hyser) == ("radial", "ulnar", "ulnar", "radial")
    assert around_words(ElectrodeLayout.from_toml(layout_path("flexemg_16x4"))) == ("radial", "ulnar", "radial")
    assert around_words(ElectrodeLayout.grid(4, 4)) == ()


@pytest.mark.parametrize("shape", [(16, 4), (1, 10), (10, 1), (1, 1), (32, 32)])
def test_any_grid(qtbot: QtBot, shape: tuple[int, int]) -> None:
    person = FakePerson(ElectrodeLayout.grid(*shape))
    window = open_controls(qtbot, person)
    window.resize(900, 600)
    last = person.layout.n_channels - 1
    qtbot.mouseClick(map_of(window), LEFT, pos=cell_of(window, last))
    assert person.calls == [("break", last, "lost")]
    assert len(np.unique(picture_of(window))) > 100
