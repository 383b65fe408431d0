"""A training that a window starts: ``handdt-offline train`` as a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from rt_handdt.errors import ConfigError
from rt_handdt.runtime.background import Background

#: The trainer; it and torch come with an extra, and are never loaded into this process.
TRAINER = (sys.executable, "-m", "offline.cli")
#: What it says is kept so far back.
LINES = 400
#: A trainer that is asked to stop does so within this, or is killed, s.
STOP_S = 5.0
#: At the window's end it gets only so long.
END_S = 0.6


class TrainingStage(StrEnum):
    """How far it is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class TrainingState:
    """What a window shows.

    Attributes
    ----------
    stage
        How far it is.
    lines
        What the trainer has said, newest last.
    """

    stage: TrainingStage
    lines: tuple[str, ...]


def missing_trainer() -> str:
    """Why nothing can be trained here, and what to do; "" where it can."""
    missing = [name for name in ("offline", "torch", "onnx") if find_spec(name) is None]
    if not missing:
        return ""
    return f"Training needs packages that are not here ({', '.join(missing)}): pip install 'rt-handdt[offline]'"


class TrainingRun(Background):
    """Runs the trainer; ends with a model in `out`, or with what it said.

    Parameters
    ----------
    data
        Recordings and folders, as ``--data`` takes them.
    out
        Folder of the model, which must not be there yet.
    layout
        A shipped layout, or a TOML file; "": what the data say.
    trainer
        The command that takes ``train``; none: this installation's.

    Raises
    ------
    ConfigError
        If there are no data, or `out` is there already.
    """

    def __init__(self, data: Sequence[str], out: Path, layout: str = "", trainer: Sequence[str] = ()) -> None:
        if not data:
            raise ConfigError("There is nothing to train on; add recordings.")
        if out.exists():
            raise ConfigError(f"{out}: is there already; choose another folder, so that no model is overwritten.")
        super().__init__("handdt-training", 0.3)
        self.out = out
        words = [
            *(trainer or TRAINER),
            "train",
            "--data",
            *data,
            "--out",
            str(out),
            *(("--layout", layout) if layout else ()),
        ]
        self._lines: deque[str] = deque(maxlen=LINES)
        self._stage = TrainingStage.RUNNING
        self._lock = threading.Lock()
        try:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env={**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "COLUMNS": "120"},
                start_new_session=True,  # Ctrl-C at the window's terminal is the window's
            )
        except OSError as exc:
            raise ConfigError(f"The trainer cannot be started ({exc.strerror or exc}).") from None
        self._begin()

    @property
    def state(self) -> TrainingState:
        """How it stands; any thread."""
        with self._lock:
            return TrainingState(self._stage, tuple(self._lines))

    def close(self) -> None:
        """Stop it, if it still runs: what it has written so far stays where the trainer keeps it."""
        super().close()
        if self._process.poll() is not None:
            return
        if os.name == "nt":
            self._process.terminate()
            return
        self._process.send_signal(signal.SIGINT)
        later = threading.Timer(STOP_S, self._kill)  # who ignores that, as what a script has put in the background
        later.daemon = True
        later.start()

    def join(self) -> None:
        """Wait until it has ended; a trainer that does not is killed."""
        self.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._kill()
        super().join()

    def _kill(self) -> None:
        """It, and whatever it has started: it leads a session of its own."""
        if self._process.poll() is None:
            if os.name == "nt":
                self._process.kill()
            else:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def _work(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as said:
            for line in said:
                with self._lock:
                    self._lines.append(line.rstrip())
        code = self._process.wait()
        with self._lock:
            if code == 0 and self.out.is_dir():
                self._stage = TrainingStage.DONE
                return
            self._stage = TrainingStage.FAILED
            if self._over.is_set():
                self._lines.append("Stopped.")
            elif not self._lines:
                self._lines.append(f"The trainer ended with code {code}, and said nothing.")

    def _failed(self, sentence: str) -> None:
        with self._lock:
            self._stage = TrainingStage.FAILED
            self._lines.append(sentence)
