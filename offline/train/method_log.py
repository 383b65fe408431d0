"""The log of a run: one JSON line an epoch, and event files where tensorboard is installed; and read back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from offline.train.epoch import Epoch
from rt_handdt.errors import HanddtError


class RunLog:
    """Writes ``log.jsonl`` (and ``tensorboard/``) into a run's folder.

    Parameters
    ----------
    out
        The folder; None to write nothing.
    upto
        Keep the lines of so many epochs of an earlier run, which goes on from there; 0 begins anew.
    tensorboard
        Also write event files, if tensorboard can be imported.
    """

    def __init__(self, out: Path | None, upto: int, *, tensorboard: bool) -> None:
        self._path = out / "log.jsonl" if out else None
        self._events: Any = None
        self._folder = out if tensorboard else None
        self._upto = upto
        if out is None or self._path is None:
            return
        try:
            out.mkdir(parents=True, exist_ok=True)
            old = self._path.read_text(encoding="utf-8").splitlines() if upto and self._path.exists() else []
            kept = [line for line in old if line.endswith("}") and json.loads(line)["epoch"] <= upto]
            self._path.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
        except OSError as exc:
            raise HanddtError(f"{out}: cannot be written to ({exc}); choose another folder.") from None

    def write(self, epoch: int, values: dict[str, float]) -> None:
        """Append one epoch.

        Raises
        ------
        HanddtError
            If the disk is full or the folder gone.
        """
        if self._path is None:
            return
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"epoch": epoch, **values}) + "\n")
        except OSError as exc:
            raise HanddtError(f"{self._path}: cannot be written ({exc}); free some space and resume.") from None
        with _said(self._path):
            self._open_events()
            if self._events is not None:
                for name, value in values.items():
                    self._events.add_scalar(name, value, epoch)

    def _open_events(self) -> None:
        """With the first epoch, so that going on with a finished run leaves no empty file behind."""
        folder, self._folder = self._folder, None
        if folder is None:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        # readers drop what an earlier, stopped run wrote from this step on
        self._events = SummaryWriter(str(folder / "tensorboard"), purge_step=self._upto + 1)

    def close(self) -> None:
        """Finish the event files.

        Raises
        ------
        HanddtError
            If they cannot be written.
        """
        if self._events is not None and self._path is not None:
            with _said(self._path):
                self._events.close()


@contextmanager
def _said(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise HanddtError(
            f"{path.parent / 'tensorboard'}: cannot be written ({exc}); free some space and resume, or set "
            "tensorboard = false."
        ) from None


def read_log(path: Path) -> tuple[Epoch, ...]:
    """The epochs in a ``log.jsonl``; a last line that was cut off is left out.

    Raises
    ------
    HanddtError
        If the file is missing or damaged.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise HanddtError(f"{path}: the log of the training cannot be read ({exc}); train again.") from None
    epochs = []
    for number, line in enumerate(lines, 1):
        try:
            epochs.append(_epoch(json.loads(line)))
        except (ValueError, KeyError, TypeError) as exc:
            if number == len(lines):
                break
            raise HanddtError(f"{path}: line {number} is no epoch of a training ({exc}); train again.") from None
    return tuple(epochs)


def _epoch(values: dict[str, Any]) -> Epoch:
    groups: dict[str, dict[str, float]] = {"loss": {}, "without": {}, "valid": {}}
    for name, value in values.items():
        group, _, what = name.partition("/")
        if what and group in groups:
            groups[group][what] = float(value)
    without = {name: int(value) for name, value in groups["without"].items()}
    return Epoch(int(values["epoch"]), groups["loss"], without, float(values["rate"]), groups["valid"])
