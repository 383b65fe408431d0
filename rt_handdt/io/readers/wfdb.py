"""WFDB records, among them single trials of Hyser."""

from __future__ import annotations

from pathlib import Path

from rt_handdt.core.recording import Recording
from rt_handdt.io.hyser import read_hyser
from rt_handdt.io.hyser_layout import parse_trial, read_session_folder
from rt_handdt.io.readers.base import OneFile
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.wfdb import read_wfdb
from rt_handdt.io.wfdb16 import read_header


class WfdbReader(OneFile):
    """Format 16, by header or data file."""

    name = "WFDB"
    suffixes = (".hea", ".dat")

    def open(self, path: Path, choice: SignalChoice) -> Recording:
        """See `Reader`."""
        if parse_trial(path) is not None and read_session_folder(path.parent) is not None:
            choice.refuse(path)
            return read_hyser(path)
        return read_wfdb(path, choice)

    def files(self, path: Path) -> tuple[Path, ...]:
        """Header and data."""
        record = read_header(path, others=True)
        return record.path, record.data_path
