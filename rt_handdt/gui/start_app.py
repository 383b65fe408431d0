"""Open the start page."""

from __future__ import annotations

from pathlib import Path

from rt_handdt.gui.choices import choices_file
from rt_handdt.gui.display import check_display, import_qt
from rt_handdt.gui.running import run_until_closed


def run_start(*, network: bool = False, seconds: float | None = None, screenshot: Path | None = None) -> int:
    """Show the start page, and what is begun from it, until the user closes the window. Runs on the main thread.

    Parameters
    ----------
    network
        Look for streams beyond this computer.
    seconds
        Close by itself after so long; None: stay open.
    screenshot
        Write a PNG of the window when it closes.

    Returns
    -------
    int
        0.

    Raises
    ------
    DisplayError
        If no window can be opened here, or the screenshot cannot be written.
    """
    check_display()
    try:  # the splash needs no more of Qt than this; what is missing, `import_qt` says
        from rt_handdt.gui.application import application
        from rt_handdt.gui.splash import Splash
    except ImportError:
        import_qt()
        raise
    app = application()
    splash = Splash()
    splash.tell("Loading the start page …")
    from rt_handdt.gui.shell import Shell

    splash.tell("Looking for streams and models …")
    try:
        return run_until_closed(
            lambda: splash.make_way(Shell(choices_file(), network=network)), seconds=seconds, screenshot=screenshot
        )
    finally:
        splash.close()
        app.processEvents()
