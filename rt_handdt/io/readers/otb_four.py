"""Projects of OT BioLab 4.

An ``.otb4`` is a tar archive of ``Tracks_000.xml`` and of files of samples. Each ``TrackInfo`` is an adapter: which
file its channels are in (``SignalStreamPath``), where among that file's channels (``AcquisitionChannel``, or
``ChannelOffsetInSubPacket`` where that counts through several files), and how a number becomes a value:
``ADC_Range`` / 2^``ADC_Nbits`` / ``Gain`` · ``UnitOfMeasurementFactor``, in ``UnitOfMeasurement``. Numbers are
little-endian, of ``SampleSize`` bytes, all channels of a sample together; of eight bytes they are values already.

The container is known from public readers; no file of a real device has been tried.
"""

from __future__ import annotations

import tarfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rt_handdt.core.recording import Recording
from rt_handdt.core.units import microvolts_per
from rt_handdt.errors import RecordingError
from rt_handdt.io.readers.base import OneFile, array_recording
from rt_handdt.io.readers.otb_plus import NO_EMG, codes
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.signal_columns import Column

TRACKS = "Tracks_000.xml"


@dataclass(frozen=True)
class _Track:
    """One adapter, as the XML has it; `step` is what one count is, in `unit`."""

    name: str
    emg: bool
    file: str
    n: int
    first: int
    offset: int
    total: int
    width: int
    fs_hz: float
    step: float
    unit: str


class OtbFourReader(OneFile):
    """A project, as OT BioLab 4 saves it."""

    name = "OT BioLab 4"
    suffixes = (".otb4",)

    def open(self, path: Path, choice: SignalChoice) -> Recording:
        """See `Reader`."""
        try:
            with tarfile.open(path) as archive:
                return _read(path, archive, choice)
        except (tarfile.TarError, OSError, EOFError) as exc:
            raise RecordingError(
                f"{path}: is no project of OT BioLab 4 that can be read ({exc}); save it again."
            ) from None


def _read(path: Path, archive: tarfile.TarFile, choice: SignalChoice) -> Recording:
    members = {Path(one.name).name: one for one in archive.getmembers() if one.isfile()}
    if TRACKS not in members:
        there = ", ".join(sorted(members)[:6]) or "nothing"
        raise RecordingError(f"{path}: lacks {TRACKS}, which describes its samples; it holds {there}.")
    try:
        tracks = _tracks(ElementTree.fromstring(_content(archive, members[TRACKS])))
    except (ElementTree.ParseError, ValueError, OverflowError) as exc:
        raise RecordingError(f"{path}: {TRACKS} does not describe what was recorded ({exc}); save it again.") from None
    main = next((one for one in tracks if one.emg), None)
    if main is None:
        raise RecordingError(f"{path}: none of its {len(tracks)} tracks is of electrodes and in volts.")
    notes, taken = [], [one for one in tracks if one.fs_hz == main.fs_hz]
    if len(taken) < len(tracks):
        slower = ", ".join(sorted({f"'{one.name}'" for one in tracks if one not in taken}))
        notes.append(f"Tracks of another rate than {main.fs_hz:g} Hz were left out: {slower}.")
    parts: list[npt.NDArray[np.floating]] = []
    columns: list[Column] = []
    for file in dict.fromkeys(one.file for one in taken):
        ours = [one for one in taken if one.file == file]
        if file not in members:
            raise RecordingError(f"{path}: lacks {file}, which holds samples; save it again.")
        every = [one for one in tracks if one.file == file]
        places = _places(path, every)
        samples, cut = _samples(path, ours[0], _total(every), _content(archive, members[file]))
        if cut:
            notes.append(f"{file} ends in the middle of a sample; {cut} bytes were left out.")
        for one, first in zip(every, places, strict=True):
            if one in ours:
                parts.append(samples[:, first : first + one.n] * one.step)
                kind = "EMG" if one.emg else "MISC"
                columns += [Column(f"{one.name} {k + 1}", one.unit, kind) for k in range(one.n)]
    lengths = {len(one) for one in parts}
    if len(lengths) > 1:
        notes.append(f"Its files differ in length; {max(lengths) - min(lengths)} samples at the end were left out.")
    if not min(lengths):
        raise RecordingError(f"{path}: holds no whole sample.")
    values = np.concatenate([one[: min(lengths)] for one in parts], axis=1)
    return array_recording(path, values, columns, main.fs_hz, choice, notes=notes)


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None  # it is a file
    return file.read()


