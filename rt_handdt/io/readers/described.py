"""Files that a TOML beside them describes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rt_handdt.core.columns import parse_columns
from rt_handdt.core.recording import Recording
from rt_handdt.core.types import Float32
from rt_handdt.errors import RecordingError
from rt_handdt.io.readers.base import OneFile, array_recording, changes
from rt_handdt.io.readers.facts import TableFacts, facts_beside
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.signal_columns import Column


class DescribedFile(OneFile):
    """One file, and the TOML beside it (`rt_handdt.io.readers.facts`)."""

    def files(self, path: Path) -> tuple[Path, ...]:
        """The file and its TOML."""
        beside = facts_beside(path)
        return (path,) if beside is None else (path, beside)


def described_recording(
    path: Path,
    facts: TableFacts,
    samples: Float32,
    names: Sequence[str],
    columns: Sequence[int],
    labels: Sequence[str],
    choice: SignalChoice,
) -> Recording:
    """A recording of what was read.

    Parameters
    ----------
    path, facts
        The file, and what its TOML says.
    samples
        Shape (n, m), without the column of labels.
    names, columns
        Of the m columns: their own names, "" where they have none, and their numbers in the file.
    labels
        Of each sample; empty where there are none.
    choice
        What the user says; columns are counted in `samples`, those of the TOML in the file.

    Raises
    ------
    RecordingError
        If the TOML names columns that are not there, or another number of channels than there are.
    """
    own, place = list(names), {number: k for k, number in enumerate(columns)}
    chosen = tuple(columns) if facts.columns is None else parse_columns(facts.columns)
    absent = [number for number in chosen if number not in place]
    if absent:
        raise RecordingError(f"{path}: has no column {absent[0]} to be an electrode.")
    if facts.channels:
        if len(facts.channels) != len(chosen):
            raise RecordingError(
                f"{path}: its TOML names {len(facts.channels)} channels, but there are {len(chosen)} columns."
            )
        for name, number in zip(facts.channels, chosen, strict=True):
            own[place[number]] = name
    if facts.columns is not None and choice.columns is None:
        choice = SignalChoice(choice.stream, choice.unit, tuple(place[number] for number in chosen))
    known = facts.labels
    return array_recording(
        path,
        samples,
        [Column(name, facts.unit) for name in own],
        facts.fs_hz,
        choice,
        markers=changes([known.get(one, one if not known else "") for one in labels]),
        subject=facts.subject,
        session=facts.session,
    )
