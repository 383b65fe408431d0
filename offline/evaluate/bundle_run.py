"""``handdt-offline evaluate BUNDLE``: from the names of data to scores."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from offline.data.named_data import NamedData, NamedSession, read_names
from offline.data.recordings import open_session
from offline.evaluate.scores import SCHEMA, Evaluation, write_json
from offline.evaluate.scoring import ScoredSession, score_sessions
from offline.util import Bar
from rt_handdt.core.bundle import Bundle, load_bundle
from rt_handdt.core.recording import Recording
from rt_handdt.core.repetitions import first_repetitions, settled
from rt_handdt.errors import ConfigError, HanddtError
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.io.signal_choice import SignalChoice


@dataclass(frozen=True)
class BundleEvaluation:
    """What was scored, how, and what came out.

    Attributes
    ----------
    bundle
        That was scored.
    data, calibration
        In one line; of the calibration, how it came about, or nothing.
    protocol
        A sentence.
    found
        The scores.
    """

    bundle: Bundle
    data: str
    calibration: str
    protocol: str
    found: Evaluation

    def to_dict(self) -> dict[str, Any]:
        """As the JSON file holds it."""
        manifest = self.bundle.manifest
        return {
            "schema": SCHEMA,
            "bundle": {"name": manifest.name, "fingerprint": self.bundle.fingerprint, "data": manifest.training.data},
            "data": self.data,
            "calibration": self.calibration or None,
            "protocol": self.protocol,
            "window_s": self.bundle.spec.window_samples / self.bundle.spec.fs_hz,
            "hop_s": self.bundle.spec.hop_samples / self.bundle.spec.fs_hz,
            **self.found.to_dict(),
        }


def evaluate_bundle(
    path: str | Path,
    data: Sequence[str],
    *,
    calibration: Sequence[str] = (),
    repetitions: int | None = None,
    settle_s: float = 0.0,
    out: Path | None = None,
    console: Console | None = None,
    choice: SignalChoice = SignalChoice(),
) -> BundleEvaluation:
    """Score a bundle on recordings as live use would, beside LDA on the same windows.

    Parameters
    ----------
    path
        The bundle's folder.
    data, calibration
        See `offline.data.named_data`; virtual people may be of any seed. Recordings of the calibration belong to the
        subject of the same name: those of the same session where there are some, else all of them.
    repetitions
        Calibrate with the first so many repetitions of each label: of the calibration's recordings if there are some,
        else of each session's own first recording; what follows them is scored.
    settle_s
        So much is left out at the beginning of each segment, in scoring and calibrating alike.
    out
        JSON file to write.
    console
        Where progress goes; standard error if None.
    choice
        Stream, unit and columns of the files of `data` and `calibration`.

    Raises
    ------
    HanddtError
        Whatever is wrong with bundle, data or options.
    """
    console = console or Console(stderr=True)
    if out is not None:
        _check_writable(out)
    bundle = load_bundle(path)
    named = read_names(data, allow_reserved_seeds=True, choice=choice)
    own = read_names(calibration, allow_reserved_seeds=True, choice=choice) if calibration else None
    if own is not None:
        _refuse_common(named, own)
    console.print(f"Data: {escape(named.description)}", highlight=False)
    sessions, notes = _sessions(named, own, bundle, repetitions, settle_s, console)
    recognizer = Recognizer(bundle)
    with Bar(console) as bar:
        row = bar.begin("Sessions", len(sessions))
        found = score_sessions(recognizer, sessions, on_session=lambda session: bar.done(row))
    found = Evaluation(found.labels, found.methods, found.subjects, found.unavailable, (*notes, *found.notes))
    how = _calibration_sentence(own, repetitions)
    result = BundleEvaluation(bundle, named.description, how, _protocol(bundle, settle_s, how), found)
    if out is not None:
        write_json(out, result.to_dict())
    return result


def _sessions(
    named: NamedData,
    own: NamedData | None,
    bundle: Bundle,
    repetitions: int | None,
    settle_s: float,
    console: Console,
) -> tuple[list[ScoredSession], list[str]]:
    """Opened; those of which something is wrong are left out with a note, as long as others remain."""
    labels = bundle.gestures.labels
    sessions: list[ScoredSession] = []
    failed: list[tuple[NamedSession, HanddtError]] = []

    def opened(session: NamedSession) -> tuple[Recording, ...]:
        found = tuple(settled(one, settle_s) for one in open_session(session, bundle.spec.layout))
        for recording in found:
            for note in recording.notes:
                console.print(f"{escape(recording.name)}: {escape(note)}", style="yellow", highlight=False)
        return found

    for session in named.sessions:
        try:
            recordings = opened(session)
            given: tuple[Recording, ...] = ()
            if own is not None:
                given = tuple(one for match in _matching(own, session) for one in opened(match))
                if repetitions is not None:
                    given = first_repetitions(given, repetitions, labels).first
            elif repetitions is not None:
                given, recordings = first_repetitions(recordings, repetitions, labels)
                if not recordings:
                    raise ConfigError(
                        f"subject {session.subject} session {session.session}: nothing follows the calibration; ask "
                        "for fewer --repetitions, or name its recording with --calibration."
                    )
            late = 0.0 if settle_s else None  # the segments' beginnings are left out already
            sessions.append(ScoredSession(session.subject, session.session, recordings, given, late))
        except HanddtError as exc:
            failed.append((session, exc))
    if not sessions:
        raise failed[0][1]
    return sessions, [f"subject {one.subject} session {one.session} was left out: {exc}" for one, exc in failed]


def _matching(own: NamedData, session: NamedSession) -> list[NamedSession]:
    """The calibration's sessions of this subject."""
    found = [one for one in own.sessions if one.subject == session.subject]
    if not found:
        there = ", ".join(dict.fromkeys(one.subject for one in own.sessions))
        raise ConfigError(
            f"--calibration has no recording of subject {session.subject} (there: {there}); the name of a file, or a "
            "dataset.toml, says whose it is."
        )
    return [one for one in found if one.session == session.session] or found


