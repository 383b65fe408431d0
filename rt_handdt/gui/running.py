"""Show a window until it closes: by itself, by the user or by a signal."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rt_handdt.errors import DisplayError
from rt_handdt.gui.display import check_display, import_qt
from rt_handdt.runtime.ending import SIGNALS

if TYPE_CHECKING:
    from PySide6.QtCore import SignalInstance


class LiveWindow(Protocol):
    """What is asked of a window here."""

    error: Exception | None

    @property
    def closed(self) -> SignalInstance:
        """Emitted while the window closes."""
        ...

    def start(self) -> None:
        """Begin to follow what it shows."""
        ...

    def show(self) -> None:
        """QWidget's."""
        ...

    def close(self) -> bool:
        """QWidget's."""
        ...

    def deleteLater(self) -> None:
        """QObject's."""
        ...

    def save_screenshot(self, path: Path) -> bool:
        """Write a PNG; False if the file could not be written."""
        ...


def prepare_qt() -> None:
    """Make sure that a window can be opened, before anything that imports Qt is imported.

    Raises
    ------
    DisplayError
        If no window can be opened here.
    """
    check_display()
    import_qt()


def run_until_closed(
    make_window: Callable[[], LiveWindow],
    *,
    seconds: float | None = None,
    screenshot: Path | None = None,
    asked: threading.Event | None = None,
) -> int:
    """Make a window and show it until the user closes it, Ctrl-C, or `seconds` have passed. Runs on the main thread.

    Parameters
    ----------
    make_window
        Called once there is an application with its fonts.
    seconds
        Close by itself after so long; None: stay open.
    screenshot
        Write a PNG of the window when it closes.
    asked
        Set if the end was asked for before the window could hear of it: then it closes at once.

    Returns
    -------
    int
        0.

    Raises
    ------
    DisplayError
        If the screenshot cannot be written.
    Exception
        What the window keeps in `error`.
    """
    from rt_handdt.gui.application import application

    app = application()
    window = make_window()
    try:
        with _signals_close(window):
            return _run(window, seconds, screenshot, asked)
    finally:
        window.deleteLater()
        app.processEvents()


def _run(window: LiveWindow, seconds: float | None, screenshot: Path | None, asked: threading.Event | None) -> int:
    from PySide6.QtCore import QEventLoop, QTimer

    saved, over = True, False

    def finish() -> None:
        nonlocal saved, over
        try:
            # On the way out, while the window still has its contents and its size.
            if screenshot is not None and window.error is None:
                screenshot.parent.mkdir(parents=True, exist_ok=True)
                saved = window.save_screenshot(screenshot)
        except OSError:
            saved = False
        finally:
            over = True
            loop.quit()

    # A loop of our own, not app.exec(): the window also opens where an application already runs, as in a test.
    loop = QEventLoop()
    window.closed.connect(finish)
    deadline = QTimer()
    deadline.setSingleShot(True)
    deadline.timeout.connect(window.close)
    window.show()
    window.start()
    if seconds is not None:
        deadline.start(max(1, round(seconds * 1000)))
    if asked is not None and asked.is_set():  # from here on signals are the window's
        window.close()
    if not over:  # closed at the first look already
        loop.exec()
    deadline.stop()
    if window.error is not None:
        raise window.error
    if not saved:
        raise DisplayError(f"{screenshot}: the screenshot cannot be written; name a file in a folder you may write to.")
    return 0


@contextmanager
def _signals_close(window: LiveWindow) -> Iterator[None]:
    """Ctrl-C, a polite kill and a hang-up close the window; Python runs the handler at the next frame of its timer."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def close(signum: int, frame: Any) -> None:
        window.close()

    before = {number: signal.signal(number, close) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
