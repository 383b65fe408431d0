"""The sound part of an XDF file: damage is stepped over, and odd numbers in its headers are written plainly.

An XDF file is ``XDF:`` followed by chunks, each of (length, tag, content), see `rt_handdt.io.xdf_writer`. Readers trust
each length; one false byte costs them everything up to the next boundary chunk, or the file. Here a chunk counts only
if its content is what its tag and stream promise, and after a false one the next sound one is searched byte by byte.
"""

from __future__ import annotations

import contextlib
import re
import struct
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from rt_handdt.io.description import shown
from rt_handdt.io.plain_number import plain_number

MAGIC = b"XDF:"
_FILE_HEADER, _STREAM_HEADER, _SAMPLES, _CLOCK_OFFSET, _BOUNDARY, _STREAM_FOOTER = range(1, 7)
_BOUNDARY_MARK = bytes.fromhex("43A546DCCBF5410FB30ED5467383CBE4")
_LENGTHS = {1: "<B", 4: "<I", 8: "<Q"}
#: Bytes of a number in each format.
_SIZES = {"int8": 1, "int16": 2, "int32": 4, "int64": 8, "float32": 4, "double64": 8}
_TEXT = "string"
#: What may be the beginning of a chunk: a length and a known tag.
_START = re.compile(rb"(?=(?:\x01.|\x04.{4}|\x08.{8})[\x01-\x06]\x00)", re.DOTALL)
#: Signs that XML must not hold; some programs write them into names.
_ILLEGAL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class Damage(NamedTuple):
    """A stretch of a file that cannot be read: its first byte, its length, and the samples of each stream before it."""

    first: int
    length: int
    counts: dict[int, int]


@dataclass
class SoundChunks:
    """What is left of a file.

    Attributes
    ----------
    content
        The file anew, of sound chunks alone.
    changed
        Whether that is another content than before.
    damage
        Each stretch that was left out.
    cut_short
        Whether the last of these reaches the file's end.
    homeless
        Chunks of streams that have no header.
    unknown
        Streams that were left out as nobody knows how their numbers are written; what is wrong with each, in words.
    rates
        What the headers say of the rates, as it is written there, by the stream's number.
    misfits
        Numbers of the streams of whose samples some are not written as the header says.
    counts
        Samples of each stream, by its number in the file.
    """

    content: bytes = b""
    changed: bool = False
    damage: list[Damage] = field(default_factory=list)
    cut_short: bool = False
    homeless: int = 0
    unknown: list[str] = field(default_factory=list)
    rates: dict[int, str] = field(default_factory=dict)
    misfits: set[int] = field(default_factory=set)
    counts: dict[int, int] = field(default_factory=dict)


class _Chunk(NamedTuple):
    tag: int
    stream: int
    body: int
    end: int


class _Form(NamedTuple):
    """How the samples of a stream are written; `size` in bytes of one sample, 0 for text, −1 if unknown."""

    channels: int
    size: int


class _Damaged(ValueError):
    """A chunk is not what it should be."""


