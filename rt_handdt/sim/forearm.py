"""The virtual forearm: motor units fire as a script asks, and electrodes see their potentials."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cached_property
from typing import Protocol

import numpy as np

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import ConfigError
from rt_handdt.sim.activation import ActivationPath
from rt_handdt.sim.donning import Donning
from rt_handdt.sim.electrodes import Electronics
from rt_handdt.sim.motor_units import MotorUnits, draw_units
from rt_handdt.sim.person import SIGNAL_STREAM, Person
from rt_handdt.sim.script import Script
from rt_handdt.sim.volume import Electrodes, place_electrodes, potentials

#: Excitation and firing advance in steps of about this; every random draw belongs to a step, so that the signal does
#: not depend on the size of the blocks that are asked for.
STEP_S = 1 / 64
#: Variability of the interval between two discharges of a unit.
ISI_CV = 1 / 6
MIN_FS_HZ = 200.0


class Drive(Protocol):
    """What excites the muscles."""

    def step(self, time_s: float) -> Float64:
        """Shape (n_muscles,), 0..1: excitation at `time_s`, which rises by one step from call to call."""
        ...


class Forearm:
    """A person's forearm under a layout of electrodes.

    Parameters
    ----------
    person, donning
        Who, and how the electrodes sit today.
    layout
        Any electrode layout; see `place_electrodes` for how it is put on the arm.
    fs_hz
        Sampling rate.

    Raises
    ------
    ConfigError
        If the rate is too low for EMG.
    """

    def __init__(self, person: Person, donning: Donning, layout: ElectrodeLayout, fs_hz: float = 2048.0) -> None:
        if not fs_hz >= MIN_FS_HZ:
            raise ConfigError(f"A virtual forearm needs a sampling rate of at least {MIN_FS_HZ:g} Hz; got {fs_hz:g}.")
        self.person = person
        self.donning = donning
        self.layout = layout
        self.fs_hz = fs_hz
        self.units: MotorUnits = draw_units(person)
        self.electrodes: Electrodes = place_electrodes(layout, person, donning)

    @cached_property
    def potentials(self) -> list[tuple[int, Float32]]:
        """Per unit: delay in samples and (n, n_channels) µV of one discharge."""
        return potentials(self.units, self.electrodes, self.person, self.fs_hz)

    def stream(self, script: Script, seed: int = 0, block_samples: int = 4096) -> Iterator[Float32]:
        """Perform a script.

        Parameters
        ----------
        script
            The cues; its markers are ``script.markers(fs_hz)``.
        seed
            The trial's own randomness: timing, level, discharges, noise.
        block_samples
            Size of the blocks; the samples do not depend on it.

        Returns
        -------
        Blocks (≤ block_samples, n_channels), float32, µV.
        """
        path = activation_path(self.person, self.donning, script, seed, self.step_samples / self.fs_hz)
        return self.follow(path, seed, block_samples, script.starts(self.fs_hz)[-1])

    def follow(
        self, drive: Drive, seed: int = 0, block_samples: int = 4096, n_samples: int = sys.maxsize
    ) -> Iterator[Float32]:
        """Do what `drive` says; it is asked for a step right before the step's first sample is needed.

        Parameters
        ----------
        drive
            Asked every `step_samples`, for the middle of the step.
        seed, block_samples
            As for `stream`.
        n_samples
            How many in all; by default without end.

        Yields
        ------
        Blocks (≤ block_samples, n_channels), float32, µV.
        """
        if block_samples < 1:
            raise ConfigError(f"Blocks must hold at least one sample; got {block_samples}.")
        left = n_samples
        out = np.empty((min(block_samples, left), self.layout.n_channels), np.float32)
        filled = 0
        for step in self._steps(drive, seed):
            step = step[:left]
            left -= len(step)
            while len(step):
                part = step[: len(out) - filled]
                out[filled : filled + len(part)] = part
                filled += len(part)
                step = step[len(part) :]
                if filled == len(out):
                    yield out
                    out = np.empty_like(out)
                    filled = 0
            if not left:
                break
        if filled:
            yield out[:filled]

    @property
    def step_samples(self) -> int:
        """Samples per step: about 1/64 s."""
        return max(1, round(STEP_S * self.fs_hz))

    def _steps(self, drive: Drive, seed: int) -> Iterator[Float32]:
        """The signal without end, a step at a time."""
        n_step = self.step_samples
        step_s = n_step / self.fs_hz
        fire_rng, noise_rng = (self.person.rng(SIGNAL_STREAM, self.donning.session, seed, use) for use in (1, 2))
        electronics = Electronics(self.donning, self.layout.n_channels, self.fs_hz, noise_rng)
        waves = self.potentials
        reach = max(delay + len(wave) for delay, wave in waves)
        pending = np.zeros((n_step + reach, self.layout.n_channels), np.float32)
        phase = fire_rng.uniform(0.0, 1.0, len(self.units))
        goal = _intervals(fire_rng, len(self.units))
        number = 0
        while True:
            rates = self.units.rates_hz(drive.step((number + 0.5) * step_s))
            gain = rates * step_s
            fresh = _intervals(fire_rng, len(self.units))
            fires = np.flatnonzero((phase + gain >= goal) & (gain > 0))
            if len(fires):
                when = ((goal[fires] - phase[fires]) / gain[fires] * n_step).astype(int)
                for unit, at in zip(fires.tolist(), np.clip(when, 0, n_step - 1).tolist(), strict=True):
                    delay, wave = waves[unit]
                    pending[at + delay : at + delay + len(wave)] += wave
            phase += gain
            phase[fires] -= goal[fires]
            goal[fires] = fresh[fires]
            yield electronics.add(pending[:n_step].copy())
            pending[:-n_step] = pending[n_step:]
            pending[-n_step:] = 0.0
            number += 1


def activation_path(person: Person, donning: Donning, script: Script, seed: int, step_s: float) -> ActivationPath:
    """How a person's excitation follows a script in the trial `seed`; the same for the signal and for its markers."""
    rng = person.rng(SIGNAL_STREAM, donning.session, seed, 0)
    return ActivationPath(person, donning, script, rng, step_s)


def _intervals(rng: np.random.Generator, n: int) -> np.ndarray:
    """Lengths of the next intervals, relative to the mean."""
    return np.clip(rng.normal(1.0, ISI_CV, n), 0.5, 1.5)
