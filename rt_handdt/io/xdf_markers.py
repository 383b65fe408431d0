"""The markers of an XDF file: text or numbers, in one column or more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rt_handdt.core.recording import UNLABELLED, Marker
from rt_handdt.core.types import Float64
from rt_handdt.io.description import shown
from rt_handdt.io.plain_number import plain_number
from rt_handdt.io.stream_kinds import CUES, DECISIONS, HEALTH, RECORDED_DECISIONS
from rt_handdt.io.xdf_streams import XdfStream, quoted

#: Types of streams that carry markers, the likeliest first: a later group counts only where the ones before are empty.
_KINDS = (
    frozenset({"marker", "markers"}),
    frozenset({"event", "events", "stim", "stimulus", "stimuli", "trigger", "triggers", "label", "labels", "cue"}),
)
#: A marker so long before the first sample, or after the last, belongs to another recording or another clock.
_FAR_S = 60.0
#: That many labels are named as examples.
_NAMED = 3


class _Event(NamedTuple):
    """A label, or None where nobody knows what was asked for from then on."""

    time_s: float
    label: str | None


def read_markers(
    streams: Sequence[XdfStream], times: Float64, rows: npt.NDArray[np.intp], fs_hz: float
) -> tuple[tuple[Marker, ...], tuple[str, ...]]:
    """The labels of all streams of markers, on the nearest samples.

    Parameters
    ----------
    streams
        All streams of the file but the EMG.
    times, rows
        Of the EMG's samples: seconds, and their numbers in the even recording.
    fs_hz
        The EMG's rate.

    Returns
    -------
    markers, notes
        In order; and what was dropped or decided, one sentence each.
    """
    chosen, notes = _marker_streams(streams)
    events: list[_Event] = []
    for stream in chosen:
        found, said = _events(stream)
        events += found
        notes += [*stream.notes, *said]
    events.sort(key=lambda event: event.time_s)
    spoken = [event for event in events if event.label != ""]
    half = 0.5 / fs_hz
    # The label in force when the EMG begins was given before its first sample: keep the last of those, drop the others.
    early = [event for event in spoken if event.time_s < times[0] - half]
    late = [event for event in spoken if event.time_s > times[-1] + half]
    within = spoken[len(early) : len(spoken) - len(late)]
    if spoken and not within and min(abs(event.time_s - end) for event in spoken for end in times[[0, -1]]) > _FAR_S:
        away = min(abs(event.time_s - end) for event in spoken for end in times[[0, -1]])
        notes.append(
            f"All {len(spoken)} markers lie outside of the signal, by {away:.0f} s or more, and were dropped: their "
            "clock is not the signal's."
        )
        return (), tuple(notes)
    for number, why in (
        (len(events) - len(spoken), "with an empty label were dropped"),
        (max(len(early) - 1, 0), "were given long before the first sample and were dropped"),
        (len(early[-1:]), "given before the first sample was put on it"),
        (len(late), "after the last sample were dropped"),
    ):
        if number:
            notes.append(f"{number} markers {why}.")
    kept = early[-1:] + within
    labels = {event.label for event in kept if event.label is not None}
    alike = sorted(label for label in labels if sum(label.casefold() == one.casefold() for one in labels) > 1)
    if alike:
        notes.append(f"Labels that differ in case alone are taken for different ones: {_few(alike)}")
    nearest = np.rint(np.interp([event.time_s for event in kept], times, rows)).astype(np.intp)
    markers = [Marker(int(row), event.label or UNLABELLED) for row, event in zip(nearest, kept, strict=True)]
    return tuple(markers), tuple(notes)


def _marker_streams(streams: Sequence[XdfStream]) -> tuple[list[XdfStream], list[str]]:
    """Those that carry markers; all of text, where no type says so."""
    told = [stream.name for stream in streams if stream.described.kind in (DECISIONS, RECORDED_DECISIONS)]
    decided = {f"{name}_markers" for name in told}
    full = [
        stream
        for stream in streams
        if len(stream) and stream.name not in decided and stream.described.kind != HEALTH  # what we said ourselves
    ]
    chosen: list[XdfStream] = []
    for kinds in _KINDS:
        chosen = chosen or [stream for stream in full if stream.described.kind.casefold() in kinds]
    chosen = chosen or [stream for stream in full if stream.is_text]
    ignored = [one for one in full if one.is_text and one not in chosen and one.described.kind != CUES]
    return chosen, [f"Text that is not of the type Markers was left out: {quoted(ignored)}."] if ignored else []


def _events(stream: XdfStream) -> tuple[list[_Event], list[str]]:
    """What one stream says and when, and how that was read."""
    name, notes = shown(stream.name), []
    rows = [[_as_text(value) for value in row] for row in stream.values]
    column = _label_column(rows)
    if stream.described.n_channels > 1:
        notes.append(
            f"The markers of '{name}' have {stream.described.n_channels} columns; column {column} (counted from 0) is "
            f"taken for the labels, the others are left out: {_few(dict.fromkeys(row[column] for row in rows))}"
        )
    events = [_Event(float(time), row[column]) for time, row in zip(stream.times, rows, strict=True)]
    # Behind a lost marker the label before it would go on, and be learnt for what is no longer it.
    doubtful = {number - 1 for number in stream.breaks if 0 < number <= len(events)}
    if doubtful:
        notes.append(
            f"Markers of '{name}' may be lost behind {len(doubtful)} others, whose segments are left without a label."
        )
        events = [event._replace(label=None) if k in doubtful else event for k, event in enumerate(events)]
    untimed = [event for event in events if not np.isfinite(event.time_s)]
    if untimed:
        notes.append(f"{len(untimed)} markers of '{name}' have no time and were dropped.")
        events = [event for event in events if np.isfinite(event.time_s)]
    if _is_sampled(stream):
        changes = [one for k, one in enumerate(events) if k == 0 or one.label != events[k - 1].label]
        notes.append(
            f"The markers of '{name}' are {len(events)} numbers at a fixed rate; the {len(changes)} changes are taken."
        )
        events = changes
    return events, notes


def _few(labels: Iterable[str]) -> str:
    """Some of them, for the end of a sentence."""
    said = [f"'{shown(label)}'" for label in labels]
    return ", ".join(said[:_NAMED]) + (", …" if len(said) > _NAMED else ".")


def _as_text(value: object) -> str:
    """A marker as a label; a whole number without its decimals, nothing where it is no number."""
    if isinstance(value, str):
        return value.strip()
    number = float(value)  # type: ignore[arg-type]
    if not np.isfinite(number):
        return ""
    return str(int(value)) if number.is_integer() else f"{number:g}"  # type: ignore[call-overload]


def _label_column(rows: Sequence[Sequence[str]]) -> int:
    """The first column of words of which some occur again; else the first of words; else the first."""
    columns = list(zip(*rows, strict=True)) if rows else []
    words = [number for number, column in enumerate(columns) if any(w and plain_number(w) is None for w in column)]
    again = [number for number in words if len(set(columns[number])) < len(columns[number])]
    return next(iter([*again, *words, 0]))


def _is_sampled(stream: XdfStream) -> bool:
    """Whether a stream of numbers says at each moment what is in force, as a trigger input does."""
    duration_s = float(stream.times[-1] - stream.times[0])
    return (
        not stream.is_text
        and stream.described.fs_hz > 0
        and len(stream) > 1
        and duration_s > 0
        and len(stream) / duration_s > stream.described.fs_hz / 2
    )
