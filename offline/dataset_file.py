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
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import Field

from rt_handdt.config import Settings
from rt_handdt.core.recording import UNLABELLED, Marker, Recording
from rt_handdt.core.repetitions import settled
from rt_handdt.errors import RecordingError
from rt_handdt.io.continuous_folder import read_continuous_name
from rt_handdt.io.sources import XDF_SUFFIXES, open_recording
from rt_handdt.io.xdf import read_xdf

DATASET_FILE = "dataset.toml"


class RecordingEntry(Settings):
    """One file of a data set."""

    file: str
    subject: str = Field(min_length=1)
    session: str = Field("1", min_length=1)
    stream: str | None = None


class Dataset(Settings):
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
        An XDF file, or a WFDB record's ``.hea`` or ``.dat``.
    stream
        Name of the EMG stream; only needed where the file holds more than one.
    gestures
        (marker, our label) pairs; segments of other markers are unlabelled. Empty: markers are labels.
    settle_s
        See `rt_handdt.core.repetitions.settled`.
    """

    path: Path
    stream: str | None = None
    gestures: tuple[tuple[str, str], ...] = field(default=())
    settle_s: float = 0.0

    @property
    def identity(self) -> str:
        """Which data this is, whatever lies in the file."""
        return "|".join([str(self.path.resolve()), str(self.stream), str(self.gestures), f"{self.settle_s:g}"])

    @property
    def files(self) -> tuple[Path, ...]:
        """All that is read of the disk."""
        if self.path.suffix in (".hea", ".dat"):
            return self.path.with_suffix(".hea"), self.path.with_suffix(".dat")
        return (self.path,)

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
            recording: Recording = read_xdf(self.path, need_markers=need_markers, stream=self.stream)
        else:
            recording = open_recording(self.path)
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
