"""Recordings cut by their markers: the first repetitions of each label, what follows them, and late beginnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from rt_handdt.core.recording import UNLABELLED, Marker, Recording
from rt_handdt.core.types import Float32
from rt_handdt.errors import ConfigError, RecordingError


@dataclass(frozen=True)
class RecordingPart(Recording):
    """Samples of another recording, read as they are asked for.

    Attributes
    ----------
    whole
        The other one.
    start
        Its sample that is the first of this one.
    """

    whole: Recording = field(kw_only=True, repr=False)
    start: int = field(default=0, kw_only=True)

    def blocks(self, block_samples: int = 4096) -> Iterator[Float32]:
        at, stop = 0, self.start + self.n_samples
        for block in self.whole.blocks(block_samples):
            own = block[max(self.start - at, 0) : max(stop - at, 0)]
            if len(own):
                yield own
            at += len(block)
            if at >= stop:
                return


class Repetitions(NamedTuple):
    """The first repetitions of each label, and what follows, both in order of time."""

    first: tuple[Recording, ...]
    rest: tuple[Recording, ...]


def first_repetitions(
    recordings: Sequence[Recording], count: int, labels: Collection[str] | None = None
) -> Repetitions:
    """Cut the first `count` repetitions of each label out of one subject's session.

    A repetition is a segment. What `first` holds besides them, up to the end of the last of them, is unlabelled there
    (as a rule: rest, which comes more often than any gesture), so that every label counts the same.

    Parameters
    ----------
    recordings
        Of one session, in order of time. The repetitions are those of the first one.
    count
        Of each label, 1 or more.
    labels
        Those that are wanted; segments of others count for nothing. By default all there are in the first recording.

    Raises
    ------
    ConfigError
        If `count` is below 1.
    RecordingError
        If the first recording has none of the labels, or fewer repetitions of one of them.
    """
    if count < 1:
        raise ConfigError(f"The number of repetitions to calibrate with must be at least 1; got {count}.")
    one = recordings[0]
    segments = [segment for segment in one.segments() if labels is None or segment.label in labels]
    there = Counter(segment.label for segment in segments)
    if not there:
        known = "" if labels is None else f" of {', '.join(sorted(labels))}"
        raise RecordingError(f"{one.name}: has no repetition{known}; a calibration needs markers with these labels.")
    few = [f"{label} ({number})" for label, number in there.items() if number < count]
    if few:
        raise RecordingError(
            f"{one.name}: {count} repetitions of each label are to calibrate with, but it has fewer of "
            f"{', '.join(few)}; ask for fewer."
        )
    seen, taken = Counter[str](), set[int]()
    end = 0
    for segment in segments:
        seen[segment.label] += 1
        if seen[segment.label] <= count:
            taken.add(segment.start)
            end = segment.stop
    first = [
        marker if marker.index in taken and marker.label in there else Marker(marker.index, UNLABELLED)
        for marker in one.markers
        if marker.index < end
    ]
    parts = [_part(one, 0, end, first, "calibration")]
    if end < one.n_samples:
        later = [Marker(marker.index - end, marker.label) for marker in one.markers if marker.index >= end]
        return Repetitions(tuple(parts), (_part(one, end, one.n_samples, later, "rest"), *recordings[1:]))
    return Repetitions(tuple(parts), tuple(recordings[1:]))


def settled(recording: Recording, seconds: float) -> Recording:
    """The same recording with the first `seconds` of each segment unlabelled.

    Cues come before the movement: people follow them after some tenths of a second.
    """
    if seconds < 0:
        raise ConfigError(f"What is left out at the beginning of a segment must be 0 s or more; got {seconds:g} s.")
    late = round(seconds * recording.fs_hz)
    if not late:
        return recording
    markers: list[Marker] = []
    for marker, following in zip(recording.markers, (*recording.markers[1:], None), strict=True):
        end = recording.n_samples if following is None else following.index
        markers.append(Marker(marker.index, UNLABELLED))
        if marker.index + late < end:
            markers.append(Marker(marker.index + late, marker.label))
    return replace(recording, markers=tuple(markers))


def _part(whole: Recording, start: int, stop: int, markers: Sequence[Marker], what: str) -> RecordingPart:
    return RecordingPart(
        name=f"{whole.name} ({what})",
        fs_hz=whole.fs_hz,
        channels=whole.channels,
        n_samples=stop - start,
        markers=tuple(markers),
        subject=whole.subject,
        session=whole.session,
        notes=whole.notes,
        whole=whole,
        start=start,
    )
