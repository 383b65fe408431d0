"""EDF and BDF files that stand alone."""

from __future__ import annotations

from pathlib import Path

from rt_handdt.core.recording import Marker, Recording
from rt_handdt.io.edf import EdfRecording, read_edf
from rt_handdt.io.file_names import named_subject
from rt_handdt.io.readers.base import OneFile
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.signal_columns import distinct_names, signal_columns


class EdfReader(OneFile):
    """Annotations of EDF+ and BDF+ are markers."""

    name = "EDF/BDF"
    suffixes = (".bdf", ".edf")

    def open(self, path: Path, choice: SignalChoice) -> Recording:
        """See `Reader`."""
        SignalChoice(choice.stream).refuse(path)
        file = read_edf(path)
        found = signal_columns(str(path), file.columns, choice)
        names, renamed = distinct_names(found.names)
        at = sorted((round(onset * file.fs_hz), text) for onset, _, text in file.annotations)
        inside = [Marker(index, text) for index, text in at if 0 <= index < file.n_samples]
        beyond = (f"{len(at) - len(inside)} annotations beyond the end were dropped.",) if len(inside) < len(at) else ()
        subject, session = named_subject(path)
        return EdfRecording(
            name=path.stem,
            fs_hz=file.fs_hz,
            channels=names,
            n_samples=file.n_samples,
            markers=tuple(inside),
            subject=subject,
            session=session,
            columns=tuple(found.keep.tolist()),
            notes=(*file.notes, *found.notes, *renamed, *beyond),
            file=file,
            to_uv=found.to_uv,
        )
