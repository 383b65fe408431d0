"""Open the window on a running engine."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rt_handdt.errors import DisplayError
from rt_handdt.gui.display import check_display, import_qt

if TYPE_CHECKING:
    from rt_handdt.gui.window import MainWindow, SnapshotSource


def run_window(
    engine: SnapshotSource,
    *,
    seconds: float | None = None,
    screenshot: Path | None = None,
    reject_below: float | None = None,
) -> int:
    """Show `engine` until the user closes the window, Ctrl-C, or `seconds` have passed. Runs on the main thread.

    Parameters
    ----------
    engine
        Started already; it is only read, and left running.
    seconds
        Close by itself after so long; None: stay open.
    screenshot
        Write a PNG of the window when it closes.
    reject_below
        The decoder's threshold, drawn into the probability bars.

    Returns
    -------
    int
        0.

    Raises
    ------
    DisplayError
        If no window can be opened here, or the screenshot cannot be written.
    Exception
        Whatever `engine.snapshot` raised; the window closes then.
    """
    check_display()
    import_qt()
    # Only now: importing these is importing Qt.
    from PySide6.QtWidgets import QApplication

    from rt_handdt.gui.widgets.canvas import install_fonts
    from rt_handdt.gui.window import MainWindow

    app = QApplication.instance() or QApplication(["rt_handdt"])
    install_fonts()
    window = MainWindow(engine, reject_below=reject_below)
    try:
        with _signals_close(window):
            return _run(window, seconds, screenshot)
    finally:
        window.deleteLater()
        app.processEvents()


def _run(window: MainWindow, seconds: float | None, screenshot: Path | None) -> int:
    from PySide6.QtCore import QEventLoop, QTimer

    saved = True

    def finish() -> None:
        nonlocal saved
        try:
            # On the way out, while the window still has its contents and its size.
            if screenshot is not None and window.error is None:
                screenshot.parent.mkdir(parents=True, exist_ok=True)
                saved = window.save_screenshot(screenshot)
        except OSError:
            saved = False
        finally:
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
    if window.error is None:
        loop.exec()
    deadline.stop()
    if window.error is not None:
        raise window.error
    if not saved:
        raise DisplayError(f"{screenshot}: the screenshot cannot be written; name a file in a folder you may write to.")
    return 0


@contextmanager
def _signals_close(window: MainWindow) -> Iterator[None]:
    """Ctrl-C and a polite kill close the window. Python runs the handler at the next frame of the window's timer."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def close(signum: int, frame: object) -> None:
        window.close()

    before = {number: signal.signal(number, close) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
