"""A recording that was made with the same amplifier as the live stream."""

from __future__ import annotations

from dataclasses import replace

from rt_handdt.core.recording import Recording
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.sources import XDF_SUFFIXES, open_recording
from rt_handdt.runtime.source_choice import SourceChoice


def own_recording(path: str, choice: SourceChoice, spec: PipelineSpec) -> Recording:
    """Open a recording whose columns, unit and names of electrodes are what is said of the stream.

    Parameters
    ----------
    path
        See `open_recording`.
    choice
        Of the stream. Its name is not looked for in the file.
    spec
        Whose layout the electrodes shall be named by.

    Raises
    ------
    HanddtError
        If it cannot be read, or what is said of the stream does not fit it.
    """
    said = SignalChoice(None, choice.unit, choice.columns)
    if not path.casefold().endswith((*XDF_SUFFIXES, ".hea", ".dat")):
        said = SignalChoice()  # of a format that says by itself what is what
    recording = open_recording(path, choice=said)
    if said.columns is not None:
        return replace(recording, channels=spec.layout.channels)
    if choice.layout is None or set(spec.layout.channels) <= set(recording.channels):
        return recording
    ours = dict(zip(spec.layout.named_as(choice.layout).channels, spec.layout.channels, strict=True))
    return replace(recording, channels=tuple(ours.get(name, name) for name in recording.channels))
