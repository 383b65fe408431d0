"""What was decided while a recording was made."""

from __future__ import annotations

import json
import math
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rt_handdt.core.recording import ArrayRecording
from rt_handdt.core.types import Float64
from rt_handdt.core.units import microvolts_per
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.stream_kinds import DECISIONS, HEALTH
from rt_handdt.io.xdf import read_xdf
from rt_handdt.io.xdf_choice import choose_emg
from rt_handdt.io.xdf_streams import XdfStream, load_streams
from rt_handdt.io.xdf_time import make_even


class RecordedState(NamedTuple):
    """From a sample on the engine was in `state`, for the reason `code`, and said `sentence`."""

    sample: int
    state: str
    code: str
    sentence: str


class RecordedChange(NamedTuple):
    """From a sample on the run was decided otherwise, because somebody asked for it.

    Attributes
    ----------
    sample
        Number in the recording.
    bad
        Names of all electrodes that are called bad from then on; None: that does not change.
    reset_subject
        What was learnt without labels is forgotten before the window that ends with the sample.
    """

    sample: int
    bad: tuple[str, ...] | None = None
    reset_subject: bool = False


class RecordedElectrodes(NamedTuple):
    """Which columns of the signal a run took for its electrodes, where their names do not say so.

    Attributes
    ----------
    names
        Of the model's layout.
    columns
        One for each, counted from 0.
    unit
        What the user said it is; None: what the stream states.
    """

    names: tuple[str, ...]
    columns: tuple[int, ...]
    unit: str | None = None


@dataclass(frozen=True, eq=False)
class RecordedDecisions:
    """The decisions of one run, each at the sample that its window ends with.

    Attributes
    ----------
    name, columns, rate_hz
        Of their stream; label, unit and type of each column (`rt_handdt.io.sinks.lsl.columns`).
    labels
        The K labels.
    index
        Shape (n,): number in the recording of the newest sample; of what rests on none, of the one that was newest.
    rows
        Shape (n, number of columns).
    states
        The engine's states, by which the column ``state`` numbers them; empty where the file does not name them.
    said
        What the engine said of itself, in order; empty where the file does not hold it.
    bad
        (sample, name → what is wrong): which electrodes it did without from then on; empty where that is not held.
    setup
        How they came about (`rt_handdt.core.run_setup.RunSetup`, as JSON); empty where the file does not say.
    files
        What it was calibrated with, by name (see there).
    changes
        What was asked for during the run, in order.
    electrodes
        See there; None: those whose names are the layout's.
    """

    name: str
    columns: tuple[tuple[str, str, str], ...]
    rate_hz: float
    labels: tuple[str, ...]
    index: npt.NDArray[np.int64]
    rows: Float64
    states: tuple[str, ...] = ()
    said: tuple[RecordedState, ...] = ()
    bad: tuple[tuple[int, dict[str, str]], ...] = ()
    setup: str = ""
    files: dict[str, bytes] = field(default_factory=dict, repr=False)
    changes: tuple[RecordedChange, ...] = ()
    electrodes: RecordedElectrodes | None = None

    def column(self, label: str) -> Float64:
        """One column, (n,)."""
        return np.asarray(self.rows[:, [name for name, _, _ in self.columns].index(label)])

    @property
    def probabilities(self) -> Float64:
        """(n, K)."""
        return np.asarray(self.rows[:, 1 : 1 + len(self.labels)])

    @property
    def decided(self) -> npt.NDArray[np.bool_]:
        """(n,) whether it rests on a window; else it was told because of the engine's state, or was repeated."""
        return np.asarray(np.isfinite(self.column("window_end")) & (self.column("repeat") == 0))

    @property
    def facts(self) -> dict[str, str]:
        """For the description of a stream that repeats them."""
        return {"labels": ",".join(self.labels), "recorded": "true"}

    def events(self, first: int) -> Iterator[tuple[int, list[float], str | None]]:
        """From a sample on: its number, the row, and the label where it changes."""
        last: str | None = None
        for index, row in zip(self.index.tolist(), self.rows.tolist(), strict=True):
            if index < first:
                continue
            label = self.labels[int(row[0])] if 0 <= row[0] < len(self.labels) else "rest"
            yield index, row, label if label != last else None
            last = label


def read_decisions(path: str | Path, choice: SignalChoice = SignalChoice()) -> RecordedDecisions | None:
    """The decisions in an XDF file; None if there are none.

    Raises
    ------
    RecordingError
        If it is no XDF, or its EMG cannot be read.
    """
    path = Path(path)
    return _decisions(path, load_streams(path)[0], choice)


