"""Projects of OTBioLab+.

An ``.otb+`` is a tar archive of an XML that describes the device and its adapters, and a ``.sig`` of the samples: whole
numbers, little-endian, all channels of a sample together. A step is (converter's range) / 2^bits / (adapter's gain).
"""

from __future__ import annotations

import tarfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rt_handdt.core.recording import Recording
from rt_handdt.errors import RecordingError
from rt_handdt.io.readers.base import OneFile, array_recording
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.signal_columns import Column

#: The converter's range in V: a Quattrocento's step is 0.5086 µV at a gain of 150, which is 5 V in 2^16.
_RANGE_V = {"QUATTRO": 5.0}
_OTHER_RANGE_V = 3.3
#: Adapters of something else than electrodes, by what their names hold.
NO_EMG = ("acc", "gyro", "mag", "quat", "imu", "control", "aux", "load", "force", "buffer", "ramp", "trigger")


class _Channel(NamedTuple):
    name: str
    kind: str
    gain: float


class OtbPlusReader(OneFile):
    """A project, as OTBioLab+ saves it."""

    name = "OTBioLab+"
    suffixes = (".otb+", ".otb")

    def open(self, path: Path, choice: SignalChoice) -> Recording:
        """See `Reader`."""
        try:
            with tarfile.open(path) as archive:
                return _read(path, archive, choice)
        except (tarfile.TarError, OSError, EOFError) as exc:
            raise RecordingError(
                f"{path}: is no project of OTBioLab+ that can be read ({exc}); save it again."
            ) from None


def _read(path: Path, archive: tarfile.TarFile, choice: SignalChoice) -> Recording:
    members = {Path(one.name).name: one for one in archive.getmembers() if one.isfile()}
    signals = sorted(name for name in members if name.casefold().endswith(".sig"))
    if not signals:
        raise RecordingError(f"{path}: holds no .sig with samples; it holds {', '.join(sorted(members)) or 'nothing'}.")
    notes = [f"The first of {len(signals)} signals is read: {signals[0]}."] if len(signals) > 1 else []
    described = f"{signals[0][:-4]}.xml"
    if described not in members:
        raise RecordingError(f"{path}: lacks {described}, which describes its samples; save it again.")
    file, signal = archive.extractfile(members[described]), archive.extractfile(members[signals[0]])
    assert file is not None
    assert signal is not None
    try:
        device = ElementTree.fromstring(file.read())
        fs_hz, bits = float(device.attrib["SampleFrequency"]), int(device.attrib["ad_bits"])
        count = int(device.attrib["DeviceTotalChannels"])
        channels = _channels(device, count)
    except (ElementTree.ParseError, KeyError, ValueError) as exc:
        raise RecordingError(f"{path}: {described} does not describe a device ({exc!r}); save it again.") from None
    name = device.attrib.get("Name", "")
    range_v = next((volts for word, volts in _RANGE_V.items() if name.upper().startswith(word)), _OTHER_RANGE_V)
    width = 2 if bits <= 16 else 3 if bits == 24 else 4
    samples, cut = codes(signal.read(), width, count)
    if cut:
        notes.append(f"The file ends in the middle of a sample; {cut} bytes were left out.")
    if not len(samples):
        raise RecordingError(f"{path}: holds no whole sample.")
    gains = np.asarray([one.gain for one in channels])
    millivolts = samples * (1e3 * range_v / 2.0**bits / gains)
    notes.append(f"A step of {name or 'the device'} is taken for {range_v:g} V / 2^{bits} / gain.")
    columns = [Column(one.name, "mV", one.kind) for one in channels]
    return array_recording(path, millivolts, columns, fs_hz, choice, notes=notes)


def _channels(device: ElementTree.Element, count: int) -> list[_Channel]:
    found = [_Channel(f"channel {number + 1}", "MISC", 1.0) for number in range(count)]
    for adapter in device.iter("Adapter"):
        kind = adapter.attrib.get("ID", "")
        gain = float(adapter.attrib.get("Gain", "1")) or 1.0
        first = int(adapter.attrib.get("ChannelStartIndex", "0"))
        for channel in adapter.iter("Channel"):
            said = channel.attrib
            number = first + int(said.get("Index", "0"))
            words = " ".join(filter(None, (kind, said.get("ID", ""), said.get("Description", ""))))
            other = any(word in words.casefold() for word in NO_EMG)
            parts = (said.get("Muscle", ""), said.get("Prefix", "") or said.get("ID", ""), str(number + 1))
            if 0 <= number < count:
                found[number] = _Channel(" ".join(filter(None, parts)), "MISC" if other else "EMG", gain)
    return found


def codes(data: bytes, width: int, count: int) -> tuple[npt.NDArray[np.float64], int]:
    """Samples (n, count) of whole numbers of `width` bytes, little-endian, and how many bytes were over."""
    whole = len(data) // (width * count) * width * count
    raw = np.frombuffer(data[:whole], np.uint8).reshape(-1, count, width)
    if width == 3:  # the sign fills the fourth byte
        wide = np.zeros((*raw.shape[:2], 4), np.uint8)
        wide[..., 1:] = raw
        return (wide.view("<i4")[..., 0] >> 8).astype(np.float64), len(data) - whole
    return np.ascontiguousarray(raw).view(f"<i{width}")[..., 0].astype(np.float64), len(data) - whole
