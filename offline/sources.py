"""What ``--data`` may name: Hyser folders, cohorts, XDF files, or virtual people made as they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from offline.cohort_folder import COHORT_NOTE, cohort_root, read_plan
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.recording import Recording
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.continuous_folder import list_continuous
from rt_handdt.io.hyser_layout import list_sessions
from rt_handdt.io.sources import open_recording
from rt_handdt.io.xdf_session import read_session
from rt_handdt.sim.continuous import OTHER
from rt_handdt.sim.seeds import RESERVED_SEED
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


def open_data(names: Sequence[str], layout: ElectrodeLayout, *, allow_reserved_seeds: bool = False) -> TrainingData:
    """Open everything that ``--data`` names.

    Parameters
    ----------
    names
        Paths, or ``virtual:SEED:PEOPLE`` with, if wanted, ``:SESSIONS:REPETITIONS`` (2 and 2 otherwise).
    layout
        The electrodes that virtual people wear.
    allow_reserved_seeds
        Whether virtual people who are kept for final figures are wanted all the same.

    Raises
    ------
    RecordingError
        If there is nothing to read at a path.
    ConfigError
        If a name of virtual people is not one, or names some of a reserved seed.
    """
    recordings: list[Recording] = []
    described: list[str] = []
    virtual = False
    for name in names:
        if name.split(":")[0] == VIRTUAL and not Path(name).exists():
            fields = _fields(name)
            seed: int | None = fields[0]
        else:
            fields = ()
            seed = _cohort_seed(Path(name))
        if seed is not None and seed >= RESERVED_SEED and not allow_reserved_seeds:
            raise ConfigError(
                f"'{name}': these virtual people are of seed {seed}, and seeds from {RESERVED_SEED} on are reserved "
                "for final figures, never trained on; take a lower seed, or say --allow-reserved-seeds."
            )
        if fields:
            made, description = _virtual(fields, layout)
        else:
            made, description = _recorded(Path(name), seed)
        virtual = virtual or bool(fields) or seed is not None or (Path(name) / COHORT_NOTE).exists()
        recordings += made
        described.append(description)
    if not recordings:
        raise RecordingError("There is no data to train on: give --data a Hyser folder, a cohort, or XDF files.")
    return TrainingData(_with_note_on_other(recordings), "; ".join(described), virtual)


def _with_note_on_other(recordings: Sequence[Recording]) -> tuple[Recording, ...]:
    """The same recordings; the first that has movements of no class says how many there are in all."""
    found = {
        number: [segment.stop - segment.start for segment in recording.segments() if segment.label == OTHER]
        for number, recording in enumerate(recordings)
    }
    having = [number for number, lengths in found.items() if lengths]
    if not having:
        return tuple(recordings)
    seconds = sum(sum(found[number]) / recordings[number].fs_hz for number in having)
    note = (
        f"{sum(map(len, found.values()))} movements of the data ({seconds:.0f} s) are marked '{OTHER}', no gesture; "
        f"they are not learned, unless the configuration names '{OTHER}' under 'gestures'."
    )
    noted = list(recordings)
    noted[having[0]] = replace(noted[having[0]], notes=(*noted[having[0]].notes, note))
    return tuple(noted)


def _cohort_seed(path: Path) -> int | None:
    """Of the cohort that the path lies in; None where there is none."""
    root = cohort_root(path)
    return None if root is None else read_plan(root).seed


def _recorded(path: Path, seed: int | None) -> tuple[list[Recording], str]:
    if not path.exists():
        raise RecordingError(f"{path}: there is nothing here; check the path.")
    what = "" if seed is None else f"virtual people, seed {seed}"
    if path.is_dir():
        continuous = list_continuous(path)
        if continuous:
            said = f"{what}, " if what else ""
            return (
                [read_session(one.path) for one in continuous],
                f"{path.resolve().name} ({said}{len(continuous)} continuous sessions)",
            )
        sessions = list_sessions(path)
        if len(sessions) > 1:
            opened = [open_recording(path, subject=item.subject, session=item.session) for item in sessions]
            if not what and (path / COHORT_NOTE).exists():
                what = "virtual people"
            return opened, f"{path.resolve().name} ({f'{what}, ' if what else ''}{len(sessions)} sessions)"
    return [open_recording(path)], path.name + (f" ({what})" if what else "")


def _fields(name: str) -> tuple[int, ...]:
    """Seed, people, sessions and repetitions of a name of virtual people."""
    fields = name.split(":")[1:]
    if not 2 <= len(fields) <= 4 or not all(part.isascii() and part.isdigit() for part in fields):
        raise ConfigError(f"'{name}': virtual people are written {VIRTUAL}:SEED:PEOPLE[:SESSIONS[:REPETITIONS]].")
    numbers = (*map(int, fields), *[2, 2][len(fields) - 2 :])
    if min(numbers[1:]) < 1:
        raise ConfigError(f"'{name}': people, sessions and repetitions must be at least 1.")
    return numbers


def _virtual(fields: tuple[int, ...], layout: ElectrodeLayout) -> tuple[list[Recording], str]:
    seed, people, sessions, repetitions = fields
    made: list[Recording] = [
        virtual_recording(seed, subject, session, layout=layout, fs_hz=HYSER_FS_HZ, repetitions=repetitions)
        for subject in range(1, people + 1)
        for session in range(1, sessions + 1)
    ]
    return made, f"{people} virtual people (seed {seed}; sessions: {sessions}, repetitions: {repetitions})"
