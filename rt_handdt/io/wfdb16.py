"""WFDB records in format 16 (PhysioNet): a text header, and int16 codes interleaved sample by sample.

A header reads, for a record of two channels at 2048 Hz::

    walk 2 2048 10240
    walk.dat 16 30262.97(3539)/mV 16 0 6600 21632 0 ED-8-8
    walk.dat 16 33173.79(2127)/mV 16 0 6415 48932 0 ED-8-7

Each signal line holds: file, format, gain(baseline)/unit, resolution in bits, ADC zero, first code, checksum, block
size, description. A value is (code − baseline) / gain in that unit; the code −32768 says "missing". Definitions:
https://physionet.org/physiotools/wag/header-5.htm (the defaults below are those given there).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rt_handdt.core.types import Float32, Float64
from rt_handdt.core.units import microvolts_per
from rt_handdt.errors import RecordingError
from rt_handdt.io.plain_number import plain_number
from rt_handdt.io.whole import whole

MISSING = -32768
_DEFAULT_FS_HZ = 250.0
_DEFAULT_GAIN = 200.0
#: Codes that the writer uses: one short of int16 on each side, so that rounding cannot reach `MISSING`.
_LARGEST_CODE = 32766
#: `baseline` is an int32 in every reader; half of it is never a limit in practice.
_LARGEST_BASELINE = 2**30

_GAIN = re.compile(r"(?P<gain>[^(/]+)(?:\((?P<baseline>[^)]*)\))?(?:/(?P<unit>\S+))?")
_FORMAT = re.compile(r"(?P<format>\d+)(?:x(?P<per_frame>\d+))?(?::(?P<skew>\d+))?(?:\+(?P<offset>\d+))?")


@dataclass(frozen=True, slots=True, eq=False)
class WfdbRecord:
    """One record on disk: what its header says.

    Attributes
    ----------
    path
        The header file.
    data_path
        The file of codes.
    fs_hz, n_samples
        Rate and length.
    names
        Description of each signal ("" where there is none).
    gain, baseline
        Shape (n_channels,): codes per `unit`, and the code of 0.
    to_uv
        Shape (n_channels,): µV per unit.
    offset_bytes
        Where the codes begin in the file.
    units
        Of each signal, as the header spells it.
    uncalibrated
        Signals that have no gain of their own, so that the format's default stands for it.
    """

    path: Path
    data_path: Path
    fs_hz: float
    n_samples: int
    names: tuple[str, ...]
    gain: Float64
    baseline: Float64
    to_uv: Float64
    offset_bytes: int = 0
    units: tuple[str, ...] = ()
    uncalibrated: int = 0

    @property
    def n_channels(self) -> int:
        """Number of signals."""
        return len(self.names)

    def check_data(self) -> None:
        """Compare the size of the data file with the header.

        Raises
        ------
        RecordingError
            If the file is missing, cut short or too long.
        """
        if not self.data_path.is_file():
            raise RecordingError(f"{self.path}: its data file {self.data_path.name} is missing; copy it beside it.")
        expected = self.offset_bytes + self.n_samples * self.n_channels * 2
        actual = self.data_path.stat().st_size
        if actual != expected:
            state = "cut short" if actual < expected else "too long"
            raise RecordingError(
                f"{self.data_path}: is {state}: {actual} bytes where the header promises {expected} "
                f"({self.n_samples} samples of {self.n_channels} channels); copy or download the record again."
            )

    def read(self, start: int = 0, stop: int | None = None) -> Float32:
        """Samples start..stop−1 in µV, shape (n, n_channels), float32, NaN = missing."""
        stop = self.n_samples if stop is None else min(stop, self.n_samples)
        count = max(stop - start, 0)
        codes = np.fromfile(
            self.data_path,
            dtype="<i2",
            count=count * self.n_channels,
            offset=self.offset_bytes + start * self.n_channels * 2,
        ).reshape(count, self.n_channels)
        # float64 until the last step: with a large baseline, float32 would lose the signal in the subtraction.
        samples = ((codes - self.baseline) * (self.to_uv / self.gain)).astype(np.float32)
        samples[codes == MISSING] = np.nan
        return samples


def read_header(path: str | Path, *, others: bool = False) -> WfdbRecord:
    """Read a ``.hea`` file (the ``.dat`` file beside it may be given too).

    Parameters
    ----------
    path
        The header.
    others
        Let signals pass that are no voltage; their `WfdbRecord.to_uv` is 1.

    Raises
    ------
    RecordingError
        If there is none, or it is no single-file header in format 16 with a voltage on each channel.
    """
    path = Path(path).with_suffix(".hea")
    try:
        text = _decoded(path.read_bytes())
    except OSError as error:
        raise RecordingError(
            f"{path}: the header cannot be read ({error.strerror}); copy it beside its .dat."
        ) from error
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise RecordingError(f"{path}: is empty; a WFDB header begins with: record, channels, rate, samples.")
    try:
        n_channels, fs_hz, n_samples = _record_line(lines[0])
        signals = [line.split(maxsplit=8) for line in lines[1 : 1 + n_channels]]
        if len(signals) != n_channels or n_channels < 1:
            raise RecordingError(
                f"{path}: announces {n_channels} channels, but describes {len(signals)}; copy it again."
            )
        gain, baseline, units, uncalibrated = _calibrations(signals)
        file_names = {fields[0] for fields in signals}
        formats = {fields[1] for fields in signals}
    except (ValueError, IndexError) as error:
        raise RecordingError(f"{path}: is not a WFDB header ({error}).") from error
    if len(file_names) != 1 or len(formats) != 1:
        raise RecordingError(f"{path}: spreads its signals over several files or formats; only one .dat is supported.")
    coded = _FORMAT.fullmatch(formats.pop())
    if coded is None or coded["format"] != "16" or (coded["per_frame"] or "1") != "1" or int(coded["skew"] or 0):
        raise RecordingError(f"{path}: is not in WFDB format 16 without skew; convert it to format 16 first.")
    known = {unit: microvolts_per(unit) for unit in set(units)}
    for number, unit in enumerate(units):
        if known[unit] is None and not others:
            raise RecordingError(
                f"{path}: channel {number + 1} has the unit '{unit}'; it must be a voltage (V, mV, uV)."
            )
    data_path = _data_path(path, file_names.pop())
    offset = int(coded["offset"] or 0)
    if n_samples is None:
        size = data_path.stat().st_size if data_path.is_file() else 0
        n_samples = max(size - offset, 0) // (2 * n_channels)
    return WfdbRecord(
        path=path,
        data_path=data_path,
        fs_hz=fs_hz,
        n_samples=n_samples,
        names=tuple(fields[8].strip() if len(fields) > 8 else "" for fields in signals),
        gain=gain,
        baseline=baseline,
        to_uv=np.array([known[unit] or 1.0 for unit in units], dtype=np.float64),
        offset_bytes=offset,
        units=tuple(units),
        uncalibrated=uncalibrated,
    )


def _decoded(content: bytes) -> str:
    """The header's text: UTF-8, UTF-16 where a byte-order mark says so, else Latin-1."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _data_path(header: Path, name: str) -> Path:
    """The file of codes that a header names: from the header's folder on, or beside it, in either case of letters."""
    named = Path(name.replace("\\", "/"))
    beside = header.with_name(named.name or name)
    for path in (header.parent / named, beside):
        # an absolute path is that of the computer it was recorded on
        if not named.is_absolute() and path.is_file():
            return path
    if not beside.is_file() and header.parent.is_dir():
        wanted = beside.name.casefold()
        return next((one for one in header.parent.iterdir() if one.name.casefold() == wanted), beside)
    return beside