def read_run(
    path: str | Path, choice: SignalChoice = SignalChoice(), *, as_run: bool = False
) -> tuple[ArrayRecording, RecordedDecisions | None]:
    """The recording in an XDF file and the decisions in it, if there are any; the file is read once.

    Parameters
    ----------
    path, choice
        See `rt_handdt.io.xdf.read_xdf`.
    as_run
        What `choice` leaves open of columns and unit is as the run had it.

    Raises
    ------
    RecordingError
        See `rt_handdt.io.xdf.read_xdf`.
    """
    path = Path(path)
    loaded = load_streams(path)
    told = _decisions(path, loaded[0], choice)
    taken = told.electrodes if told is not None and as_run and choice.columns is None else None
    if taken is None:
        return read_xdf(path, choice=choice, loaded=loaded), told
    mapped = choice.over(SignalChoice(None, taken.unit, taken.columns))
    return replace(read_xdf(path, choice=mapped, loaded=loaded), channels=taken.names), told


def _decisions(path: Path, streams: list[XdfStream], choice: SignalChoice) -> RecordedDecisions | None:
    found = [one for one in streams if one.described.kind == DECISIONS and not one.is_text and len(one)]
    if not found:
        return None
    told = max(found, key=len)
    columns = tuple((one.name, one.unit, one.kind) for one in told.columns)
    names = [name for name, _, _ in columns]
    if not {"label_index", "window_end", "repeat"} <= set(names):
        return None
    emg, _ = choose_emg(path, streams, choice.stream)
    if len(emg) < 2 or emg.described.fs_hz <= 0:  # no recording: who reads it says so
        return None
    rows, times, _ = make_even(str(path), emg.times, emg.described.fs_hz)
    values = np.asarray(told.values, np.float64)
    ends = values[:, names.index("window_end")]
    events = _events(streams, times, rows)
    at = np.interp(np.where(np.isfinite(ends), ends, told.times), times, rows)
    return RecordedDecisions(
        name=told.name,
        columns=columns,
        rate_hz=told.described.fs_hz,
        labels=tuple(name.removeprefix("p_") for name in names if name.startswith("p_")),
        index=np.rint(at).astype(np.int64),
        rows=values,
        states=told.states,
        said=tuple(
            RecordedState(sample, *(str(event.get(key, "")) for key in ("state", "code", "sentence")))
            for sample, event in events
            if "state" in event
        ),
        bad=tuple(
            (sample, {str(name): str(kind) for name, kind in event["bad"].items()})
            for sample, event in events
            if isinstance(event.get("bad"), dict)
        ),
        setup=told.setup,
        files={name: content for _, event in events for name, content in _files(event).items()},
        changes=tuple(
            _change(round(float(np.interp(float(event["since"]), times, rows))), event)
            for _, event in events
            if isinstance(event.get("since"), float) and math.isfinite(event["since"])
        ),
        electrodes=next(filter(None, (_electrodes(event) for _, event in events)), None),
    )


def _electrodes(event: dict[str, Any]) -> RecordedElectrodes | None:
    said = event.get("electrodes")
    try:
        names, columns = tuple(map(str, said["names"])), tuple(map(int, said["columns"]))  # type: ignore[index]
        unit = said.get("unit")  # type: ignore[union-attr]
    except (TypeError, KeyError, ValueError, OverflowError, AttributeError):
        return None
    if not columns or len(set(columns)) != len(names) or min(columns) < 0:
        return None
    known = isinstance(unit, str) and microvolts_per(unit) is not None
    return RecordedElectrodes(names, columns, unit if known else None) if len(columns) == len(names) else None


def _change(sample: int, event: dict[str, Any]) -> RecordedChange:
    bad = event.get("called_bad")
    names = tuple(map(str, bad)) if isinstance(bad, list) else None
    return RecordedChange(sample, names, event.get("reset_subject") is True)


def _files(event: dict[str, Any]) -> dict[str, bytes]:
    files = event.get("files")
    try:
        return {str(name): b64decode(text) for name, text in files.items()} if isinstance(files, dict) else {}
    except (ValueError, TypeError):
        return {}


def _events(streams: list[XdfStream], times: Float64, rows: npt.NDArray[np.int64]) -> list[tuple[int, dict[str, Any]]]:
    """What is told as JSON, in order, at the sample that was newest."""
    found: list[tuple[int, dict[str, Any]]] = []
    for stream in streams:
        if stream.described.kind != HEALTH or not stream.is_text:
            continue
        at = np.rint(np.interp(stream.times, times, rows)).astype(np.int64).tolist()
        for index, values in zip(at, stream.values, strict=True):
            try:
                event = json.loads(values[0])
            except (ValueError, RecursionError):  # of another program, or cut off
                continue
            if isinstance(event, dict):
                found.append((index, event))
    return sorted(found, key=lambda one: one[0])
