"""Files read once, and fingerprinted on the way."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rt_handdt.errors import RecordingError
from rt_handdt.io.wfdb16 import WfdbRecord, read_header

#: (name, size in bytes, time of the last change in ns) of a file that was read.
Stamp = tuple[str, int, int]

_LINE, _EVERY = 512, 16
_UNITS = {b")/V": 1e6, b")/mV": 1e3, b")/uV": 1.0}


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
        self.stamps: dict[str, Stamp] = {}

    def read(self, path: Path) -> bytes:
        """The whole file.

        Raises
        ------
        RecordingError
            If it cannot be read.
        """
        try:
            status = path.stat()
            data = path.read_bytes()
        except OSError as exc:
            raise RecordingError(f"{path}: cannot be read ({exc.strerror or exc}); copy or download it again.") from exc
        self._sha.update(f"{path.name}:{len(data)}:".encode())
        self._sha.update(_sampled(data) if path.suffix == ".dat" else data)
        self.stamps[str(path)] = (path.name, status.st_size, status.st_mtime_ns)
        return data

    @property
    def content(self) -> str:
        """SHA-256 of what was read so far, hexadecimal."""
        return self._sha.hexdigest()


def _sampled(data: bytes) -> bytes:
    whole = len(data) // _LINE * _LINE
    lines = np.frombuffer(data, np.uint8, whole).reshape(-1, _LINE)
    return lines[::_EVERY].tobytes() + data[whole:]


def unchanged(stamps: dict[str, Stamp]) -> bool:
    """Whether every file still has the size and the time of change that it had."""
    for path, (_, size, changed_ns) in stamps.items():
        try:
            status = Path(path).stat()
        except OSError:
            return False
        if (status.st_size, status.st_mtime_ns) != (size, changed_ns):
            return False
    return True


def content_of(paths: Sequence[str]) -> str | None:
    """The fingerprint that a reader of these files would have now; None if one of them is gone."""
    reader = FingerprintingReader()
    try:
        for path in paths:
            reader.read(Path(path))
    except RecordingError:
        return None
    return reader.content


def parse_header(path: Path, text: bytes) -> WfdbRecord:
    """As `rt_handdt.io.wfdb16.read_header`, from bytes that were read already, and ten times as fast for headers of
    the usual form; others take the road of `read_header`.

    Raises
    ------
    RecordingError
        If it is no header in format 16.
    """
    return _usual_header(path, text) or read_header(path)


def _usual_header(path: Path, text: bytes) -> WfdbRecord | None:
    """A header ``name C rate samples`` and C lines ``file 16 gain(baseline)/unit … description``; None for another."""
    words = text.split()
    if len(words) < 13 or not words[1].isdigit() or len(words) != 4 + 9 * int(words[1]):
        return None
    files, formats, calibrations, block_sizes = (words[4 + k :: 9] for k in (0, 1, 2, 7))
    units = [unit for unit in _UNITS if calibrations[0].endswith(unit)]
    if len(set(files)) != 1 or set(formats) != {b"16"} or set(block_sizes) != {b"0"} or not units:
        return None
    numbers = b" ".join(calibrations).replace(units[0], b" ").replace(b"(", b" ").split()
    try:
        values = np.array(list(map(float, numbers))).reshape(-1, 2)
        fs_hz, n_samples = float(words[2]), int(words[3])
    except ValueError:
        return None
    gain, baseline = np.ascontiguousarray(values.T)
    # A gain of 0 and a length of 0 have rules of their own.
    if len(gain) != len(files) or not (np.isfinite(values).all() and gain.all()) or not (fs_hz > 0 and n_samples > 0):
        return None
    return WfdbRecord(
        path=path,
        data_path=path.with_name(files[0].decode(errors="replace")),
        fs_hz=fs_hz,
        n_samples=n_samples,
        names=_decoded(tuple(words[12::9])),
        gain=gain,
        baseline=baseline,
        to_uv=np.full(len(gain), _UNITS[units[0]]),
    )


@functools.lru_cache(maxsize=4)
def _decoded(names: tuple[bytes, ...]) -> tuple[str, ...]:
    return tuple(name.decode(errors="replace") for name in names)
