"""Small synthetic recordings for the trainer's tests: noise that is louder where a gesture's muscle would be."""

from __future__ import annotations

import numpy as np

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.recording import ArrayRecording, Marker

FS_HZ = 512.0
LAYOUT = ElectrodeLayout.grid(3, 5)  # odd sides: every convolution has to round
LABELS = ("rest", "wrist_flexion", "wrist_extension")
SEGMENT_S = 1.0


def recording(
    person: int,
    *,
    repetitions: int = 3,
    labels: tuple[str, ...] = LABELS,
    markers: bool = True,
    fs_hz: float = FS_HZ,
    segment_s: float = SEGMENT_S,
) -> ArrayRecording:
    """One person making each gesture `repetitions` times, each segment 1 s long unless told otherwise."""
    rng = np.random.default_rng([7, person])
    column = np.arange(LAYOUT.shape[1])
    gain = rng.uniform(0.8, 1.25, LAYOUT.n_channels)
    order = [label for _ in range(repetitions) for label in labels]
    n_segment = round(segment_s * fs_hz)
    pieces = []
    for label in order:
        at = {"rest": None, "wrist_flexion": 0.5, "wrist_extension": 3.5}.get(label, 2.0)
        amplitude = np.full(LAYOUT.shape, 2.0)
        if at is not None:
            amplitude = amplitude + 40.0 * np.exp(-((column - at - 0.2 * rng.normal()) ** 2))
        amplitudes = LAYOUT.from_grid(amplitude) * gain
        pieces.append(rng.normal(size=(n_segment, LAYOUT.n_channels)) * amplitudes)
    samples = np.concatenate(pieces).astype(np.float32)
    cues = tuple(Marker(k * n_segment, label) for k, label in enumerate(order)) if markers else ()
    return ArrayRecording(
        f"person {person}", fs_hz, LAYOUT.channels, len(samples), cues, subject=f"p{person}", samples=samples
    )
