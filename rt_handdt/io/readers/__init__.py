"""Files of recordings, one format a module; `rt_handdt.io.sources.open_recording` is the door."""

from __future__ import annotations

from pathlib import Path

from rt_handdt.io.readers.bids_file import BidsReader
from rt_handdt.io.readers.edf import EdfReader
from rt_handdt.io.readers.numpy_file import NumpyReader
from rt_handdt.io.readers.otb_four import OtbFourReader
from rt_handdt.io.readers.otb_mat import OtbMatReader
from rt_handdt.io.readers.otb_plus import OtbPlusReader
from rt_handdt.io.readers.reader import Reader
from rt_handdt.io.readers.table import TableReader
from rt_handdt.io.readers.wfdb import WfdbReader
from rt_handdt.io.readers.xdf import XdfReader

#: In this order: the first that fits reads the file.
READERS: tuple[Reader, ...] = (
    XdfReader(),
    WfdbReader(),
    BidsReader(),
    EdfReader(),
    OtbPlusReader(),
    OtbFourReader(),
    OtbMatReader(),
    TableReader(),
    NumpyReader(),
)


def reader_of(path: Path) -> Reader | None:
    """The reader that fits a file's name; None if there is none."""
    return next((one for one in READERS if one.fits(path)), None)


def endings() -> tuple[str, ...]:
    """How the files that can be read are called, such as ``".xdf"``."""
    return tuple(ending for one in READERS for ending in one.suffixes)
