"""Qt's application, with everything on the screen large enough to be read."""

from __future__ import annotations

import os
from typing import cast

from PySide6.QtWidgets import QApplication

from rt_handdt.gui.widgets.canvas import install_fonts

#: Whoever has set one of these has chosen.
_CHOSEN = ("QT_SCALE_FACTOR", "QT_SCREEN_SCALE_FACTORS", "QT_FONT_DPI")
#: What pages are drawn for, and how much larger they are shown at most.
PAGE_PX, LARGEST = (1440, 900), 3.0


def scale_for(width: int, height: int) -> float:
    """How much larger a page is shown on a screen of this size, in quarters; 1 where that would be little.

    Examples
    --------
    >>> scale_for(1920, 1080), scale_for(2560, 1600), scale_for(3840, 2160)
    (1.0, 1.75, 2.25)
    """
    room = min(width / PAGE_PX[0], height / PAGE_PX[1])
    scale = min(int(room * 4) / 4, LARGEST)
    return scale if scale >= 1.5 else 1.0


def application() -> QApplication:
    """The application that is there, or a new one, with the shipped fonts. Keep it: it goes when nobody holds it.

    A large screen whose system magnifies nothing would show a page with letters of two millimetres. Qt takes its
    magnification from the environment when an application is made, and knows the screen only afterwards: on such
    screens a second one is made.
    """
    there = QApplication.instance()
    if there is not None:
        install_fonts()
        return cast(QApplication, there)
    app = QApplication(["rt_handdt"])
    screen = app.primaryScreen()
    if screen is not None and screen.devicePixelRatio() == 1.0 and not any(name in os.environ for name in _CHOSEN):
        scale = scale_for(screen.size().width(), screen.size().height())
        if scale != 1.0:
            app.shutdown()
            del app, screen
            os.environ["QT_SCALE_FACTOR"] = f"{scale:g}"
            try:
                app = QApplication(["rt_handdt"])
            finally:
                del os.environ["QT_SCALE_FACTOR"]  # not for programs that this one starts
    install_fonts()
    return app
