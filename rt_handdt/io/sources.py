"""Open whatever recording lies at a path."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from rt_handdt.core.recording import Recording
from rt_handdt.errors import RecordingError
from rt_handdt.io.bids.session import list_bids, pick_bids, read_bids_session
from rt_handdt.io.continuous_folder import list_continuous, pick_continuous, read_continuous_name
from rt_handdt.io.hyser import pick_session, read_hyser
from rt_handdt.io.hyser_layout import Kind, Variant, read_session_folder
from rt_handdt.io.readers import endings, reader_of
from rt_handdt.io.readers.xdf import XdfReader
from rt_handdt.io.recorded_decisions import RecordedDecisions, read_run
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.xdf_session import read_session

#: Given in place of a path: a virtual person, ``virtual`` or ``virtual:SEED``.
VIRTUAL = "virtual"
XDF_SUFFIXES = XdfReader.suffixes


def open_recording(
    path: str | Path,
    *,
    subject: int | None = None,
    session: int | None = None,
    kind: Kind | None = None,
    variant: Variant | None = None,
    gestures: Collection[str] | None = None,
    rest_s: float = 1.0,
    choice: SignalChoice = SignalChoice(),
) -> Recording:
    """Open a recording with the reader that fits.

    Parameters
    ----------
    path
        A Hyser root, session folder or trial; a BIDS dataset, subject or session; a cohort of continuous sessions; a
        file that one of `rt_handdt.io.readers` reads; or ``virtual`` or ``virtual:SEED`` for a virtual person.
    subject, session
        Which of a Hyser root's, a cohort's, or of the virtual people; for other paths they are not used.
    kind, variant, gestures, rest_s
        For folders of Hyser, see `rt_handdt.io.hyser.read_hyser`; without `kind`, dynamic trials where there are some.
    choice
        For a single file: which stream (of an XDF file), unit and columns are meant.

    Raises
    ------
    RecordingError
        If there is nothing that can be read.
    ConfigError
        If a choice is given for a recording that leaves none.
    """
    seed = virtual_seed(path)
    if seed is not None:
        # Imported here: only this source needs the simulator.
        from rt_handdt.sim.session import virtual_recording

        choice.refuse(path)
        virtual: Recording = virtual_recording(
            seed=seed, subject=1 if subject is None else subject, session=1 if session is None else session
        )
        return virtual
    path = Path(path)
    if not path.exists():
        raise RecordingError(
            f"{path}: there is no such file or folder; give a folder of Hyser or BIDS, a recording "
            f"({', '.join(endings())}), or '{VIRTUAL}'."
        )
    if path.is_dir():
        return _folder(path, subject, session, kind, variant, gestures, rest_s, choice)
    reader = reader_of(path)
    if reader is None:
        raise RecordingError(f"{path}: is not a recording that can be read; these can: {', '.join(endings())}.")
    return reader.open(path, choice)


def open_run(
    path: str | Path,
    *,
    subject: int | None = None,
    session: int | None = None,
    kind: Kind | None = None,
    choice: SignalChoice = SignalChoice(),
    as_run: bool = False,
) -> tuple[Recording, RecordedDecisions | None]:
    """Open a recording as `open_recording` does, with what was decided while it was made; None where nothing was.

    With `as_run` its electrodes are those that the run took (see `rt_handdt.io.recorded_decisions.read_run`).

    Raises
    ------
    RecordingError, ConfigError
        See `open_recording`.
    """
    if str(path).casefold().endswith(XDF_SUFFIXES) and Path(path).is_file() and read_continuous_name(path) is None:
        return read_run(path, choice, as_run=as_run)
    return open_recording(path, subject=subject, session=session, kind=kind, choice=choice), None


def _folder(
    path: Path,
    subject: int | None,
    session: int | None,
    kind: Kind | None,
    variant: Variant | None,
    gestures: Collection[str] | None,
    rest_s: float,
    choice: SignalChoice,
) -> Recording:
    continuous = pick_continuous(path, subject, session)
    if continuous is not None:
        choice.refuse(path)
        opened = read_session(continuous.path)
        others = len(list_continuous(path)) if subject is session is None else 1
        if others > 1:
            return replace(opened, notes=(f"The first of {others} sessions here; choose by subject and session.",))
        return opened
    bids = list_bids(path)
    if bids:
        one = pick_bids(path, bids, subject, session)
        return read_bids_session(one, kind=kind, gestures=gestures, rest_s=rest_s, choice=choice)
    _refuse_other_folders(path)
    choice.refuse(path)
    if kind is None:
        kinds = pick_session(path, subject, session).kinds
        kind = kinds[0] if kinds else "dynamic"
    return read_hyser(
        path, subject=subject, session=session, kind=kind, variant=variant, gestures=gestures, rest_s=rest_s
    )


def virtual_seed(path: str | Path) -> int | None:
    """The seed in ``virtual`` (0) or ``virtual:SEED``; None if `path` is something else.

    Raises
    ------
    RecordingError
        If the seed is no whole number.
    """
    word, colon, seed = str(path).partition(":")
    if word != VIRTUAL or (not colon and Path(path).exists()):
        return None
    if not colon:
        return 0
    if not (seed.isascii() and seed.isdigit()):
        raise RecordingError(f"{path}: the seed of a virtual person must be a whole number, as in {VIRTUAL}:7.")
    return int(seed)


def _refuse_other_folders(path: Path) -> None:
    """Help those who gave the folder in place of the file."""
    if read_session_folder(path) is not None:
        return
    names = sorted(entry.name for entry in path.iterdir())
    if not names:
        raise RecordingError(f"{path}: is empty; give a folder with Hyser's sessions, or a recording's file.")
    files = [name for name in names if (path / name).is_file() and reader_of(path / name) is not None]
    folders = any(read_session_folder(path / name) for name in names if (path / name).is_dir())
    if files and not folders:
        raise RecordingError(f"{path}: is a folder of {len(files)} recordings; give one of them, such as {files[0]}.")
