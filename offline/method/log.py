"""The log of a run: one JSON line an epoch, and event files where tensorboard is installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
        if out is None or self._path is None:
            return
        try:
            out.mkdir(parents=True, exist_ok=True)
            old = self._path.read_text(encoding="utf-8").splitlines() if upto and self._path.exists() else []
            kept = [line for line in old if line.endswith("}") and json.loads(line)["epoch"] <= upto]
            self._path.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
        except OSError as exc:
            raise HanddtError(f"{out}: cannot be written to ({exc}); choose another folder.") from None
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                return
            self._events = SummaryWriter(str(out / "tensorboard"), purge_step=upto + 1)

    def write(self, epoch: int, values: dict[str, float]) -> None:
        """Append one epoch."""
        if self._path is None:
            return
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"epoch": epoch, **values}) + "\n")
        except OSError as exc:
            raise HanddtError(f"{self._path}: cannot be written ({exc}); free some space and resume.") from None
        if self._events is not None:
            for name, value in values.items():
                self._events.add_scalar(name, value, epoch)

    def close(self) -> None:
        """Finish the event files."""
        if self._events is not None:
            self._events.close()