def _tracks(root: ElementTree.Element) -> list[_Track]:
    found: list[_Track] = []
    for track in root.findall(".//{*}TrackInfo"):

        def said(name: str, otherwise: str | None = None, track: ElementTree.Element = track) -> str:
            text = track.findtext(f"{{*}}{name}", otherwise)
            if text is None:
                raise ValueError(f"a track lacks {name}")
            return text.strip()

        bits, gain = int(said("ADC_Nbits", "0")), float(said("Gain", "1"))
        width, factor = int(said("SampleSize")), float(said("UnitOfMeasurementFactor", "1"))
        step = 1.0
        if width != 8:
            step = factor if bits <= 0 or not gain else float(said("ADC_Range")) / 2.0**bits / gain * factor
        name = " ".join(filter(None, (said("Title", ""), said("SubTitle", "")))) or f"track {len(found) + 1}"
        unit = said("UnitOfMeasurement", "")
        other = said("IsControl", "false").casefold() == "true" or any(word in name.casefold() for word in NO_EMG)
        place = said("AcquisitionChannel", "0")
        one = _Track(
            name=name,
            emg=not other and microvolts_per(unit) is not None,
            file=Path(said("SignalStreamPath").replace("\\", "/")).name,
            n=int(said("NumberOfChannels")),
            first=int(place),
            offset=int(said("ChannelOffsetInSubPacket", place)),
            total=int(said("TotalChannelsInFile", "0")),
            width=width,
            fs_hz=float(said("SamplingFrequency")),
            step=step,
            unit=unit,
        )
        if not (one.n > 0 and one.fs_hz > 0 and np.isfinite([one.step, one.fs_hz]).all()):
            raise ValueError(f"'{name}' has {one.n} channels at {one.fs_hz:g} Hz, a step of {one.step:g} {unit}")
        found.append(one)
    if not found:
        raise ValueError("it has no TrackInfo")
    return found


def _total(tracks: Sequence[_Track]) -> int:
    return max(tracks[0].total, 0) or sum(one.n for one in tracks)


def _places(path: Path, tracks: Sequence[_Track]) -> list[int]:
    """The first channel of each track of one file, in that file."""
    total, n = _total(tracks), [one.n for one in tracks]
    in_order = [sum(n[:k]) for k in range(len(n))]
    for places in ([one.first for one in tracks], [one.offset for one in tracks], in_order):
        taken = [channel for first, count in zip(places, n, strict=True) for channel in range(first, first + count)]
        if len(set(taken)) == len(taken) and min(taken) >= 0 and max(taken) < total:
            return places
    raise RecordingError(f"{path}: {tracks[0].file} has {total} channels, but its tracks {sum(n)}; save it again.")


def _samples(path: Path, track: _Track, total: int, data: bytes) -> tuple[npt.NDArray[np.floating], int]:
    """All channels of a file, and how many bytes were over."""
    if track.width == 8:
        whole = len(data) // (8 * total) * 8 * total
        return np.frombuffer(data[:whole], "<f8").reshape(-1, total), len(data) - whole
    if track.width not in (2, 3, 4):
        raise RecordingError(f"{path}: a number of {track.file} has {track.width} bytes; 2, 3, 4 and 8 can be read.")
    return codes(data, track.width, total)
