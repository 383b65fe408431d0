"""Recordings of EMG-BIDS datasets."""

from __future__ import annotations

from pathlib import Path

from rt_handdt.core.recording import Recording
from rt_handdt.io.bids.names import is_recording, side_cars
from rt_handdt.io.bids.session import read_bids_file
from rt_handdt.io.readers.base import OneFile
from rt_handdt.io.signal_choice import SignalChoice


class BidsReader(OneFile):
    """``sub-…_emg.bdf`` or ``.edf`` with its side-cars."""

    name = "EMG-BIDS"
    suffixes = ("_emg.bdf", "_emg.edf")

    def fits(self, path: Path) -> bool:
        """By its name."""
        return is_recording(path)

    def open(self, path: Path, choice: SignalChoice) -> Recording:
        """See `Reader`."""
        return read_bids_file(path, choice)

    def files(self, path: Path) -> tuple[Path, ...]:
        """The file, and the side-cars that count."""
        cars = [side_cars(path, suffix, ".tsv")[:1] for suffix in ("channels", "events")]
        return (path, *(one for found in cars for one in found))
