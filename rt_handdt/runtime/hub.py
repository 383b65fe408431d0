"""From the engine's decisions to everybody who is told of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from rt_handdt.core.types import Decision
from rt_handdt.io.lsl import clock
from rt_handdt.io.message import Message
from rt_handdt.io.sink import About, Sink
from rt_handdt.runtime.sink_worker import SinkWorker
from rt_handdt.runtime.status import State, Status

#: At the end, all sinks together get so long to send the last rest and to let go.
END_S = 0.3


class Hub:
    """Numbers decisions and hands them to the sinks, each on a thread of its own.

    Parameters
    ----------
    sinks
        Name and sink, not opened.
    about
        What they may tell their receivers at first.
    say
        Called on any thread with a sentence when a sink fails or works again.
    first_seq
        Number of the first message.
    count
        Called on any thread with a sink's position and its counters (see `rt_handdt.runtime.tally`).
    """

    def __init__(
        self,
        sinks: Sequence[tuple[str, Sink]],
        about: About,
        say: Callable[[str], None] = lambda sentence: None,
        first_seq: int = 0,
        count: Callable[[int, tuple[int, ...]], None] = lambda position, counts: None,
    ) -> None:
        self._about = about
        self._workers = [
            SinkWorker(name, sink, about, say, first_seq, partial(count, k)) for k, (name, sink) in enumerate(sinks)
        ]
        self._seq = first_seq
        self._last: Message | None = None
        self._turn = threading.Lock()
        self._over = False

    def open(self) -> None:
        """Open all sinks and start their threads.

        Raises
        ------
        HanddtError
            If one cannot be opened; then none is.
        """
        opened = []
        try:
            for worker in self._workers:
                worker.open()
                opened.append(worker)
        except BaseException:
            for worker in opened:
                worker.join(0.0)
            raise
        for worker in self._workers:
            worker.start()

    def tell(self, decision: Decision, status: Status, sampled_s: float) -> None:
        """Take a decision; never waits for a sink.

        Parameters
        ----------
        decision, status
            What the hand is told, and the engine's state.
        sampled_s
            When its newest sample was taken, on this computer's LSL clock; NaN where there is none.
        """
        with self._turn:
            about = self._about
            self._hand_on(
                Message.of(self._seq, decision, status.state, status.code, sampled_s, about.labels, dofs=about.dofs)
            )

    def pass_on(self, message: Message) -> None:
        """Take a message that another has numbered."""
        with self._turn:
            self._hand_on(message)

    def close(self, state: State = State.STOPPED, code: str = "stopped") -> None:
        """Have every receiver told rest, and let go; takes at most about half a second.

        Parameters
        ----------
        state, code
            Why they are told to rest, if they have not been.
        """
        with self._turn:
            last = self._last
            if last is not None and (last.moves or last.running):
                self._hand_on(last.resting(self._seq, clock(), state, code))
            self._over = True
        for worker in self._workers:
            worker.end()
        deadline = time.monotonic() + END_S
        for worker in self._workers:
            worker.join(max(0.0, deadline - time.monotonic()))

    def report(self) -> list[dict[str, Any]]:
        """The counters of each sink (see `SinkWorker.report`); any thread."""
        return [worker.report() for worker in self._workers]

    def _hand_on(self, message: Message) -> None:
        if self._over:
            return
        self._last = message
        self._seq = message.seq + 1
        for worker in self._workers:
            worker.tell(message)
