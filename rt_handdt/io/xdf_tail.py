"""What stands in an XDF file behind a known place: whole chunks that were written before its writer died."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

_SAMPLES = 3
_LENGTHS = {1: "<B", 4: "<I", 8: "<Q"}


class Tail(NamedTuple):
    """Samples of each stream, by its number in the file; and where the last whole chunk ends."""

    counts: dict[int, int]
    end: int


def xdf_tail(path: Path, begin: int) -> Tail:
    """Look through the chunks of a file from a chunk's beginning on; what is cut short is left out.

    Parameters
    ----------
    path
        The file.
    begin
        Its byte at which a chunk begins.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    counts: dict[int, int] = {}
    end = begin
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        while True:
            file.seek(end)
            length = _number(file)
            if length is None or length < 2 or file.tell() + length > size:
                return Tail(counts, end)
            end = file.tell() + length
            if int.from_bytes(file.read(2), "little") == _SAMPLES:
                stream = int.from_bytes(file.read(4), "little")
                counts[stream] = counts.get(stream, 0) + (_number(file) or 0)


def _number(file: BinaryIO) -> int | None:
    """A number with the count of its bytes before it; None if it is none."""
    form = _LENGTHS.get(int.from_bytes(file.read(1), "little"))
    data = file.read(struct.calcsize(form)) if form else b""
    return int(struct.unpack(form, data)[0]) if form and len(data) == struct.calcsize(form) else None
