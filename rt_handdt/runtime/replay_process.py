"""A recording or a virtual person that streams, in a process of its own, for as long as somebody here wants it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from types import TracebackType
from typing import Self

#: Set by a program that starts a replay for itself: the replay ends when its standard input does, so that it does not
#: outlive a parent that was killed.
STOP_ON_EOF = "RT_HANDDT_STOP_ON_EOF"
#: A replay that does not end by itself is killed after so long: nothing of it is to be kept.
END_S = 0.4
REST_SHARE = 0.35


class ReplayProcess:
    """``rt-handdt replay`` beside this program.

    Parameters
    ----------
    arguments
        Of the command, the path first.
    name
        The stream's.
    """

    def __init__(self, arguments: Sequence[str], name: str) -> None:
        self.name = name
        self._errors = tempfile.TemporaryFile("w+")  # a pipe that nobody reads may fill  # noqa: SIM115
        self._child = subprocess.Popen(
            [sys.executable, "-m", "rt_handdt.cli.main", "replay", *arguments, "--name", name],
            env=os.environ | {STOP_ON_EOF: "1", "COLUMNS": "500"},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
        )

    @property
    def fault(self) -> str:
        """What it said when it ended by a fault of its own; empty while it runs, and where it ended well."""
        if self._child.poll() in (None, 0):
            return ""
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return lines[-1].removeprefix("Error: ") if lines else f"It ended with exit code {self._child.returncode}."

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._child.poll() is not None

    def close(self) -> None:
        """End it, if it runs."""
        self._child.terminate()
        try:
            self._child.wait(timeout=END_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        if self._child.stdin is not None:
            with contextlib.suppress(OSError):
                self._child.stdin.close()
        self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def virtual_person(
    seed: int, subject: int, seconds: float | None, n_gestures: int = 10, *, name: str | None = None
) -> ReplayProcess:
    """A virtual person who makes the study's gestures in turn.

    Parameters
    ----------
    seed, subject
        Which virtual people, and which of them.
    seconds
        How long somebody watches: all gestures fit into a short run; None: an hour, five seconds a gesture.
    n_gestures
        How many gestures there are.
    name
        The stream's; by default it says who streams.
    """
    turn = min(max((seconds or 60.0) / n_gestures, 1.5), 5.0)
    timing = ["--gesture-seconds", f"{turn * (1 - REST_SHARE):.3f}", "--rest-seconds", f"{turn * REST_SHARE:.3f}"]
    length = ["--seconds", f"{3600.0 if seconds is None else seconds + 2:.3f}"]
    arguments = [f"virtual:{seed}", "--subject", str(subject), "--counter", *timing, *length]
    return ReplayProcess(arguments, name or f"virtual person {subject} of {seed}")
