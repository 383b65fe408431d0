"""Hyser trials, joined into one continuous, labelled session.

A live system never sees separate trials, so a model should not be shown any. A session joined from dynamic trials is::

    | rest filler | trial 1: 0.25 s quiet, then the gesture | rest filler | trial 2 …
    ^ rest                          ^ gesture               ^ rest

Every sample of every trial is there, unchanged. Only the filler is made up: the trial's own quiet head, played
backwards and forwards (so it runs into the trial without a step), cross-faded with the end of the trial before.

Maintenance trials begin with the hand on its way to the gesture or there already; their first 0.25 s are left out.
Their filler is the quiet head of the same session's dynamic trials. Where there are none, nothing in the folder is
rest: the trials then follow one another after a cross-fade of 20 ms, without the label rest, and
`HyserRecording.notes` says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rt_handdt.core.gestures import REST, hyser_code, hyser_label
from rt_handdt.core.recording import Marker, Recording
from rt_handdt.core.types import Float32
from rt_handdt.errors import LayoutMismatch, RecordingError
from rt_handdt.io.hyser_layout import (
    HyserSession,
    Kind,
    Variant,
    hyser_channels,
    list_sessions,
    parse_trial,
    read_session_folder,
)
from rt_handdt.io.hyser_writer import write_session
from rt_handdt.io.joining import in_blocks, make_filler
from rt_handdt.io.wfdb16 import WfdbRecord, read_header

__all__ = ["HyserRecording", "JoinedTrial", "list_sessions", "read_hyser", "write_session"]

#: The first part of a trial, before the hand has moved (Jiang et al. 2021 discard it).
HEAD_S = 0.25
FADE_S = 0.02


class Trial(Protocol):
    """A trial on disk."""

    @property
    def path(self) -> Path: ...
    @property
    def fs_hz(self) -> float: ...
    @property
    def n_samples(self) -> int: ...
    @property
    def names(self) -> tuple[str, ...]: ...

    def read(self, start: int = 0, stop: int | None = None) -> Float32:
        """Samples start..stop−1, (n, n_channels), µV, NaN = missing."""


@dataclass(frozen=True, slots=True)
class JoinedTrial:
    """One trial and its place in a joined session.

    Attributes
    ----------
    record
        The trial on disk.
    label
        Its gesture.
    filler_samples
        Length of the made-up stretch before it.
    skip_samples
        Samples at its beginning that are left out.
    quiet
        The record whose head is the rest before this trial; None if there is no rest.
    """

    record: Trial
    label: str
    filler_samples: int
    skip_samples: int
    quiet: Trial | None

    @property
    def n_samples(self) -> int:
        """Samples that the trial and its filler take in the session."""
        return self.filler_samples + self.record.n_samples - self.skip_samples


@dataclass(frozen=True)
class HyserRecording(Recording):
    """A session joined from trials, read from disk trial by trial.

    Attributes
    ----------
    trials
        In order.
    """

    trials: tuple[JoinedTrial, ...] = field(default=(), kw_only=True, repr=False)

    def blocks(self, block_samples: int = 4096) -> Iterator[Float32]:
        return in_blocks(self._pieces(), block_samples)

    def _pieces(self) -> Iterator[Float32]:
        """Fillers and trials in turn."""
        head, fade = round(HEAD_S * self.fs_hz), round(FADE_S * self.fs_hz)
        before: Float32 | None = None
        for trial in self.trials:
            samples = trial.record.read(trial.skip_samples)
            if trial.filler_samples:
                quiet = None
                if trial.quiet is not None and trial.quiet is not trial.record:
                    quiet = trial.quiet.read(0, head)
                yield make_filler(trial.filler_samples, samples, head, fade, quiet=quiet, before=before)
            yield samples
            before = samples


def read_hyser(
    path: str | Path,
    *,
    subject: int | None = None,
    session: int | None = None,
    kind: Kind = "dynamic",
    variant: Variant | None = None,
    gestures: Collection[str] | None = None,
    rest_s: float = 1.0,
) -> HyserRecording:
    """Read one session of a Hyser folder as a continuous recording.

    Parameters
    ----------
    path
        The Hyser root, a ``subjectXX_sessionY`` folder, or one trial's ``.hea`` or ``.dat`` file.
    subject, session
        Which session of a root; the lowest numbers there are, where not given.
    kind
        ``"dynamic"`` or ``"maintenance"``. A trial's file decides by itself.
    variant
        ``"raw"`` or ``"preprocess"``; raw if there is raw, where not given.
    gestures
        Labels to keep; all where not given.
    rest_s
        Rest between trials, in seconds.

    Returns
    -------
    HyserRecording
        256 channels in Hyser's order; see the module's docstring for how the trials are joined.

    Raises
    ------
    RecordingError
        If a file is missing or damaged, labels and trials do not match, or nothing is left to read.
    LayoutMismatch
        If a header has not 256 channels.
    """
    if rest_s < 0:
        raise RecordingError(f"The rest between trials must be 0 s or more; got {rest_s:g} s.")
    path = Path(path)
    only: int | None = None
    named = parse_trial(path)
    if named is not None and not path.is_dir():
        kind, variant, only = named
        found = read_session_folder(path.parent)
        if found is None:
            raise RecordingError(
                f"{path}: does not lie in a folder named like subject01_session1; open it as plain WFDB."
            )
    else:
        found = pick_session(path, subject, session)
    variant = found.choose(kind, variant)
    codes = found.labels(kind, variant)
    wanted = None if gestures is None else {hyser_code(label) for label in gestures}
    chosen = [
        (number, code)
        for number, code in enumerate(codes, start=1)
        if (wanted is None or code in wanted) and only in (None, number)
    ]
    if not chosen:
        asked = f"sample{only}" if only is not None else ", ".join(sorted(gestures or ()))
        raise RecordingError(f"{found.path}: holds no {kind}_{variant} trial of {asked}; choose others.")
    records = [_checked(found.header(kind, variant, number)) for number, _ in chosen]
    labels = [hyser_label(code) for _, code in chosen]
    name = f"hyser_subject{found.subject:02d}_session{found.session}_{kind}_{variant}"
    if only is not None:
        name += f"_sample{only}"
    heads: list[WfdbRecord] = []
    if kind == "maintenance":
        heads = [_checked(found.header("dynamic", variant, k)) for k in found.samples.get(("dynamic", variant), ())]
    return join_trials(name, f"{found.subject:02d}", str(found.session), kind, records, labels, heads, rest_s)


def pick_session(path: str | Path, subject: int | None, session: int | None) -> HyserSession:
    """The one session of a Hyser folder that is meant: of those that fit, the lowest numbers."""
    sessions = list_sessions(path)
    for one in sessions:
        if subject in (None, one.subject) and session in (None, one.session):
            return one
    people = sorted({one.subject for one in sessions})
    asked = " ".join(
        f"{what} {value}" for what, value in (("subject", subject), ("session", session)) if value is not None
    )
    raise RecordingError(
        f"{path}: holds no {asked}; there are {len(sessions)} sessions of the subjects {people[0]} to {people[-1]} "
        "(rt-handdt inspect lists them)."
    )


def channel_names(record: Trial) -> tuple[str, ...]:
    """The electrodes of a 256-channel record: as its header names them, else in Hyser's order."""
    order = hyser_channels()
    return record.names if set(record.names) == set(order) or len(record.names) != len(order) else order


