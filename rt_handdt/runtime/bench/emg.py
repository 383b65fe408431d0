"""EMG to measure with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy import signal

from rt_handdt.core.recording import Recording
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32
from rt_handdt.errors import ConfigError
from rt_handdt.sim.session import virtual_recording

#: A virtual person whom no model was trained on.
SEED = 1000
SECONDS = 6.0


@dataclass(frozen=True)
class LoopedRecording(Recording):
    """Samples (n, n_channels) in memory, again and again."""

    samples: Float32 = field(kw_only=True, repr=False)

    def blocks(self, block_samples: int = 4096) -> Iterator[Float32]:
        given = 0
        while given < self.n_samples:
            for start in range(0, len(self.samples), block_samples):
                block = self.samples[start : start + block_samples]
                given += len(block)
                yield block


def measured_signal(spec: PipelineSpec) -> Float32:
    """A few seconds of gestures on a model's electrodes, (n, n_channels) µV, of a virtual person.

    At a rate that the virtual forearm does not know: noise in the EMG band, which neighbours share.
    """
    try:
        person = virtual_recording(
            SEED, layout=spec.layout, fs_hz=spec.fs_hz, gesture_s=1.0, rest_s=0.5, seconds=SECONDS
        )
        return np.concatenate(list(person.blocks(512)))
    except ConfigError:
        rng = np.random.default_rng(SEED)
        n, channels = round(SECONDS * spec.fs_hz), spec.layout.n_channels
        white = rng.standard_normal((n, channels)) + 2.0 * rng.standard_normal((n, 1))
        band = signal.butter(2, np.minimum(spec.band_hz, 0.45 * spec.fs_hz), "bandpass", fs=spec.fs_hz, output="sos")
        return (50.0 * signal.sosfilt(band, white, axis=0)).astype(np.float32)
