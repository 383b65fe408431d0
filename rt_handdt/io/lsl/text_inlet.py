"""Commands in, as text."""

from __future__ import annotations

import time

import pylsl

from rt_handdt.errors import StreamError
from rt_handdt.io.description import TEXT, shown
from rt_handdt.io.lsl.finder import Finder
from rt_handdt.io.lsl.setup import ANSWER_S, BUFFER_S, ensure_configured


class TextInlet:
    """A stream of text, found by its name, and found again when its source has gone and come back.

    Use from one thread.
    """

    def __init__(self, name: str) -> None:
        ensure_configured()
        self.name = name
        self._inlet: pylsl.StreamInlet | None = None
        self._finder: Finder | None = None

    def read(self, timeout_s: float) -> list[str]:
        """What has come, after waiting for it at most so long.

        Raises
        ------
        StreamError
            If the stream of that name carries numbers, or several of text have it.
        """
        found: list[str] = []
        try:
            inlet = self._inlet or self._find()
            if inlet is None:
                time.sleep(timeout_s)
                return found
            # wait for one only: a chunk would be waited for until it is full
            for wait_s, most in ((timeout_s, 1), (0.0, 256)):
                samples, _ = inlet.pull_chunk(timeout=wait_s, max_samples=most)
                found += [str(sample[0]) for sample in samples]
        except (pylsl.util.TimeoutError, pylsl.util.LostError):
            self.close()
        return found

    def close(self) -> None:
        """Disconnect."""
        self._finder = None
        if self._inlet is not None:
            self._inlet.close_stream()
            self._inlet = None

    def _find(self) -> pylsl.StreamInlet | None:
        # Listens on until a source answers, however late: single tries miss those that are slow.
        self._finder = self._finder or Finder()
        called = [one for one in self._finder.look() if one.description.name == self.name]
        if not called or not self._finder.settled:
            return None
        named = [one for one in called if one.description.number_format == TEXT]
        if not named:
            raise StreamError(f"The stream '{shown(self.name)}' carries numbers; commands are text.")
        if len(named) > 1:
            listed = "; ".join(one.description.words() for one in named)
            raise StreamError(f"{len(named)} streams of text have one name; stop or rename all but one: {listed}.")
        inlet = pylsl.StreamInlet(named[0].info, max_buflen=BUFFER_S, recover=False, processing_flags=pylsl.proc_none)
        try:
            inlet.open_stream(timeout=ANSWER_S)
        finally:
            self._finder = None
        self._inlet = inlet
        return inlet
