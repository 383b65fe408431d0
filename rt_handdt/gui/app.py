"""Open the window on a running engine."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from rt_handdt.gui.running import prepare_qt, run_until_closed

if TYPE_CHECKING:
    from rt_handdt.gui.window import SnapshotSource


def run_window(
    engine: SnapshotSource,
    *,
    seconds: float | None = None,
    screenshot: Path | None = None,
    reject_below: float | None = None,
    asked: threading.Event | None = None,
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
    asked
        See `run_until_closed`.

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
    prepare_qt()
    # Only now: importing this is importing Qt.
    from rt_handdt.gui.window import MainWindow

    return run_until_closed(
        lambda: MainWindow(engine, reject_below=reject_below), seconds=seconds, screenshot=screenshot, asked=asked
    )
