"""Files read once, and fingerprinted on the way."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from offline.features.header_kernel import scan_signals
from rt_handdt.errors import RecordingError
from rt_handdt.io.wfdb16 import WfdbRecord, read_header

#: (name, size in bytes, time of the last change in ns) of a file that was read.
Stamp = tuple[str, int, int]

_LINE, _EVERY = 512, 16
_UNITS = {b"V": 1e6, b"mV": 1e3, b"uV": 1.0}


class FingerprintingReader:
    """Reads files and keeps a running SHA-256 of their names and content, in order.

    Labels, headers and XDF files enter whole. Of a WFDB data file one line of 512 bytes in 16 does (in Hyser: every
    16th sample of all electrodes), and its header holds a checksum of every channel: hashing all of it would take as
    long as measuring it.

    Attributes
    ----------
    stamps
        Of the files so far, by path: what tells cheaply, later, that none has changed.
    """

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self._buffer = bytearray()
        self.stamps: dict[str, Stamp] = {}

    def read(self, path: Path) -> bytes:
        """The whole file.

        Raises
        ------
        RecordingError
            If it cannot be read.
        """
        try:
            with path.open("rb", buffering=0) as file:
                status = os.fstat(file.fileno())
                data = file.read()
        except OSError as exc:
            raise _unreadable(path, exc) from exc
        self._note(path, status, len(data), data)
        return data

    def read_codes(self, path: Path) -> memoryview:
        """A WFDB data file, in memory that the next one is read into: what is kept of it must be copied.

        Raises
        ------
        RecordingError
            If it cannot be read.
        """
        try:
            with path.open("rb", buffering=0) as file:
                status = os.fstat(file.fileno())
                if len(self._buffer) < status.st_size:
                    self._buffer = bytearray(status.st_size)
                room, filled = memoryview(self._buffer)[: status.st_size], 0
                while count := file.readinto(room[filled:]):
                    filled += count
        except OSError as exc:
            raise _unreadable(path, exc) from exc
        data = room[:filled]
        self._note(path, status, filled, *_sampled(data))
        return data

    def _note(self, path: Path, status: os.stat_result, size: int, *hashed: bytes | memoryview) -> None:
        self._sha.update(f"{path.name}:{size}:".encode())
        for part in hashed:
            self._sha.update(part)
        self.stamps[str(path)] = (path.name, status.st_size, status.st_mtime_ns)

    @property
    def content(self) -> str:
        """SHA-256 of what was read so far, hexadecimal."""
        return self._sha.hexdigest()


def _unreadable(path: Path, exc: OSError) -> RecordingError:
    return RecordingError(f"{path}: cannot be read ({exc.strerror or exc}); copy or download it again.")


def _sampled(data: memoryview) -> tuple[memoryview, memoryview]:
    """The lines that are hashed, and what is left after the last whole line."""
    whole = len(data) // _LINE * _LINE
    lines = np.frombuffer(data, np.uint8, whole).reshape(-1, _LINE)
    return np.ascontiguousarray(lines[::_EVERY]).data, data[whole:]


def unchanged(stamps: dict[str, Stamp]) -> bool:
    """Whether every file still has the size and the time of change that it had."""
    for path, (_, size, changed_ns) in stamps.items():
        try:
            status = os.stat(path)  # noqa: PTH116 - a Path for each of many thousand files costs more than asking
        except OSError:
            return False
        if (status.st_size, status.st_mtime_ns) != (size, changed_ns):
            return False
    return True


def fingerprint(paths: Sequence[str]) -> tuple[str | None, dict[str, Stamp]]:
    """Content and stamps that a reader of these files would have now; None and none if one of them is gone."""
    reader = FingerprintingReader()
    try:
        for path in map(Path, paths):
            if path.suffix == ".dat":
                reader.read_codes(path)
            else:
                reader.read(path)
    except RecordingError:
        return None, {}
    return reader.content, reader.stamps


def parse_header(path: Path, text: bytes) -> WfdbRecord:
    """As `rt_handdt.io.wfdb16.read_header`, from bytes that were read already, and a hundred times as fast for headers
    of the usual form: ``name C rate samples`` and C lines as `offline.features.header_kernel` knows them.

    Raises
    ------
    RecordingError
        If it is no header in format 16.
    """
    first, _, signals = text.partition(b"\n")
    words = first.split()
    usual = len(words) == 4 and words[1].isdigit() and int(words[1]) > 0
    found = scan_signals(signals, int(words[1])) if usual else None
    rate = _rate_and_length(words) if usual else None
    if found is None or rate is None:
        return read_header(path)
    gain, baseline, names, file, unit = found
    if unit not in _UNITS or b"/" in file or b"\\" in file:
        return read_header(path)
    return WfdbRecord(
        path=path,
        data_path=path.with_name(file.decode(errors="replace")),
        fs_hz=rate[0],
        n_samples=rate[1],
        names=_split(names),
        gain=gain,
        baseline=baseline,
        to_uv=np.full(len(gain), _UNITS[unit]),
    )


def _rate_and_length(words: Sequence[bytes]) -> tuple[float, int] | None:
    try:
        fs_hz, n_samples = float(words[2]), int(words[3])
    except ValueError:
        return None
    return (fs_hz, n_samples) if fs_hz > 0 and n_samples > 0 else None  # a length of 0 has a rule of its own


@functools.lru_cache(maxsize=4)
def _split(names: bytes) -> tuple[str, ...]:
    return tuple(name.decode(errors="replace") for name in names.split(b"\n")[:-1])
