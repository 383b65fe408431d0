"""Which streams are there, kept up to date on a thread of its own."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from rt_handdt.errors import HanddtError, sentence_of
from rt_handdt.io.description import StreamDescription

LOOK_S = 0.5
#: A look that is under way is waited for no longer than this at the end; its thread does not outlive the program.
JOIN_S = 0.4
#: A stream that does not answer is asked again after so long.
AGAIN_S = 3.0


@dataclass(frozen=True)
class StreamsSeen:
    """What is known of the streams at one moment.

    Attributes
    ----------
    streams
        Those that answer, without their channels' names; EMG first.
    asked
        The stream whose channels were asked for, with names and units; None while it has not answered.
    fault
        Why nothing is known, in one sentence: LSL does not work here, or the stream asked for does not answer.
    looks
        How often was looked; 0: not yet.
    """

    streams: tuple[StreamDescription, ...] = ()
    asked: StreamDescription | None = None
    fault: str = ""
    looks: int = 0


class StreamWatch:
    """Looks for streams until it is stopped: importing LSL and asking a stream take too long for a window's thread.

    Parameters
    ----------
    network
        Look on the local network as well.
    """

    def __init__(self, *, network: bool = False) -> None:
        self._network = network
        self._over = threading.Event()
        self._wake = threading.Event()
        self._wanted = ""
        self._seen = StreamsSeen()
        self._thread = threading.Thread(target=self._work, name="handdt-streams", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End; waits for a look that is under way, but not for a stream that does not answer."""
        self._over.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    def ask(self, uid: str) -> None:
        """Find out the channels' names and units of a stream (see `StreamsSeen.asked`); "": of none."""
        if uid != self._wanted:
            self._wanted = uid
            self._wake.set()

    @property
    def seen(self) -> StreamsSeen:
        """The newest; any thread."""
        return self._seen

    def _work(self) -> None:
        try:
            self._look()
        except Exception as exc:  # LSL's library is missing, or LSL is set up otherwise already
            self._seen = StreamsSeen(fault=f"Streams cannot be looked for: {sentence_of(exc)}", looks=1)

    def _look(self) -> None:
        from rt_handdt.io import lsl
        from rt_handdt.io.choosing import EMG_KINDS

        lsl.configure(network=self._network)
        finder = lsl.Finder()
        asked: StreamDescription | None = None
        fault, again_s, looks = "", 0.0, 0
        while not self._over.is_set():
            heard = finder.look()
            looks += 1
            wanted = self._wanted
            if asked is not None and asked.uid != wanted:
                asked, fault, again_s = None, "", 0.0
            chosen = next((one for one in heard if one.description.uid == wanted), None)
            if chosen is None:
                asked, fault, again_s = None, "", 0.0
            elif asked is None and time.monotonic() >= again_s:
                try:
                    asked, fault = lsl.full_description(chosen), ""
                except HanddtError as exc:
                    fault, again_s = str(exc), time.monotonic() + AGAIN_S
            streams = sorted(
                (one.description for one in heard),
                key=lambda one: (not one.is_signal, one.kind.casefold() not in EMG_KINDS, one.name, one.host, one.uid),
            )
            self._seen = StreamsSeen(tuple(streams), asked, fault, looks)
            self._wake.wait(LOOK_S if looks > 6 else 0.1)  # at first it is looked for eagerly
            self._wake.clear()
