"""Letting an engine run from a command line."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rt_handdt.errors import StreamError
from rt_handdt.runtime.engine import Engine
from rt_handdt.runtime.status import State


def wait_until_done(
    engine: Engine,
    seconds: float | None,
    tick: Callable[[], None],
    every_s: float = 0.2,
    over: threading.Event | None = None,
) -> None:
    """Let an engine run for `seconds` of signal (or for ever), calling `tick` meanwhile; ends early if it fails.

    With a time limit, a stream that stays away for 5 s ends the run as well; and so does `over`, at once, once it is
    set.

    Raises
    ------
    StreamError
        If no sample at all came within 10 s.
    """
    over = over or threading.Event()
    began = time.monotonic()
    while engine.error is None:
        tick()
        if seconds is not None and engine.seconds >= seconds:
            return
        if seconds is not None and engine.state == State.LOST and engine.silent_s > 5.0:
            return
        if not engine.samples_received and time.monotonic() - began > 10.0:
            raise StreamError(
                f"The stream '{engine.description.name}' is open but sent no sample within 10 s; start the amplifier's "
                "acquisition or the replay."
            )
        if over.wait(every_s):
            return
