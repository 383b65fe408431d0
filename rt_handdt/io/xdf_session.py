"""Continuous sessions as `write_xdf` leaves them, read block by block: five minutes of 256 channels take 630 MB.

Any XDF file can be read by `rt_handdt.io.xdf`, but only whole: it must see all times to make them even. Here they are
even, so samples come as they are asked for.
"""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from rt_handdt.core.recording import Marker, Recording
from rt_handdt.core.types import Float32
from rt_handdt.core.units import microvolts_per
from rt_handdt.errors import RecordingError
from rt_handdt.io.continuous_folder import read_continuous_name
from rt_handdt.io.stream_kinds import CUES
from rt_handdt.io.xdf_writer import UNKNOWN

_STREAM_HEADER, _SAMPLES, _STREAM_FOOTER = 2, 3, 6
_LENGTHS = {1: "<B", 4: "<I", 8: "<Q"}


class _Chunk(NamedTuple):
    """Samples first..first+length−1 lie at `offset` in the file."""

    offset: int
    first: int
    length: int


@dataclass(frozen=True)
class XdfSession(Recording):
    """A session in an XDF file; its samples are read as they are asked for.

    Attributes
    ----------
    path
        The file.
    cues
        What was asked for, where the markers say what was done; empty if the file has no such stream.
    """

    path: Path = field(kw_only=True)
    cues: tuple[Marker, ...] = field(default=(), kw_only=True)
    chunks: tuple[_Chunk, ...] = field(default=(), kw_only=True, repr=False)

    def blocks(self, block_samples: int = 4096) -> Iterator[Float32]:
        held: list[Float32] = []
        count = 0
        for samples in self._read():
            held.append(samples)
            count += len(samples)
            if count < block_samples:
                continue
            joined = np.concatenate(held)
            whole = count - count % block_samples
            for start in range(0, whole, block_samples):
                yield joined[start : start + block_samples]
            held, count = [joined[whole:]], count - whole
        if count:
            yield np.concatenate(held)

    def _read(self) -> Iterator[Float32]:
        dtype = np.dtype([("stamped", "u1"), ("time", "<f8"), ("values", "<f4", (len(self.channels),))])
        start_s: float | None = None
        try:
            with self.path.open("rb") as file:
                for chunk in self.chunks:
                    file.seek(chunk.offset)
                    rows = np.frombuffer(file.read(chunk.length * dtype.itemsize), dtype)
                    start_s = float(rows["time"][0]) if start_s is None else start_s
                    even = start_s + np.arange(chunk.first, chunk.first + chunk.length) / self.fs_hz
                    if (rows["stamped"] != 8).any() or np.abs(rows["time"] - even).max() * self.fs_hz > 0.01:
                        raise _foreign(self.path, "its samples are not evenly spaced")
                    yield np.ascontiguousarray(rows["values"], np.float32)
        except (OSError, ValueError, IndexError) as exc:
            raise RecordingError(f"{self.path}: was changed or lost while it was read ({exc}).") from None


