"""What lies below a folder, by names alone."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rt_handdt.io.bids.names import is_recording
from rt_handdt.io.bids.session import list_bids
from rt_handdt.io.file_names import named_subject
from rt_handdt.io.readers import reader_of


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
    found = [Listed(one.subject, one.session, "EMG-BIDS", one.path, len(one.files)) for one in list_bids(root)]
    for file in sorted(one for one in root.rglob("*") if one.is_file()):
        inside = file.relative_to(root).parts[:-1]
        if any(not part.startswith(("sub-", "ses-")) for part in inside) or is_recording(file):
            continue
        reader = reader_of(file)
        if reader is not None and reader.name != "WFDB":
            found.append(Listed(*named_subject(file), reader.name, file, len(reader.files(file))))
    return sorted(found, key=lambda one: (one.subject, one.session, str(one.path)))
