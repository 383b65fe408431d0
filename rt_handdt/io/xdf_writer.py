"""Write a recording as an XDF file, laid out as LabRecorder does: an EMG stream and a stream of markers or two."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from rt_handdt.core.recording import Marker, Recording
from rt_handdt.io.stream_kinds import CUES
from rt_handdt.io.whole import whole
from rt_handdt.io.xdf_file import XdfFile

_UNIT = "microvolts"
#: A recording's subject, where it is not known.
UNKNOWN = "unknown"


def write_xdf(
    path: str | Path,
    recording: Recording,
    *,
    start_s: float = 0.0,
    block_samples: int = 512,
    cues: Sequence[Marker] | None = None,
) -> None:
    """Write samples and markers of a recording.

    Parameters
    ----------
    path
        The file to write; it appears complete or not at all.
    recording
        In µV. It is read block by block.
    start_s
        Time of its first sample.
    block_samples
        Samples per chunk of the file.
    cues
        What was asked for and when, where `recording.markers` say what was done: a third stream, of the type "Cues".
    """
    path = Path(path)
    with whole(path) as part, XdfFile(part) as file:
        _write(file, recording, start_s, block_samples, cues)


def _write(
    file: XdfFile, recording: Recording, start_s: float, block_samples: int, cues: Sequence[Marker] | None
) -> None:
    who = f"<subject><id>{escape(recording.subject)}</id></subject>" if recording.subject != UNKNOWN else ""
    channels = [(name, _UNIT, "EMG") for name in recording.channels]
    fs_hz, name = recording.fs_hz, recording.name
    emg = file.add(name, "EMG", len(channels), "float32", fs_hz, source_id=name, channels=channels, description=who)
    texts = [(f"{name}_markers", "Markers", recording.markers)]
    if cues is not None:
        texts.append((f"{name}_cues", CUES, tuple(cues)))
    streams = [(file.add(title, kind, 1, "string", 0.0, source_id=title), markers) for title, kind, markers in texts]
    for stream in (emg, *(stream for stream, _ in streams)):
        file.offset(stream, start_s, 0.0)  # one clock for all
    written = 0
    for block in recording.blocks(block_samples):
        file.samples(emg, start_s + np.arange(written, written + len(block)) / fs_hz, block)
        file.flush()
        written += len(block)
    for stream, markers in streams:
        stamps = [start_s + marker.index / fs_hz for marker in markers]
        file.texts(stream, stamps, [[marker.label] for marker in markers])
