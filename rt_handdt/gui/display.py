"""Is there a display? Asked before Qt is, because Qt ends the whole process where it finds none."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from rt_handdt.errors import DisplayError

_NEXT = "use --headless, or set QT_QPA_PLATFORM=offscreen to draw into a screenshot only"


def check_display(environ: Mapping[str, str] | None = None, platform: str = sys.platform) -> None:
    """Make sure that Qt can open a window.

    Raises
    ------
    DisplayError
        On Linux, if no display is named, the X server does not answer, or a library that Qt needs for it is missing.
    """
    environ = os.environ if environ is None else environ
    if not platform.startswith("linux"):
        return
    wanted = {name.split(":")[0] for name in environ.get("QT_QPA_PLATFORM", "").split(";") if name}
    if wanted and not wanted <= {"xcb"}:
        return
    if environ.get("WAYLAND_DISPLAY") and not wanted:
        return
    if not environ.get("DISPLAY"):
        raise DisplayError(f"No display to open a window on (neither DISPLAY nor WAYLAND_DISPLAY is set); {_NEXT}.")
    missing = _missing_library()
    if missing:
        raise DisplayError(
            f"Qt cannot open a window, because the system library {missing} is missing; install it (on Debian and "
            f"Ubuntu: apt-get install libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxkbcommon-x11-0), or {_NEXT}."
        )
    if not _x_server_answers(environ["DISPLAY"]):
        raise DisplayError(f"The display DISPLAY={environ['DISPLAY']} does not answer; {_NEXT}.")


def import_qt() -> None:
    """Import Qt, so that a missing system library becomes one sentence.

    Raises
    ------
    DisplayError
        If PySide6 or a library that it needs cannot be loaded.
    """
    try:
        import pyqtgraph  # noqa: F401
        import PySide6.QtWidgets  # noqa: F401
    except ImportError as exc:
        raise DisplayError(
            f"Qt cannot be loaded ({exc}); install what is missing (on Debian and Ubuntu: apt-get install libegl1 "
            "libgl1 libfontconfig1 libxkbcommon0 libdbus-1-3), or use --headless."
        ) from None


def _missing_library() -> str:
    """Name of a shared library that Qt's X11 plug-in needs and the system lacks; empty if it loads."""
    spec = importlib.util.find_spec("PySide6")
    if spec is None or not spec.submodule_search_locations:
        return ""  # import_qt says so
    plugin = Path(spec.submodule_search_locations[0], "Qt", "plugins", "platforms", "libqxcb.so")
    if not plugin.exists():
        return ""
    try:
        ctypes.CDLL(str(plugin))
    except OSError as exc:
        return str(exc).split(":")[0]
    return ""


def _x_server_answers(display: str) -> bool:
    """Connect to the X server and hang up; True too where libxcb cannot be asked."""
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = (ctypes.c_char_p, ctypes.c_void_p)
    xcb.xcb_connection_has_error.argtypes = (ctypes.c_void_p,)
    xcb.xcb_disconnect.argtypes = (ctypes.c_void_p,)
    connection = xcb.xcb_connect(display.encode(), None)
    failed = bool(xcb.xcb_connection_has_error(connection))
    xcb.xcb_disconnect(connection)
    return not failed
