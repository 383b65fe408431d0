"""An XDF file that is written while things happen: any streams, each in its own number format.

An XDF file is ``XDF:`` followed by chunks, each of (length, tag, content); a length is one byte that says how many
bytes it takes, then those. Format: https://github.com/sccn/xdf/wiki/Specifications (version 1.0).
"""

from __future__ import annotations

import io
import os
import struct
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt

_FILE_HEADER, _STREAM_HEADER, _SAMPLES, _CLOCK_OFFSET, _BOUNDARY, _STREAM_FOOTER = 1, 2, 3, 4, 5, 6
#: What a boundary chunk holds, by which a reader finds its way behind damage.
_BOUNDARY_BYTES = bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")
#: XDF's number formats, as numpy writes them.
FORMATS = {
    **{"float32": "<f4", "double64": "<f8", "int8": "<i1", "int16": "<i2", "int32": "<i4", "int64": "<i8"},
    "string": "",
}


class _Stream:
    """What is known of a stream so far."""

    def __init__(self, number: int, number_format: str, n_channels: int) -> None:
        self.id = struct.pack("<I", number)
        self.format, self.n_channels = number_format, n_channels
        self.first_s: float | None = None
        self.last_s = 0.0
        self.count = 0

    def footer(self) -> bytes:
        ends = "" if self.first_s is None else f"<first_timestamp>{self.first_s!r}</first_timestamp>"
        ends += "" if self.first_s is None else f"<last_timestamp>{self.last_s!r}</last_timestamp>"
        return f'<?xml version="1.0"?><info>{ends}<sample_count>{self.count}</sample_count></info>'.encode()