def _record_line(line: str) -> tuple[int, float, int | None]:
    """Channels, rate and samples from ``name[/segments] channels [rate[/counter][(base)] [samples [time [date]]]]``."""
    fields = line.split()
    if "/" in fields[0]:
        raise ValueError("it is the header of a multi-segment record")
    rate = re.split(r"[/(]", fields[2])[0] if len(fields) > 2 else f"{_DEFAULT_FS_HZ}"
    fs_hz = plain_number(rate)
    if fs_hz is None or fs_hz <= 0:
        raise ValueError(f"its sampling rate is '{rate}'")
    n_samples = int(fields[3]) if len(fields) > 3 else 0
    if n_samples < 0:
        raise ValueError(f"its number of samples is {n_samples}")
    return int(fields[1]), fs_hz, n_samples or None


def _calibrations(signals: Sequence[Sequence[str]]) -> tuple[Float64, Float64, list[str], int]:
    """Gain, baseline and unit of each signal line, and how many lack a gain; its default is that of the format."""
    gain = np.empty(len(signals))
    baseline = np.empty(len(signals))
    units = []
    for number, fields in enumerate(signals):
        found = _GAIN.fullmatch(fields[2]) if len(fields) > 2 else None
        if len(fields) > 2 and found is None:
            raise ValueError(f"channel {number + 1} has the gain '{fields[2]}'")
        # A gain of 0 means "not calibrated", for which the format names the default too.
        gain[number] = _number(found["gain"]) if found else 0.0
        adc_zero = float(fields[4]) if len(fields) > 4 else 0.0
        baseline[number] = _number(found["baseline"]) if found and found["baseline"] else adc_zero
        units.append((found["unit"] if found else None) or "mV")
    if not (np.isfinite(gain).all() and np.isfinite(baseline).all()):
        raise ValueError("a gain or baseline is not a finite number")
    uncalibrated = gain == 0
    gain[uncalibrated] = _DEFAULT_GAIN
    return gain, baseline, units, int(uncalibrated.sum())


