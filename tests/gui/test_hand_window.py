"""The virtual hand's window, and its command."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from rt_handdt.core.gestures import REST
from rt_handdt.core.poses import shipped_poses
from rt_handdt.errors import StreamError
from rt_handdt.gui import theme
from rt_handdt.gui.hand_window import HandWindow, tone_of
from rt_handdt.gui.widgets.canvas import install_fonts
from rt_handdt.gui.widgets.hand_picture import HandPicture
from rt_handdt.runtime.virtual_hand import SILENT, HandView, opened
from tests.conftest import ROOT
from tests.support.sinks import free_port, message, until

LABELS = (REST, "hand_close", "wrist_ulnar")


class Model:
    """A hand that shows what a test says."""

    poses = shipped_poses()

    def __init__(self) -> None:
        self.now: HandView | Exception = self.doing("hand_close")

    def doing(self, label: str, level: float = 1.0) -> HandView:
        pose = self.poses.at(label, level)
        return HandView(label, level, "running", "running", "", 3.0, pose, LABELS)

    def view(self) -> HandView:
        if isinstance(self.now, Exception):
            raise self.now
        return self.now

    def close(self) -> None:
        pass


def test_it_follows_says_silence_and_ends_with_an_error(qtbot: QtBot, tmp_path: Path) -> None:
    install_fonts()
    model = Model()
    window = HandWindow(model, "UDP <b>x</b>")
    qtbot.addWidget(window)
    window.show()
    window.start()
    qtbot.waitUntil(lambda: not window.picture.moving)
    assert window.picture._pose == model.poses.of("hand_close")
    assert window.words.accessibleName() == "The hand does: Hand close. "
    assert window.save_screenshot(tmp_path / "hand.png")
    silent = HandView(
        REST, 0.0, SILENT, SILENT, "No message for 200 ms: the hand is open.", float("nan"), opened(model.poses)
    )
    model.now = silent
    qtbot.waitUntil(lambda: not window.picture.moving and "No message" in window.words.accessibleName())
    assert window.picture._pose.fingers == model.poses.of("hand_open").fingers
    model.now = replace(silent, state="a state of tomorrow", label="x" * 200)
    qtbot.waitUntil(lambda: "Xxx" in window.words.accessibleName())
    window.grab()
    with qtbot.waitSignal(window.closed):
        model.now = StreamError("Gone.")
    assert isinstance(window.error, StreamError)


def test_a_gesture_has_the_colour_that_the_live_window_gives_it() -> None:
    model = Model()
    assert tone_of(model.doing("wrist_ulnar")) == theme.class_colours(LABELS)[2]
    assert tone_of(replace(model.doing("hand_close"), labels=())) == theme.ACCENT


def test_the_picture_glides(qtbot: QtBot) -> None:
    picture = HandPicture()
    qtbot.addWidget(picture)
    picture.show_gesture("hand_close")
    ways = []
    while picture.moving:
        picture.step(0.02)
        ways.append(picture._pose.fingers[1].middle)
    assert len(ways) > 5
    assert ways == sorted(ways)
    assert ways[-1] == shipped_poses().of("hand_close").fingers[1].middle
    picture.show_gesture("hand_close", 0.5)
    picture.step(0.0)
    assert picture.moving
    picture.grab()


def hand(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rt_handdt.cli.main", "hand", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--listen", "tcp:5"], "must be udp:PORT or udp:HOST:PORT"),
        (["--listen", "udp:70000"], "must be udp:PORT"),
        (["--listen", "udp:no.such.host.invalid:5006"], "cannot be listened on"),
        (["--listen", "udp:5006", "--stream", "x"], "give one"),
        (["--device", "glove"], "known: ability, serial"),
        (["--link", "x"], "give --device, too"),
        (["--poses", "none.toml"], "none.toml: there is no such file"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(words: list[str], said: str) -> None:
    run = hand("--headless", *words)
    assert run.returncode == 2
    assert said in run.stderr
    assert "Traceback" not in run.stderr


def test_headless_it_prints_each_change() -> None:
    from rt_handdt.io.sinks import parse_sink
    from tests.support.sinks import about

    port = free_port()
    command = [sys.executable, "-u", "-m", "rt_handdt.cli.main", "hand", "--headless", "--listen", f"udp:{port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        try:
            assert str(port) in child.stdout.readline()
            assert "silent" in child.stdout.readline()
            sink = parse_sink(f"udp:{port}")
            sink.open(about())
            seen = threading.Event()

            def send() -> None:  # as an engine does: one message alone is old before a busy computer looks at it
                number = 0
                while not seen.wait(0.02):
                    sink.send(message(number, "fist"))
                    number += 1

            sender = threading.Thread(target=send)
            sender.start()
            try:
                assert child.stdout.readline().split()[:3] == ["fist", "0.8", "running"]
            finally:
                seen.set()
                sender.join()
            assert "No message for 200 ms: the hand is open." in child.stdout.readline()
            sink.close()
        finally:
            child.terminate()


def test_a_sheet_of_all_poses(tmp_path: Path) -> None:
    run = hand("--sheet", str(tmp_path / "poses.png"), "--light")
    assert run.returncode == 0, run.stderr
    until(lambda: (tmp_path / "poses.png").stat().st_size > 50_000, 1.0)
    run = hand("--sheet", str(tmp_path / "none" / "poses.png"))
    assert run.returncode == 2
    assert "cannot be written" in run.stderr
