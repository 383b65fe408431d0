"""What lies below a folder, by names alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rt_handdt.io.bids.session import list_bids
from rt_handdt.io.file_names import named_subject
from rt_handdt.io.readers import reader_of
from rt_handdt.io.readers.reader import Reader


class Listed(NamedTuple):
    """A recording, or a session of several files.

    Attributes
    ----------
    subject, session
        Who and when.
    format
        In a word.
    path
        What to open.
    files
        How many it is made of.
    """

    subject: str
    session: str
    format: str
    path: Path
    files: int


def list_recordings(root: Path) -> list[Listed]:
    """The recordings of a folder and of its folders ``sub-…`` and ``ses-…``; none of Hyser's own."""
    sessions = list_bids(root)
    found = [Listed(one.subject, one.session, "EMG-BIDS", one.path, len(one.files)) for one in sessions]
    listed = {file for one in sessions for file in one.files}
    for file, reader in standalone_files(root):
        if file not in listed:
            found.append(Listed(*named_subject(file), reader.name, file, len(reader.files(file))))
    return sorted(found, key=lambda one: (one.subject, one.session, str(one.path)))


def standalone_files(root: Path) -> list[tuple[Path, Reader]]:
    """Files that are recordings by themselves, in a folder and its folders ``sub-…`` and ``ses-…``, with their readers.

    WFDB records are not among them: they may be trials of a session.
    """
    found = [(file, reader_of(file)) for file in _files(root)]
    return sorted(
        ((file, reader) for file, reader in found if reader is not None and reader.name != "WFDB"),
        key=lambda one: one[0],
    )


def _files(folder: Path) -> Iterator[Path]:
    for one in folder.iterdir():
        if one.is_file():
            yield one
        elif one.is_dir() and one.name.startswith(("sub-", "ses-")):
            yield from _files(one)
