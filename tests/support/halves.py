"""Recordings for the tiny bundle: noise that is louder on the left or on the right half of its grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rt_handdt.core.recording import ArrayRecording, Marker
from tests.support.tiny import tiny_spec

CYCLE = ("rest", "left", "right")


def halves(
    subject: str = "a",
    labels: Sequence[str] = CYCLE * 3,
    *,
    session: str = "1",
    seconds: float = 1.0,
    swap: Sequence[int] = (),
    fs_hz: float = 512.0,
    markers: bool = True,
    seed: int = 0,
) -> ArrayRecording:
    """A segment of each label in turn; in those of the positions `swap` the subject moves to the other side."""
    layout = tiny_spec().layout
    width = layout.shape[1]
    rng = np.random.default_rng([seed, len(labels)])
    n = round(seconds * fs_hz)
    pieces = []
    for k, label in enumerate(labels):
        amplitude = np.full(layout.shape, 1.0)
        if label != "rest":
            side = slice(0, width // 2) if (label == "left") != (k in swap) else slice(width // 2, None)
            amplitude[:, side] = 30.0
        pieces.append(rng.standard_normal((n, layout.n_channels)) * layout.from_grid(amplitude))
    samples = np.concatenate(pieces).astype(np.float32)
    cues = tuple(Marker(k * n, label) for k, label in enumerate(labels)) if markers else ()
    return ArrayRecording(
        f"{subject}-{session}",
        fs_hz,
        layout.channels,
        len(samples),
        cues,
        subject=subject,
        session=session,
        samples=samples,
    )
