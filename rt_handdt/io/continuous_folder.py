"""Where continuous sessions of virtual people lie on disk: ``ROOT/continuous/subject01_session1.xdf``, and so on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from rt_handdt.errors import RecordingError

CONTINUOUS = "continuous"
_SESSION = re.compile(r"subject(\d+)_session(\d+)\.xdf")


class ContinuousSession(NamedTuple):
    """One of them: its numbers and its file."""

    subject: int
    session: int
    path: Path


def continuous_file(root: str | Path, subject: int, session: int) -> Path:
    """File of a session under a cohort's root (it need not exist)."""
    return Path(root) / CONTINUOUS / f"subject{subject:02d}_session{session}.xdf"


def read_continuous_name(path: str | Path) -> ContinuousSession | None:
    """The session that a file holds, by its name and folder; None if it is named otherwise."""
    path = Path(path)
    named = _SESSION.fullmatch(path.name)
    if named is None or path.absolute().parent.name != CONTINUOUS:
        return None
    return ContinuousSession(int(named[1]), int(named[2]), path)


def list_continuous(path: str | Path) -> list[ContinuousSession]:
    """The sessions of a cohort, by subject and session number; none if the folder is no such cohort.

    `path` is its root, or the folder ``continuous`` in it.
    """
    path = Path(path)
    folder = path if path.absolute().name == CONTINUOUS else path / CONTINUOUS
    entries = folder.iterdir() if folder.is_dir() else ()
    return sorted(found for entry in entries if (found := read_continuous_name(entry)))


def pick_continuous(path: str | Path, subject: int | None, session: int | None) -> ContinuousSession | None:
    """The one session that is meant: of those that fit, the lowest numbers. None if the folder is no such cohort.

    Raises
    ------
    RecordingError
        If it is one, but holds no such session.
    """
    sessions = list_continuous(path)
    for one in sessions:
        if subject in (None, one.subject) and session in (None, one.session):
            return one
    if not sessions:
        return None
    asked = " ".join(
        f"{what} {value}" for what, value in (("subject", subject), ("session", session)) if value is not None
    )
    there = ", ".join(f"{one.subject}/{one.session}" for one in sessions[:8]) + (", …" if len(sessions) > 8 else "")
    raise RecordingError(f"{path}: holds no {asked}; there are the continuous sessions (subject/session) {there}.")
