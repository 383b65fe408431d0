"""Write a recording as an XDF file, laid out as LabRecorder does: an EMG stream and a stream of markers or two.

An XDF file is ``XDF:`` followed by chunks, each of (length, tag, content); a length is one byte that says how many
bytes it takes, then those. Format: https://github.com/sccn/xdf/wiki/Specifications (version 1.0).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import escape

import numpy as np

from rt_handdt.core.recording import Marker, Recording

_FILE_HEADER, _STREAM_HEADER, _SAMPLES, _CLOCK_OFFSET, _STREAM_FOOTER = 1, 2, 3, 4, 6
_EMG, _MARKERS, _CUES = 1, 2, 3
_UNIT = "microvolts"
#: A recording's subject, where it is not known.
UNKNOWN = "unknown"
#: Type of the stream of cues: not "Markers", so that a reader of markers does not mix the two.
CUES_TYPE = "Cues"


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
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            _write(file, recording, start_s, block_samples, cues)
    except BaseException:
        # On a full disk nothing is worth more than space.
        part.unlink(missing_ok=True)
        raise
    part.replace(path)


def _write(
    file: BinaryIO, recording: Recording, start_s: float, block_samples: int, cues: Sequence[Marker] | None
) -> None:
    texts: list[tuple[int, str, str, Sequence[Marker]]] = [(_MARKERS, "markers", "Markers", recording.markers)]
    if cues is not None:
        texts.append((_CUES, "cues", CUES_TYPE, cues))
    file.write(b"XDF:")
    _chunk(file, _FILE_HEADER, b'<?xml version="1.0"?><info><version>1.0</version></info>')
    _chunk(file, _STREAM_HEADER, _stream(_EMG) + _emg_header(recording).encode())
    for stream, name, kind, _ in texts:
        header = _header(f"{recording.name}_{name}", kind, 1, "string", 0.0, "")
        _chunk(file, _STREAM_HEADER, _stream(stream) + header.encode())
    for stream in (_EMG, *(stream for stream, *_ in texts)):
        # One clock for all streams, so the offset is nought.
        _chunk(file, _CLOCK_OFFSET, _stream(stream) + struct.pack("<dd", start_s, 0.0))
    sample_dtype = np.dtype([("stamped", "u1"), ("time", "<f8"), ("values", "<f4", (len(recording.channels),))])
    written = 0
    for block in recording.blocks(block_samples):
        packed = np.empty(len(block), dtype=sample_dtype)
        packed["stamped"] = 8
        packed["time"] = start_s + np.arange(written, written + len(block)) / recording.fs_hz
        packed["values"] = block
        _chunk(file, _SAMPLES, _stream(_EMG) + _count(len(block)) + packed.tobytes())
        written += len(block)
    for stream, _, _, markers in texts:
        if markers:
            _chunk(file, _SAMPLES, _stream(stream) + _marker_samples(markers, start_s, recording.fs_hz))
    sampled = [start_s, start_s + (written - 1) / recording.fs_hz]
    _chunk(file, _STREAM_FOOTER, _stream(_EMG) + _footer(sampled, written).encode())
    for stream, _, _, markers in texts:
        marked = [start_s + marker.index / recording.fs_hz for marker in markers]
        _chunk(file, _STREAM_FOOTER, _stream(stream) + _footer(marked, len(marked)).encode())


def _chunk(file: BinaryIO, tag: int, content: bytes) -> None:
    file.write(_count(len(content) + 2) + struct.pack("<H", tag) + content)


def _count(number: int) -> bytes:
    """A number with the count of its bytes before it."""
    if number < 1 << 8:
        return struct.pack("<BB", 1, number)
    if number < 1 << 32:
        return struct.pack("<BI", 4, number)
    return struct.pack("<BQ", 8, number)


def _stream(number: int) -> bytes:
    return struct.pack("<I", number)


def _marker_samples(markers: Iterable[Marker], start_s: float, fs_hz: float) -> bytes:
    samples = []
    for marker in markers:
        text = marker.label.encode()
        samples.append(struct.pack("<Bd", 8, start_s + marker.index / fs_hz) + _count(len(text)) + text)
    return _count(len(samples)) + b"".join(samples)


def _emg_header(recording: Recording) -> str:
    channels = "".join(
        f"<channel><label>{escape(name)}</label><unit>{_UNIT}</unit><type>EMG</type></channel>"
        for name in recording.channels
    )
    who = f"<subject><id>{escape(recording.subject)}</id></subject>" if recording.subject != UNKNOWN else ""
    return _header(
        recording.name,
        "EMG",
        len(recording.channels),
        "float32",
        recording.fs_hz,
        f"<channels>{channels}</channels>{who}",
    )


def _header(name: str, kind: str, channels: int, number_format: str, fs_hz: float, description: str) -> str:
    return (
        f'<?xml version="1.0"?><info><name>{escape(name)}</name><type>{kind}</type>'
        f"<channel_count>{channels}</channel_count><channel_format>{number_format}</channel_format>"
        f"<nominal_srate>{fs_hz!r}</nominal_srate><source_id>{escape(name)}</source_id>"
        f"<desc>{description}</desc></info>"
    )


def _footer(times: list[float], count: int) -> str:
    ends = f"<first_timestamp>{times[0]!r}</first_timestamp>" if times else ""
    ends += f"<last_timestamp>{times[-1]!r}</last_timestamp>" if times else ""
    return f'<?xml version="1.0"?><info>{ends}<sample_count>{count}</sample_count></info>'
