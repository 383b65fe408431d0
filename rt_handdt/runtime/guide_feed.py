"""A stream, fed to a guided calibration."""

from __future__ import annotations

import time

from rt_handdt.errors import StreamError
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.runtime.connect import Connection
from rt_handdt.runtime.guide import Guide

READ_S = 0.05
#: A stream that sends nothing for so long is taken for lost.
SILENT_S = 5.0


class GuideFeed:
    """Reads, makes windows, and hands them on.

    Parameters
    ----------
    guide
        Is fed.
    classifier
        Makes the windows.
    connection
        Is read; closed by its owner.
    """

    def __init__(self, guide: Guide, classifier: StreamClassifier, connection: Connection) -> None:
        self._guide, self._classifier, self._connection = guide, classifier, connection
        self._heard_at = time.monotonic()
        self._gaps = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of the stream."""
        if not self._gaps:
            return ()
        return (f"{self._gaps} times samples were lost on the way: what was held then was not heard whole.",)

    def step(self, wait_s: float = 1.0) -> None:
        """Wait for what comes next, for a second at most.

        Raises
        ------
        StreamError
            If the stream has ended, or has been silent for too long; what was heard is kept.
        """
        classifier, connection = self._classifier, self._connection
        chunks = connection.inlet.read(max(1, round(READ_S * classifier.spec.fs_hz)), wait_s)
        now = time.monotonic()
        self._heard_at = now if chunks else self._heard_at
        if now - self._heard_at > SILENT_S:
            raise StreamError(f"The stream has sent nothing for {SILENT_S:g} s.")
        for chunk in chunks:
            if chunk.gap_samples and not classifier.gap(chunk.gap_samples):
                self._gaps += 1
            self._guide.feed(classifier.windows(connection.microvolts(chunk), chunk.times_s))
