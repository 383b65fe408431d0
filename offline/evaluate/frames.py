"""The frames of one session's recordings, and which of them count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from offline.data.windows import live_windows
from rt_handdt.core.preprocess import Preprocessor
from rt_handdt.core.recording import Recording
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32
from rt_handdt.errors import RecordingError


@dataclass(frozen=True)
class LabelledFrames:
    """Frames in order of time, as a live run over the same recordings would see them.

    Attributes
    ----------
    maps
        (N, F, H, W), all that live use would judge: what adapts sees those that do not count, too.
    label
        (N,) position among the model's labels; −1 where a window does not count.
    unknown
        Windows of each label that the model does not know.
    refused
        Windows that would have counted, but that live use refuses as no EMG, by the reason's code.
    """

    maps: Float32
    label: npt.NDArray[np.int64]
    unknown: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def counted(self) -> npt.NDArray[np.int64]:
        """Positions of the windows that count."""
        return np.flatnonzero(self.label >= 0)


def labelled_frames(recordings: Sequence[Recording], spec: PipelineSpec, labels: Sequence[str]) -> LabelledFrames:
    """Drive the pipeline over recordings, one after the other; a window counts if it lies wholly inside one segment.

    Raises
    ------
    RecordingError
        If a recording has no markers.
    LayoutMismatch
        If its rate or channels are not those of the spec.
    """
    number = {label: k for k, label in enumerate(labels)}
    maps: list[Float32] = []
    label: list[int] = []
    unknown, refused = Counter[str](), Counter[str]()
    for recording in recordings:
        if not recording.markers:
            raise RecordingError(
                f"{recording.name}: has no markers, so nothing says which gesture is made when; give a recording with "
                "a marker stream or label file."
            )
        for window in live_windows(recording, Preprocessor(spec), everywhere=True):
            frame, named = window.frame, window.segment.label if window.segment else ""
            if frame.fault is not None:
                refused[frame.fault.code] += named in number
                continue
            maps.append(frame.maps)
            label.append(number.get(named, -1))
            if named and named not in number:
                unknown[named] += 1
    found = np.stack(maps) if maps else np.zeros((0, *spec.frame_shape), np.float32)
    return LabelledFrames(found, np.asarray(label, np.int64), unknown, +refused)
