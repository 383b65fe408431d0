"""Causal filters that carry their state from one push to the next."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import signal

from rt_handdt.core import kernels
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float64


def design(spec: PipelineSpec) -> Float64:
    """Second-order sections of a spec's band-pass followed by its mains notches.

    Returns
    -------
    Float64
        Shape (n_sections, 6), scipy's `sos` form. Butterworth band-pass; notches by `scipy.signal.iirnotch` at the
        mains frequency and those of its multiples that lie inside the band.
    """
    sections = [signal.butter(spec.band_order, spec.band_hz, btype="bandpass", fs=spec.fs_hz, output="sos")]
    if spec.notch_hz is not None:
        for harmonic in range(1, spec.notch_harmonics + 1):
            centre = harmonic * spec.notch_hz
            if harmonic == 1 or centre < min(spec.band_hz[1], spec.fs_hz / 2):
                b, a = signal.iirnotch(centre, spec.notch_q, fs=spec.fs_hz)
                sections.append(signal.tf2sos(b, a))
    return np.concatenate(sections).astype(np.float64)


def envelope_sections(cutoff_hz: float, fs_hz: float) -> Float64:
    """Sections of the envelope's causal 2nd-order Butterworth low-pass."""
    return np.asarray(signal.butter(2, cutoff_hz, btype="lowpass", fs=fs_hz, output="sos"), dtype=np.float64)


class CausalFilter:
    """A cascade of second-order sections over many channels.

    State is float64: electrodes carry offsets of tens of millivolts, under which float32 state would lose the
    microvolts that matter. The first sample after a reset is taken for what came before it for ever, so that an
    offset leaves no transient.
    """

    def __init__(self, sections: Float64) -> None:
        self._sections = np.ascontiguousarray(sections, dtype=np.float64)
        self._steady = signal.sosfilt_zi(self._sections)  # (n_sections, 2)
        self._loops = kernels.compiled()
        self._state: Float64 | None = None

    def reset(self) -> None:
        """Forget everything heard so far."""
        self._state = None

    def push(self, samples: npt.NDArray[np.floating], out: Float64 | None = None) -> Float64:
        """Filter the next samples: (n, n_channels) → the same shape, float64. NaN is not allowed.

        Parameters
        ----------
        out
            Where they go, in one piece; by default a new array.
        """
        x = np.ascontiguousarray(samples, dtype=np.float64)
        out = np.empty_like(x) if out is None else out
        if not len(x):
            return out
        if self._state is None:
            self._state = np.ascontiguousarray(self._steady[:, :, None] * x[0])
        if self._loops is not None:
            self._loops.cascade(self._sections, x, self._state, out)
        else:
            out[:], self._state = signal.sosfilt(self._sections, x, axis=0, zi=self._state)
        return out
