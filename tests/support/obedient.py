"""A stream of somebody who does what is asked for, at the true rate."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from rt_handdt.io.lsl import SignalOutlet, clock
from rt_handdt.runtime.calibration_run import CalibrationRun, Stage
from rt_handdt.runtime.guide import Phase
from tests.support.tiny import noise, tiny_spec

SPEC = tiny_spec()
#: Which electrodes each gesture of the tiny model lights.
WHERE = {"left": [0, 1, 4, 5], "right": [2, 3, 6, 7]}


@contextmanager
def obeying(outlet: SignalOutlet, asked: Callable[[], str]) -> Iterator[threading.Event]:
    """Stream until the context is left, or until the event that it gives is set: then the stream goes."""
    gone = threading.Event()

    def send() -> None:
        began, sent, gain, seed = clock(), 0, np.ones(8), 0
        while not gone.is_set():
            n = SPEC.hop_samples
            sent += n
            seed += 1
            due = began + sent / outlet.fs_hz
            if gone.wait(max(0.0, due - clock())):
                return
            wanted = np.ones(8)
            wanted[WHERE.get(asked(), [])] = 8.0
            gain += 0.2 * (wanted - gain)  # a jump of all electrodes is no muscle's
            outlet.push((noise(SPEC, n, 1.0, seed) * gain).astype(np.float32), due)

    thread = threading.Thread(target=send, name="obedient")
    thread.start()
    try:
        yield gone
    finally:
        gone.set()
        thread.join()


class Patience:
    """Makes a step again, once each time it is asked: on a busy machine the answer to a cue may come late."""

    def __init__(self, run: CalibrationRun) -> None:
        self._run, self._asked = run, False

    def __call__(self) -> bool:
        """Whether the run is over."""
        progress = self._run.progress
        ask = progress.view is not None and progress.view.phase is Phase.ASK and progress.stage is Stage.GUIDING
        if ask and not self._asked:
            self._run.wish("repeat")
        self._asked = ask
        return progress.stage in (Stage.FITTED, Stage.OVER)
