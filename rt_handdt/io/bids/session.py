"""Sessions of a BIDS dataset."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from rt_handdt.core.gestures import HYSER_GESTURES, hyser_code
from rt_handdt.core.recording import Recording
from rt_handdt.errors import RecordingError
from rt_handdt.io.bids.names import entities, is_recording
from rt_handdt.io.bids.recording import BidsRecording, Event, read_bids
from rt_handdt.io.edf import EdfRecording, EdfTrial
from rt_handdt.io.hyser import join_trials
from rt_handdt.io.hyser_layout import Kind, hyser_channels, missing_gestures
from rt_handdt.io.signal_choice import SignalChoice

#: Missing gestures are named up to this many.
_NAMED = 6
#: Tasks of the public copy of Hyser: trials of one gesture.
_TRIALS = re.compile(r"gesture\d+")


@dataclass(frozen=True)
class BidsSession:
    """What is read as one recording: a session's trials of one gesture a file, or one continuous recording.

    Attributes
    ----------
    subject, session
        Their labels.
    path
        The folder ``ses-…``, or ``sub-…`` where there are no sessions; the file, where others of its session are
        recordings by themselves.
    files
        The EMG files it is made of, by name.
    """

    subject: str
    session: str
    path: Path
    files: tuple[Path, ...]


def list_bids(path: Path) -> list[BidsSession]:
    """The sessions at a path (a dataset, a subject or a session), without reading a signal; none, if it is none.

    Files of one gesture each, as the public copy of Hyser has them, are one; of others, each is one by itself.
    """
    if not path.is_dir():
        return []
    if path.resolve().name == "emg":
        path = path.resolve().parent
    named = path.resolve().name
    if named.startswith(("sub-", "ses-")):
        folders = [path]
    else:
        folders = sorted(one for one in path.iterdir() if one.is_dir() and one.name.startswith("sub-"))
    found: list[BidsSession] = []
    for folder in folders:
        inner = sorted(one for one in folder.iterdir() if one.is_dir() and one.name.startswith("ses-"))
        for one in inner or [folder]:
            inside = sorted(file for file in one.rglob("*") if is_recording(file))
            trials = [file for file in inside if _TRIALS.fullmatch(entities(file.name).get("task", ""))]
            if trials or len(inside) == 1:
                found.append(_session(one, trials or inside))
            else:
                found += [_session(file, [file]) for file in inside]
    return found


def _session(path: Path, files: list[Path]) -> BidsSession:
    said = entities(files[0].name)
    return BidsSession(said["sub"], said.get("ses", "1"), path, tuple(files))


def pick_bids(
    path: Path, sessions: Sequence[BidsSession], subject: int | str | None, session: int | str | None
) -> BidsSession:
    """Of the sessions at a path, the one that is meant: of those that fit, the first.

    Raises
    ------
    RecordingError
        If there is none, or the first is of several recordings.
    """
    fits = [one for one in sessions if _means(subject, one.subject) and _means(session, one.session)]
    same = [one for one in fits if (one.subject, one.session) == (fits[0].subject, fits[0].session)]
    if len(same) > 1:
        listed = ", ".join(one.path.name for one in same[:3]) + (", …" if len(same) > 3 else "")
        raise RecordingError(
            f"{path}: subject {same[0].subject} session {same[0].session} has {len(same)} recordings ({listed}); give "
            "one of them."
        )
    if fits:
        return fits[0]
    there = ", ".join(dict.fromkeys(one.subject for one in sessions))
    raise RecordingError(f"{path}: holds no subject {subject} session {session}; there are the subjects {there}.")


def read_bids_file(path: Path, choice: SignalChoice = SignalChoice()) -> Recording:
    """One file: trials of a gesture joined as in a session, or a continuous recording."""
    return read_bids_session(_session(path, [path]), choice=choice)


def read_bids_session(
    session: BidsSession,
    *,
    kind: Kind | None = None,
    gestures: Collection[str] | None = None,
    rest_s: float = 1.0,
    choice: SignalChoice = SignalChoice(),
) -> Recording:
    """A session as one continuous recording.

    Files whose events are trials (dynamic or maintenance, as in the public copy of Hyser) are joined as
    `rt_handdt.io.hyser.read_hyser` joins the same trials of WFDB, so that frames, splits and scores are equal. A
    session of one continuous recording is that recording.

    Parameters
    ----------
    session
        What is read.
    kind, gestures, rest_s
        Which trials, and the rest between them.
    choice
        Unit and columns, where the files leave them open.

    Raises
    ------
    RecordingError
        If a file cannot be read, or several continuous recordings are there.
    """
    parts = [read_bids(file, choice) for file in session.files]
    if not any(event.kind for part in parts for event in part.events):
        if len(parts) > 1:
            listed = ", ".join(part.file.path.name for part in parts[:3]) + (", …" if len(parts) > 3 else "")
            raise RecordingError(f"{session.path}: holds {len(parts)} recordings ({listed}); give one of them.")
        return _continuous(session, parts[0])
    found = [(part, event) for part in parts for event in part.events]
    kinds = {event.kind for _, event in found}
    wanted: str = kind or ("dynamic" if "dynamic" in kinds else "maintenance")
    chosen = [
        (part, event) for part, event in found if event.kind == wanted and (gestures is None or event.label in gestures)
    ]
    if not chosen:
        raise RecordingError(
            f"{session.path}: holds no {wanted} trial that is asked for; there are {', '.join(sorted(kinds))}."
        )
    heads = [_trial(part, event) for part, event in found if event.kind == "dynamic"] if wanted != "dynamic" else []
    notes = [note for part in parts for note in part.notes]
    counted = [
        f"{note} ({notes.count(note)} files)" if notes.count(note) > 1 else note for note in dict.fromkeys(notes)
    ]
    return join_trials(
        f"sub-{session.subject}_ses-{session.session}_{wanted}",
        session.subject,
        session.session,
        wanted,  # type: ignore[arg-type]
        [_trial(part, event) for part, event in chosen],
        [event.label for _, event in chosen],
        heads,
        rest_s,
        notes=(*counted, *_missing(parts, chosen)),
    )


def _continuous(session: BidsSession, part: BidsRecording) -> Recording:
    return EdfRecording(
        name=part.file.path.name.split(".", 1)[0],
        fs_hz=part.file.fs_hz,
        channels=part.names,
        n_samples=part.file.n_samples,
        markers=part.markers,
        subject=session.subject,
        session=session.session,
        columns=tuple(part.keep.tolist()),
        notes=part.notes,
        file=part.file,
        to_uv=part.to_uv,
    )


def _trial(part: BidsRecording, event: Event) -> EdfTrial:
    return EdfTrial(part.file, event.first, event.n_samples, part.keep, part.to_uv)


def _missing(parts: list[BidsRecording], chosen: list[tuple[BidsRecording, Event]]) -> tuple[str, ...]:
    """Of Hyser's 34 gestures, those without a trial here."""
    if set(parts[0].names) != set(hyser_channels()):
        return ()
    labels = {event.label for _, event in chosen}
    if not labels <= set(HYSER_GESTURES):
        return ()
    absent = missing_gestures(tuple(hyser_code(label) for label in labels))
    if not absent:
        return ()
    named = ", ".join(absent[:_NAMED]) + (", …" if len(absent) > _NAMED else "")
    return (f"{len(absent)} of Hyser's 34 gestures have no trial here: {named}.",)


def _means(asked: int | str | None, label: str) -> bool:
    """A number means the label with that number, however many zeros stand before it."""
    if asked is None or str(asked) == label:
        return True
    return label.isdigit() and str(asked).isdigit() and int(asked) == int(label)
