"""Open the control window on a virtual person that streams."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from rt_handdt.gui.running import prepare_qt, run_until_closed
from rt_handdt.gui.virtual import SignalSource, VirtualPerson


def load_window() -> None:
    """Import what the window needs, which holds up every other thread for a moment: better before a stream begins.

    Raises
    ------
    DisplayError
        If no window can be opened here.
    """
    prepare_qt()
    import rt_handdt.gui.control_window  # noqa: F401


def run_controls(
    person: VirtualPerson,
    amplifier: SignalSource,
    *,
    seconds: float | None = None,
    screenshot: Path | None = None,
    ports: Sequence[str] = (),
    stop: threading.Event | None = None,
) -> int:
    """Show the controls until the user closes the window, Ctrl-C, or `seconds` have passed. Runs on the main thread.

    Parameters
    ----------
    person, amplifier
        Streaming already, on a thread of their own, and left streaming.
    seconds
        Close by itself after so long; None: stay open.
    screenshot
        Write a PNG of the window when it closes.
    ports
        Where else commands are taken, as short texts such as "UDP 5005"; shown only.
    stop
        Close when this is set, for example because the stream has ended.

    Returns
    -------
    int
        0.

    Raises
    ------
    DisplayError
        If no window can be opened here, or the screenshot cannot be written.
    Exception
        Whatever the person or the amplifier raised when asked; the window closes then.
    """
    prepare_qt()
    # Only now: importing this is importing Qt.
    from rt_handdt.gui.control_window import ControlWindow

    return run_until_closed(
        lambda: ControlWindow(person, amplifier, ports=tuple(ports), stop=stop), seconds=seconds, screenshot=screenshot
    )
