"""When the worker asks its source for samples, and for how many."""

from __future__ import annotations

import statistics
from collections import deque

from rt_handdt.core.types import Chunk
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.io.lsl import clock
from rt_handdt.io.source import Source
from rt_handdt.runtime.watchdog import Vitals

#: Samples are asked for in pieces of at most this length, so that the age of the newest is known that well.
PIECE_S = 0.02
#: While it catches up, the worker takes what has piled up in pieces of this length.
BACKLOG_S = 0.25
WAIT_S = 0.1
#: So long before a window is due, what has come of it is filtered and the judge's way walked once: between two windows
#: the caches go cold, and the network then takes three times as long.
READY_S = 0.0015


class Pace:
    """Asks for exactly the samples that complete the next window, and has the classifier ready when they come.

    Parameters
    ----------
    classifier
        Says how many samples complete its next window, and is warmed up for it.
    vitals
        Is told how often packets come.
    """

    def __init__(self, classifier: StreamClassifier, vitals: Vitals) -> None:
        self._classifier, self._vitals = classifier, vitals
        self._fs_hz, self._hop_samples = classifier.spec.fs_hz, classifier.spec.hop_samples
        self._piece = max(1, round(PIECE_S * self._fs_hz))
        self._waits: deque[float] = deque(maxlen=9)
        self._waited_s = 0.0
        self._due_s = 0.0  # when the next window is expected, on this computer's clock; 0: unknown

    def read(self, inlet: Source, *, catching_up: bool) -> list[Chunk]:
        """The next piece: as short as a window needs it, or whatever has piled up while the worker catches up.

        Raises
        ------
        StreamError
            See `Source.read`.
        """
        if catching_up:
            chunks = inlet.read(round(BACKLOG_S * self._fs_hz), 0.0)
            if chunks:
                return chunks
        began = clock()
        wanted, wait_s = min(self._classifier.samples_to_next_window, self._piece), WAIT_S
        if self._due_s:
            wait_s = self._due_s - READY_S - began
            if wait_s <= 0:
                self._due_s, wait_s = 0.0, WAIT_S
                self._classifier.warm()
        chunks = inlet.read(wanted, wait_s)
        now = clock()
        if chunks and 1e-3 < now - began < wait_s:  # it had to wait: a packet has come
            if self._waited_s:
                self._waits.append(now - self._waited_s)
                self._vitals.packet_s = statistics.median(self._waits)
            self._waited_s = now
        return chunks

    def completed(self, n_windows: int, woken_s: float) -> None:
        """So many windows were completed by what came at a moment."""
        if n_windows:  # several at once: packets are longer than a hop, and when the next one comes is not known
            self._due_s = woken_s + self._hop_samples / self._fs_hz if n_windows == 1 else 0.0

    def forget(self) -> None:
        """The source is another one, or was away."""
        self._waited_s = self._due_s = self._vitals.packet_s = 0.0
        self._waits.clear()
