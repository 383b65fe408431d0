"""Write a recording as an XDF file, laid out as LabRecorder does: an EMG stream and a stream of markers.

An XDF file is ``XDF:`` followed by chunks, each of (length, tag, content); a length is one byte that says how many
bytes it takes, then those. Format: https://github.com/sccn/xdf/wiki/Specifications (version 1.0).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import escape

import numpy as np

from rt_handdt.core.recording import Marker, Recording

_FILE_HEADER, _STREAM_HEADER, _SAMPLES, _CLOCK_OFFSET, _STREAM_FOOTER = 1, 2, 3, 4, 6
_EMG, _MARKERS = 1, 2
_UNIT = "microvolts"


def write_xdf(path: str | Path, recording: Recording, *, start_s: float = 0.0, block_samples: int = 512) -> None:
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
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(b"XDF:")
        _chunk(file, _FILE_HEADER, b'<?xml version="1.0"?><info><version>1.0</version></info>')
        _chunk(file, _STREAM_HEADER, _stream(_EMG) + _emg_header(recording).encode())
        _chunk(file, _STREAM_HEADER, _stream(_MARKERS) + _marker_header(recording).encode())
        for stream in (_EMG, _MARKERS):
            # One clock for both streams, so the offset is nought.
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
        if recording.markers:
            _chunk(file, _SAMPLES, _stream(_MARKERS) + _marker_samples(recording.markers, start_s, recording.fs_hz))
        marked = [start_s + marker.index / recording.fs_hz for marker in recording.markers]
        sampled = [start_s, start_s + (written - 1) / recording.fs_hz]
        _chunk(file, _STREAM_FOOTER, _stream(_EMG) + _footer(sampled, written).encode())
        _chunk(file, _STREAM_FOOTER, _stream(_MARKERS) + _footer(marked, len(marked)).encode())
    part.replace(path)


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
    return _header(
        recording.name, "EMG", len(recording.channels), "float32", recording.fs_hz, f"<channels>{channels}</channels>"
    )


def _marker_header(recording: Recording) -> str:
    return _header(f"{recording.name}_markers", "Markers", 1, "string", 0.0, "")


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
