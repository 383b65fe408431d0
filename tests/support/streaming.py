"""A stream that goes on in the background, at its true rate."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rt_handdt.core.types import Float32
from rt_handdt.io.lsl import SignalOutlet, clock


@contextmanager
def streaming(outlet: SignalOutlet, block: Float32) -> Iterator[None]:
    """Send the block again and again until the context is left.

    Paced by the clock and not by pauses: on a busy machine these last longer, and a stream would come at another rate
    than it declares.
    """
    stop = threading.Event()

    def send() -> None:
        began, sent = clock(), 0
        while not stop.is_set():
            sent += len(block)
            due = began + sent / outlet.fs_hz
            if stop.wait(max(0.0, due - clock())):
                return
            outlet.push(block, due)

    thread = threading.Thread(target=send, name="streaming")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
