"""Any single WFDB record in format 16 as a recording without labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from rt_handdt.core.recording import Recording
from rt_handdt.core.types import Float32
from rt_handdt.io.file_names import named_subject
from rt_handdt.io.hyser_layout import hyser_channels
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.signal_columns import Column, distinct_names, signal_columns
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
            yield np.ascontiguousarray(self.record.read(start, start + block_samples)[:, list(self.columns)])


def read_wfdb(path: str | Path, choice: SignalChoice = SignalChoice()) -> WfdbRecording:
    """Open a record by its ``.hea`` or ``.dat`` file.

    The channels carry the header's descriptions. Where those are missing or not distinct they are called E1, E2, …, or
    in a record of 256 channels as in Hyser, and a note says so.

    Parameters
    ----------
    path
        The record.
    choice
        Unit and columns, where the header leaves them open or tells them wrong.

    Raises
    ------
    RecordingError
        If the record is missing, damaged or not in format 16, or a column is not there or no voltage.
    ConfigError
        If a stream is chosen; a record has none.
    """
    SignalChoice(choice.stream).refuse(path)
    record = read_header(path, others=True)
    record.check_data()
    columns = [Column(name, unit) for name, unit in zip(record.names, record.units, strict=True)]
    chosen = signal_columns(str(record.path), columns, choice)
    notes = list(chosen.notes)
    if record.uncalibrated:
        notes.append(f"{record.uncalibrated} channels are not calibrated; 200 codes per mV are assumed, the default.")
    to_uv = record.to_uv.copy()
    to_uv[chosen.keep] = chosen.to_uv
    names, renamed = distinct_names(chosen.names)
    if len(names) == len(hyser_channels()) and set(names) != set(hyser_channels()):
        names = hyser_channels()
        renamed = ("The header does not name the electrodes; as there are 256, Hyser's channel order is assumed.",)
    subject, session = named_subject(record.path)
    return WfdbRecording(
        name=record.path.stem,
        fs_hz=record.fs_hz,
        channels=names,
        n_samples=record.n_samples,
        subject=subject,
        session=session,
        record=replace(record, to_uv=to_uv),
        columns=tuple(chosen.keep.tolist()),
        notes=(*notes, *renamed),
    )
