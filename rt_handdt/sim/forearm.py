"""The virtual forearm: motor units fire as a script asks, and electrodes see their potentials."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cached_property
from itertools import count
from typing import Protocol

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import ConfigError
from rt_handdt.sim.activation import ActivationPath
from rt_handdt.sim.donning import Donning
from rt_handdt.sim.electrodes import Electronics
from rt_handdt.sim.fatigue import Fatigue
from rt_handdt.sim.motion import MotionArtefacts
from rt_handdt.sim.motor_units import MotorUnits, draw_units
from rt_handdt.sim.person import SIGNAL_STREAM, Person
from rt_handdt.sim.script import Script
from rt_handdt.sim.synthesis import Synthesis, in_blocks
from rt_handdt.sim.volume import Electrodes, place_electrodes, potentials

#: Excitation and firing advance in steps of about this; every random draw belongs to a step, so that the signal does
#: not depend on the size of the blocks that are asked for.
STEP_S = 1 / 64
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
    fatigue
        Whether muscles tire; each `stream` begins fresh.

    Raises
    ------
    ConfigError
        If the rate is too low for EMG.
    """

    def __init__(
        self,
        person: Person,
        donning: Donning,
        layout: ElectrodeLayout,
        fs_hz: float = 2048.0,
        *,
        fatigue: bool = False,
    ) -> None:
        if not fs_hz >= MIN_FS_HZ:
            raise ConfigError(f"A virtual forearm needs a sampling rate of at least {MIN_FS_HZ:g} Hz; got {fs_hz:g}.")
        self.person = person
        self.donning = donning
        self.layout = layout
        self.fs_hz = fs_hz
        self.fatigue = fatigue
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

        Returns
        -------
        Blocks (≤ block_samples, n_channels), float32, µV.
        """
        return in_blocks(self._steps(drive, seed), self.layout.n_channels, block_samples, n_samples)

    @property
    def step_samples(self) -> int:
        """Samples per step: about 1/64 s."""
        return max(1, round(STEP_S * self.fs_hz))

    def _steps(self, drive: Drive, seed: int) -> Iterator[Float32]:
        """The signal without end, a step at a time."""
        synthesis = self.synthesis(seed)
        step_s = self.step_samples / self.fs_hz
        for number in count():
            yield synthesis.step(drive.step((number + 0.5) * step_s))

    def synthesis(self, seed: int) -> Synthesis:
        """What makes the signal of the trial `seed`; for those who decide excitation step by step."""
        fire_rng, noise_rng, motion_rng = (
            self.person.rng(SIGNAL_STREAM, self.donning.session, seed, use) for use in (1, 2, 3)
        )
        electronics = Electronics(self.donning, self.layout, self.fs_hz, noise_rng)
        motion = MotionArtefacts(self.layout, self.fs_hz, motion_rng)
        fatigue = Fatigue(len(self.person.muscles), self.step_samples / self.fs_hz) if self.fatigue else None
        return Synthesis(
            self.units, self.potentials, self.step_samples, self.fs_hz, electronics, motion, fire_rng, fatigue
        )


def activation_path(person: Person, donning: Donning, script: Script, seed: int, step_s: float) -> ActivationPath:
    """How a person's excitation follows a script in the trial `seed`; the same for the signal and for its markers."""
    rng = person.rng(SIGNAL_STREAM, donning.session, seed, 0)
    return ActivationPath(person, donning, script, rng, step_s)