def _number(text: str) -> float:
    number = plain_number(text)
    return float(text) if number is None else number  # what is no number at all is told by Python's own error


# -- writing -------------------------------------------------------------------------------------------------------


def write_record(path: str | Path, samples_uv: npt.ArrayLike, names: Sequence[str], fs_hz: float) -> None:
    """Write ``path`` (a .hea) and the .dat beside it; each appears complete or not at all.

    Parameters
    ----------
    path
        The header file; its stem names the record.
    samples_uv
        Shape (n_samples, n_channels), µV, NaN = missing. Each channel is quantised to its own range in this record, so
        that an offset of tens of millivolts costs no resolution.
    names
        Description of each channel.
    fs_hz
        Sampling rate.
    """
    path = Path(path)
    samples = np.asarray(samples_uv, dtype=np.float64) / 1e3  # mV, the unit that is written
    if samples.ndim != 2 or samples.shape[1] != len(names) or len(samples) == 0:
        raise RecordingError(
            f"{path}: samples to write must have the shape (samples, {len(names)} channels); got {samples.shape}."
        )
    gain, baseline = _fit(samples)
    missing = np.isnan(samples)
    codes = np.where(missing, MISSING, np.rint(samples * gain + baseline)).astype("<i2")
    # The checksum of the format: the 16-bit sum of the codes.
    checksums = codes.sum(axis=0, dtype=np.int64).astype(np.uint16)
    data_name = path.with_suffix(".dat").name
    lines = [f"{path.stem} {len(names)} {fs_hz:g} {len(codes)}"]
    lines += [
        f"{data_name} 16 {float(gain[c])!r}({int(baseline[c])})/mV 16 0 {codes[0, c]} {checksums[c]} 0 {name}"
        for c, name in enumerate(names)
    ]
    write_atomically(path.with_suffix(".dat"), codes.tobytes())
    write_atomically(path.with_suffix(".hea"), ("\n".join(lines) + "\n").encode())


def write_atomically(path: Path, content: bytes) -> None:
    """Write beside `path`, then rename: whoever looks sees the whole file or none."""
    with whole(path) as part:
        part.write_bytes(content)


def _fit(samples: Float64) -> tuple[Float64, Float64]:
    """Gain and baseline that spread each channel's range over the codes."""
    some = ~np.isnan(samples).all(axis=0)
    if np.isinf(samples).any():
        raise RecordingError("Samples to write must be finite or NaN (missing); got infinity.")
    low, high = np.zeros(samples.shape[1]), np.zeros(samples.shape[1])
    low[some], high[some] = np.nanmin(samples[:, some], axis=0), np.nanmax(samples[:, some], axis=0)
    middle = (low + high) / 2
    # The half span decides the gain. A constant channel has none: 1 nV keeps its gain finite, and the limit on the
    # baseline lowers it where that is too fine for the offset.
    gain = _LARGEST_CODE / np.maximum((high - low) / 2, 1e-6)
    far = np.abs(middle) * gain > _LARGEST_BASELINE
    gain[far] = _LARGEST_BASELINE / np.abs(middle[far])
    return gain, np.rint(-middle * gain)
