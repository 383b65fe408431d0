"""Any single WFDB record in format 16 as a recording without labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rt_handdt.core.recording import Recording
from rt_handdt.core.types import Float32
from rt_handdt.io.hyser import channel_names
from rt_handdt.io.hyser_layout import hyser_channels
from rt_handdt.io.wfdb16 import WfdbRecord, read_header


@dataclass(frozen=True)
class WfdbRecording(Recording):
    """A WFDB record, read from disk block by block.

    Attributes
    ----------
    record
        What its header says.
    """

    record: WfdbRecord = field(kw_only=True, repr=False)

    def blocks(self, block_samples: int = 4096) -> Iterator[Float32]:
        for start in range(0, self.n_samples, block_samples):
            yield self.record.read(start, start + block_samples)


def read_wfdb(path: str | Path) -> WfdbRecording:
    """Open a record by its ``.hea`` or ``.dat`` file.

    The channels carry the header's descriptions. Where those are missing or not distinct they are called E1, E2, …, or
    in a record of 256 channels as in Hyser, and a note says so.

    Raises
    ------
    RecordingError
        If the record is missing, damaged or not in format 16.
    """
    record = read_header(path)
    record.check_data()
    names = record.names
    notes = []
    if record.n_channels == len(hyser_channels()) and set(names) != set(hyser_channels()):
        names = channel_names(record)
        notes.append("The header does not name the electrodes; as there are 256, Hyser's channel order is assumed.")
    elif not all(names) or len(set(names)) != len(names):
        names = tuple(f"E{number + 1}" for number in range(record.n_channels))
        notes.append(f"The channels have no (or no distinct) names; they are called E1 to E{record.n_channels}.")
    return WfdbRecording(
        name=record.path.stem,
        fs_hz=record.fs_hz,
        channels=names,
        n_samples=record.n_samples,
        record=record,
        notes=tuple(notes),
    )
