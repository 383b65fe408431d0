"""What ``--data`` names, as recordings: for training, and for all that a bundle is tried on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from offline.data.dataset_file import unnamed_sentence
from offline.data.named_data import NamedSession, VirtualSession, read_names
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.recording import Recording
from rt_handdt.io.hyser import read_hyser
from rt_handdt.io.hyser_layout import HyserSession
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.sim.continuous import OTHER


@dataclass(frozen=True)
class TrainingData:
    """Opened recordings and what a card says of them.

    Attributes
    ----------
    recordings
        Samples come as they are asked for, where the format allows it.
    description
        One line.
    virtual
        Whether any of the people is known to be simulated.
    """

    recordings: tuple[Recording, ...]
    description: str
    virtual: bool


def open_data(
    names: Sequence[str],
    layout: ElectrodeLayout,
    *,
    allow_reserved_seeds: bool = False,
    choice: SignalChoice = SignalChoice(),
) -> TrainingData:
    """Open everything that ``--data`` names.

    Parameters
    ----------
    names
        See `offline.data.named_data`.
    layout
        The electrodes that virtual people wear.
    allow_reserved_seeds, choice
        See `offline.data.named_data.read_names`.

    Raises
    ------
    RecordingError
        If there is nothing to read at a path, or something is named twice.
    ConfigError
        If a name is not valid, or virtual people are of a reserved seed.
    """
    named = read_names(names, allow_reserved_seeds=allow_reserved_seeds, choice=choice)
    recordings = [recording for session in named.sessions for recording in open_session(session, layout)]
    return TrainingData(_with_note_on_other(recordings), named.description, named.virtual)


def open_session(session: NamedSession, layout: ElectrodeLayout) -> Iterator[Recording]:
    """The recordings of one session, in order; a Hyser session's dynamic trials where it has some."""
    where = session.where
    if isinstance(where, HyserSession):
        yield read_hyser(where.path, kind=where.kinds[0] if where.kinds else "dynamic")
    elif isinstance(where, VirtualSession):
        yield where.recording(layout)
    else:
        for file in where:
            recording, unnamed = file.open(session.subject, session.session)
            said = tuple(f"{count} {unnamed_sentence(marker)}." for marker, count in unnamed.items())
            yield replace(recording, notes=(*recording.notes, *said))


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
