"""Features of one session on disk: a ``.npy`` that appears when it is whole, and a ``.json`` that says what it is.

The ``.json`` is written last, so an entry is complete or does not exist. An entry is used again if

1. its name fits: it holds a fingerprint of the measure and every other setting, of the layout, and of this code;
2. its sources fit: each file has the size and the time of change that it had; where one differs (a touch, a copy put
   back), their SHA-256 decides, see `offline.features.reading.FingerprintingReader`;
3. it is whole: the SHA-256 of the ``.npy``'s values is the one in the ``.json``.

Anything else is said and made anew. What was checked, or made, a moment ago is not read a second time: `Kept` holds the
identity of its file, by which a change in between is noticed.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import json
import os
import re
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from offline.features.feature_config import FeatureConfig
from offline.features.locks import sweep
from offline.features.reading import Stamp, fingerprint, unchanged
from offline.features.trial_sources import SessionSource
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32
from rt_handdt.errors import RecordingError
from rt_handdt.io.whole import whole

#: Whose source text is part of an entry's name: a change of any of them may change the numbers.
_CODE = (
    *(f"offline.features.{name}" for name in ("classical_frequency", "classical_spatial", "classical_time")),
    *(f"offline.features.{name}" for name in ("feature_cache", "header_kernel", "kernels", "measured_session")),
    *(f"offline.features.{name}" for name in ("measures", "reading", "repair", "signals", "trial_sources")),
    *("offline.data.dataset_file", "offline.data.windows"),
    *(f"rt_handdt.core.{name}" for name in ("differential", "feature", "features", "filters", "interpolation")),
    *(f"rt_handdt.core.{name}" for name in ("kernels", "preprocess", "quality", "quality_kernels", "quality_rules")),
    *(f"rt_handdt.core.{name}" for name in ("quality_settings", "quality_sums", "quality_window", "recording")),
    *(
        "rt_handdt.core.repeats",
        "rt_handdt.core.repetitions",
        "rt_handdt.core.stretch",
        "rt_handdt.io.hyser",
        "rt_handdt.io.xdf",
    ),
)
_CHUNK = 1 << 22


@dataclass(frozen=True)
class Entry:
    """What the ``.json`` holds.

    Attributes
    ----------
    person, session, fs_hz
        Whose, and at which rate.
    labels
        Of each trial of the session.
    trial
        Of each sample, its position among `labels`.
    since_cue_s
        Of each sample, from its trial's marker to the first sample measured.
    skipped
        Sentences.
    stamps, content
        The source files, see `offline.features.reading`.
    sha256
        Of the values in the ``.npy``.
    """

    person: str
    session: str
    fs_hz: float
    labels: tuple[str, ...]
    trial: tuple[int, ...]
    since_cue_s: tuple[float, ...]
    skipped: tuple[str, ...]
    stamps: dict[str, Stamp]
    content: str
    sha256: str


@dataclass(frozen=True)
class Kept:
    """An entry that is known to be whole.

    Attributes
    ----------
    entry
        What it says.
    file
        Device, number, size and time of the last change of its ``.npy``.
    """

    entry: Entry
    file: tuple[int, int, int, int]

    def is_at(self, path: Path) -> bool:
        """Whether values and sources are still those."""
        try:
            return _identity(os.stat(_values(path))) == self.file and unchanged(self.entry.stamps)  # noqa: PTH116
        except FileNotFoundError:
            return False


class NpyWriter:
    """Appends rows to an ``.npy`` without knowing how many there will be, and without holding them.

    Written with plain writes: on a full disk a memory map would end the process, a write says so.
    """

    def __init__(self, path: Path, row: tuple[int, ...]) -> None:
        self._row, self._rows = row, 0
        self._sha = hashlib.sha256()
        self._file: BinaryIO = path.open("wb", buffering=1 << 16)
        self._header()

    def _header(self) -> None:
        # numpy leaves room for the first dimension to grow, so the header keeps its length.
        header = {"descr": "<f4", "fortran_order": False, "shape": (self._rows, *self._row)}
        npy.write_array_header_1_0(self._file, header)

    def append(self, rows: Float32) -> None:
        """Add (n, …) rows."""
        if rows.shape[1:] != self._row:
            raise ValueError(f"rows must have the shape {self._row}; got {rows.shape[1:]}")
        values = np.ascontiguousarray(rows, dtype="<f4").data
        self._file.write(values)
        self._sha.update(values)
        self._rows += len(rows)

    def finish(self) -> str:
        """Complete the header and close; returns the SHA-256 of the values."""
        self._file.seek(0)
        self._header()
        self._file.close()
        return self._sha.hexdigest()

    def close(self) -> None:
        """Close without completing."""
        self._file.close()


@functools.cache
def code_fingerprint() -> str:
    """SHA-256 over the source text of every module that decides the numbers."""
    sha = hashlib.sha256(np.__version__.encode())
    for name in _CODE:
        file = importlib.import_module(name).__file__
        assert file is not None
        sha.update(Path(file).read_bytes())
    return sha.hexdigest()


def entry_path(folder: Path, source: SessionSource, config: FeatureConfig, layout: ElectrodeLayout) -> Path:
    """Path of an entry, without suffix."""
    settings = config.model_dump_json(exclude={"sessions"})
    key = "\n".join([source.identity, settings, layout.canonical_json(), code_fingerprint()])
    name = re.sub(r"[^A-Za-z0-9.-]", "_", f"{source.person}_{source.session}")
    return folder / f"{name}_{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def write_entry(path: Path, entry: Entry) -> Kept:
    """Write the ``.json``, which completes an entry whose ``.npy`` is there."""
    # A line for each field: as an indented text it would take longer than the session's filters.
    lines = ",\n".join(f"{json.dumps(field.name)}: {json.dumps(getattr(entry, field.name))}" for field in fields(entry))
    described = path.with_name(path.name + ".json")
    with whole(described) as part:
        part.write_text(f"{{{lines}}}\n", encoding="utf-8")
    return Kept(entry, _identity(_values(path).stat()))


def read_entry(path: Path) -> tuple[Kept | None, str]:
    """The entry at `path` if it may be used again; else None, and why (nothing if there simply is none)."""
    described = path.with_name(path.name + ".json")
    if not described.exists():
        return None, ""
    try:
        entry = _parse(json.loads(described.read_text(encoding="utf-8")))
        with values_of(path) as file:
            identity, sha = _identity(os.fstat(file.fileno())), _sha_of(file)
    except (OSError, ValueError, KeyError, TypeError) as exc:
        return None, f"its cache entry {path.name} cannot be read ({exc})"
    if sha != entry.sha256:
        return None, f"its cache entry {path.name} is damaged or was changed"
    if not unchanged(entry.stamps):
        content, stamps = fingerprint(list(entry.stamps))
        if content != entry.content:
            return None, "its files changed since its features were cached"
        entry = replace(entry, stamps=stamps)
    return Kept(entry, identity), ""


def values_of(path: Path) -> BinaryIO:
    """The values of an entry, as an open file that stands at the first one."""
    file = _values(path).open("rb", buffering=1 << 16)
    npy.read_magic(file)
    npy.read_array_header_1_0(file)
    return file


def _values(path: Path) -> Path:
    return path.with_name(path.name + ".npy")


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _sha_of(file: BinaryIO) -> str:
    """SHA-256 of what is left of a file."""
    sha = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        sha.update(chunk)
    return sha.hexdigest()


def _parse(values: dict[str, Any]) -> Entry:
    stamps = {str(path): (str(a), int(b), int(c)) for path, (a, b, c) in values.pop("stamps").items()}
    for name in ("labels", "trial", "since_cue_s", "skipped"):
        values[name] = tuple(values[name])
    return Entry(**values, stamps=stamps)


def remove_entry(path: Path) -> None:
    """Delete what says that an entry is complete; its values are replaced when there are new ones."""
    path.with_name(path.name + ".json").unlink(missing_ok=True)


def prepare(folder: Path) -> Path:
    """Make the cache's folder, and tidy it up.

    Raises
    ------
    RecordingError
        If that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
    except OSError as exc:
        raise RecordingError(
            f"{folder}: cannot serve as the cache of features ({exc.strerror or exc}); choose another folder with "
            "--cache."
        ) from exc
    return folder
