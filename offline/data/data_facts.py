"""What a training configuration has to fit, read off opened recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from offline.data.datasets import common_rate
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.preprocess import channel_order
from rt_handdt.core.recording import Recording
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.errors import LayoutMismatch
from rt_handdt.sim.continuous import OTHER


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What a configuration has to fit.

    Attributes
    ----------
    fs_hz, layout, people
        Rate, electrodes, number of people.
    longest_s
        Of each label the longest segment.
    unmarked
        Recordings without markers.
    misplaced
        Why channels of a recording do not fit the layout, a sentence for each such recording.
    """

    fs_hz: float
    layout: ElectrodeLayout
    people: int
    longest_s: dict[str, float]
    unmarked: tuple[str, ...] = ()
    misplaced: tuple[str, ...] = ()

    @classmethod
    def of(cls, recordings: Sequence[Recording], layout: ElectrodeLayout) -> DataFacts:
        """Of opened recordings; their samples are not read.

        Raises
        ------
        RecordingError
            If there are none, or their rates differ.
        """
        any_spec = PipelineSpec(fs_hz=2048.0, layout=layout)  # channels are found by its layout alone
        longest: dict[str, float] = {}
        misplaced: dict[tuple[str, ...], str] = {}
        for recording in recordings:
            for segment in recording.segments():
                seconds = (segment.stop - segment.start) / recording.fs_hz
                longest[segment.label] = max(longest.get(segment.label, 0.0), seconds)
            if recording.channels not in misplaced:
                try:
                    channel_order(recording.channels, any_spec, recording.name)
                    misplaced[recording.channels] = ""
                except LayoutMismatch as exc:
                    misplaced[recording.channels] = str(exc)
        return cls(
            fs_hz=common_rate(recordings),
            layout=layout,
            people=len({recording.subject for recording in recordings}),
            longest_s=longest,
            unmarked=tuple(recording.name for recording in recordings if not recording.markers),
            misplaced=tuple(filter(None, misplaced.values())),
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """What may be learnt, where no labels are named."""
        return tuple(label for label in self.longest_s if label != OTHER)

    @property
    def summary(self) -> str:
        """People, rate and layout in a few words."""
        height, width = self.layout.shape
        people = "1 person" if self.people == 1 else f"{self.people} people"
        return f"{people}, {self.fs_hz:g} Hz, layout '{self.layout.name}' of {height}x{width}"
