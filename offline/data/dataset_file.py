"""``dataset.toml``: recordings of one's own, told apart by subject and session, with the labels that they are to have.

::

    layout = "flexemg_16x4"            # a shipped name, or a file beside this one
    settle_s = 0.5                     # of each segment so much is left out at its beginning: markers are cues
    [gestures]                         # marker in the files = label here; others are left out and counted
    fist = "hand_close"
    rest = "rest"
    [[recording]]
    file = "first.xdf"                 # beside this file
    subject = "01"
    session = "1"                      # several files of one session belong together, in this order

``stream``, ``unit`` and ``columns`` (`rt_handdt.io.signal_choice`) may stand at the top, for all files, and in a
recording, for that file::

    columns = "0-63"                   # the electrodes' columns, counted from 0
    unit = "mV"                        # their true unit
    [[recording]]
    file = "two_people.xdf"
    subject = "02"
    columns = "64-127"
    stream = "Quattrocento"            # name, source id, NAME@HOST or uid, or the number in the file
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from rt_handdt.config import Settings
from rt_handdt.core.recording import UNLABELLED, Marker, Recording
from rt_handdt.core.repetitions import settled
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.bids.session import list_bids
from rt_handdt.io.continuous_folder import read_continuous_name
from rt_handdt.io.readers import reader_of
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.sources import XDF_SUFFIXES, open_recording
from rt_handdt.io.xdf import read_xdf

DATASET_FILE = "dataset.toml"


class _Chosen(Settings):
    """Keys that say which signal of a file is meant."""

    stream: str | None = None
    unit: str | None = None
    columns: str | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            _ = self.choice
        except ConfigError as exc:
            raise ValueError(str(exc)) from None
        return self

    @property
    def choice(self) -> SignalChoice:
        """What they say."""
        return SignalChoice.parse(self.stream, self.unit, self.columns)


class RecordingEntry(_Chosen):
    """One file of a data set."""

    file: str
    subject: str = Field(min_length=1)
    session: str = Field("1", min_length=1)


class Dataset(_Chosen):
    """A ``dataset.toml``, see the module's docstring."""

    layout: str
    settle_s: float = Field(0.0, ge=0)
    gestures: dict[str, str] = Field(default_factory=dict)
    recording: tuple[RecordingEntry, ...] = Field(min_length=1)


@dataclass(frozen=True)
class RecordedFile:
    """One file, and what is to be made of its markers.

    Attributes
    ----------
    path
        A file that `rt_handdt.io.readers` reads, or a session's folder of an EMG-BIDS dataset.
    choice
        Stream, unit and columns, where the file leaves them open or tells them wrong.
    gestures
        (marker, our label) pairs; segments of other markers are unlabelled. Empty: markers are labels.
    settle_s
        See `rt_handdt.core.repetitions.settled`.
    """

    path: Path
    choice: SignalChoice = field(default_factory=SignalChoice)
    gestures: tuple[tuple[str, str], ...] = field(default=())
    settle_s: float = 0.0

    @property
    def identity(self) -> str:
        """Which data this is, whatever lies in the file."""
        chosen = (self.choice.unit, self.choice.columns)
        # tables that were stored before unit and columns could be chosen stay valid
        more = [str(chosen)] if chosen != (None, None) else []
        known = [str(self.path.resolve()), str(self.choice.stream), str(self.gestures), f"{self.settle_s:g}"]
        return "|".join(known + more)

    @property
    def files(self) -> tuple[Path, ...]:
        """All that is read of the disk."""
        sessions = list_bids(self.path)
        paths = [file for one in sessions for file in one.files] or [self.path]
        found = [(reader_of(one), one) for one in paths]
        return tuple(file for reader, one in found if reader is not None for file in reader.files(one))

    def open(self, subject: str, session: str, *, need_markers: bool = False) -> tuple[Recording, Counter[str]]:
        """Read it.

        Returns
        -------
        recording, unnamed
            Called as the file is; and how many segments carry each marker that `gestures` does not name.

        Raises
        ------
        RecordingError
            If it cannot be read, or has no markers although they are needed.
        """
        xdf = self.path.name.casefold().endswith(XDF_SUFFIXES) and read_continuous_name(self.path) is None
        if xdf:
            recording: Recording = read_xdf(self.path, need_markers=need_markers, choice=self.choice)
        else:
            recording = open_recording(self.path, choice=self.choice)
        if need_markers and not recording.markers:
            raise RecordingError(
                f"{self.path}: holds no markers, so nothing says which gesture is when; give a recording with markers."
            )
        if xdf:  # its stream's name is the amplifier's, and the same in all of them
            recording = replace(recording, name=self.path.name[: -len(_suffix(self.path))])
        recording = replace(recording, subject=subject, session=session)
        unnamed = Counter[str]()
        if self.gestures:
            known = dict(self.gestures)
            unnamed.update(segment.label for segment in recording.segments() if segment.label not in known)
            renamed = tuple(Marker(one.index, known.get(one.label, UNLABELLED)) for one in recording.markers)
            recording = replace(recording, markers=renamed)
        return settled(recording, self.settle_s), unnamed


def unnamed_sentence(marker: str) -> str:
    """What is said, behind a number, of segments whose marker is not among the gestures of the data set."""
    return f"segments carry the marker '{marker}', which [gestures] does not name, and were left out"


def _suffix(path: Path) -> str:
    return next(suffix for suffix in sorted(XDF_SUFFIXES, key=len, reverse=True) if path.name.lower().endswith(suffix))
