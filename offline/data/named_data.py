"""What ``--data`` may name, for every command: one grammar.

- a Hyser folder, one of its sessions, or a cohort of virtual people on disk (of trials, or continuous)
- ``virtual:SEED:PEOPLE[:SESSIONS[:REPETITIONS]]``: virtual people made as they are read (2 and 2 by default)
- any file that `rt_handdt.io.readers` reads: XDF, WFDB, BDF, CSV, NumPy, OTBioLab+
- a folder of them, taken in the order of their names
- an EMG-BIDS dataset, one of its subjects or sessions
- a ``dataset.toml``, or the folder that holds one

Of XDF files and WFDB records stream, unit and columns may be chosen (`rt_handdt.io.signal_choice`). Files whose names
tell the same subject and session are one session, in the order given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from offline.data.cohort_folder import COHORT_NOTE, cohort_root, read_plan
from offline.data.dataset_file import DATASET_FILE, Dataset, RecordedFile
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.recording import Recording
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.bids.session import list_bids
from rt_handdt.io.continuous_folder import list_continuous, read_continuous_name
from rt_handdt.io.hyser_layout import HyserSession, list_sessions, parse_trial, read_session_folder
from rt_handdt.io.readers import endings, reader_of
from rt_handdt.io.recording_tree import standalone_files
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.xdf import named_subject
from rt_handdt.io.xdf_session import read_session
from rt_handdt.paths import layout_path
from rt_handdt.sim.person import draw_person
from rt_handdt.sim.seeds import RESERVED_SEED
from rt_handdt.sim.session import HYSER_FS_HZ, virtual_recording

VIRTUAL = "virtual"


@dataclass(frozen=True)
class VirtualSession:
    """A session of a virtual person: numbers as in `rt_handdt.sim.session.virtual_recording`."""

    seed: int
    subject: int
    session: int
    repetitions: int

    def recording(self, layout: ElectrodeLayout) -> Recording:
        """Made as it is read, with these electrodes, at Hyser's rate."""
        return virtual_recording(
            self.seed, self.subject, self.session, layout=layout, fs_hz=HYSER_FS_HZ, repetitions=self.repetitions
        )


@dataclass(frozen=True)
class NamedSession:
    """One subject in one session, and where it is recorded; nothing of the signal is read yet."""

    subject: str
    session: str
    where: HyserSession | VirtualSession | tuple[RecordedFile, ...]


@dataclass(frozen=True)
class NamedData:
    """Everything that ``--data`` named.

    Attributes
    ----------
    sessions
        In order.
    description
        One line.
    virtual
        Whether any of the subjects is known to be simulated.
    layouts
        (layout, the ``dataset.toml`` that names it), each layout once.
    """

    sessions: tuple[NamedSession, ...]
    description: str
    virtual: bool
    layouts: tuple[tuple[str, str], ...] = ()

    def layout(self, wanted: str | None, default: str | None = None) -> ElectrodeLayout:
        """The electrodes: those that are asked for, else the data set's own, else the default.

        Raises
        ------
        ConfigError
            If two data sets have different layouts, or nothing says which it is.
        """
        if wanted is None and len(self.layouts) > 1:
            said = ", ".join(f"{file}: {Path(own).stem}" for own, file in self.layouts)
            raise ConfigError(f"One run needs one layout; there are {said}. Name one with --layout, or part the data.")
        chosen = wanted or (self.layouts[0][0] if self.layouts else default)
        if chosen is None:
            raise ConfigError(
                f"Nothing says which electrodes these are; name a layout with --layout, or in a {DATASET_FILE}."
            )
        return ElectrodeLayout.from_toml(layout_path(chosen))


