"""Without a display there is one sentence, not an abort from inside Qt."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from rt_handdt.errors import DisplayError
from rt_handdt.gui import display
from rt_handdt.gui.display import check_display


def test_no_display_is_an_error() -> None:
    with pytest.raises(DisplayError, match="--headless"):
        check_display({}, platform="linux")
    with pytest.raises(DisplayError, match="No display"):
        check_display({"QT_QPA_PLATFORM": "xcb"}, platform="linux")


@pytest.mark.parametrize("name", ["offscreen", "minimal", "vnc", "offscreen:size=800x600", "wayland;xcb"])
def test_a_named_platform_is_left_to_qt(name: str) -> None:
    check_display({"QT_QPA_PLATFORM": name}, platform="linux")


def test_other_systems_and_wayland_pass() -> None:
    check_display({}, platform="darwin")
    check_display({"WAYLAND_DISPLAY": "wayland-0"}, platform="linux")


def test_a_dead_x_server_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "_missing_library", lambda: "")
    with pytest.raises(DisplayError, match=r"DISPLAY=:987 does not answer"):
        check_display({"DISPLAY": ":987"}, platform="linux")


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "_missing_library", lambda: "libxcb-cursor.so.0")
    with pytest.raises(DisplayError, match=r"libxcb-cursor\.so\.0 is missing"):
        check_display({"DISPLAY": ":0"}, platform="linux")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only on Linux does Qt depend on these variables")
def test_run_window_raises_before_qt_can_abort() -> None:
    code = (
        "from rt_handdt.errors import DisplayError\n"
        "from rt_handdt.gui.app import run_window\n"
        "try:\n    run_window(None)\n"
        "except DisplayError as exc:\n    print(exc)\n"
    )
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    environ = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("No display to open a window on")
