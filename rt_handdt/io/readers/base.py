"""What the readers have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rt_handdt.core.recording import ArrayRecording, Marker
from rt_handdt.core.types import Float32
from rt_handdt.io.file_names import named_subject
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.signal_columns import Column, distinct_names, signal_columns


class OneFile:
    """A reader of files that stand alone, known by their endings."""

    suffixes: tuple[str, ...] = ()

    def fits(self, path: Path) -> bool:
        """By its ending."""
        return path.name.casefold().endswith(self.suffixes)

    def files(self, path: Path) -> tuple[Path, ...]:
        """The file."""
        return (path,)


def array_recording(
    path: Path,
    samples: npt.NDArray[np.floating],
    columns: Sequence[Column],
    fs_hz: float,
    choice: SignalChoice,
    *,
    markers: Sequence[Marker] = (),
    subject: str | None = None,
    session: str | None = None,
    notes: Sequence[str] = (),
) -> ArrayRecording:
    """A recording of the electrodes among a file's columns.

    Parameters
    ----------
    path
        The file, for its name and for messages.
    samples
        Shape (n, number of columns), in each column's unit.
    columns
        What the file says of each.
    choice
        What the user says.
    markers, subject, session, notes
        Of the recording; who and when by the file's name, where not given.

    Raises
    ------
    RecordingError
        If no column can be an electrode (see `signal_columns`).
    ConfigError
        If a stream is chosen; there are none.
    """
    SignalChoice(choice.stream).refuse(path)
    found = signal_columns(str(path), columns, choice)
    names, renamed = distinct_names(found.names)
    kept: Float32 = np.asarray(samples[:, found.keep] * found.to_uv, np.float32)
    who, when = named_subject(path)
    inside = [one for one in markers if 0 <= one.index < len(kept)]
    beyond = (
        (f"{len(markers) - len(inside)} markers beyond the end were dropped.",) if len(inside) < len(markers) else ()
    )
    return ArrayRecording(
        name=path.name.split(".", 1)[0],
        fs_hz=fs_hz,
        channels=names,
        n_samples=len(kept),
        markers=tuple(inside),
        subject=subject or who,
        session=session or when,
        samples=kept,
        columns=tuple(found.keep.tolist()),
        notes=(*notes, *found.notes, *renamed, *beyond),
    )


def changes(labels: Sequence[str]) -> tuple[Marker, ...]:
    """Markers where the label of the samples changes; "" means that nothing is known."""
    found: list[Marker] = []
    last: str | None = None
    for index, label in enumerate(labels):
        if label != last:
            found.append(Marker(index, label))
            last = label
    return tuple(found)