def read_names(
    names: Sequence[str | Path], *, allow_reserved_seeds: bool = False, choice: SignalChoice = SignalChoice()
) -> NamedData:
    """Find everything that ``--data`` names.

    Parameters
    ----------
    names
        See the module's docstring.
    allow_reserved_seeds
        Whether virtual people who are kept for final figures are wanted all the same.
    choice
        Which stream, unit and columns are meant in all XDF files and WFDB records; a ``dataset.toml`` says what this
        leaves open.

    Raises
    ------
    RecordingError
        If there is nothing to read at a path, or something is named twice.
    ConfigError
        If a name of virtual people or a ``dataset.toml`` is not valid, a reserved seed is named though not allowed, or
        something is chosen of data that leave no choice.
    """
    found: list[NamedSession] = []
    described: list[str] = []
    layouts: dict[str, str] = {}
    virtual = False
    for name in names:
        seed = named_seed(name)
        if seed is not None and seed >= RESERVED_SEED and not allow_reserved_seeds:
            raise ConfigError(reserved_sentence(name, seed, "take a lower seed"))
        sessions, description = _named(name, seed, layouts)
        virtual = virtual or seed is not None or (Path(name) / COHORT_NOTE).exists()
        found += sessions
        described.append(description)
    if not found:
        raise RecordingError(
            "There is no data: give --data a Hyser folder, a cohort, XDF files or a folder of them, a "
            f"{DATASET_FILE}, or {VIRTUAL}:SEED:PEOPLE."
        )
    if choice:
        found = [_with_choice(one, choice) for one in found]
        described.append(choice.words())
    return NamedData(_joined(found), "; ".join(described), virtual, tuple(layouts.items()))


def named_seed(name: str | Path) -> int | None:
    """Of the virtual people that a name means, or of the cohort that a path lies in; None where there are none.

    Raises
    ------
    ConfigError
        If a name of virtual people is not one.
    RecordingError
        If a cohort's own note cannot be read.
    """
    if is_virtual(name):
        return _fields(str(name))[0]
    path = Path(name)
    root = cohort_root(path) if path.exists() else None
    return None if root is None else read_plan(root).seed


def is_virtual(name: str | Path) -> bool:
    """Whether a name is one of virtual people and no path."""
    return str(name).split(":")[0] == VIRTUAL and not Path(name).exists()


def reserved_sentence(name: str | Path, seed: int, instead: str) -> str:
    """Why virtual people of this seed are not trained on, and what to do instead."""
    return (
        f"'{name}': these virtual people are of seed {seed}, and seeds from {RESERVED_SEED} on are reserved for final "
        f"figures, never trained on; {instead}, or say --allow-reserved-seeds."
    )


def _with_choice(session: NamedSession, choice: SignalChoice) -> NamedSession:
    if not isinstance(session.where, tuple):
        choice.refuse(f"subject {session.subject} session {session.session}")
        return session
    return replace(session, where=tuple(replace(file, choice=choice.over(file.choice)) for file in session.where))


# -- one name ----------------------------------------------------------------------------------------------------------


def _named(name: str | Path, seed: int | None, layouts: dict[str, str]) -> tuple[list[NamedSession], str]:
    if is_virtual(name):
        return _virtual(str(name))
    path = Path(name)
    if not path.exists():
        raise RecordingError(f"{path}: there is nothing here; check the path.")
    made = [] if seed is None else [f"virtual people, seed {seed}"]
    toml = path if path.suffix == ".toml" else path / DATASET_FILE
    if toml.is_file():
        sessions, own = _dataset(toml)
        layouts.setdefault(own, str(toml))
        count = sum(len(one.where) for one in sessions if isinstance(one.where, tuple))
        return sessions, f"{toml.resolve().parent.name} ({count} recordings)"
    if not path.is_dir():
        return [_file(path)], path.name + (f" ({made[0]})" if made else "")
    continuous = list_continuous(path)
    if continuous:
        said = ", ".join([*made, f"{len(continuous)} continuous sessions"])
        return [_file(one.path) for one in continuous], f"{path.resolve().name} ({said})"
    bids = list_bids(path)
    if bids:
        sessions = [NamedSession(one.subject, one.session, (RecordedFile(one.path),)) for one in bids]
        return sessions, f"{path.resolve().name} (EMG-BIDS, {len(bids)} sessions)"
    files = standalone_files(path)
    if files and read_session_folder(path) is None and not _holds_sessions(path):
        return [_file(one) for one, _ in files], f"{path.resolve().name} ({len(files)} recordings)"
    sessions = [NamedSession(f"{one.subject:02d}", str(one.session), one) for one in list_sessions(path)]
    if not made and (path / COHORT_NOTE).exists():
        made = ["virtual people"]
    if len(sessions) > 1:
        made.append(f"{len(sessions)} sessions")
    return sessions, path.resolve().name + (f" ({', '.join(made)})" if made else "")


