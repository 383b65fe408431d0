"""The streams of an XDF file, their clocks synchronised; and what was wrong with the file."""

from __future__ import annotations

import io
import logging
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyxdf

from rt_handdt.core.types import Float64
from rt_handdt.core.units import microvolts_per
from rt_handdt.errors import RecordingError
from rt_handdt.io.description import TEXT, StreamDescription, said_speed, shown
from rt_handdt.io.plain_number import plain_number
from rt_handdt.io.signal_columns import Column
from rt_handdt.io.xdf_chunks import MAGIC, SoundChunks, sound_chunks

_GZIPPED = (".xdfz", ".xdf.gz")
#: zlib's word for the format of gzip.
_GZIP = 31
_BLOCK = 1 << 16


@dataclass(frozen=True, eq=False)
class XdfStream:
    """One stream of a file.

    Attributes
    ----------
    number
        Its number in the file.
    described
        What its header says.
    columns
        What the header says of each column; all empty where it describes more columns than there are, or fewer.
    times
        Shape (n_samples,), seconds, as recorded.
    values
        Shape (n_samples, n_channels); of text a list of lists.
    stated
        How many samples its footer counts; None without a footer.
    breaks
        Numbers of samples right before which others may be lost, as the file is damaged there; empty where its end
        proves that none are.
    subject
        Whom the header names as recorded; "" if nobody.
    notes
        What is wrong with it, one sentence each.
    states
        Of decisions: the engine's states, by which they are numbered; empty where it names none.
    rate_said
        What its header says of its rate, as it is written there.
    misfit
        Whether some of its samples are not written as its header says.
    setup
        Of decisions: how they came about (`rt_handdt.core.run_setup.RunSetup`, as JSON); empty where it does not say.
    """

    number: int
    described: StreamDescription
    columns: tuple[Column, ...]
    times: Float64
    values: Any
    stated: int | None
    breaks: tuple[int, ...]
    subject: str
    notes: tuple[str, ...]
    states: tuple[str, ...] = ()
    rate_said: str = ""
    misfit: bool = False
    setup: str = ""

    @property
    def name(self) -> str:
        """The stream's name."""
        return self.described.name

    @property
    def is_text(self) -> bool:
        """Whether it carries text."""
        return self.described.number_format == TEXT

    def __len__(self) -> int:
        return len(self.times)


def load_streams(path: Path) -> tuple[list[XdfStream], tuple[str, ...]]:
    """Read a file, as much of it as is sound.

    Returns
    -------
    streams, notes
        All of them, also those without a sample; and what is wrong with the file as a whole.

    Raises
    ------
    RecordingError
        If there is no such file, or it is no XDF.
    """
    sound = sound_chunks(_content(path))
    source = io.BytesIO(sound.content) if sound.changed or path.name.endswith(_GZIPPED) else path
    sound.content = b""
    logger = logging.getLogger("pyxdf")
    level = logger.level
    # What it would log becomes a note below.
    logger.setLevel(logging.CRITICAL)
    try:
        # Its own jitter removal smooths over gaps of up to a second without a word; see `xdf_time.make_even`.
        # It divides by the duration, which may be 0; `make_even` says so better than a warning.
        with np.errstate(divide="ignore", invalid="ignore"):
            streams, _ = pyxdf.load_xdf(source, dejitter_timestamps=False)
    except Exception as error:
        # pyxdf has no error type of its own: a damaged file surfaces as struct, XML, key or value errors alike.
        raise RecordingError(f"{path}: is damaged and cannot be read as XDF ({error!r}); record it again.") from error
    finally:
        logger.setLevel(level)
    found = [_stream(one, sound) for one in streams]
    return found, tuple(_file_notes(found, sound))


def _content(path: Path) -> bytes:
    """All bytes of a file, unpacked; of an archive cut short, those before the cut."""
    if not path.is_file():
        raise RecordingError(f"{path}: there is no such file; give the path of an XDF recording.")
    try:
        content = path.read_bytes()
        content = _unpacked(content) if path.name.endswith(_GZIPPED) else content
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read ({error}).") from error
    if content[:4] != MAGIC:
        raise RecordingError(
            f"{path}: is not an XDF file (it must begin with 'XDF:', but begins with {content[:4]!r})."
        )
    return content


def _unpacked(packed: bytes) -> bytes:
    """What an archive holds, as far as it is whole."""
    parts: list[bytes] = []
    unpacker = zlib.decompressobj(_GZIP)
    for first in range(0, len(packed), _BLOCK):
        block = packed[first : first + _BLOCK]
        try:
            while block:
                parts.append(unpacker.decompress(block))
                block = unpacker.unused_data
                if unpacker.eof:  # archives may follow one another
                    unpacker = zlib.decompressobj(_GZIP)
        except zlib.error as error:
            if not any(parts):
                raise OSError(f"it is no gzip archive: {error}") from error
            break
    return b"".join(parts)


# -- one stream ----------------------------------------------------------------------------------------------------


