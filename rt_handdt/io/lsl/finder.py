"""Which streams there are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import pylsl

from rt_handdt.errors import StreamError
from rt_handdt.io.description import StreamDescription, shown
from rt_handdt.io.lsl.description import describe
from rt_handdt.io.lsl.setup import ANSWER_S, ensure_configured

#: LSL asks twice a second, and not all streams answer at once: so long must no new one have come.
QUIET_S = 1.0
#: A stream that has answered nothing for so long is gone.
FORGET_S = 3.0
_POLL_S = 0.02


@dataclass(frozen=True)
class Heard:
    """A stream that answered: what it says of itself (without its channels' names), and the way to it."""

    description: StreamDescription
    info: pylsl.StreamInfo


class Finder:
    """Hears every stream that answers. It asks for all of them, never for a name: names are compared here.

    Use from one thread.
    """

    def __init__(self) -> None:
        ensure_configured()
        self._resolver = pylsl.ContinuousResolver(forget_after=FORGET_S)
        self._since = self._changed = time.monotonic()
        self._known: frozenset[str] = frozenset()

    @property
    def settled(self) -> bool:
        """Whether nothing new has answered for a while, so that a choice between answers is none by chance."""
        return time.monotonic() - self._changed >= QUIET_S

    @property
    def listened(self) -> bool:
        """Whether it has listened so long that whatever was there has answered."""
        return time.monotonic() - self._since >= QUIET_S

    def look(self) -> list[Heard]:
        """The streams that are known now, by name, host and age."""
        heard = [Heard(describe(info, full=False), info) for info in self._resolver.results()]
        uids = frozenset(one.description.uid for one in heard)
        if uids - self._known:
            self._changed = time.monotonic()
        self._known = uids
        return sorted(heard, key=lambda one: (one.description.name, one.description.host, one.description.uid))

    def gather(
        self,
        timeout_s: float,
        wanted: Callable[[StreamDescription], bool] | None = None,
        *,
        at_once: bool = False,
        over: threading.Event | None = None,
    ) -> list[Heard]:
        """Wait until a wanted stream is there and no new one has answered for a while.

        Parameters
        ----------
        timeout_s
            Longest wait; what is known then is returned.
        wanted
            Which stream is waited for. None: the whole time is waited.
        at_once
            Do not wait for others, once this finder has listened for a while.
        over
            Set by whoever waits no more: what is known then is returned.
        """
        deadline, over = time.monotonic() + timeout_s, over or threading.Event()
        while True:
            heard = self.look()
            ready = self.listened if at_once else self.settled
            left_s = deadline - time.monotonic()
            if left_s <= 0 or over.is_set() or (ready and wanted and any(wanted(one.description) for one in heard)):
                return heard
            over.wait(min(_POLL_S, left_s))


def full_description(heard: Heard) -> StreamDescription:
    """Ask a stream for all that it says of itself, channels' names and units too; no sample is taken.

    Raises
    ------
    StreamError
        If it does not answer.
    """
    inlet = pylsl.StreamInlet(heard.info, recover=False)
    try:
        return describe(inlet.info(timeout=ANSWER_S), full=True)
    except (pylsl.util.TimeoutError, pylsl.util.LostError):
        name = shown(heard.description.name)
        raise StreamError(f"The stream '{name}' was found but does not answer; restart its source.") from None


def find_streams(timeout_s: float = 1.5) -> list[StreamDescription]:
    """The streams that answer within the time, without connecting to them (so without channel names)."""
    return [one.description for one in Finder().gather(timeout_s)]
