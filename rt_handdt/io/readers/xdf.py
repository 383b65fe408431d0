"""XDF files."""

from __future__ import annotations

from pathlib import Path

from rt_handdt.core.recording import Recording
from rt_handdt.io.continuous_folder import read_continuous_name
from rt_handdt.io.readers.base import OneFile
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.xdf import read_xdf
from rt_handdt.io.xdf_session import read_session


class XdfReader(OneFile):
    """As LabRecorder and `rt-handdt record` write them; a cohort's continuous sessions are read as they are needed."""

    name = "XDF"
    suffixes = (".xdf", ".xdfz", ".xdf.gz")

    def open(self, path: Path, choice: SignalChoice) -> Recording:
        """See `Reader`."""
        if read_continuous_name(path) is not None:
            choice.refuse(path)
            return read_session(path)
        return read_xdf(path, choice=choice)
