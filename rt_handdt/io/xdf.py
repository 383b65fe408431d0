"""XDF files, as LabRecorder writes them: an EMG stream and streams of markers.

The times in an XDF jitter, and samples may be lost; `rt_handdt.io.xdf_time` makes the rate even again. The writer is
in `rt_handdt.io.xdf_writer`.
"""

from __future__ import annotations

import gzip
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyxdf

from rt_handdt.core.recording import ArrayRecording, Marker
from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import RecordingError
from rt_handdt.io.units import microvolts_per
from rt_handdt.io.xdf_time import make_even
from rt_handdt.io.xdf_writer import write_xdf

__all__ = ["named_subject", "read_xdf", "write_xdf"]


def read_xdf(path: str | Path, *, need_markers: bool = False, stream: str | None = None) -> ArrayRecording:
    """Read the EMG and the markers of an XDF file.

    Parameters
    ----------
    path
        A ``.xdf`` (or gzipped ``.xdfz``) file.
    need_markers
        Refuse a file without a single marker.
    stream
        Name of the EMG stream; only needed where the file holds more than one.

    Returns
    -------
    ArrayRecording
        Samples in µV, (n_samples, n_channels); sample indices count from the EMG stream's first sample. Markers are
        put on the nearest sample. Two equal markers in a row stay two segments.

    Raises
    ------
    RecordingError
        If the file is no XDF, holds no EMG (or several), has a rate that its times contradict, a unit that is no
        voltage, or no markers although they are needed.
    """
    path = Path(path)
    streams, notes = _load(path)
    emg = _choose_emg(path, streams, stream)
    name = _info(emg, "name") or path.stem
    what = f"{path}, stream '{name}'"

    times = np.asarray(emg["time_stamps"], dtype=np.float64)
    fs_hz = _nominal_rate(emg)
    if fs_hz <= 0:
        raise RecordingError(f"{what}: declares no sampling rate; EMG must be recorded at a fixed, declared rate.")
    if len(times) < 2:
        raise RecordingError(f"{what}: holds {len(times)} samples; record again and check that the amplifier streams.")
    keep, labels, scales = _channels(what, emg, notes)

    rows, times, lost = make_even(what, times, fs_hz)
    if len(lost):
        notes.append(f"{int(lost.sum())} samples lost in {len(lost)} gaps of the recording were filled with NaN.")
    n_samples = int(rows[-1]) + 1
    samples = np.full((n_samples, len(labels)), np.nan, dtype=np.float32)
    samples[rows] = np.asarray(emg["time_series"])[:, keep] * scales

    markers = _markers(streams, times, rows, fs_hz, notes)
    if need_markers and not markers:
        raise RecordingError(
            f"{path}: holds no markers, so nothing says which gesture is when; record with a marker stream (a string "
            "stream with one sample at each gesture's onset)."
        )
    subject, session = named_subject(path)
    return ArrayRecording(
        name=name,
        fs_hz=fs_hz,
        channels=labels,
        n_samples=n_samples,
        markers=markers,
        subject=subject,
        session=session,
        samples=samples,
        notes=tuple(notes),
    )


# -- the file ------------------------------------------------------------------------------------------------------


