"""A live run as a window keeps it: opened without waiting, started again if its process dies, ended without waiting."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from rt_handdt.errors import HanddtError, sentence_of
from rt_handdt.runtime.live_run import LiveRun
from rt_handdt.runtime.process import EngineProcess
from rt_handdt.runtime.replay_process import ReplayProcess

#: An engine that dies more often than this within `TRIES_S` is not started again.
TRIES = 3
TRIES_S = 60.0
#: An engine gets so long to end by itself, and longer where a recording is to be ended with it.
END_S, RECORDED_S = 0.7, 5.0


class Stage(StrEnum):
    """How far a session is."""

    OPENING = "opening"
    """Model, stream and sinks are opened."""
    LIVE = "live"
    """There is an engine to show."""
    OVER = "over"
    """It could not be opened, or broke for good; `LiveSession.fault` says why."""


class LiveSession:
    """An `EngineProcess`, and what it listens to if that was started for it.

    Use from one thread; nothing here waits for long.

    Parameters
    ----------
    run
        What is asked for.
    replay
        Streams what the run listens to, and is ended with it; None: a stream that is there.
    make
        Makes the engine's process; for tests.
    """

    def __init__(
        self,
        run: LiveRun,
        replay: ReplayProcess | None = None,
        make: Callable[[LiveRun, Path | None, Callable[[str], None]], EngineProcess] = EngineProcess,
    ) -> None:
        self.run, self._replay, self._make = run, replay, make
        self.said: deque[str] = deque(maxlen=50)
        self.fault = ""
        self.stage = Stage.OPENING
        self.restarts = 0
        self._deaths: deque[float] = deque(maxlen=TRIES)
        self._ending: threading.Thread | None = None
        self.engine = make(run, None, self.said.append)

    @property
    def name(self) -> str:
        """Of what is listened to; empty: the only stream."""
        stream = self.run.stream
        return (stream if isinstance(stream, str) or stream is None else stream.stream) or ""

    def look(self) -> Stage:
        """How far it is now; starts the engine again if its process has died."""
        if self.stage is Stage.OVER:
            return self.stage
        error = self.engine.error
        if self.stage is Stage.OPENING and error is None:
            if self._replay is not None and self._replay.fault:
                self._fail(f"The stream could not be started: {self._replay.fault}")
            elif self.engine.started:
                self.stage = Stage.LIVE
        elif error is not None:
            self._broken(error)
        return self.stage

    def _broken(self, error: BaseException) -> None:
        now = time.monotonic()
        often = len(self._deaths) == TRIES and now - self._deaths[0] < TRIES_S
        # What we say ourselves comes back the next time; a process that never ran would die again.
        if isinstance(error, HanddtError) or not self.engine.started or often:
            self._fail(sentence_of(error))
            return
        self._deaths.append(now)
        self.restarts += 1
        self.said.append(f"The recognition broke down and is started again ({sentence_of(error)}); outputs rest.")
        # Outputs come back off: nobody should be moved by an engine that has just broken. What was learnt is gone.
        record = _next_file(self.run.record)
        self.run = replace(self.run, outputs=False, record=record, bad=self.engine.bad)
        self.engine.stop()
        self.engine = self._make(self.run, None, self.said.append)
        self.stage = Stage.OPENING

    def _fail(self, sentence: str) -> None:
        self.fault, self.stage = sentence, Stage.OVER

    def close(self) -> None:
        """Begin to end it all, on a thread of its own."""
        if self._ending is None:
            self._ending = threading.Thread(target=self._end_all, name="handdt-session-end")
            self._ending.start()

    def join(self) -> None:
        """Wait until all has ended: a second at most, and a few where something is recorded."""
        self.close()
        assert self._ending is not None
        self._ending.join()

    @property
    def ended(self) -> bool:
        """Whether `join` would return at once."""
        return self._ending is not None and not self._ending.is_alive()

    def _end_all(self) -> None:
        self.engine.stop(RECORDED_S if self.run.record is not None else END_S)
        if self._replay is not None:
            self._replay.close()


def _next_file(path: Path | None) -> Path | None:
    """A recording that was cut off is kept; what follows is another file."""
    if path is None:
        return None
    number = 2
    while (other := path.with_name(f"{path.stem}_{number}{path.suffix}")).exists():
        number += 1
    return other
