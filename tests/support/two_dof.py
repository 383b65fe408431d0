"""Somebody who opens, closes, flexes and extends under eight electrodes, alone and at once, as slowly as asked."""

from __future__ import annotations

import numpy as np

from rt_handdt.core.dof import DofPair
from rt_handdt.core.recording import ArrayRecording, Marker
from rt_handdt.core.types import Float32, Float64
from tests.support.tiny import noise, tiny_spec

SPEC = tiny_spec()
DOFS = DofPair()
#: Which electrodes each movement lights.
WHERE = dict(zip(DOFS.gestures, ([0, 1], [2, 3], [4, 5], [6, 7]), strict=True))
LOUD = 14.0


def signal(velocities: Float64, seed: int = 0) -> Float32:
    """Samples (n, 8) µV of somebody whose hand moves so, velocities (n, 2)."""
    samples = noise(SPEC, len(velocities), 1.0, seed)
    offset = 20_000.0
    gain = np.ones((len(velocities), 8))
    for k, dof in enumerate(DOFS):
        gain[:, WHERE[dof.positive]] += LOUD * np.maximum(velocities[:, k], 0.0)[:, None]
        gain[:, WHERE[dof.negative]] += LOUD * np.maximum(-velocities[:, k], 0.0)[:, None]
    return ((samples - offset) * gain + offset).astype(np.float32)


def cues(labels: tuple[str, ...] | None = None, repetitions: int = 2, seconds: float = 2.0) -> ArrayRecording:
    """A recording of rest and of each label, made slowly, with rest between."""
    labels = (*DOFS.gestures, *DOFS.combined) if labels is None else labels
    n = round(seconds * SPEC.fs_hz)
    pieces, markers, at = [np.zeros((n, 2))], [Marker(0, "rest")], n
    for label in labels * repetitions:
        direction = DOFS.direction(label)
        assert direction is not None
        pieces += [np.linspace(0, 1.2, n).clip(0, 1)[:, None] * direction, np.zeros((n // 2, 2))]
        markers += [Marker(at, label), Marker(at + n, "rest")]
        at += n + n // 2
    samples = signal(np.concatenate(pieces))
    return ArrayRecording("cues", SPEC.fs_hz, SPEC.layout.channels, len(samples), tuple(markers), samples=samples)