def _load(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """All streams of the file, clocks synchronised, times as recorded; and notes on its state."""
    if not path.is_file():
        raise RecordingError(f"{path}: there is no such file; give the path of an XDF recording.")
    opener = gzip.open if path.name.endswith((".xdfz", ".xdf.gz")) else open
    try:
        with opener(path, "rb") as file:
            magic = file.read(4)
    except (OSError, EOFError) as error:
        raise RecordingError(f"{path}: cannot be read ({error}).") from error
    if magic != b"XDF:":
        raise RecordingError(f"{path}: is not an XDF file (it must begin with 'XDF:', but begins with {magic!r}).")
    logger = logging.getLogger("pyxdf")
    level = logger.level
    # What it would log as errors (a file cut short) becomes a note below.
    logger.setLevel(logging.CRITICAL)
    try:
        # Its own jitter removal smooths over gaps of up to a second without a word; see `make_even`.
        # It divides by the duration, which may be 0; `make_even` says so better than a warning.
        with np.errstate(divide="ignore", invalid="ignore"):
            streams, _ = pyxdf.load_xdf(path, dejitter_timestamps=False)
    except Exception as error:
        # pyxdf has no error type of its own: a damaged file surfaces as struct, XML, key or value errors alike.
        raise RecordingError(f"{path}: is damaged and cannot be read as XDF ({error!r}); record it again.") from error
    finally:
        logger.setLevel(level)
    open_ended = [_info(stream, "name") for stream in streams if "footer" not in stream]
    notes = []
    if open_ended:
        notes.append(
            f"The recording was not closed properly (no footer for {_quoted(open_ended)}): its end may be missing."
        )
    return streams, notes


def _info(stream: dict[str, Any], key: str) -> str:
    values = stream["info"].get(key) or [None]
    return str(values[0]) if values[0] is not None else ""


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _nominal_rate(stream: dict[str, Any]) -> float:
    try:
        return float(_info(stream, "nominal_srate"))
    except ValueError:
        return 0.0


def _is_text(stream: dict[str, Any]) -> bool:
    return _info(stream, "channel_format") == "string"


def _choose_emg(path: Path, streams: list[dict[str, Any]], wanted: str | None) -> dict[str, Any]:
    """The stream of type EMG; where none says so, the only numeric one with several channels."""
    numeric = [stream for stream in streams if not _is_text(stream)]
    candidates = [stream for stream in numeric if _info(stream, "type").casefold() == "emg"]
    if not candidates:
        candidates = [s for s in numeric if int(_info(s, "channel_count") or 0) > 1 and _nominal_rate(s) > 0]
    if wanted is not None:
        candidates = [stream for stream in numeric if _info(stream, "name") == wanted]
    found = _quoted([_info(stream, "name") for stream in streams]) or "nothing"
    if not candidates:
        what = "no EMG stream (type 'EMG', or several numeric channels)" if wanted is None else f"no stream '{wanted}'"
        raise RecordingError(f"{path}: holds {what}; found {found}. Record the amplifier's stream too.")
    if len(candidates) > 1:
        names = _quoted([_info(stream, "name") for stream in candidates])
        raise RecordingError(
            f"{path}: several streams could be the EMG ({names}); keep one in the file, or set the type 'EMG' on that "
            "one alone."
        )
    return candidates[0]


def _channels(
    what: str, emg: dict[str, Any], notes: list[str]
) -> tuple[npt.NDArray[np.intp], tuple[str, ...], Float32]:
    """Columns to keep, their names, and the factor of each to µV."""
    count = int(_info(emg, "channel_count"))
    described = _descriptions(emg)
    if described and len(described) != count:
        notes.append(f"{len(described)} channels are described but {count} recorded; the descriptions were ignored.")
        described = []
    if not described:
        described = [{} for _ in range(count)]
    labels = [one.get("label", "") for one in described]
    if not all(labels) or len(set(labels)) != count:
        notes.append(f"The channels have no (or no distinct) names; they are called E1 to E{count}.")
        labels = [f"E{number + 1}" for number in range(count)]

    types = [one.get("type", "").casefold() for one in described]
    keep = [column for column, kind in enumerate(types) if kind == "emg"] or list(range(count))
    if len(keep) < count:
        left_out = _quoted([labels[column] for column in range(count) if column not in keep])
        notes.append(f"Channels whose type is not EMG were left out: {left_out}.")

    units = [described[column].get("unit", "") for column in keep]
    if not any(units):
        notes.append("The channels have no unit; microvolts are assumed.")
        units = ["uV"] * len(keep)
    scales = []
    for column, unit in zip(keep, units, strict=True):
        scale = microvolts_per(unit)
        if scale is None:
            raise RecordingError(
                f"{what}: channel '{labels[column]}' has the unit '{unit}'; it must be a voltage (V, mV, uV or nV)."
            )
        scales.append(scale)
    return (
        np.asarray(keep, dtype=np.intp),
        tuple(labels[column] for column in keep),
        np.asarray(scales, dtype=np.float32),
    )


def _descriptions(emg: dict[str, Any]) -> list[dict[str, str]]:
    """The channels' label, unit and type from the stream's ``desc/channels/channel``, where there."""
    try:
        channels = emg["info"]["desc"][0]["channels"][0]["channel"]
    except (KeyError, IndexError, TypeError):
        return []
    return [
        {key: str(values[0]).strip() for key, values in one.items() if values and isinstance(values[0], str)}
        for one in channels
        if one
    ]


# -- the markers --------------------------------------------------------------------------------------------------


def _markers(
    streams: list[dict[str, Any]], times: Float64, rows: npt.NDArray[np.intp], fs_hz: float, notes: list[str]
) -> tuple[Marker, ...]:
    """The labels of all string streams (those of type Markers, where some are), on the nearest samples."""
    text = [stream for stream in streams if _is_text(stream)]
    text = [stream for stream in text if _info(stream, "type").casefold() == "markers"] or text
    events = sorted(
        (
            (float(time), str(values[0]).strip())
            for stream in text
            for time, values in zip(stream["time_stamps"], stream["time_series"], strict=True)
        ),
        key=lambda event: event[0],
    )
    spoken = [(time, label) for time, label in events if label]
    half = 0.5 / fs_hz
    # The label in force when the EMG begins was given before its first sample: keep the last of those, drop the others.
    early = [event for event in spoken if event[0] < times[0] - half]
    late = [event for event in spoken if event[0] > times[-1] + half]
    kept = early[-1:] + spoken[len(early) : len(spoken) - len(late)]
    for number, why in (
        (len(events) - len(spoken), "with an empty label were dropped"),
        (max(len(early) - 1, 0), "were given long before the first sample and were dropped"),
        (len(early[-1:]), "given before the first sample was put on it"),
        (len(late), "after the last sample were dropped"),
    ):
        if number:
            notes.append(f"{number} markers {why}.")
    nearest = np.rint(np.interp([time for time, _ in kept], times, rows)).astype(np.intp)
    return tuple(Marker(int(row), label) for row, (_, label) in zip(nearest, kept, strict=True))


def named_subject(path: str | Path) -> tuple[str, str]:
    """Subject and session as the name of a file tells them; ``"unknown"`` and ``"1"`` where it does not.

    ``sub-anna_ses-2`` and ``sub_01a`` are labels as BIDS has them: all letters and digits after the sign. Without the
    sign a number must be there: ``sub001_Session1Train``, ``subject07b``.
    """
    stem = Path(path).stem
    said = []
    for word, ending in (("sub", "ject"), ("ses", "sion")):
        found = re.search(rf"(?<![^\W_]){word}(?:{ending})?[-_]([^\W_]+)", stem, re.IGNORECASE) or re.search(
            # letters after the number belong to it only where the word ends with them: Session1Train is session 1
            rf"{word}(?:{ending})?[-_]?([^\W\d_]*\d+(?:[a-z](?![^\W_]))?)",
            stem,
            re.IGNORECASE,
        )
        said.append(found.group(1) if found else None)
    return said[0] or "unknown", said[1] or "1"
