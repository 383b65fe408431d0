"""The process that writes a recording: `rt_handdt.runtime.recorder` hands it what comes."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from rt_handdt.core.types import Chunk, Decision
from rt_handdt.io.description import StreamDescription
from rt_handdt.io.disk_guard import DiskGuard
from rt_handdt.io.lsl import clock
from rt_handdt.io.message import Message
from rt_handdt.io.session_file import SessionFile
from rt_handdt.io.sink import About
from rt_handdt.runtime.words import take

#: The file is on the disk, and the disk looked at, so often.
FLUSH_S = 0.5


class _Writer:
    """The other end: puts what comes into the file, and looks after the disk."""

    def __init__(self, file: SessionFile, about: About | None, say: Callable[..., None]) -> None:
        self._file, self._about, self._say = file, about, say
        self._guard = DiskGuard(file.file.path)
        self._began = self._flushed = time.monotonic()
        self._status: tuple[str, str] | None = None
        self._turn = threading.RLock()
        self.recording = True
        threading.Thread(target=self._keep_flushing, name="flush", daemon=True).start()

    def take(self, item: tuple[Any, ...]) -> None:
        """One message; after the disk was full, nothing."""
        with self._turn:
            if self.recording:
                kind, *values = item
                getattr(self, f"_{kind}")(*values)
                if time.monotonic() - self._flushed > FLUSH_S:
                    self._flush()

    def _keep_flushing(self) -> None:
        """Also while nothing comes, what came shall be on the disk."""
        while self.recording:
            time.sleep(FLUSH_S / 2)
            with self._turn:
                if self.recording and time.monotonic() - self._flushed > FLUSH_S:
                    self._flush()

    def _flush(self) -> None:
        """Have it on the disk, and look whether there will be room."""
        self._flushed = time.monotonic()
        try:
            self._file.file.flush(to_disk=True)
            warning = self._guard.look(self._file.file.size / max(1.0, self._flushed - self._began))
        except OSError as exc:
            self.end()
            self._say(
                say=f"The recording has ended, as {exc.strerror or exc}; what is there can be read. The recognition "
                "goes on."
            )
            self.report("full")
            return
        if warning is not None:
            self._say(say=warning)
        self.report("recording")

    def end(self) -> None:
        """End the file; after it, nothing is written."""
        with self._turn:
            self.recording = False
            with contextlib.suppress(OSError):  # all that fitted is there, and can be read without its end
                self._file.file.close()

    def report(self, state: str) -> None:
        """Say what was written so far."""
        file = self._file
        self._say(
            state=state,
            samples=file.samples,
            markers=file.markers,
            decisions=file.messages,
            bytes=file.file.size,
            streams=file.streams,
        )

    def _source(self, signal: StreamDescription) -> None:
        self._file.source(signal)

    def _signal(self, chunk: Chunk) -> None:
        self._file.signal(chunk)

    def _markers(self, markers: list[tuple[float, str]]) -> None:
        self._file.marked(markers)

    def _told(
        self, seq: int, decision: Decision, status: tuple[str, str, str], sampled_s: float, told_s: float
    ) -> None:
        assert self._about is not None
        state, code, sentence = status
        if (str(state), code) != self._status:
            self._status = str(state), code
            self._file.event(told_s, state=str(state), code=code, sentence=sentence)
        labels, dofs = self._about.labels, self._about.dofs
        message = Message.of(seq, decision, str(state), code, sampled_s, labels, told_s=told_s, dofs=dofs)
        self._file.told(message)

    def _event(self, at_s: float, what: dict[str, Any]) -> None:
        self._file.event(at_s, **what)


def _serve(there: BinaryIO, answers: BinaryIO) -> None:
    for name in ("SIGTERM", "SIGHUP", "SIGINT"):  # it ends when the engine does, and after it
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)

    def say(**what: Any) -> None:
        with contextlib.suppress(OSError):  # the engine is gone
            answers.write(json.dumps(what).encode() + b"\n")
            answers.flush()

    say(state="starting")
    asked = take(there)
    if asked is None:
        return
    _, path, described, facts = asked
    about = None if facts is None else About(**facts)
    try:
        file = SessionFile(Path(path), described, about)
        file.file.flush(to_disk=True)
    except OSError as exc:
        say(error=exc.strerror or str(exc))
        return
    writer = _Writer(file, about, say)
    writer.report("recording")
    stopped = False
    while (item := take(there)) is not None:
        if item[0] == "close":
            stopped = True
            break
        writer.take(item)
    if writer.recording:
        if not stopped:
            file.event(clock(), state="failed", code="engine_gone", sentence="The engine has ended by itself.")
        writer.end()
        writer.report("closed")


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
