"""What ``--data`` may name: Hyser folders, cohorts, XDF files, or virtual people made as they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from offline.cohort import COHORT_NOTE
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.recording import Recording
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.hyser_layout import list_sessions
from rt_handdt.io.sources import open_recording
from rt_handdt.sim.session import HYSER_FS_HZ, virtual_recording

VIRTUAL = "virtual"


@dataclass(frozen=True)
class TrainingData:
    """Opened recordings and what a card says of them.

    Attributes
    ----------
    recordings
        Not read yet; samples come as they are asked for.
    description
        One line.
    virtual
        Whether any of the people is known to be simulated.
    """

    recordings: tuple[Recording, ...]
    description: str
    virtual: bool


def open_data(names: Sequence[str], layout: ElectrodeLayout) -> TrainingData:
    """Open everything that ``--data`` names.

    Parameters
    ----------
    names
        Paths, or ``virtual:SEED:PEOPLE`` with, if wanted, ``:SESSIONS:REPETITIONS`` (2 and 2 otherwise).
    layout
        The electrodes that virtual people wear.

    Raises
    ------
    RecordingError
        If there is nothing to read at a path.
    ConfigError
        If a name of virtual people is not one.
    """
    recordings: list[Recording] = []
    described: list[str] = []
    virtual = False
    for name in names:
        if name.split(":")[0] == VIRTUAL and not Path(name).exists():
            made, description = _virtual(name, layout)
            virtual = True
        else:
            made, description = _recorded(Path(name))
            virtual = virtual or (Path(name) / COHORT_NOTE).exists()
        recordings += made
        described.append(description)
    if not recordings:
        raise RecordingError("There is no data to train on: give --data a Hyser folder, a cohort, or XDF files.")
    return TrainingData(tuple(recordings), "; ".join(described), virtual)


def _recorded(path: Path) -> tuple[list[Recording], str]:
    if not path.exists():
        raise RecordingError(f"{path}: there is nothing here; check the path.")
    if path.is_dir():
        sessions = list_sessions(path)
        if len(sessions) > 1:
            opened = [open_recording(path, subject=item.subject, session=item.session) for item in sessions]
            what = "virtual people, " if (path / COHORT_NOTE).exists() else ""
            return opened, f"{path.resolve().name} ({what}{len(sessions)} sessions)"
    return [open_recording(path)], path.name


def _virtual(name: str, layout: ElectrodeLayout) -> tuple[list[Recording], str]:
    fields = name.split(":")[1:]
    if not 2 <= len(fields) <= 4 or not all(part.isascii() and part.isdigit() for part in fields):
        raise ConfigError(f"'{name}': virtual people are written {VIRTUAL}:SEED:PEOPLE[:SESSIONS[:REPETITIONS]].")
    seed, people, sessions, repetitions = [int(part) for part in fields] + [2, 2][len(fields) - 2 :]
    if min(people, sessions, repetitions) < 1:
        raise ConfigError(f"'{name}': people, sessions and repetitions must be at least 1.")
    made: list[Recording] = [
        virtual_recording(seed, subject, session, layout=layout, fs_hz=HYSER_FS_HZ, repetitions=repetitions)
        for subject in range(1, people + 1)
        for session in range(1, sessions + 1)
    ]
    return made, f"{people} virtual people (seed {seed}; sessions: {sessions}, repetitions: {repetitions})"