def _stream(read: dict[str, Any], sound: SoundChunks) -> XdfStream:
    said = {key: _text(read["info"], key) for key in ("name", "type", "hostname", "source_id", "uid")}
    count = int(_text(read["info"], "channel_count"))
    columns, remark = _columns(read, count)
    number = int(read["info"]["stream_id"])
    text = _text(read["info"], "channel_format")
    described = StreamDescription(
        name=said["name"],
        kind=said["type"],
        host=said["hostname"],
        source_id=said["source_id"],
        uid=said["uid"],
        fs_hz=max(plain_number(_text(read["info"], "nominal_srate")) or 0.0, 0.0),
        n_channels=count,
        number_format=TEXT if text == "string" else text,
        channels=tuple(column.name for column in columns) if any(column.name for column in columns) else (),
        units=tuple(column.unit for column in columns),
        kinds=tuple(column.kind for column in columns),
        speed=said_speed(_text(_first(_first(read["info"], "desc"), "replay"), "speed")),
    )
    stated = plain_number(_text((read.get("footer") or {}).get("info") or {}, "sample_count"))
    times = np.asarray(read["time_stamps"], dtype=np.float64)
    there = sound.counts.get(number, len(times))
    notes = list(remark)
    if stated is not None and there < stated:
        notes.append(
            f"Of the {stated:.0f} samples that the file's own end counts for '{shown(said['name'])}', {there} can be "
            f"read; {stated - there:.0f} are lost."
        )
    if len(times) < there:
        notes.append(
            f"The last {there - len(times)} samples of '{shown(said['name'])}' came when its source had gone; they "
            "were left out."
        )
    resets = len(read["info"].get("clock_segments") or ()) - 1
    if resets > 0:
        notes.append(f"The clock of '{shown(said['name'])}' was set anew {resets} times in the recording.")
    decisions = _first(_first(read["info"], "desc"), "decisions")
    return XdfStream(
        number,
        described,
        columns,
        times,
        read["time_series"],
        None if stated is None else int(stated),
        _breaks(number, sound) if stated is None or there < stated else (),
        _text(_first(_first(read["info"], "desc"), "subject"), "id"),
        tuple(notes),
        tuple(filter(None, _text(decisions, "states").split(","))),
        sound.rates.get(number, ""),
        number in sound.misfits,
        _text(decisions, "setup"),
    )


def _breaks(number: int, sound: SoundChunks) -> tuple[int, ...]:
    """Where samples may be lost; what follows a cut is gone with all the rest."""
    damage = sound.damage[:-1] if sound.cut_short else sound.damage
    return tuple(dict.fromkeys(one.counts.get(number, 0) for one in damage))


def _first(parent: Any, key: str) -> Any:
    values = parent.get(key) if isinstance(parent, dict) else None
    return values[0] if values else None


def _text(parent: Any, key: str) -> str:
    value = _first(parent, key)
    return value.strip() if isinstance(value, str) else ""


def _columns(read: dict[str, Any], count: int) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Name, unit and type of each column, as the header describes them; and what is wrong with that."""
    channels = _first(_first(read["info"], "desc"), "channels")
    listed = channels.get("channel") if isinstance(channels, dict) else None
    described = [
        Column(_text(one, "label") or _text(one, "name"), _text(one, "unit"), _text(one, "type"))
        for one in listed or ()
        if one
    ]
    if not described:
        return (Column(),) * count, ()
    if len(described) == count:
        return tuple(described), ()
    # Nobody knows which description is whose; a voltage that all share is the unit of each all the same.
    units = {column.unit for column in described if microvolts_per(column.unit) is not None}
    shared = units.pop() if len({microvolts_per(unit) for unit in units}) == 1 else ""
    stated = shared or " or ".join(sorted({column.unit for column in described if column.unit}))
    said = f"their unit ('{shown(stated)}') is taken" if shared else "they were ignored"
    return (Column(unit=stated),) * count, (f"{len(described)} channels are described but {count} recorded; {said}.",)


# -- the file ------------------------------------------------------------------------------------------------------


def quoted(streams: Sequence[XdfStream]) -> str:
    """Their names, for a message."""
    return ", ".join(f"'{shown(one.name)}'" for one in streams)


def _file_notes(streams: Sequence[XdfStream], sound: SoundChunks) -> list[str]:
    notes = []
    if sound.damage:
        size = sum(one.length for one in sound.damage)
        places = ", ".join(str(one.first) for one in sound.damage[:3]) + (", …" if len(sound.damage) > 3 else "")
        state = "cut short" if sound.cut_short and len(sound.damage) == 1 else "damaged"
        notes.append(f"The file is {state}: {size} bytes (at byte {places}) cannot be read and were left out.")
    if sound.homeless:
        notes.append(f"{sound.homeless} blocks of the file belong to streams that it does not describe; left out.")
    if sound.unknown:
        names = ", ".join(sound.unknown)
        notes.append(f"Streams whose headers tell no way to read them were left out: {names}.")
    open_ended = [stream for stream in streams if stream.stated is None]
    if open_ended:
        notes.append(
            f"The recording was not closed properly (no footer for {quoted(open_ended)}): its end may be missing."
        )
    return notes
