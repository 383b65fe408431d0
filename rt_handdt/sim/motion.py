"""Motion artefacts: skin and gel give way under a few electrodes while the arm moves."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32, Float64
from rt_handdt.sim.contact import array_of

#: Artefacts per second and unit of restlessness (see `Restlessness`): about one in four movements brings one.
RATE = 0.4
#: Peak: median (µV), spread of its logarithm, and limits. Frequency: 1 to 10 Hz, so that a 20 Hz high-pass takes most
#: of it but not all (De Luca et al. 2010).
PEAK_UV, PEAK_SPREAD, PEAK_LIMITS_UV = 200.0, 0.8, (50.0, 2000.0)
FREQUENCY_HZ = (1.0, 10.0)
#: It reaches electrodes of the same array about this far from its middle, each with a share of its own.
REACH_MM, SHARE = 12.0, (0.4, 1.0)
#: It has died away after so many periods (a whole number: there the wave is zero, and its end makes no step).
PERIODS = 7
#: Largest value of sin(2πx) exp(−x).
_TOP = 0.795


class Restlessness:
    """How fast excitation changes: what it is beyond its mean of the last 0.3 s, summed over the muscles.

    The quarter of its size by which a steady contraction wavers counts as no movement.
    """

    MEAN_S, WAVERS = 0.3, 0.25

    def __init__(self, step_s: float) -> None:
        self._keep = np.exp(-step_s / self.MEAN_S)
        self._mean: Float64 | None = None

    def step(self, excitation: Float64) -> float:
        """Take the next step's excitation (n_muscles,)."""
        mean = excitation if self._mean is None else self._mean
        beyond = np.abs(excitation - mean) - self.WAVERS * np.maximum(excitation, mean)
        self._mean = self._keep * mean + (1 - self._keep) * excitation
        return float(np.maximum(beyond, 0.0).sum())


class _Artefact(NamedTuple):
    begin: int
    frequency_hz: float
    weights_uv: Float32  # (n_channels,)


class MotionArtefacts:
    """Adds to a signal, step by step, damped swings on neighbouring electrodes where the arm moves.

    The waveform is sin(2πft) exp(−ft): slow, but with a corner at its beginning that no high-pass takes away.

    Parameters
    ----------
    layout, fs_hz
        Of the stream.
    rng
        Decides when and where.

    References
    ----------
    De Luca et al. 2010, J Biomech 43:1573: spectra of movement artefacts lie below some 20 Hz.
    """

    def __init__(self, layout: ElectrodeLayout, fs_hz: float, rng: np.random.Generator) -> None:
        self._at_mm = layout.positions_mm
        self._array = array_of(layout)
        self._fs_hz = fs_hz
        self._rng = rng
        self._position = 0
        self._active: list[_Artefact] = []
        #: How many there have been.
        self.count = 0

    def add(self, signal: Float32, restless: float) -> Float32:
        """Shape (n, n_channels), µV, in and out (the same array)."""
        n = len(signal)
        if self._rng.random() < RATE * restless * n / self._fs_hz:
            self._active.append(self._draw(n))
            self.count += 1
        for one in self._active:
            periods = (self._position - one.begin + np.arange(n)) * (one.frequency_hz / self._fs_hz)
            wave = np.sin(2 * np.pi * periods) * np.exp(-periods) / _TOP
            wave[(periods < 0) | (periods > PERIODS)] = 0.0
            signal += wave.astype(np.float32)[:, None] * one.weights_uv
        self._position += n
        self._active = [one for one in self._active if self._periods(one) < PERIODS]
        return signal

    def _periods(self, one: _Artefact) -> float:
        return (self._position - one.begin) * one.frequency_hz / self._fs_hz

    def _draw(self, n: int) -> _Artefact:
        rng = self._rng
        middle = int(rng.integers(len(self._at_mm)))
        away = np.hypot(*(self._at_mm - self._at_mm[middle]).T)
        peak = float(np.clip(PEAK_UV * np.exp(rng.normal(0.0, PEAK_SPREAD)), *PEAK_LIMITS_UV))
        weights = peak * np.exp(-0.5 * np.square(away / REACH_MM)) * rng.uniform(*SHARE, len(away))
        weights[self._array != self._array[middle]] = 0.0
        weights *= rng.choice((-1.0, 1.0))
        frequency = float(np.exp(rng.uniform(*np.log(FREQUENCY_HZ))))
        return _Artefact(self._position + int(rng.integers(n)), frequency, weights.astype(np.float32))
