"""Read one session of a Hyser folder for the sheet, trial by trial."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from offline.cohort.difficulty import reference_spec
from offline.cohort.session_summary import SessionSummary, summarise
from rt_handdt.core.preprocess import channel_order
from rt_handdt.core.types import Float32
from rt_handdt.errors import HanddtError, LayoutMismatch, RecordingError
from rt_handdt.io.hyser import channel_names
from rt_handdt.io.hyser_layout import HyserSession, Kind
from rt_handdt.io.wfdb16 import read_header


@dataclass(frozen=True)
class Task:
    """A session to read: of which gestures (numbers), and whether to keep an example of each."""

    found: HyserSession
    gestures: frozenset[int]
    examples: bool


@dataclass(frozen=True)
class Unread:
    """A session that could not be read, and why."""

    subject: int
    session: int
    reason: str


def session_trials(found: HyserSession, kind: Kind, gestures: Collection[int]) -> Iterator[tuple[Float32, int]]:
    """Trials of a session from disk, one at a time.

    Yields
    ------
    ``(samples, code)``: (n, 256) float32 µV in the layout's channel order, NaN = missing, and the gesture's number.

    Raises
    ------
    RecordingError
        If there are no such trials, labels and files disagree, or a file is damaged.
    LayoutMismatch
        If a trial has other channels or another rate than Hyser's.
    """
    variant = found.choose(kind)
    spec = reference_spec()
    for number, code in enumerate(found.labels(kind, variant), start=1):
        if code not in gestures:
            continue
        record = read_header(found.header(kind, variant, number))
        if record.n_channels != spec.layout.n_channels or record.fs_hz != spec.fs_hz:
            raise LayoutMismatch(
                f"{record.path}: has {record.n_channels} channels at {record.fs_hz:g} Hz, but a Hyser trial has "
                f"{spec.layout.n_channels} at {spec.fs_hz:g} Hz; copy or download it again."
            )
        record.check_data()
        yield record.read()[:, channel_order(channel_names(record), spec, str(record.path))], code


def read_session(task: Task) -> SessionSummary | Unread:
    """Summarise a session; what is wrong with it is returned, so that one bad folder does not end the sheet."""
    found = task.found
    try:
        codes = set(found.labels("dynamic", found.choose("dynamic"))) & task.gestures
        if not codes:
            raise RecordingError(f"{found.path}: holds no dynamic trial of the sheet's gestures.")
        held = None
        if "maintenance" in found.kinds:
            variant = found.choose("maintenance")
            if set(found.labels("maintenance", variant)) & task.gestures:
                held = session_trials(found, "maintenance", task.gestures)
        dynamic = session_trials(found, "dynamic", task.gestures)
        return summarise(found.subject, found.session, dynamic, held, examples=task.examples)
    except (HanddtError, OSError) as exc:
        reason = str(exc)
        where = "" if str(found.path) in reason else f"{found.path}: "
        return Unread(found.subject, found.session, where + reason)