def sound_chunks(content: bytes) -> SoundChunks:
    """Find what can be read of a file.

    Parameters
    ----------
    content
        All of it, beginning with ``XDF:``.
    """
    reader = _Reader(content)
    reader.read()
    return reader.found


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._forms: dict[int, _Form] = {}
        self.found = SoundChunks()

    def read(self) -> None:
        content, found = self._content, self.found
        parts: list[bytes | memoryview] = [MAGIC]
        view = memoryview(content)
        at = len(MAGIC)
        while at < len(content):
            try:
                chunk = self._chunk(at)
                if not self._begins(chunk.end) and self._next_sound(at + 1) < chunk.end:
                    raise _Damaged  # bytes are missing in it, and it ends in the next one
                parts.append(self._taken(chunk, view[at : chunk.end]))
                at = chunk.end
            except _Damaged:
                self._note_misfit(at)
                after = self._next_sound(at + 1)
                found.damage.append(Damage(at, after - at, dict(found.counts)))
                at = after
        found.cut_short = bool(found.damage) and sum(found.damage[-1][:2]) == len(content)
        found.changed = found.changed or bool(found.damage or found.homeless or found.unknown)
        found.content = b"".join(parts) if found.changed else content

    def _note_misfit(self, at: int) -> None:
        """Whether it is a whole chunk of samples, of which the header tells otherwise."""
        with contextlib.suppress(_Damaged):
            chunk = self._chunk(at)
            if chunk.tag == _SAMPLES and chunk.stream in self._forms and self._begins(chunk.end):
                self.found.misfits.add(chunk.stream)

    def _chunk(self, at: int) -> _Chunk:
        """The frame of the chunk at a place, of which nothing is checked but that it lies in the file."""
        length, start = self._number(at)
        end = start + length
        if length < 2 or end > len(self._content):
            raise _Damaged
        (tag,) = struct.unpack_from("<H", self._content, start)
        if tag not in (_STREAM_HEADER, _SAMPLES, _CLOCK_OFFSET, _STREAM_FOOTER):
            return _Chunk(tag, -1, start + 2, end)
        if length < 6:
            raise _Damaged
        (stream,) = struct.unpack_from("<I", self._content, start + 2)
        return _Chunk(tag, stream, start + 6, end)

    def _number(self, at: int) -> tuple[int, int]:
        """A number with the count of its bytes before it; and where it ends."""
        size = self._content[at] if at < len(self._content) else 0
        if size not in _LENGTHS or at + 1 + size > len(self._content):
            raise _Damaged
        return int(struct.unpack_from(_LENGTHS[size], self._content, at + 1)[0]), at + 1 + size

    def _taken(self, chunk: _Chunk, whole: memoryview) -> bytes | memoryview:
        """The chunk as it goes into the new content, empty where it does not."""
        if chunk.tag == _STREAM_HEADER:
            return self._header(chunk, whole)
        form = self._forms.get(chunk.stream)
        if chunk.tag in (_SAMPLES, _CLOCK_OFFSET, _STREAM_FOOTER) and form is None:
            if not self._begins(chunk.end):
                raise _Damaged
            self.found.homeless += 1
            return b""
        count = self._check(chunk)
        if form is not None and form.size < 0:
            return b""
        if chunk.tag == _SAMPLES:
            self.found.counts[chunk.stream] += count
        elif chunk.tag == _STREAM_FOOTER:
            return self._footer(chunk, whole)
        return whole

    def _begins(self, at: int) -> bool:
        """Whether a chunk of a known tag begins at a place, or the file ends there."""
        return at == len(self._content) or _START.match(self._content, at) is not None

    def _next_sound(self, at: int) -> int:
        """Where the next chunk lies that is certainly one."""
        for candidate in _START.finditer(self._content, at):
            try:
                chunk = self._chunk(candidate.start())
                if chunk.tag == _STREAM_HEADER:
                    self._parse(chunk)
                else:
                    self._check(chunk)
            except _Damaged:
                continue
            return candidate.start()
        return len(self._content)

    def _check(self, chunk: _Chunk) -> int:
        """Compare a chunk with what its tag and stream promise; the number of its samples."""
        if chunk.tag == _FILE_HEADER:
            sound = self._content[chunk.body : chunk.end].lstrip()[:1] == b"<"
        elif chunk.tag == _BOUNDARY:
            sound = self._content[chunk.body : chunk.end] == _BOUNDARY_MARK
        elif chunk.tag == _CLOCK_OFFSET:
            sound = chunk.end - chunk.body == 16 and chunk.stream in self._forms
        elif chunk.tag == _STREAM_FOOTER:
            sound = self._content[chunk.body : chunk.end].lstrip()[:1] == b"<" and chunk.stream in self._forms
        elif chunk.tag == _SAMPLES:
            form = self._forms.get(chunk.stream)
            if form is None:
                raise _Damaged
            return self._count(chunk, form) if form.size >= 0 else 0
        else:  # a tag of a later version
            sound = self._begins(chunk.end)
        if not sound:
            raise _Damaged
        return 0

    def _count(self, chunk: _Chunk, form: _Form) -> int:
        """How many samples a chunk of samples holds, each of which lies where it should."""
        count, at = self._number(chunk.body)
        stride = 9 + form.size
        if form.size and chunk.end - at == count * stride:
            stamped = np.frombuffer(self._content, "u1", count * stride, at)[::stride]
            if (stamped == 8).all():
                return count
        for _ in range(count):
            if at >= chunk.end or self._content[at] not in (0, 8):
                raise _Damaged
            at += 1 + self._content[at]
            if form.size:
                at += form.size
                continue
            for _ in range(form.channels):
                length, at = self._number(at)
                at += length
        if at != chunk.end:
            raise _Damaged
        return count

    def _parse(self, chunk: _Chunk) -> tuple[ElementTree.Element, bool]:
        """The XML of a header or footer, and whether signs had to go for it to be XML."""
        written = self._content[chunk.body : chunk.end]
        # Programs on Windows write names in the system's own code, whatever they declare.
        legal = _ILLEGAL.sub(b"", written).decode("utf-8", "replace")
        try:
            return ElementTree.fromstring(legal), legal.encode() != written
        except ElementTree.ParseError as error:
            raise _Damaged from error

    def _header(self, chunk: _Chunk, whole: memoryview) -> bytes | memoryview:
        info, changed = self._parse(chunk)
        said = info.findtext("channel_format") or ""
        form = said.strip().lower()
        channels = plain_number(info.findtext("channel_count"))
        if chunk.stream in self._forms:  # said before; a second header would empty the stream
            self.found.changed = True
            return b""
        self.found.counts[chunk.stream] = 0
        countable = channels is not None and 1 <= channels < 1 << 20 and channels == int(channels)
        if channels is None or not countable or form not in (*_SIZES, _TEXT):
            count = info.findtext("channel_count") or ""
            wrong = f"number format '{shown(said)}'" if countable else f"channel count '{shown(count)}'"
            self.found.unknown.append(f"'{shown(info.findtext('name') or str(chunk.stream))}' ({wrong})")
            self._forms[chunk.stream] = _Form(0, -1)
            return b""
        self._forms[chunk.stream] = _Form(int(channels), _SIZES.get(form, 0) * int(channels))
        mended = {} if form == said else {"channel_format": form}
        if info.findtext("channel_count") != str(int(channels)):
            mended["channel_count"] = str(int(channels))
        rate = plain_number(info.findtext("nominal_srate"))
        self.found.rates[chunk.stream] = (info.findtext("nominal_srate") or "").strip()
        if rate is None or "," in info.findtext("nominal_srate", ""):
            mended["nominal_srate"] = repr(rate or 0.0)
        if not info.findtext("name"):
            mended["name"] = " "  # pyxdf cannot read a stream without
        return self._rewritten(chunk, whole, info, mended, changed)

    def _footer(self, chunk: _Chunk, whole: memoryview) -> bytes | memoryview:
        try:
            info, changed = self._parse(chunk)
        except _Damaged:
            self.found.changed = True
            return b""
        stated = info.findtext("sample_count")
        counted = plain_number(stated)
        mended: dict[str, str | None] = {}
        if stated is not None and (counted is None or stated != str(int(counted))):
            mended["sample_count"] = None if counted is None else str(int(counted))
        return self._rewritten(chunk, whole, info, mended, changed)

    def _rewritten(
        self,
        chunk: _Chunk,
        whole: memoryview,
        info: ElementTree.Element,
        mended: Mapping[str, str | None],
        changed: bool,
    ) -> bytes | memoryview:
        """A header or footer with other texts in some of its elements (None: without that element)."""
        if not (mended or changed):
            return whole
        self.found.changed = True
        for key, text in mended.items():
            for element in info.findall(key):
                info.remove(element)
            if text is not None:
                ElementTree.SubElement(info, key).text = text
        body = struct.pack("<HI", chunk.tag, chunk.stream) + ElementTree.tostring(info, encoding="unicode").encode()
        return struct.pack("<BI", 4, len(body)) + body
