"""A live run on disk, written by a process of its own: what delays or kills one of the two leaves the other alone."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from rt_handdt.core.types import Chunk, Decision
from rt_handdt.errors import ConfigError
from rt_handdt.io.description import StreamDescription
from rt_handdt.io.lsl import clock
from rt_handdt.io.sink import About
from rt_handdt.io.xdf_tail import xdf_tail
from rt_handdt.runtime.status import Status
from rt_handdt.runtime.words import put

#: So many seconds of signal wait for a disk that stands still; what comes then is dropped, and counted.
HELD_S = 30.0
#: At the end, what waits gets so long to be written.
END_S = 5.0
#: States in which nothing is written any more, though something comes.
FAILED, FULL = "failed", "full"


class Recorder:
    """A `Tap` that records. Hands everything to another process through a queue, and never waits for it.

    If this process dies, the other ends the file properly; if the other dies, the file is readable but for the last
    second, and it is said.

    Parameters
    ----------
    path
        The XDF file to make.
    about
        What is decided; None: nothing is.
    say
        Called on a thread of this object with a sentence that the user should read.
    """

    def __init__(self, path: Path, about: About | None, say: Callable[[str], None] = lambda sentence: None) -> None:
        self.path, self._about, self._say = path, about, say
        self._waiting: deque[tuple[Any, ...]] = deque()
        self._bytes = self._most = 0  # of samples that wait, and may
        self._seq = 0
        self._come = threading.Condition()
        self._over = False
        self._gone = self._stuck = False  # the other process has died; nothing more can wait
        self._handed = self._dropped = 0
        self._newest: dict[str, Any] = {"state": "starting"}
        self._child: subprocess.Popen[bytes] | None = None
        self._sender = threading.Thread(target=self._send, name="handdt-recorder", daemon=True)
        self._listener = threading.Thread(target=self._listen, name="handdt-recorder-answers", daemon=True)

    def start(self) -> None:
        """Start the process, so that `open` takes no time.

        Raises
        ------
        ConfigError
            If the file cannot be made.
        """
        check_new(self.path)
        self._child = subprocess.Popen(
            [sys.executable, "-m", "rt_handdt.runtime.recorder_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is the engine's: it says what follows from it
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )

    def open(self, signal: StreamDescription) -> None:
        """Make the file; recording begins.

        Raises
        ------
        ConfigError
            If it cannot be made.
        """
        assert self._child is not None
        self._answer()  # it is there
        item = np.dtype(signal.number_format.replace("double64", "float64")).itemsize
        self._most = int(HELD_S * signal.fs_hz * signal.n_channels * item)
        about = None
        if self._about is not None:  # of a replay that is faster, decisions come faster too
            about = asdict(replace(self._about, rate_hz=self._about.rate_hz * signal.speed))
        assert self._child.stdin is not None
        with contextlib.suppress(OSError):
            put(self._child.stdin, ("open", str(self.path), signal, about))
        self._newest = self._answer()
        self._sender.start()
        self._listener.start()

    def _answer(self) -> dict[str, Any]:
        assert self._child is not None
        assert self._child.stdout is not None
        answer: dict[str, Any] = json.loads(
            self._child.stdout.readline() or b'{"error": "its process has ended by itself"}'
        )
        if "error" in answer:
            self._child.kill()
            self._child.wait()
            raise ConfigError(f"The recording {self.path} cannot be made: {answer['error']}.")
        return answer

    def source(self, signal: StreamDescription) -> None:
        """See `Tap`."""
        self._hand_over(("source", signal))

    def signal(self, chunk: Chunk) -> None:
        """See `Tap`."""
        with self._come:
            self._handed += len(chunk.samples)
            self._stuck = self._gone or self._bytes + chunk.samples.nbytes > self._most
            if self._stuck:
                self._dropped += len(chunk.samples)
                return
            self._bytes += chunk.samples.nbytes
            self._waiting.append(("signal", chunk))
            self._come.notify()

    def markers(self, markers: list[tuple[float, str]]) -> None:
        """See `Tap`."""
        if markers:
            self._hand_over(("markers", markers))

    def told(self, decision: Decision, status: Status, sampled_s: float) -> None:
        """See `Tap`."""
        if self._about is not None:
            self._hand_over(("told", self._seq, decision, tuple(status), sampled_s, clock()))
            self._seq += 1

    def event(self, **what: Any) -> None:
        """See `Tap`."""
        self._hand_over(("event", clock(), what))

    def report(self) -> dict[str, Any]:
        """``path``, ``state``, and what was recorded so far: ``samples``, ``dropped``, ``markers``, ``decisions``,
        ``bytes``.
        """
        newest = self._newest
        said = {key: value for key, value in newest.items() if key != "streams"}
        dropped = self._handed - newest["samples"] if newest["state"] in (FAILED, FULL) else self._dropped
        return {"path": str(self.path), **said, "dropped": dropped}

    def close(self) -> None:
        """Have all that waits written, for at most five seconds, and the file ended."""
        until = time.monotonic() + END_S
        with self._come:
            self._over = True
            self._come.notify()
        if self._child is None:
            return
        if not self._sender.ident:  # never opened
            self._child.kill()
            self._child.wait()
            return
        self._sender.join(timeout=END_S)
        try:
            self._child.wait(timeout=max(0.05, until - time.monotonic()))
        except subprocess.TimeoutExpired:  # the disk does not answer: what is there can be read
            self._child.kill()
            self._child.wait()
        self._listener.join(timeout=1.0)
        if self._dropped and not self._gone:
            self._tell(
                f"{self._dropped} samples were not recorded, nor what was decided meanwhile: the disk was too slow."
            )

    def _tell(self, sentence: str) -> None:
        with contextlib.suppress(Exception, SystemExit):  # a terminal that is gone must not end what listens
            self._say(sentence)

    def _hand_over(self, item: tuple[Any, ...]) -> None:
        with self._come:
            if self._bytes < self._most / 2:  # there is room again
                self._stuck = self._gone
            if not self._over and (not self._stuck or (item[0] == "source" and not self._gone)):
                self._waiting.append(item)
                self._come.notify()

    def _send(self) -> None:
        assert self._child is not None
        pipe = self._child.stdin
        assert pipe is not None
        try:
            while True:
                with self._come:
                    while not self._waiting and not self._over:
                        self._come.wait()
                    if not self._waiting:
                        break
                    item = self._waiting.popleft()
                put(pipe, item)
                if item[0] == "signal":
                    with self._come:
                        self._bytes -= item[1].samples.nbytes
            put(pipe, ("close",))
            pipe.close()
        except OSError:  # it has died: `_listen` says so
            with self._come:
                self._gone = self._stuck = True
                self._waiting.clear()

    def _listen(self) -> None:
        assert self._child is not None
        assert self._child.stdout is not None
        for line in self._child.stdout:
            said = json.loads(line)
            if "say" in said:
                self._tell(said["say"])
            elif said["state"] == FULL:
                self._count_whole(FULL)
            else:
                self._newest = said
        code = self._child.wait()
        if self._newest.get("state") != "recording":
            return
        self._count_whole(FAILED)
        if not self._over:
            self._tell(
                f"The recorder has ended by itself (exit code {code}); {self.path} can be read up to its last second, "
                "and what follows is not recorded."
            )

    def _count_whole(self, state: str) -> None:
        """It has ended; what it wrote after it had last said how much can be read as far as it is whole."""
        newest = self._newest | {"state": state}
        with contextlib.suppress(OSError):
            tail = xdf_tail(self.path, newest["bytes"])
            for key, numbers in newest["streams"].items():
                newest[key] += sum(tail.counts.get(number, 0) for number in numbers)
            newest["bytes"] = tail.end
        self._newest = newest


def check_new(path: Path) -> None:
    """Before a run, not after it, is the time to learn that a recording cannot be made.

    Raises
    ------
    ConfigError
        If it is there already, or its folder is not, or cannot be written to.
    """
    if path.exists():
        raise ConfigError(f"{path} is there already, and is not overwritten; choose another name.")
    if not path.parent.is_dir():
        raise ConfigError(f"{path}: the folder '{path.parent}' does not exist; make it or choose another path.")
    if not os.access(path.parent, os.W_OK):
        raise ConfigError(f"{path}: cannot be written there; choose another path.")
