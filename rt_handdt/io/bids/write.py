"""Recordings as an EMG-BIDS dataset: BDF+ of 24 bits with its side-cars."""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.recording import Recording
from rt_handdt.core.types import Float64
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.bids.tables import read_tsv, write_tsv
from rt_handdt.io.edf import edf_library
from rt_handdt.io.session_name import SessionName

VERSION = "1.11.0"
#: Codes of BDF.
_LOWEST, _HIGHEST = -8_388_608, 8_388_607
_CODE_BYTES = 3
#: A header has so many letters for a limit; of these, codes are reckoned back to µV.
_LETTERS = 8


def write_session(
    recording: Recording,
    root: Path,
    name: SessionName,
    *,
    layout: ElectrodeLayout | None = None,
    powerline_hz: float = 50.0,
    progress: Callable[[int], None] = lambda samples: None,
) -> Path:
    """Write one recording into a dataset, which is begun if it is none yet.

    A value is kept to a step of 2^-24 of its channel's range, at most: a recording of whole ADC steps comes back to the
    step. In place of missing values the last good one is held; they are counted in ``channels.tsv``.

    Parameters
    ----------
    recording
        What is written.
    root
        The dataset's folder.
    name
        Who, when, what.
    layout
        The electrodes' places, for ``electrodes.tsv``.
    powerline_hz
        Of the mains, for the side-car.
    progress
        Told the number of samples written.

    Returns
    -------
    Path
        The BDF file. It appears whole or not at all.

    Raises
    ------
    RecordingError
        If it is there already, or the package for BDF is not installed.
    ConfigError
        If its rate is no whole number.
    OSError
        If it cannot be written.
    """
    check_session(root, name, recording.fs_hz)
    path = bdf_path(root, name)
    pyedflib = edf_library(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part.bdf")
    low, high, missing = _limits(recording)
    fs = round(recording.fs_hz)
    try:
        writer = pyedflib.EdfWriter(str(part), len(recording.channels), pyedflib.FILETYPE_BDFPLUS)
        try:
            for k, channel in enumerate(recording.channels):
                writer.setSignalHeader(
                    k,
                    {
                        "label": channel[:16],
                        "dimension": "uV",
                        "sample_frequency": fs,
                        "physical_min": low[k],
                        "physical_max": high[k],
                        "digital_min": _LOWEST,
                        "digital_max": _HIGHEST,
                        "transducer": "",
                        "prefilter": "",
                    },
                )
            for segment in recording.segments():
                at, long = segment.start / fs, (segment.stop - segment.start) / fs
                writer.writeAnnotation(at, long, segment.label)
            _write_samples(writer, recording, low, high, fs, progress)
        finally:
            writer.close()
        if part.stat().st_size < recording.n_samples * len(recording.channels) * _CODE_BYTES:  # nor does its end
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        _side_cars(recording, path, name, missing, layout, powerline_hz)
        _dataset(root, name)
        part.replace(path)  # last: what has a BDF is whole
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return path


def check_session(root: Path, name: SessionName, fs_hz: float) -> None:
    """Refuse what `write_session` could not write, before it is recorded.

    Raises
    ------
    RecordingError
        If it is there already, or the package for BDF is not installed.
    ConfigError
        If the rate is one that BDF cannot say.
    """
    path = bdf_path(root, name)
    edf_library(path)
    if path.exists():
        raise RecordingError(f"{path} is there already, and is not overwritten; choose another run, or folder.")
    if fs_hz != round(fs_hz):
        raise ConfigError(f"{path}: BDF needs a whole number of samples a second; got {fs_hz:g} Hz.")


def bdf_path(root: Path, name: SessionName) -> Path:
    """Where a recording lies in a dataset."""
    return root / f"sub-{name.subject}" / f"ses-{name.session}" / "emg" / f"{name.stem}.bdf"


def _limits(recording: Recording) -> tuple[Float64, Float64, np.ndarray]:
    """Lowest and highest value of each channel, as the header can say them, and missing values of each."""
    n = len(recording.channels)
    low, high, missing = np.full(n, np.inf), np.full(n, -np.inf), np.zeros(n, np.int64)
    for block in recording.blocks():
        lost = np.isnan(block)
        missing += lost.sum(axis=0)
        low = np.minimum(low, np.where(lost, np.inf, block).min(axis=0))
        high = np.maximum(high, np.where(lost, -np.inf, block).max(axis=0))
    low, high = np.where(np.isfinite(low), low, -1.0), np.where(np.isfinite(high), high, 1.0)
    limit = np.array([_sayable(float(max(abs(a), abs(b)))) for a, b in zip(low, high, strict=True)])
    return -limit, limit, missing


def _sayable(largest: float) -> float:
    """A limit above it that a header of eight letters holds exactly: whole, or of eighths.

    Others are cut off by the library, which shifts all values (by 0.1 µV of 35 mV).
    """
    limit = math.ceil(largest + 1e-3) if largest >= 100 else math.ceil(8 * (largest + 1e-3)) / 8
    if len(f"{-limit:.0f}") > _LETTERS:
        raise RecordingError(f"A value of {largest:g} µV is more than BDF's header can say.")
    return float(limit)


def _write_samples(
    writer: Any, recording: Recording, low: Float64, high: Float64, fs: int, progress: Callable[[int], None]
) -> None:
    step = (high - low) / (_HIGHEST - _LOWEST)
    done, last = 0, np.zeros(len(low))
    for block in recording.blocks(fs):
        values = np.concatenate([last[None], block.astype(np.float64)])
        given = np.where(np.isnan(values), 0, np.arange(len(values))[:, None])
        held = np.take_along_axis(values, np.maximum.accumulate(given, axis=0), axis=0)[1:]
        last = held[-1]
        codes = (np.rint((held - low) / step) + _LOWEST).astype(np.int32)
        if len(codes) < fs:  # the last record is filled up with the last values; `samples` of the side-car is true
            codes = np.concatenate([codes, np.repeat(codes[-1:], fs - len(codes), axis=0)])
        if writer.blockWriteDigitalSamples(np.ascontiguousarray(codes.T).reshape(-1)) < 0:  # it raises nothing
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done += len(block)
        progress(done)


def _side_cars(
    recording: Recording,
    path: Path,
    name: SessionName,
    missing: np.ndarray,
    layout: ElectrodeLayout | None,
    powerline_hz: float,
) -> None:
    stem = path.name.removesuffix("_emg.bdf")
    places = {} if layout is None else dict(zip(layout.channels, layout.cells, strict=True))
    own = [channel for channel in recording.channels if channel in places]
    write_tsv(
        path.with_name(f"{stem}_channels.tsv"),
        ["name", "type", "units", "signal_electrode", "status", "status_description"],
        [
            [one, "EMG", "uV", one, "good" if not count else "bad" if count == recording.n_samples else "good",
             f"{count} values are missing" if count else ""]
            for one, count in zip(recording.channels, missing.tolist(), strict=True)
        ],
    )  # fmt: skip
    events = [
        [f"{one.start / recording.fs_hz:.6f}", f"{(one.stop - one.start) / recording.fs_hz:.6f}", one.start, one.label]
        for one in recording.segments()
    ]
    write_tsv(path.with_name(f"{stem}_events.tsv"), ["onset", "duration", "sample", "trial_type"], events)
    _write_json(
        path.with_name(f"{stem}_emg.json"),
        {
            "TaskName": name.task,
            "SamplingFrequency": recording.fs_hz,
            "PowerLineFrequency": powerline_hz,
            "EMGChannelCount": len(recording.channels),
            "EMGReference": "n/a",
            "EMGPlacementScheme": "Other",
            "EMGPlacementSchemeDescription": "n/a" if layout is None else f"electrode grid '{layout.name}'",
            "SoftwareFilters": "n/a",
            "RecordingType": "continuous",
            "RecordingDuration": recording.n_samples / recording.fs_hz,
            "SampleCount": recording.n_samples,
        },
    )
    if not own or layout is None:
        return
    space = f"sub-{name.subject}_ses-{name.session}"
    rows = []
    for channel in own:
        row, column = places[channel]
        rows.append([channel, row * layout.pitch_mm[0], column * layout.pitch_mm[1], "n/a", "grid"])
    write_tsv(path.with_name(f"{space}_electrodes.tsv"), ["name", "x", "y", "z", "coordinate_system"], rows)
    _write_json(
        path.with_name(f"{space}_space-grid_coordsystem.json"),
        {
            "EMGCoordinateSystem": "Other",
            "EMGCoordinateUnits": "mm",
            "EMGCoordinateSystemDescription": f"Electrode grid '{layout.name}': x along the rows, y along the columns.",
        },
    )


def _dataset(root: Path, name: SessionName) -> None:
    """What a dataset needs besides recordings; what is there already is left as it is."""
    from rt_handdt import __version__

    described = root / "dataset_description.json"
    if not described.exists():
        _write_json(
            described,
            {
                "Name": root.resolve().name,
                "BIDSVersion": VERSION,
                "DatasetType": "raw",
                "GeneratedBy": [{"Name": "rt-handdt", "Version": __version__}],
            },
        )
    readme = root / "README.md"
    if not readme.exists():
        readme.write_text(f"# {root.resolve().name}\n\nEMG, written by rt-handdt {__version__}.\n", encoding="utf-8")
    people = root / "participants.tsv"
    rows = read_tsv(people) if people.exists() else []
    known = [row["participant_id"] for row in rows]
    if f"sub-{name.subject}" not in known:
        if rows:
            head = list(rows[0])
            more = {"participant_id": f"sub-{name.subject}"}
            write_tsv(people, head, [[row.get(key, "") for key in head] for row in (*rows, more)])
        else:
            write_tsv(people, ["participant_id"], [[f"sub-{name.subject}"]])


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
