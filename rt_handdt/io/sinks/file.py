"""Decisions in a file."""

from __future__ import annotations

import csv
import io
import os
import time
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from rt_handdt.errors import SinkError
from rt_handdt.io.message import Message
from rt_handdt.io.sink import About, SinkSettings
from rt_handdt.io.sinks.base import ConfiguredSink

#: What is written is on the disk after so long, also if the computer loses power.
FLUSH_S = 1.0
JSON_LINES = (".jsonl", ".ndjson")
KINDS = (*JSON_LINES, ".csv")


class FileSettings(SinkSettings):
    """Settings of a file.

    Attributes
    ----------
    path
        Its suffix says what is written: JSON lines (.jsonl, .ndjson) or a table (.csv).
    rotate_mb
        After so many megabytes a new file is begun: ``decisions.jsonl``, ``decisions-002.jsonl``, …; 0: never.
    """

    positional = ("path",)
    record: ClassVar[bool] = True

    path: Path
    rotate_mb: float = Field(100.0, ge=0)
    heartbeat: float = Field(0.0, ge=0)


class FileSink(ConfiguredSink):
    """``file:PATH``; nothing that is there is overwritten. Each message is handed to the system at once.

    Raises
    ------
    SinkError
        If the suffix is none of those known.
    """

    Settings = FileSettings

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        if self.settings.path.suffix.lower() not in KINDS:
            raise SinkError(f"{self.settings.path} must end in {', '.join(KINDS)}; choose another name.")
        self._csv = self.settings.path.suffix.lower() == ".csv"
        self._path: Path = self.settings.path
        self._part = 0  # files begun so far
        self._file: io.FileIO | None = None
        self._whole = self._head_bytes = 0  # of whole lines, and of a table's first one
        self._synced = 0.0
        self._labels: tuple[str, ...] = ()
        self._dofs: tuple[str, ...] = ()

    def open(self, about: About) -> None:
        """Make the file; after a failure, go on in it behind its last whole line."""
        self._labels, self._dofs = about.labels, about.dofs
        if not self._part and about.again and self.settings.path.exists():
            self._rotate()
            return
        if not self._part:
            self._begin(self.settings.path)
            return
        try:
            # as it was left, or made anew where somebody took it away
            self._file = io.FileIO(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666), "r+")
            self._whole = min(self._whole, self._file.seek(0, os.SEEK_END))
            self._file.truncate(self._whole)
            self._file.seek(self._whole)
            if not self._whole:
                self._head()
        except OSError as exc:
            raise self._said(exc) from None

    def send(self, message: Message) -> str | None:
        """Write it."""
        assert self._file is not None
        text = _row(_fields(message)) if self._csv else message.json + "\n"
        try:
            self._write(text)
            now = time.monotonic()
            if now - self._synced > FLUSH_S:
                self._synced = now
                os.fsync(self._file.fileno())
        except OSError as exc:
            raise self._said(exc) from None
        if self.settings.rotate_mb and self._whole >= self.settings.rotate_mb * 1e6:
            self._rotate()
        return None

    def close(self) -> None:
        """Have it on the disk, and let go; a file in which there is nothing is taken away."""
        if self._file is None:
            return
        file, self._file = self._file, None
        try:
            os.fsync(file.fileno())
        except OSError:
            pass  # a pipe or a full disk; what could be written is
        finally:
            file.close()
        if self._path.is_file() and self._whole <= self._head_bytes:
            self._path.unlink(missing_ok=True)
            self._part -= 1

    def _rotate(self) -> None:
        self.close()
        first = self.settings.path
        number = max(2, self._part + 1)
        while (path := first.with_name(f"{first.stem}-{number:03d}{first.suffix}")).exists():
            number += 1
        self._part = number - 1
        self._begin(path)

    def _begin(self, path: Path) -> None:
        try:
            self._file = io.FileIO(path, "x")
        except FileExistsError:
            raise SinkError(f"{path} is there already, and is not overwritten; choose another name.") from None
        except OSError as exc:
            raise SinkError(f"{path} cannot be written ({exc.strerror or exc}); choose another place.") from None
        self._path, self._whole = path, 0
        self._part += 1
        self._synced = time.monotonic()
        try:
            self._head()
        except OSError as exc:
            raise self._said(exc) from None

    def _head(self) -> None:
        if self._csv:
            names = [f"p_{label}" for label in self._labels] + [f"v_{name}" for name in self._dofs]
            self._write(_row([*_COLUMNS, *names]))
        self._head_bytes = self._whole

    def _write(self, text: str) -> None:
        assert self._file is not None
        data = text.encode()
        done = 0
        while done < len(data):  # a disk that fills takes a part
            done += self._file.write(data[done:])
        self._whole += len(data)

    def _said(self, exc: OSError) -> SinkError:
        return SinkError(f"{self._path} cannot be written ({exc.strerror or exc}); make room, or mend the disk.")


_COLUMNS = (
    *("seq", "repeat", "time", "age_ms", "told", "label", "index", "confidence", "rejected", "level"),
    *("state", "code"),
)


def _fields(message: Message) -> list[object]:
    values = message.values()
    fields = [int(value) if isinstance(value, bool) else value for value in (values[name] for name in _COLUMNS)]
    return [*fields, *values["probabilities"].values(), *values.get("velocities", {}).values()]


def _row(fields: list[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(fields)
    return text.getvalue()
