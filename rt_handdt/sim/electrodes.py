"""What the electrodes and the amplifier add: gains, noise, mains, offsets, bad contacts."""

from __future__ import annotations

import numpy as np

from rt_handdt.core.types import Float32
from rt_handdt.sim.donning import Donning

MAINS_HZ = 50.0
#: Width of the band in which `Donning.noise_uv` is counted.
NOISE_BAND_HZ = 500.0
#: Chance that an electrode sits badly on a given day.
BAD = 0.01


class Electronics:
    """Adds to clean potentials what a real recording has besides; keeps its state from block to block.

    Parameters
    ----------
    donning
        The day.
    n_channels, fs_hz
        Of the stream.
    rng
        Decides noise and drift of this stream; gains, offsets and bad electrodes belong to the day.
    """

    def __init__(self, donning: Donning, n_channels: int, fs_hz: float, rng: np.random.Generator) -> None:
        day = np.random.default_rng((*donning.day, 2))
        gain = np.exp(day.normal(0.0, 0.06, n_channels))
        # white here, but stated for the band of EMG
        whole = max(fs_hz / 2 / NOISE_BAND_HZ, 1.0) ** 0.5
        noise = whole * donning.noise_uv * np.exp(day.normal(0.0, 0.12, n_channels))
        mains = donning.mains_uv * np.exp(day.normal(0.0, 0.4, n_channels))
        phase = day.uniform(0, 2 * np.pi) + day.normal(0.0, 0.2, n_channels)
        bad = day.random(n_channels) < BAD
        weak = bad & (day.random(n_channels) < 0.5)
        gain[weak] *= 0.3  # half of the bad ones hardly touch the skin,
        noise[bad & ~weak] *= 4.0  # the others are noisy; both pick up more mains
        mains[bad] *= 4.0
        self.bad_channels: tuple[int, ...] = tuple(int(channel) for channel in np.flatnonzero(bad))
        self._gain = gain.astype(np.float32)
        self._noise = noise.astype(np.float32)
        self._common = np.float32(0.3 * whole * donning.noise_uv)  # of the reference electrode, in all channels
        self._mains_sin = (mains * np.sin(phase)).astype(np.float32)
        self._mains_cos = (mains * np.cos(phase)).astype(np.float32)
        self._offset = day.uniform(-40_000, 40_000, n_channels)
        self._fs_hz = fs_hz
        self._rng = rng
        self._position = 0

    def add(self, potential: Float32) -> Float32:
        """Shape (n, n_channels), µV, in and out (the same array)."""
        n, n_channels = potential.shape
        potential *= self._gain
        noise = self._rng.standard_normal((n, n_channels), dtype=np.float32)
        noise *= self._noise
        potential += noise
        potential += self._common * self._rng.standard_normal((n, 1), dtype=np.float32)
        turn = 2 * np.pi * MAINS_HZ / self._fs_hz * ((self._position + np.arange(n)) % round(self._fs_hz * 1000))
        wave = np.stack([np.sin(turn) + 0.2 * np.sin(3 * turn), np.cos(turn) + 0.2 * np.cos(3 * turn)], axis=1)
        potential += wave.astype(np.float32) @ np.stack([self._mains_cos, self._mains_sin])
        # half-cell potentials wander by about 30 µV a second
        following = self._offset + self._rng.normal(0.0, 30.0 * np.sqrt(n / self._fs_hz), n_channels)
        share = (np.arange(1, n + 1) / n)[:, None]
        potential += (self._offset + share * (following - self._offset)).astype(np.float32)
        self._offset = following
        self._position += n
        return potential
