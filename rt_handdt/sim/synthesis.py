"""From excitation to the signal at the electrodes, a step at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import ConfigError
from rt_handdt.sim.electrodes import Electronics
from rt_handdt.sim.fatigue import Fatigue
from rt_handdt.sim.motion import MotionArtefacts, Restlessness
from rt_handdt.sim.motor_units import MotorUnits

#: Variability of the interval between two discharges of a unit.
ISI_CV = 1 / 6


class Synthesis:
    """Lets motor units fire, and adds up what the electrodes see of them.

    Parameters
    ----------
    units
        Who fires.
    waves
        Per unit: delay in samples and (n, n_channels) µV of one discharge; see `rt_handdt.sim.volume.potentials`.
    step_samples, fs_hz
        Excitation holds for so many samples.
    electronics, motion
        What is added.
    rng
        Decides when units fire.
    fatigue
        How tired the muscles are; None: they do not tire.
    """

    def __init__(
        self,
        units: MotorUnits,
        waves: list[tuple[int, Float32]],
        step_samples: int,
        fs_hz: float,
        electronics: Electronics,
        motion: MotionArtefacts,
        rng: np.random.Generator,
        fatigue: Fatigue | None = None,
    ) -> None:
        self.electronics = electronics
        self.fatigue = fatigue
        self._motion = motion
        self._units = units
        self._n_step = step_samples
        self._step_s = step_samples / fs_hz
        self._restlessness = Restlessness(self._step_s)
        self._rng = rng
        self._phase = rng.uniform(0.0, 1.0, len(units))
        self._goal = _intervals(rng, len(units))
        self._pending = np.zeros((step_samples, waves[0][1].shape[1]), np.float32)
        self.see(waves)

    def see(self, waves: list[tuple[int, Float32]]) -> None:
        """The electrodes sit elsewhere: discharges from now on look so; those under way end as they began."""
        self._waves = waves
        reach = max(delay + len(wave) for delay, wave in waves)
        if self.fatigue is not None:
            reach = int(np.ceil(reach * Fatigue.LONGEST))
        rows = self._n_step + reach
        if rows > len(self._pending):
            longer = np.zeros((rows, self._pending.shape[1]), np.float32)
            longer[: len(self._pending)] = self._pending
            self._pending = longer

    def step(self, excitation: Float64) -> Float32:
        """The next step of the signal, (step_samples, n_channels) µV, at this excitation (n_muscles,)."""
        n_step, pending = self._n_step, self._pending
        fatigue = self.fatigue
        if fatigue is not None:
            excitation = fatigue.step(excitation)
        rates = self._units.rates_hz(excitation)
        if fatigue is not None:
            rates = fatigue.rates(rates, self._units.muscle)
        gain = rates * self._step_s
        fresh = _intervals(self._rng, len(self._units))
        fires = np.flatnonzero((self._phase + gain >= self._goal) & (gain > 0))
        if len(fires):
            when = ((self._goal[fires] - self._phase[fires]) / gain[fires] * n_step).astype(int)
            for unit, at in zip(fires.tolist(), np.clip(when, 0, n_step - 1).tolist(), strict=True):
                delay, wave = self._waves[unit]
                if fatigue is not None:
                    delay, wave = fatigue.slowed(delay, wave, self._units.muscle[unit])
                pending[at + delay : at + delay + len(wave)] += wave
        self._phase += gain
        self._phase[fires] -= self._goal[fires]
        self._goal[fires] = fresh[fires]
        seen = pending[:n_step].copy()
        pending[:-n_step] = pending[n_step:]
        pending[-n_step:] = 0.0
        return self.electronics.add(self._motion.add(seen, self._restlessness.step(excitation)))


def in_blocks(steps: Iterator[Float32], n_channels: int, block_samples: int, n_samples: int) -> Iterator[Float32]:
    """Cut steps into blocks (≤ block_samples, n_channels), `n_samples` in all; a step is asked for when it is needed.

    Raises
    ------
    ConfigError
        If blocks would be empty.
    """
    if block_samples < 1:
        raise ConfigError(f"Blocks must hold at least one sample; got {block_samples}.")
    left = n_samples
    out = np.empty((min(block_samples, left), n_channels), np.float32)
    filled = 0
    for step in steps:
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


def _intervals(rng: np.random.Generator, n: int) -> np.ndarray:
    """Lengths of the next intervals, relative to the mean."""
    return np.clip(rng.normal(1.0, ISI_CV, n), 0.5, 1.5)
