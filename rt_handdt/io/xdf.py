"""XDF files, as LabRecorder writes them: an EMG stream and streams of markers.

The times in an XDF jitter, and samples may be lost; `rt_handdt.io.xdf_time` makes the rate even again. The writer is
in `rt_handdt.io.xdf_writer`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rt_handdt.core.recording import ArrayRecording
from rt_handdt.errors import RecordingError
from rt_handdt.io.description import shown
from rt_handdt.io.file_names import UNKNOWN, named_subject
from rt_handdt.io.plain_number import plain_number
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.signal_columns import distinct_names, signal_columns
from rt_handdt.io.xdf_choice import choose_emg
from rt_handdt.io.xdf_markers import read_markers
from rt_handdt.io.xdf_streams import XdfStream, load_streams
from rt_handdt.io.xdf_time import make_even
from rt_handdt.io.xdf_writer import write_xdf

__all__ = ["named_subject", "read_xdf", "write_xdf"]

#: No clock counts so many seconds: the year 2286, counted from 1970.
_LATEST_S = 1e10
#: A recording of which so little is there is none.
_SPARSEST = 20


def read_xdf(
    path: str | Path,
    *,
    need_markers: bool = False,
    choice: SignalChoice = SignalChoice(),
    loaded: tuple[list[XdfStream], tuple[str, ...]] | None = None,
) -> ArrayRecording:
    """Read the EMG and the markers of an XDF file.

    Parameters
    ----------
    path
        A ``.xdf`` (or gzipped ``.xdfz``) file. Of a damaged one all that is sound is read.
    need_markers
        Refuse a file without a single marker.
    choice
        Stream, unit and columns, where the file leaves them open or tells them wrong.
    loaded
        What `rt_handdt.io.xdf_streams.load_streams` gave for this file, if it was asked before.

    Returns
    -------
    ArrayRecording
        Samples in µV, (n_samples, n_channels); sample indices count from the EMG stream's first sample. Markers are
        put on the nearest sample. Two equal markers in a row stay two segments. Its notes say what was left out.

    Raises
    ------
    RecordingError
        If the file is no XDF, holds no EMG (or several), has a rate that its times contradict, a unit that is no
        voltage, or no markers although they are needed.
    """
    path = Path(path)
    streams, notes = load_streams(path) if loaded is None else loaded
    if not streams and notes:  # what was left out is the reason
        raise RecordingError(f"{path}: no stream of it can be read. {' '.join(notes)} Record it again.")
    emg, passed_over = choose_emg(path, streams, choice.stream)
    name = emg.name or path.stem
    what = f"{path}, stream '{shown(name)}'"
    fs_hz = emg.described.fs_hz
    if fs_hz <= 0:
        none = plain_number(emg.rate_said or "0") == 0
        declared = "no sampling rate" if none else f"a sampling rate of '{shown(emg.rate_said)}', which is none"
        raise RecordingError(f"{what}: declares {declared}; EMG must be recorded at a fixed, declared rate.")
    if len(emg) < 2 and emg.misfit:
        raise RecordingError(
            f"{what}: its header says {emg.described.n_channels} channels of {emg.described.number_format}, but its "
            "samples are written otherwise; mend the program that wrote it, and record again."
        )
    if len(emg) < 2:
        raise RecordingError(f"{what}: holds {len(emg)} samples; record again and check that the amplifier streams.")
    columns = signal_columns(what, emg.columns, choice)
    channels, renamed = distinct_names(columns.names)

    # A stamp beyond all clocks is damage; an honest one may be of any.
    stamps = np.where(np.abs(emg.times) < _LATEST_S, emg.times, np.nan)
    rows, times, lost = make_even(what, stamps, fs_hz)
    gaps: tuple[str, ...] = ()
    if len(lost):
        gaps = (f"{int(lost.sum())} samples lost in {len(lost)} gaps of the recording were filled with NaN.",)
    n_samples = int(rows[-1]) + 1
    if n_samples > _SPARSEST * len(emg):
        raise RecordingError(
            f"{what}: its times leave room for {n_samples} samples, but only {len(emg)} are there; record it again."
        )
    samples = np.full((n_samples, len(channels)), np.nan, dtype=np.float32)
    samples[rows] = emg.values[:, columns.keep] * columns.to_uv.astype(np.float32)

    markers, said = read_markers([stream for stream in streams if stream is not emg], times, rows, fs_hz)
    speed = emg.described.speed
    if speed != 1.0:
        gaps += (f"Recorded from a replay at {speed:g} × its speed; its samples were taken at {fs_hz / speed:g} Hz.",)
    notes = (*notes, *passed_over, *emg.notes, *columns.notes, *renamed, *gaps, *said)
    if need_markers and not markers:
        raise RecordingError(
            f"{path}: holds no markers{_why(said)}, so nothing says which gesture is when; record with a marker stream "
            "(a string stream with one sample at each gesture's onset)."
        )
    subject, session = named_subject(path)
    return ArrayRecording(
        name=name,
        fs_hz=fs_hz / speed,
        channels=channels,
        n_samples=n_samples,
        markers=markers,
        subject=emg.subject or subject if subject == UNKNOWN else subject,
        session=session,
        samples=samples,
        columns=tuple(columns.keep.tolist()),
        notes=notes,
    )


def _why(said: tuple[str, ...]) -> str:
    return f" on its signal ({' '.join(said)})" if said else ""