def _refuse_common(named: NamedData, own: NamedData) -> None:
    def parts(data: NamedData) -> set[object]:
        return {
            part.path.resolve() if hasattr(part, "path") else part
            for session in data.sessions
            for part in (session.where if isinstance(session.where, tuple) else (session.where,))
        }

    common = parts(named) & parts(own)
    if common:
        raise ConfigError(
            f"{next(iter(common))}: is scored and to calibrate with at once; name each recording once, or let "
            "--repetitions cut the calibration out of --data."
        )


def _calibration_sentence(own: NamedData | None, repetitions: int | None) -> str:
    if own is None and repetitions is None:
        return ""
    what = "all repetitions" if repetitions is None else f"the first {repetitions} repetitions"
    what = "the first repetition" if repetitions == 1 else what
    if own is None:
        return f"{what} of each label in each session's own first recording, and only what follows is scored"
    return f"{what} of each label in {own.description}"


def _protocol(bundle: Bundle, settle_s: float, how: str) -> str:
    late = f" later than {settle_s:g} s after its beginning" if settle_s else ""
    spec = bundle.spec
    return (
        f"Windows of {spec.window_samples / spec.fs_hz:g} s every {spec.hop_samples / spec.fs_hz:g} s that lie wholly "
        f"inside one marker segment{late}, the same in every column; raw posterior; causal, every subject and session "
        f"begins anew; {f'calibration: {how}' if how else 'no calibration'}"
    )


def _check_writable(path: Path) -> None:
    """Before the work, not after it, is the time to learn that its result cannot be written."""
    if not path.parent.is_dir():
        raise ConfigError(f"{path}: the folder '{path.parent}' does not exist; make it or choose another path.")
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise ConfigError(f"{path}: cannot be written; choose another path.")