class XdfFile:
    """A file that is readable at any moment, but for what was handed over since the last `flush`.

    Chunks are written whole: after a failure (a full disk) the file is cut back to the last one that fitted.

    Parameters
    ----------
    path
        It must not exist.

    Raises
    ------
    OSError
        If it cannot be made, or written to.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> with tempfile.TemporaryDirectory() as folder, XdfFile(Path(folder) / "a.xdf") as file:
    ...     amp = file.add("Amp", "EMG", 2, "int16", 1000.0)
    ...     file.samples(amp, np.arange(3) / 1000, np.array([[1, 2], [3, 4], [5, 6]], np.int16))
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file = io.FileIO(self.path, "x")
        self._streams: list[_Stream] = []
        self._waiting: deque[bytes] = deque([b"XDF:"])  # whole chunks
        self.size = 0
        self._chunk(_FILE_HEADER, b'<?xml version="1.0"?><info><version>1.0</version></info>')
        self.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def add(
        self,
        name: str,
        kind: str,
        n_channels: int,
        number_format: str,
        fs_hz: float,
        *,
        source_id: str = "",
        host: str = "",
        channels: Sequence[tuple[str, str, str]] = (),
        description: str = "",
    ) -> int:
        """Begin a stream.

        Parameters
        ----------
        name, kind, n_channels, number_format, fs_hz, source_id, host
            As LSL describes streams; the format is a key of `FORMATS`, the rate 0 where there is none.
        channels
            Label, unit and type of each channel.
        description
            XML that stands beside the channels.

        Returns
        -------
        int
            Its number, for `samples`, `texts` and `offset`.
        """
        said = "".join(
            f"<channel><label>{escape(label)}</label><unit>{escape(unit)}</unit><type>{escape(kind)}</type></channel>"
            for label, unit, kind in channels
        )
        said = f"<channels>{said}</channels>" if said else ""
        return self.add_xml(
            f'<?xml version="1.0"?><info><name>{escape(name)}</name><type>{escape(kind)}</type>'
            f"<channel_count>{n_channels}</channel_count><channel_format>{number_format}</channel_format>"
            f"<nominal_srate>{fs_hz!r}</nominal_srate><source_id>{escape(source_id)}</source_id>"
            f"<hostname>{escape(host)}</hostname><desc>{said}{description}</desc></info>",
            n_channels,
            number_format,
        )

    def add_xml(self, header: str, n_channels: int, number_format: str) -> int:
        """Begin a stream whose description is at hand as XML."""
        stream = _Stream(len(self._streams) + 1, number_format, n_channels)
        self._streams.append(stream)
        self._chunk(_STREAM_HEADER, stream.id + header.encode())
        return len(self._streams)

    def samples(self, stream: int, stamps_s: npt.ArrayLike, values: npt.NDArray[Any]) -> None:
        """Add samples (n, n_channels) with a time each."""
        one, stamps = self._streams[stream - 1], np.asarray(stamps_s, np.float64)
        if not len(stamps):
            return
        form = np.dtype([("stamped", "u1"), ("time", "<f8"), ("values", FORMATS[one.format], (one.n_channels,))])
        packed = np.empty(len(stamps), form)
        packed["stamped"], packed["time"], packed["values"] = 8, stamps, values
        self._chunk(_SAMPLES, one.id + _count(len(stamps)) + packed.tobytes())
        self._note(one, stamps)

    def texts(self, stream: int, stamps_s: Sequence[float], texts: Sequence[Sequence[str]]) -> None:
        """Add texts, one for each channel, with a time each."""
        one = self._streams[stream - 1]
        if not len(stamps_s):
            return
        parts = [one.id, _count(len(stamps_s))]
        for stamp_s, row in zip(stamps_s, texts, strict=True):
            parts.append(struct.pack("<Bd", 8, stamp_s))
            for text in row:
                data = text.encode("utf-8", "replace")
                parts += [_count(len(data)), data]
        self._chunk(_SAMPLES, b"".join(parts))
        self._note(one, np.asarray(stamps_s, np.float64))

    def offset(self, stream: int, at_s: float, offset_s: float) -> None:
        """Note what has to be added to a stream's times to get those of this computer's clock, which shows `at_s`."""
        self._chunk(_CLOCK_OFFSET, self._streams[stream - 1].id + struct.pack("<dd", at_s, offset_s))

    def boundary(self) -> None:
        """Write a mark by which readers find their way behind damage; every ten seconds or so."""
        self._chunk(_BOUNDARY, _BOUNDARY_BYTES)

    def flush(self, *, to_disk: bool = False) -> None:
        """Hand over to the system what has been added; and have it on the disk, if asked for.

        Raises
        ------
        OSError
            If it does not fit; the file ends with the last chunk that did, and the rest waits for another try.
        """
        while self._waiting:
            self._write(self._waiting[0])
            self._waiting.popleft()
        if to_disk:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Write what each stream came to, and close. After it, nothing else may be called.

        Raises
        ------
        OSError
            If that does not fit; what did is there, and can be read without it.
        """
        if self._file.closed:
            return
        try:
            for stream in self._streams:
                self._chunk(_STREAM_FOOTER, stream.id + stream.footer())
            self.flush()
        finally:
            self._file.close()

    def _write(self, chunk: bytes) -> None:
        done = 0
        try:
            while done < len(chunk):  # a disk that fills takes a part
                done += self._file.write(chunk[done:]) or 0
        except OSError:
            self._file.truncate(self.size)
            self._file.seek(self.size)
            raise
        self.size += done

    def _chunk(self, tag: int, content: bytes) -> None:
        self._waiting.append(_count(len(content) + 2) + struct.pack("<H", tag) + content)

    @staticmethod
    def _note(stream: _Stream, stamps_s: npt.NDArray[np.float64]) -> None:
        stream.first_s = float(stamps_s[0]) if stream.first_s is None else stream.first_s
        stream.last_s = float(stamps_s[-1])
        stream.count += len(stamps_s)


def _count(number: int) -> bytes:
    """A number with the count of its bytes before it."""
    if number < 1 << 8:
        return struct.pack("<BB", 1, number)
    if number < 1 << 32:
        return struct.pack("<BI", 4, number)
    return struct.pack("<BQ", 8, number)
