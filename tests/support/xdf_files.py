"""XDF files as other programs may write them, byte by byte."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

FS = 1000.0
BOUNDARY = bytes.fromhex("43A546DCCBF5410FB30ED5467383CBE4")


@dataclass
class Stream:
    """One stream of a hand-made file. `values` (n, channels), or strings, or rows of strings.

    `fs` and `count` are written as they are. `footer` is the sample count it states, True for the true one, False for
    no footer. A time of None is left out, to be deduced.
    """

    times: Sequence[float | None]
    values: np.ndarray | list[str] | list[list[str]]
    name: str = "amp"
    kind: str = "EMG"
    fs: float | str = FS
    channels: list[dict[str, str]] = field(default_factory=list)
    number_format: str = "float32"
    footer: bool | str = True
    count: str | None = None
    per_chunk: int | None = None
    more: str = ""


def make(path: Path, *streams: Stream) -> Path:
    """Write a file of these streams."""
    return written(path, pieces(*streams))


def written(path: Path, parts: list[bytes]) -> Path:
    """Write a file of these pieces, whole or not."""
    path.write_bytes(b"".join(parts))
    return path


def pieces(*streams: Stream) -> list[bytes]:
    """The file's beginning and its chunks: headers, then the samples stream by stream, then footers."""
    out = [b"XDF:", chunk(1, b"<?xml version='1.0'?><info><version>1.0</version></info>")]
    out += [chunk(2, struct.pack("<I", number) + header(one)) for number, one in enumerate(streams, start=1)]
    for number, one in enumerate(streams, start=1):
        size = one.per_chunk or max(len(one.values), 1)
        for first in range(0, len(one.values), size):
            out.append(chunk(3, struct.pack("<I", number) + _samples(one, first, first + size)))
    for number, one in enumerate(streams, start=1):
        if one.footer is not False:
            stated = len(one.values) if one.footer is True else one.footer
            out.append(
                chunk(6, struct.pack("<I", number) + f"<info><sample_count>{stated}</sample_count></info>".encode())
            )
    return out


def header(stream: Stream) -> bytes:
    """The XML of a stream's header."""
    text = isinstance(stream.values, list)
    columns = ["".join(f"<{k}>{escape(v)}</{k}>" for k, v in one.items()) for one in stream.channels]
    described = "".join(f"<channel>{one}</channel>" for one in columns)
    return (
        f"<info><name>{escape(stream.name)}</name><type>{stream.kind}</type>"
        f"<channel_count>{stream.count or _width(stream)}</channel_count>"
        f"<channel_format>{'string' if text else stream.number_format}</channel_format>"
        f"<nominal_srate>{stream.fs}</nominal_srate>{stream.more}"
        f"<desc><channels>{described}</channels></desc></info>"
    ).encode()


def chunk(tag: int, content: bytes) -> bytes:
    """One chunk of a file."""
    return struct.pack("<BIH", 4, len(content) + 2, tag) + content


def _width(stream: Stream) -> int:
    if isinstance(stream.values, np.ndarray):
        return int(stream.values.shape[1])
    return 1 if not stream.values or isinstance(stream.values[0], str) else len(stream.values[0])


def _samples(stream: Stream, first: int, stop: int) -> bytes:
    values = stream.values[first:stop]
    body = [struct.pack("<BI", 4, len(values))]
    dtype = {"double64": "<f8"}.get(stream.number_format, stream.number_format)
    for time, value in zip(stream.times[first:stop], values, strict=True):
        body.append(b"\0" if time is None else struct.pack("<Bd", 8, time))
        if isinstance(value, np.ndarray):
            body.append(value.astype(dtype).tobytes())
        else:
            for text in [value] if isinstance(value, str) else value:
                body.append(struct.pack("<BI", 4, len(text.encode())) + text.encode())
    return b"".join(body)


def described(n: int = 2, unit: str = "microvolts", **more: str) -> list[dict[str, str]]:
    """What a header says of `n` channels."""
    return [{"label": f"E{k:02d}", "unit": unit, "type": "EMG", **more} for k in range(n)]


def emg(times: np.ndarray | None = None, n: int = 2000, **more) -> Stream:
    """Two channels, counting up and down."""
    times = 100 + np.arange(n) / FS if times is None else times
    values = np.stack([np.arange(len(times)), -np.arange(len(times))], axis=1)
    return Stream(times, values, **{"channels": described(), **more})


def cues(*events: tuple[float, str], **more) -> Stream:
    """A stream of markers."""
    return Stream(
        [t for t, _ in events], [s for _, s in events], **{"name": "cues", "kind": "Markers", "fs": 0.0, **more}
    )
