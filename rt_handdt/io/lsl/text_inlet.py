"""Commands in, as text."""

from __future__ import annotations

import time

import pylsl

from rt_handdt.errors import StreamError
from rt_handdt.io.lsl.setup import ANSWER_S, BUFFER_S, ensure_configured


class TextInlet:
    """A stream of text, found by its name, and found again when its source has gone and come back.

    Use from one thread.
    """

    def __init__(self, name: str) -> None:
        ensure_configured()
        self.name = name
        self._inlet: pylsl.StreamInlet | None = None
        self._resolver: pylsl.ContinuousResolver | None = None

    def read(self, timeout_s: float) -> list[str]:
        """What has come, after waiting for it at most so long.

        Raises
        ------
        StreamError
            If the stream of that name carries numbers.
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
        self._resolver = None
        if self._inlet is not None:
            self._inlet.close_stream()
            self._inlet = None

    def _find(self) -> pylsl.StreamInlet | None:
        # Looks on its own until a source answers, however late: single tries miss those that are slow.
        self._resolver = self._resolver or pylsl.ContinuousResolver(prop="name", value=self.name)
        infos = self._resolver.results()
        if not infos:
            return None
        info = infos[0]
        if info.channel_format() != pylsl.cf_string:
            raise StreamError(f"The stream '{self.name}' carries numbers; commands are text.")
        inlet = pylsl.StreamInlet(info, max_buflen=BUFFER_S, recover=False, processing_flags=pylsl.proc_none)
        try:
            inlet.open_stream(timeout=ANSWER_S)
        finally:
            self._resolver = None
        self._inlet = inlet
        return inlet
