"""One recording of a BIDS dataset, with what its side-cars say."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rt_handdt.core.gestures import HYSER_GESTURES, hyser_label
from rt_handdt.core.recording import UNLABELLED, Marker
from rt_handdt.core.types import Float64
from rt_handdt.errors import RecordingError
from rt_handdt.io.bids.names import side_cars
from rt_handdt.io.bids.tables import read_json, read_tsv
from rt_handdt.io.edf import EdfFile, read_edf, renamed
from rt_handdt.io.hyser_layout import KINDS
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.signal_columns import Column, distinct_names, signal_columns

#: Columns of events that name what was done, the likeliest first.
_LABELS = ("gesture_name", "gesture", "trial_type", "value", "event_type")
#: A header of EDF and BDF has so many letters for a name.
_LETTERS = 16


@dataclass(frozen=True)
class Event:
    """One row of ``events.tsv``.

    Attributes
    ----------
    first, n_samples
        Where.
    label
        What was done.
    kind
        ``"dynamic"``, ``"maintenance"``, or "" where it says neither.
    """

    first: int
    n_samples: int
    label: str
    kind: str


@dataclass(frozen=True)
class BidsRecording:
    """A file and its side-cars.

    Attributes
    ----------
    file
        Columns as ``channels.tsv`` has them.
    keep, names, to_uv
        The electrodes: their columns, names, and µV per unit (NaN where ``channels.tsv`` says bad).
    events
        Inside the file, in order.
    notes
        What was decided or left out.
    """

    file: EdfFile
    keep: npt.NDArray[np.intp]
    names: tuple[str, ...]
    to_uv: Float64
    events: tuple[Event, ...]
    notes: tuple[str, ...]

    @property
    def markers(self) -> tuple[Marker, ...]:
        """Each event from its onset to its end."""
        found: list[Marker] = []
        for number, one in enumerate(self.events):
            after = self.events[number + 1] if number + 1 < len(self.events) else None
            found.append(Marker(one.first, one.label))
            end = one.first + one.n_samples
            if one.n_samples and end < self.file.n_samples and (after is None or after.first > end):
                found.append(Marker(end, UNLABELLED))
        return tuple(found)


def read_bids(path: Path, choice: SignalChoice = SignalChoice()) -> BidsRecording:
    """Read a recording's header and side-cars.

    Raises
    ------
    RecordingError
        If one cannot be read, or they contradict each other.
    """
    SignalChoice(choice.stream).refuse(path)
    file, notes = read_edf(path), []
    about = side_cars(path, "emg", ".json")
    count = read_json(about[0]).get("SampleCount") if about else None
    if isinstance(count, int) and 0 < file.n_samples - count < file.fs_hz:  # the last second was filled up
        file = replace(file, n_samples=count)
    channels = side_cars(path, "channels", ".tsv")
    bad: set[str] = set()
    if channels:
        file, bad, said = _with_channels(file, channels[0])
        notes += said
    else:
        notes.append("There is no channels.tsv; names and units are the file's own.")
    found = signal_columns(str(path), file.columns, choice)
    names, renamed_ = distinct_names(found.names)
    to_uv = found.to_uv.copy()
    wrong = [k for k, name in enumerate(found.names) if name in bad]
    to_uv[wrong] = np.nan
    if wrong:
        listed = ", ".join(found.names[k] for k in wrong[:6]) + (", …" if len(wrong) > 6 else "")
        notes.append(f"{len(wrong)} channels are bad by channels.tsv and are taken as missing: {listed}")
    events = side_cars(path, "events", ".tsv")
    rows: list[Event] = []
    if events:
        rows, said = _events(events[0], file)
        notes += said
    else:
        notes.append("There is no events.tsv, so nothing says which gesture is when.")
    return BidsRecording(file, found.keep, names, to_uv, tuple(rows), (*file.notes, *notes, *found.notes, *renamed_))


def _with_channels(file: EdfFile, path: Path) -> tuple[EdfFile, set[str], list[str]]:
    rows, notes = read_tsv(path), []
    if rows and "name" not in rows[0]:
        raise RecordingError(f"{path}: has no column 'name'; channels.tsv must have one.")
    by_name = {row["name"]: row for row in rows}
    if len(by_name) != len(rows):
        raise RecordingError(f"{path}: a name is there twice; names of channels must differ.")
    own = [column.name for column in file.columns]
    if len(rows) == len(own) and all(row["name"][:_LETTERS] == name for row, name in zip(rows, own, strict=True)):
        matched = list(rows)  # a header cuts names off
    elif len(rows) == len(own) and not set(own) & set(by_name):
        matched = list(rows)  # the file has names of its own; both have the same order by the standard
        notes.append("The file names its channels otherwise than channels.tsv; they are matched by their order.")
    else:
        unknown = [name for name in own if name not in by_name]
        if unknown:
            notes.append(f"{len(unknown)} channels are not in channels.tsv (such as '{unknown[0]}').")
        absent = [name for name in by_name if name not in own]
        if absent:
            notes.append(f"{len(absent)} channels of channels.tsv are not in the file (such as '{absent[0]}').")
        matched = [by_name.get(name, {}) for name in own]
    columns, differ = [], 0
    for column, row in zip(file.columns, matched, strict=True):
        unit = row.get("units", "")
        differ += bool(unit and column.unit and _plain(unit) != _plain(column.unit))
        columns.append(Column(row.get("name") or column.name, column.unit or unit, row.get("type", "") or column.kind))
    if differ:
        notes.append(f"The units of {differ} channels are others in the file than in channels.tsv; the file's count.")
    bad = {row["name"] for row in rows if row.get("status", "").casefold() == "bad"}
    return renamed(file, columns), bad, notes


def _plain(unit: str) -> str:
    return unit.strip().casefold().replace("µ", "u").replace("μ", "u")


def _events(path: Path, file: EdfFile) -> tuple[list[Event], list[str]]:
    rows, notes = read_tsv(path), []
    if not rows:
        return [], []
    label_column = next((name for name in _LABELS if name in rows[0]), None)
    if label_column is None or not {"onset", "duration"} <= set(rows[0]):
        raise RecordingError(f"{path}: needs the columns onset, duration and one of {', '.join(_LABELS)}.")
    found, beyond, nowhere = [], 0, 0
    for number, row in enumerate(rows, 2):
        if not row["onset"]:  # n/a is allowed there
            nowhere += 1
            continue
        try:
            onset_s, long_s = float(row["onset"]), float(row["duration"] or 0.0)
            sample = float(row.get("sample") or onset_s * file.fs_hz)  # exact where the onset is rounded
        except ValueError:
            onset_s = long_s = sample = math.nan
        if not (math.isfinite(onset_s) and math.isfinite(sample) and 0 <= long_s < math.inf):
            raise RecordingError(
                f"{path}: row {number}: onset, duration and sample must be numbers, and no duration below 0."
            )
        first, n_samples = round(sample), round(long_s * file.fs_hz)
        if first < 0 or first + n_samples > file.n_samples:
            beyond += 1
            continue
        kind = row.get("task_type", "")
        found.append(Event(first, n_samples, _label(row, label_column), kind if kind in KINDS else ""))
    if nowhere:
        notes.append(f"{nowhere} events have no onset and were dropped.")
    if beyond:
        notes.append(f"{beyond} events end beyond the file and were dropped.")
    return sorted(found, key=lambda one: one.first), notes


def _label(row: dict[str, str], column: str) -> str:
    """What was done; Hyser's numbers by their names here."""
    number = row.get("gesture_id", "")
    if number.isdigit() and 1 <= int(number) <= len(HYSER_GESTURES) and row.get("task_type"):
        return hyser_label(int(number))
    return row[column]