def _checked(path: Path) -> WfdbRecord:
    record = read_header(path)
    if record.n_channels != len(hyser_channels()):
        raise LayoutMismatch(
            f"{path}: its header has {record.n_channels} channels, but a Hyser trial has {len(hyser_channels())}; "
            "copy or download it again."
        )
    record.check_data()
    return record


def join_trials(
    name: str,
    subject: str,
    session: str,
    kind: Kind,
    records: Sequence[Trial],
    labels: Sequence[str],
    heads: Sequence[Trial],
    rest_s: float,
    notes: Sequence[str] = (),
) -> HyserRecording:
    """One recording of many trials; see the module's docstring.

    Parameters
    ----------
    name, subject, session
        Of the recording.
    kind
        Of the trials.
    records, labels
        The trials, in order, and the gesture of each.
    heads
        Trials that begin with rest, to borrow it from for maintenance trials.
    rest_s
        Rest between trials.
    notes
        What is to be said besides.

    Raises
    ------
    RecordingError
        If their rates or channels differ, or one is too short.
    """
    fs_hz = records[0].fs_hz
    head, fade, rest = round(HEAD_S * fs_hz), round(FADE_S * fs_hz), round(rest_s * fs_hz)
    channels = channel_names(records[0])
    for record in records:
        if record.fs_hz != fs_hz or channel_names(record) != channels:
            raise RecordingError(
                f"{record.path}: its rate or channels are not those of {records[0].path.name}; they must be the same "
                "in each trial of a session."
            )
        if record.n_samples <= head:
            raise RecordingError(
                f"{record.path}: is only {record.n_samples / fs_hz:.3g} s long; a trial needs over {HEAD_S} s."
            )

    notes = list(notes)
    if channels == hyser_channels() and set(records[0].names) != set(channels):
        notes.append("The headers do not name the electrodes; Hyser's channel order is assumed.")
    if kind == "dynamic":
        trials = [
            JoinedTrial(record, label, rest, 0, quiet=record) for record, label in zip(records, labels, strict=True)
        ]
    else:
        notes.append(f"The first {HEAD_S} s of each maintenance trial are left out.")
        if heads:
            notes.append("The rest between maintenance trials is borrowed from the session's dynamic trials.")
        else:
            notes.append("There is no rest: the session has no dynamic trials to borrow it from.")
        trials = [
            JoinedTrial(record, label, rest if heads else fade, head, quiet=heads[k % len(heads)] if heads else None)
            for k, (record, label) in enumerate(zip(records, labels, strict=True))
        ]
    return HyserRecording(
        name=name,
        fs_hz=fs_hz,
        channels=channels,
        n_samples=sum(trial.n_samples for trial in trials),
        markers=tuple(_markers(trials, head)),
        subject=subject,
        session=session,
        trials=tuple(trials),
        notes=tuple(notes),
    )


def _markers(trials: Sequence[JoinedTrial], head: int) -> Iterator[Marker]:
    start = 0
    for trial in trials:
        movement = start + trial.filler_samples + head - trial.skip_samples
        if trial.quiet is None:
            yield Marker(start, trial.label)
        else:
            yield Marker(start, REST)
            yield Marker(movement, trial.label)
        start += trial.n_samples