def read_session(path: str | Path) -> XdfSession:
    """Open a session that `handdt-offline cohort --continuous` wrote.

    Parameters
    ----------
    path
        Its ``.xdf`` file. All but the samples is read, and that the file is whole is checked.

    Raises
    ------
    RecordingError
        If the file cannot be read, is damaged, or is laid out in another way than `write_xdf` does.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            return _open(path, file)
    except OSError as exc:
        raise RecordingError(f"{path}: cannot be read ({exc.strerror or exc}).") from None
    except (EOFError, struct.error, KeyError, ValueError, ElementTree.ParseError) as exc:
        raise _foreign(path, str(exc) or type(exc).__name__) from None


class _Stream:
    """What the file says of one stream."""

    def __init__(self, header: ElementTree.Element) -> None:
        self.header = header
        self.name, self.type, self.format = (self.text(key) for key in ("name", "type", "channel_format"))
        self.chunks: list[_Chunk] = []
        self.events: list[tuple[float, str]] = []
        self.stated: int | None = None

    def text(self, key: str) -> str:
        return self.header.findtext(key) or ""

    @property
    def count(self) -> int:
        return sum(chunk.length for chunk in self.chunks)


def _open(path: Path, file: BinaryIO) -> XdfSession:
    if file.read(4) != b"XDF:":
        raise ValueError("it does not begin with 'XDF:'")
    streams = _scan(file)
    emg = [stream for stream in streams if stream.format == "float32" and stream.type == "EMG"]
    markers = [stream for stream in streams if stream.type == "Markers"]
    cues = [stream for stream in streams if stream.type == CUES]
    if len(emg) != 1 or len(markers) > 1 or len(cues) > 1:
        raise ValueError("it does not hold one stream of EMG, in float32, and one of markers")
    (signal,) = emg
    if signal.stated != signal.count:
        raise ValueError(f"it holds {signal.count} samples, but its end says {signal.stated or 'nothing'}")
    channels = signal.header.findall("desc/channels/channel")
    if len(channels) != int(signal.text("channel_count")) or {
        microvolts_per(channel.findtext("unit") or "") for channel in channels
    } != {1.0}:
        raise ValueError("its channels are not all described, in microvolts")
    start_s = _first_time(file, signal.chunks[0])
    fs_hz = float(signal.text("nominal_srate"))
    named = read_continuous_name(path)
    return XdfSession(
        name=signal.name or path.stem,
        fs_hz=fs_hz,
        channels=tuple(channel.findtext("label") or "" for channel in channels),
        n_samples=signal.count,
        markers=_markers(markers, start_s, fs_hz),
        subject=signal.text("desc/subject/id") or UNKNOWN,
        session=str(named.session) if named else "1",
        path=path,
        cues=_markers(cues, start_s, fs_hz),
        chunks=tuple(signal.chunks),
    )


def _scan(file: BinaryIO) -> list[_Stream]:
    """All streams; samples of EMG are passed over."""
    end = file.seek(0, 2)
    file.seek(4)
    streams: dict[int, _Stream] = {}
    while file.tell() < end:
        length = _length(file)
        after = file.tell() + length
        if after > end:
            raise ValueError("it is cut short")
        (tag,) = struct.unpack("<H", file.read(2))
        if tag in (_STREAM_HEADER, _SAMPLES, _STREAM_FOOTER):
            (number,) = struct.unpack("<I", file.read(4))
            if tag == _STREAM_HEADER:
                streams[number] = _Stream(ElementTree.fromstring(file.read(length - 6)))
            elif tag == _STREAM_FOOTER:
                footer = ElementTree.fromstring(file.read(length - 6))
                streams[number].stated = int(footer.findtext("sample_count") or -1)
            else:
                _samples(file, streams[number], after)
        file.seek(after)
    return list(streams.values())


def _samples(file: BinaryIO, stream: _Stream, after: int) -> None:
    count = _length(file)
    if stream.format == "string":
        for _ in range(count):
            stamped, time_s = struct.unpack("<Bd", file.read(9))
            if stamped != 8:
                raise ValueError("a marker has no time")
            stream.events.append((time_s, file.read(_length(file)).decode()))
    elif after - file.tell() == count * (9 + 4 * int(stream.text("channel_count"))):
        stream.chunks.append(_Chunk(file.tell(), stream.count, count))
    elif stream.type == "EMG":
        raise ValueError("its samples do not all carry a time")


def _length(file: BinaryIO) -> int:
    size = file.read(1)
    if not size or size[0] not in _LENGTHS:
        raise ValueError("it is damaged")
    return int(struct.unpack(_LENGTHS[size[0]], file.read(size[0]))[0])


def _first_time(file: BinaryIO, chunk: _Chunk) -> float:
    file.seek(chunk.offset + 1)
    return float(struct.unpack("<d", file.read(8))[0])


def _markers(streams: list[_Stream], start_s: float, fs_hz: float) -> tuple[Marker, ...]:
    return tuple(Marker(round((at - start_s) * fs_hz), label) for stream in streams for at, label in stream.events)


def _foreign(path: Path, why: str) -> RecordingError:
    return RecordingError(
        f"{path}: is not a session as 'handdt-offline cohort --continuous' writes it ({why}); write the cohort anew. "
        "A file from another program can be read from any folder that is not called 'continuous'."
    )
