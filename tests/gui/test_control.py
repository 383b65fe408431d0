"""The control window of a virtual person, drawn into memory."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QSlider, QWidget
from pytestqt.qtbot import QtBot

from rt_handdt.cli import keyboard
from rt_handdt.core.gestures import HYSER_GESTURES, REST, study_ten
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.errors import DisplayError
from rt_handdt.gui.control import run_controls
from rt_handdt.gui.control_window import ControlWindow
from rt_handdt.gui.widgets.hand import HandLabel
from rt_handdt.gui.widgets.value_slider import ValueSlider
from rt_handdt.sim.donning import draw_donning
from rt_handdt.sim.gesture_keys import GESTURE_OF
from rt_handdt.sim.live import LivePerson
from rt_handdt.sim.person import draw_person
from tests.gui.controls import cell_of, map_of, named, open_controls, picture_of
from tests.gui.fake_person import FakeAmplifier, FakePerson, FakeState

LEFT = Qt.MouseButton.LeftButton


# -- commands --------------------------------------------------------------------------------------------------------


def test_the_terminal_has_the_same_keys() -> None:
    assert keyboard.GESTURE_OF == GESTURE_OF
    assert set(GESTURE_OF.values()) == set(HYSER_GESTURES)


def test_a_button_for_rest_and_each_of_the_ten(qtbot: QtBot) -> None:
    person = FakePerson()
    window = open_controls(qtbot, person)
    for label in study_ten().labels:
        button = named(window, QAbstractButton, label.replace("_", " ").capitalize())
        qtbot.mouseClick(button, LEFT)
        assert button.isChecked()
    assert person.calls == [("command", label, 1.0) for label in study_ten().labels]


def test_every_key(qtbot: QtBot) -> None:
    person = FakePerson()
    window = open_controls(qtbot, person)
    for key in GESTURE_OF:
        qtbot.keyClick(window, key)
    qtbot.keyClick(window, "0")
    assert person.calls == [("command", label, 1.0) for label in [*GESTURE_OF.values(), REST]]


@pytest.mark.parametrize("where", ["Wrist radial", "Force", "All 34 gestures", "Electrodes"])
def test_space_is_rest_wherever_the_focus_is(qtbot: QtBot, where: str) -> None:
    person = FakePerson()
    window = open_controls(qtbot, person)
    (part,) = (part for part in window.findChildren(QWidget) if part.accessibleName() == where)
    part.setFocus()
    assert QApplication.focusWidget() is part
    qtbot.keyClick(part, Qt.Key.Key_Space)
    assert person.calls == [("command", REST, 1.0)]


def test_return_presses_the_button_in_focus(qtbot: QtBot) -> None:
    person = FakePerson()
    window = open_controls(qtbot, person)
    button = named(window, QAbstractButton, "Hand open")
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Return)
    assert person.calls == [("command", "hand_open", 1.0)]


def test_the_list_has_all_gestures(qtbot: QtBot) -> None:
    person = FakePerson()
    window = open_controls(qtbot, person)
    box = named(window, QComboBox, "All 34 gestures")
    assert isinstance(box, QComboBox)
    assert [box.itemData(n) for n in range(box.count())] == list(HYSER_GESTURES)
    assert box.currentIndex() == -1
    box.activated.emit(0)
    assert person.calls == [("command", "thumb_extension", 1.0)]
    assert box.currentIndex() == 0
    qtbot.keyClick(window, "1")
    assert box.currentIndex() == -1


def _slider(window: ControlWindow, name: str) -> QSlider:
    slider = named(window, QSlider, name)
    assert isinstance(slider, QSlider)
    return slider


def _press(qtbot: QtBot, slider: QSlider, share: float) -> None:
    """Press the track where a share of its range lies."""
    first, last = slider.x_of(0), slider.x_of(slider.maximum())
    qtbot.mouseClick(slider, LEFT, pos=QPoint(round(first + share * (last - first)), slider.height() // 2))


def test_force_acts_on_the_gesture_at_once(qtbot: QtBot) -> None:
    person = FakePerson()
    window = open_controls(qtbot, person)
    qtbot.keyClick(window, "7")
    label = person.told
    person.calls.clear()
    _press(qtbot, _slider(window, "Force"), 1.0)
    _press(qtbot, _slider(window, "Force"), 0.0)
    qtbot.keyClick(window, "+")
    assert person.calls == [("command", label, 2.0), ("command", label, 0.0), ("command", label, 0.1)]


def test_force_chosen_at_rest_is_the_next_gestures(qtbot: QtBot) -> None:
    person = FakePerson()
    window = open_controls(qtbot, person)
    qtbot.keyClick(window, "-")
    window.refresh()
    qtbot.keyClick(window, "2")
    assert person.calls == [("command", REST, 1.0), ("command", GESTURE_OF["2"], 0.9)]


def test_noise_shift_and_rotation(qtbot: QtBot) -> None:
    person = FakePerson()
    window = open_controls(qtbot, person)
    _press(qtbot, _slider(window, "Noise"), 1.0)
    _press(qtbot, _slider(window, "Noise"), 0.0)
    assert person.calls == [("set_noise", 20.0), ("set_noise", 0.0)]
    _press(qtbot, _slider(window, "Shift"), 0.0)
    qtbot.waitUntil(lambda: person.calls[-1] == ("move", -30.0, 0.0))
    _press(qtbot, _slider(window, "Rotation"), 1.0)
    qtbot.waitUntil(lambda: person.calls[-1] == ("move", -30.0, 45.0))


def test_the_electrodes_move_once_their_sliders_stand_still(qtbot: QtBot) -> None:
    person = FakePerson()
    window = open_controls(qtbot, person)
    for mm in range(1, 21):
        window.settings.shift.step(1)
        window.refresh()  # shows where the electrodes are still, and leaves the slider alone
        assert window.settings.shift.value == mm
    window.settings.rotation.step(-5)
    assert person.calls == []
    qtbot.waitUntil(lambda: bool(person.calls))
    assert person.calls == [("move", 20.0, -5.0)]
    window.refresh()
    assert window.settings.shift.value == 20.0


@pytest.mark.parametrize("by", ["button", "double click"])
def test_reset(qtbot: QtBot, by: str) -> None:
    person = FakePerson()
    window = open_controls(qtbot, person)
    button = named(window, QAbstractButton, "Reset noise")
    assert not button.isEnabled()
    person.noise = 1.1  # set elsewhere, between two stops
    window.refresh()
    assert button.isEnabled()
    if by == "button":
        qtbot.mouseClick(button, LEFT)
    else:
        qtbot.mouseDClick(_slider(window, "Noise"), LEFT)
    assert person.noise == 1.0
    assert not button.isEnabled()


def test_sliders_follow_what_was_set_elsewhere(qtbot: QtBot) -> None:
    person = FakePerson()
    window = open_controls(qtbot, person)
    person.told, person.level, person.noise, person.shift_mm, person.rotation_deg = "hand_open", 0.45, 5.0, -12.0, 7.0
    window.refresh()
    settings = window.settings
    values = [slider.value for slider in (settings.force, settings.noise, settings.shift, settings.rotation)]
    assert values == [0.45, 5.0, -12.0, 7.0]
    assert person.calls == []


def test_a_command_is_not_undone_by_a_state_that_is_still_old(qtbot: QtBot) -> None:
    slider = ValueSlider("Shift", range(-3, 4), 0.0, str)
    qtbot.addWidget(slider)
    slider.follow(0.0)
    slider.step(2)
    slider.follow(0.0)
    assert slider.value == 2.0
    slider.follow(-1.0)
    assert slider.value == -1.0


# -- the picture -----------------------------------------------------------------------------------------------------


def test_reacting_until_the_hand_obeys(qtbot: QtBot) -> None:
    person = FakePerson()
    window = open_controls(qtbot, person)
    qtbot.keyClick(window, "8")
    hand = window.findChild(HandLabel)
    assert hand.accessibleName() == "The hand does: Rest. It is told: Hand open."
    reacting = picture_of(hand)
    person.act()
    window.refresh()
    assert hand.accessibleName() == "The hand does: Hand open. It is told: Hand open."
    assert (picture_of(hand) != reacting).any()


@pytest.mark.parametrize("size", [(900, 600), (1100, 700), (1600, 1000)])
def test_nothing_is_clipped_and_nothing_moves(qtbot: QtBot, size: tuple[int, int]) -> None:
    person = FakePerson()
    window = open_controls(qtbot, person, ports=("UDP 5005",))
    window.resize(*size)
    window.grab()
    assert (window.width(), window.height()) == size

    def boxes() -> list[tuple[str, tuple[int, int, int, int]]]:
        window.grab()
        parts = [part for part in window.findChildren(QWidget) if part.window() is window]
        return [(type(part).__name__, part.geometry().getRect()) for part in parts]

    before = boxes()
    for part in window.findChildren(QWidget):
        if part.window() is window and part.isVisible():
            assert part.parentWidget().rect().contains(part.geometry()), part
            assert part.width() >= part.minimumWidth()
            assert part.height() >= part.minimumHeight()
    person.told = "index_middle_ring_little_extension"
    person.act()
    person.shift_mm, person.moving, person.noise, person.position = -30.0, True, 20.0, 2048 * 60 * 99
    person.broken = dict.fromkeys(range(256), "noisy")
    window.refresh()
    assert boxes() == before


def test_everything_that_can_be_reached_by_tab_has_a_name(qtbot: QtBot) -> None:
    window = open_controls(qtbot, FakePerson())
    reached = []
    part = window.nextInFocusChain()
    while part is not window:
        if part.focusPolicy() & Qt.FocusPolicy.TabFocus and part.isVisible() and part.focusProxy() is None:
            reached.append(part.accessibleName())
        part = part.nextInFocusChain()
    assert all(reached)
    sliders = ["Force", "Reset force", "Shift", "Reset shift", "Rotation", "Reset rotation", "Noise", "Reset noise"]
    assert reached[:2] == ["Rest", "Wrist flexion"]
    assert reached[11:] == ["All 34 gestures", *sliders, "Electrodes"]


def test_at_first_nothing_has_the_focus(qtbot: QtBot) -> None:
    window = open_controls(qtbot, FakePerson())
    assert QApplication.focusWidget() is window


def test_it_says_that_it_is_simulated(qtbot: QtBot) -> None:
    window = open_controls(qtbot, FakePerson())
    assert "simulated" in window.windowTitle()
    assert any(part.accessibleName().startswith("Simulated: ") for part in window.findChildren(QWidget))


# -- the real person -------------------------------------------------------------------------------------------------


def test_a_real_virtual_person(qtbot: QtBot) -> None:
    who = draw_person(3, 1)
    person = LivePerson(who, draw_donning(who, 1), ElectrodeLayout.grid(4, 4), reaction_s=0.1)
    window = open_controls(qtbot, person)
    signal = person.blocks(256)
    try:
        qtbot.keyClick(window, "7")
        _press(qtbot, _slider(window, "Force"), 0.75)
        _press(qtbot, _slider(window, "Noise"), 0.0)
        window.settings.shift.step(3)
        qtbot.mouseClick(map_of(window), LEFT, pos=cell_of(window, 2))
        qtbot.waitUntil(lambda: person.state().shift_mm == 3.0)
        for _ in range(4):
            next(signal)
        person.markers(1024)
        window.refresh()
    finally:
        person.close()
    state = person.state()
    assert (state.told, state.level, state.noise, state.broken) == (GESTURE_OF["7"], 1.5, 0.0, {2: "lost"})
    assert state.position >= 1024
    assert window.error is None
    assert window.findChild(HandLabel).accessibleName() == "The hand does: Hand close. It is told: Hand close."


# -- running ---------------------------------------------------------------------------------------------------------


def test_run_controls_takes_the_screenshot_and_ends(qtbot: QtBot, tmp_path: Path) -> None:
    person = FakePerson()
    picture = tmp_path / "new" / "control.png"
    assert run_controls(person, FakeAmplifier(), seconds=0.3, screenshot=picture) == 0
    image = QImage(str(picture))
    assert (image.width(), image.height()) == (1180, 760)
    assert 2 <= person.asked <= 15


def test_run_controls_says_where_it_cannot_write(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(DisplayError, match=r"folder\.png"):
        run_controls(FakePerson(), FakeAmplifier(), seconds=0.1, screenshot=tmp_path / "folder.png")


@pytest.mark.parametrize("when", ["before", "while"])
def test_closes_when_the_stream_has_ended(qtbot: QtBot, when: str) -> None:
    stop = threading.Event()
    if when == "before":
        stop.set()
    else:
        QTimer.singleShot(80, stop.set)
    assert run_controls(FakePerson(), FakeAmplifier(), seconds=60.0, stop=stop) == 0


def test_closing_stops_every_timer(qtbot: QtBot) -> None:
    person = FakePerson()
    window = open_controls(qtbot, person)
    window.start()
    window.settings.shift.step(1)
    with qtbot.waitSignal(window.closed):
        qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not any(timer.isActive() for timer in window.findChildren(QTimer))
    asked, calls = person.asked, len(person.calls)
    qtbot.wait(260)
    assert (person.asked, len(person.calls)) == (asked, calls)


class _Broken(FakePerson):
    def state(self) -> FakeState:
        if self.asked == 4:
            raise RuntimeError("the forearm is gone")
        return super().state()

    def set_noise(self, factor: float) -> None:
        raise RuntimeError("no noise today")


def test_an_exception_of_the_person_is_raised_not_swallowed(qtbot: QtBot) -> None:
    with pytest.raises(RuntimeError, match="the forearm is gone"):
        run_controls(_Broken(), FakeAmplifier(), seconds=60.0)


def test_an_exception_of_a_command_closes_the_window(qtbot: QtBot) -> None:
    window = open_controls(qtbot, _Broken())
    with qtbot.waitSignal(window.closed):
        window.settings.noise.step(1)
    assert str(window.error) == "no noise today"


def test_save_and_full_screen(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    window = open_controls(qtbot, FakePerson())
    qtbot.keyClick(window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    (saved,) = tmp_path.glob("rt_handdt_control_*.png")
    assert saved.stat().st_size > 5_000
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert window.isFullScreen()
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert not window.isFullScreen()
