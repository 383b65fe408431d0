"""Windows of a person whose labels are known: the repetitions that a calibration is fitted to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rt_handdt.core.preprocess import iter_frames
from rt_handdt.core.recording import Recording, Segment
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32
from rt_handdt.errors import RecordingError

#: A label needs so many windows in all; fewer say next to nothing of how they scatter.
LEAST_WINDOWS = 5
#: Of a segment's length, at most this is left out at its beginning.
SETTLE_SHARE = 0.25


@dataclass(frozen=True)
class LabelledWindows:
    """Windows of one person with labels.

    Attributes
    ----------
    maps
        (N, F, H, W) raw, in order of time.
    label
        (N,) positions among the model's K labels.
    repetition
        (N,) which repetition of its label a window belongs to, from 0.
    notes
        What was left out, one sentence each.
    independent
        The share of them that is worth as much as independent ones: hop over length, for neighbours share samples.
    """

    maps: Float32
    label: npt.NDArray[np.int64]
    repetition: npt.NDArray[np.int64]
    notes: tuple[str, ...] = ()
    independent: float = 1.0

    def __len__(self) -> int:
        return len(self.label)


def labelled_windows(
    recordings: Sequence[Recording], spec: PipelineSpec, labels: Sequence[str], settle_s: float
) -> LabelledWindows:
    """Windows that lie wholly inside a marker segment of a label that the model knows.

    Parameters
    ----------
    recordings
        Of one person and donning, in order of time; each segment is one repetition of its label.
    settle_s
        Windows that begin sooner after their marker are left out; of a short segment, its first quarter.

    Raises
    ------
    RecordingError
        If fewer than two labels have windows enough, or a value is not finite.
    LayoutMismatch
        If a recording's rate or channels differ from the spec's.
    """
    maps: list[Float32] = []
    rows: list[tuple[int, int]] = []
    unknown, seen, faults = Counter[str](), Counter[str](), Counter[str]()
    for recording in recordings:
        wanted: list[tuple[Segment, int, int, int]] = []
        for segment in recording.segments():
            if segment.label not in labels:
                unknown[segment.label] += 1
                continue
            late = min(round(settle_s * spec.fs_hz), round(SETTLE_SHARE * (segment.stop - segment.start)))
            wanted.append((segment, segment.start + late, labels.index(segment.label), seen[segment.label]))
            seen[segment.label] += 1
        at = 0
        for frame in iter_frames(recording, spec):
            first = frame.index - spec.window_samples + 1
            while at < len(wanted) and wanted[at][0].stop <= frame.index:
                at += 1
            if at == len(wanted):
                break
            _, start, label, repetition = wanted[at]
            if first < start:
                continue
            if frame.fault is not None:
                faults[frame.fault.sentence] += 1
            else:
                maps.append(frame.maps)
                rows.append((label, repetition))
    named = " and ".join(recording.name for recording in recordings)
    counts = Counter(label for label, _ in rows)
    kept = [label for label in sorted(counts) if counts[label] >= LEAST_WINDOWS]
    least_s = settle_s + spec.window_s + (LEAST_WINDOWS - 1) * spec.hop_s
    notes = []
    if unknown:
        notes.append(f"Not among the model's labels, left out: {_counted(unknown)}.")
    notes += [f"{number} windows left out: {sentence}" for sentence, number in faults.most_common(3)]
    short = [label for k, label in enumerate(labels) if label in seen and k not in kept]
    if short:
        notes.append(
            f"Too short to learn from, left out: {', '.join(short)}; a repetition should last {least_s:.2g} s or more."
        )
    if len(kept) < 2:
        there = ", ".join(labels[k] for k in kept) or "none"
        raise RecordingError(
            f"{named}: a calibration needs two or more of the model's labels ({', '.join(labels)}), each held for "
            f"{least_s:.2g} s or longer; found {there}."
            + (f" {notes[0]}" if unknown else "")
            + " Record each gesture and rest once, with markers."
        )
    missing = [label for k, label in enumerate(labels) if label not in seen]
    if missing:
        notes.append(
            f"Not in the calibration, left to the network: {', '.join(missing)}; record them too to calibrate them."
        )
    table = np.asarray(rows, dtype=np.int64).reshape(-1, 2)
    rows_kept = np.flatnonzero(np.isin(table[:, 0], kept))
    known, repeated = table[rows_kept].T
    found = np.stack(maps)[rows_kept]
    if not np.isfinite(found).all():
        raise RecordingError(f"{named}: its features are not finite; the recording holds impossible values.")
    share = spec.hop_samples / spec.window_samples
    return LabelledWindows(found, known, _from_zero(known, repeated), tuple(notes), share)


def relabelled(windows: LabelledWindows, labels: Sequence[str], wanted: Sequence[str]) -> LabelledWindows | None:
    """Those windows whose label is among the wanted ones, by their positions there; None with fewer than two labels.

    Parameters
    ----------
    labels
        What the windows' labels are positions among.
    """
    place = np.array([wanted.index(label) if label in wanted else -1 for label in labels])
    own = place[windows.label]
    rows = np.flatnonzero(own >= 0)
    if len(np.unique(own[rows])) < 2:
        return None
    left = [label for k, label in enumerate(wanted) if k not in own]
    notes = (f"Not in the calibration, left to the network: {', '.join(left)}.",) if left else ()
    return LabelledWindows(windows.maps[rows], own[rows], windows.repetition[rows], notes, windows.independent)


def _from_zero(label: npt.NDArray[np.int64], repetition: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Repetitions of each label without holes: one whose segment was too short has no windows."""
    out = np.empty_like(repetition)
    for k in np.unique(label):
        out[label == k] = np.unique(repetition[label == k], return_inverse=True)[1]
    return out


def _counted(found: Counter[str]) -> str:
    return ", ".join(label if number == 1 else f"{label} ({number} segments)" for label, number in found.items())