def _holds_sessions(path: Path) -> bool:
    try:
        return bool(list_sessions(path))
    except RecordingError:
        return False


def _file(path: Path) -> NamedSession:
    if reader_of(path) is None:
        raise RecordingError(
            f"{path}: is nothing that can be measured or learnt from; give a folder of Hyser or BIDS, a cohort, a "
            f"recording ({endings()}), a {DATASET_FILE}, or {VIRTUAL}:SEED:PEOPLE."
        )
    who = named_subject(path)
    if read_continuous_name(path) is not None:
        one = read_session(path)
        who = one.subject, one.session
    elif parse_trial(path) is not None and (session := read_session_folder(path.parent)) is not None:
        who = f"{session.subject:02d}", str(session.session)
    return NamedSession(*who, (RecordedFile(path),))


def _dataset(path: Path) -> tuple[list[NamedSession], str]:
    """Its sessions, and its layout."""
    dataset = Dataset.from_toml(path)
    gestures = tuple(dataset.gestures.items())
    sessions = []
    for entry in dataset.recording:
        file = path.parent / entry.file
        if not file.is_file():
            raise RecordingError(
                f"{path}: names '{entry.file}', which is not beside it; mend the name or copy the file."
            )
        recorded = RecordedFile(file, entry.choice.over(dataset.choice), gestures, dataset.settle_s)
        sessions.append(NamedSession(entry.subject, entry.session, (recorded,)))
    beside = path.parent / dataset.layout
    return sessions, str(beside) if beside.is_file() else dataset.layout


def _fields(name: str) -> tuple[int, ...]:
    """Seed, people, sessions and repetitions of a name of virtual people."""
    fields = name.split(":")[1:]
    if not 2 <= len(fields) <= 4 or not all(part.isascii() and part.isdigit() for part in fields):
        raise ConfigError(f"'{name}': virtual people are written {VIRTUAL}:SEED:PEOPLE[:SESSIONS[:REPETITIONS]].")
    numbers = (*map(int, fields), *[2, 2][len(fields) - 2 :])
    if min(numbers[1:]) < 1:
        raise ConfigError(f"'{name}': people, sessions and repetitions must be at least 1.")
    return numbers


def _virtual(name: str) -> tuple[list[NamedSession], str]:
    seed, people, sessions, repetitions = _fields(name)
    made = [
        NamedSession(draw_person(seed, subject).name, str(session), VirtualSession(seed, subject, session, repetitions))
        for subject in range(1, people + 1)
        for session in range(1, sessions + 1)
    ]
    return made, f"{people} virtual people (seed {seed}; sessions: {sessions}, repetitions: {repetitions})"


# -- all of them -------------------------------------------------------------------------------------------------------


def _joined(found: Sequence[NamedSession]) -> tuple[NamedSession, ...]:
    """Each session once: files of the same one belong together, anything else that is there twice is refused."""
    sessions: dict[tuple[str, str], NamedSession] = {}
    files: set[tuple[Path, SignalChoice]] = set()
    for one in found:
        if isinstance(one.where, tuple):
            for file in one.where:
                key = (file.path.resolve(), file.choice)
                if key in files:
                    raise RecordingError(f"{file.path}: is named twice; name each recording once.")
                files.add(key)
        before = sessions.get((one.subject, one.session))
        if before is not None and not (isinstance(before.where, tuple) and isinstance(one.where, tuple)):
            raise RecordingError(
                f"subject {one.subject} session {one.session}: is there twice; name each session once, or tell the "
                f"people apart in a {DATASET_FILE}."
            )
        if before is not None and isinstance(before.where, tuple) and isinstance(one.where, tuple):
            one = replace(before, where=(*before.where, *one.where))
        sessions[one.subject, one.session] = one
    return tuple(sessions.values())
