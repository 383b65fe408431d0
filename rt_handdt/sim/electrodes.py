"""What the electrodes and the amplifier add: gains, noise, mains, offsets, bad contacts."""

from __future__ import annotations

from typing import Literal

import numpy as np

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32
from rt_handdt.sim.contact import TYPICAL_KOHM, draw_impedance_kohm
from rt_handdt.sim.donning import Donning

MAINS_HZ = 50.0
#: Width of the band in which `Donning.noise_uv` is counted.
NOISE_BAND_HZ = 500.0
#: Chance that an electrode sits badly on a given day.
BAD = 0.01
#: Of a typical electrode's noise power, what the amplifier makes, and what the skin's impedance does in proportion to
#: its size. The latter is like thermal noise but larger: 1 to 20 µV RMS (Huigen et al. 2002).
FROM_AMPLIFIER, FROM_SKIN = 0.7, 0.5
#: Of the mains, what every electrode has, and what grows with its impedance (the divider turns the body's common
#: voltage into a signal).
MAINS_COMMON, MAINS_DIVIDER = 0.4, 0.6
#: Input impedance of the amplifier with its cable (some 80 pF at 100 Hz).
INPUT_KOHM = 20_000.0

#: What can happen to an electrode: its lead is off, so that the input is flat; or its gel has dried, so that it hardly
#: sees the muscle but a lot of everything else.
Fault = Literal["lost", "noisy"]
LOST_NOISE_UV = 0.5
NOISY_GAIN, NOISY_NOISE_UV, NOISY_MAINS_UV = 0.3, 100.0, 200.0


class Electronics:
    """Adds to clean potentials what a real recording has besides; keeps its state from block to block.

    Each electrode's impedance, drawn per day (see `draw_impedance_kohm`), costs a little gain in the divider with the
    amplifier's input, and adds noise in proportion to its square root and mains in proportion to its size.

    Parameters
    ----------
    donning
        The day.
    layout, fs_hz
        Of the stream.
    rng
        Decides noise and drift of this stream; impedances, gains, offsets and bad electrodes belong to the day.

    Attributes
    ----------
    bad_channels
        The electrodes that sit badly on that day.
    impedance_kohm
        Shape (n_channels,).

    References
    ----------
    Huigen, Peper & Grimbergen 2002, Med Biol Eng Comput 40:332 (noise of surface electrodes, well above thermal noise).
    Fernández & Pallàs-Areny 2000, Biomed Instrum Technol 34:125 (1 to 15 µV RMS on the skin, 0.5 to 500 Hz).
    Merletti & Cerone 2020, J Electromyogr Kinesiol 54:102440 (divider effect and mains).
    """

    def __init__(self, donning: Donning, layout: ElectrodeLayout, fs_hz: float, rng: np.random.Generator) -> None:
        n_channels = layout.n_channels
        self.impedance_kohm = draw_impedance_kohm(donning, layout)
        relative = self.impedance_kohm / TYPICAL_KOHM
        day = np.random.default_rng((*donning.day, 2))
        gain = np.exp(day.normal(0.0, 0.06, n_channels)) / (1 + self.impedance_kohm / INPUT_KOHM)
        # white here, but stated for the band of EMG
        self._whole = max(fs_hz / 2 / NOISE_BAND_HZ, 1.0) ** 0.5
        noise = donning.noise_uv * np.sqrt(FROM_AMPLIFIER + FROM_SKIN * relative)
        noise *= self._whole * np.exp(day.normal(0.0, 0.08, n_channels))
        mains = donning.mains_uv * (MAINS_COMMON + MAINS_DIVIDER * relative)
        mains *= np.exp(day.normal(0.0, 0.3, n_channels))
        self._phase = day.uniform(0, 2 * np.pi) + day.normal(0.0, 0.2, n_channels)
        bad = day.random(n_channels) < BAD
        weak = bad & (day.random(n_channels) < 0.5)
        gain[weak] *= 0.3  # half of the bad ones hardly touch the skin,
        noise[bad & ~weak] *= 4.0  # the others are noisy; both pick up more mains
        mains[bad] *= 4.0
        self.bad_channels: tuple[int, ...] = tuple(int(channel) for channel in np.flatnonzero(bad))
        #: Of the day, per channel: gain, noise, the reference electrode's noise (in all channels), mains.
        self._day = np.stack([gain, noise, np.full(n_channels, 0.3 * self._whole * donning.noise_uv), mains])
        self._offset = day.uniform(-40_000, 40_000, n_channels)
        self._fs_hz = fs_hz
        self._rng = rng
        self._position = 0
        self.set(1.0, {})

    def set(self, noise: float, faults: dict[int, Fault]) -> None:
        """From now on: `noise` times the day's noise and mains, and these electrodes broken (all others are not).

        No random draw depends on it: an electrode that was broken and mended goes on as if nothing had been.
        """
        now = self._day.copy()
        for channel, fault in faults.items():
            if fault == "lost":
                now[:, channel] = 0.0, LOST_NOISE_UV * self._whole, 0.0, 0.0
            else:
                now[:, channel] = NOISY_GAIN, NOISY_NOISE_UV * self._whole, now[2, channel], NOISY_MAINS_UV
        now[1:] *= noise
        self._gain, self._noise, self._common = now[:3].astype(np.float32)
        # (2, n_channels): what of the cosine and of the sine; see `add`
        self._mains = (now[3] * np.stack([np.cos(self._phase), np.sin(self._phase)])).astype(np.float32)

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
        potential += wave.astype(np.float32) @ self._mains
        # half-cell potentials wander by about 30 µV a second
        following = self._offset + self._rng.normal(0.0, 30.0 * np.sqrt(n / self._fs_hz), n_channels)
        share = (np.arange(1, n + 1) / n)[:, None]
        potential += (self._offset + share * (following - self._offset)).astype(np.float32)
        self._offset = following
        self._position += n
        return potential
