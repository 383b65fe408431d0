"""A person's motor units: where their fibres lie, how strong they are, and when they are recruited."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from rt_handdt.core.types import Float64
from rt_handdt.sim.anatomy import Muscle
from rt_handdt.sim.person import UNIT_STREAM, Person

#: Fuglevand et al. 1993: range of recruitment thresholds, and the excitation at which the last unit is recruited.
RECRUITMENT_RANGE, FULL_RECRUITMENT = 50.0, 0.75
#: Excitation, in threshold units, at an activation of 1.
MAX_EXCITATION = RECRUITMENT_RANGE / FULL_RECRUITMENT
#: Hz per threshold unit: brings the last unit from 5 Hz to its 30 Hz at full activation.
RATE_GAIN = 1.5
#: Largest over smallest potential of a pool. Less than the 100 of twitch forces, for potentials grow more slowly.
AMPLITUDE_RANGE = 150.0
#: Innervation zone, as a fraction of the fibre.
ZONE = (0.37, 0.64)
#: A unit's fibres are scattered over its territory; this many bundles stand for them.
BUNDLES = 5
#: Scatter (standard deviation, mm) of the bundles: across the forearm for the largest unit, of their innervation zones,
#: and of their ends at the tendons.
TERRITORY_MM, ZONE_SCATTER_MM, END_SCATTER_MM = 4.0, 5.0, 7.0


@dataclass(frozen=True)
class MotorUnits:
    """All simulated motor units of a forearm.

    Attributes
    ----------
    angle, depth_mm
        Shape (n_units, n_bundles): where the bundles of a unit's fibres lie, in turns and in mm from the skin; the
        angle holds at `middle_mm`.
    proximal_mm, zone_mm, distal_mm
        Shape (n_units, n_bundles): end, innervation zone and other end, in mm from the elbow.
    muscle
        Shape (n_units,), as all that follow: number of the muscle (int).
    middle_mm, slant
        Middle of the muscle's belly, in mm from the elbow, and the turns that a fibre moves round per mm towards the
        wrist.
    velocity_mps
        Conduction velocity of the fibres.
    strength
        Relative size of the potential (square root of power; the few simulated units stand for a whole pool).
    threshold
        Excitation (0..1) at which the unit starts to fire.
    min_hz, peak_hz
        Firing rate at recruitment, and at most.
    """

    angle: Float64
    depth_mm: Float64
    proximal_mm: Float64
    zone_mm: Float64
    distal_mm: Float64
    muscle: np.ndarray
    middle_mm: Float64
    slant: Float64
    velocity_mps: Float64
    strength: Float64
    threshold: Float64
    min_hz: Float64
    peak_hz: Float64

    def __len__(self) -> int:
        return len(self.muscle)

    def rates_hz(self, activation: Float64) -> Float64:
        """Firing rate of every unit: (n_muscles,) activations 0..1 → (n_units,), 0 where not recruited."""
        excess = (activation[self.muscle] - self.threshold) * MAX_EXCITATION
        rate = np.minimum(self.min_hz + RATE_GAIN * excess, self.peak_hz)
        return np.where(excess >= 0, rate, 0.0)


def draw_units(person: Person) -> MotorUnits:
    """Draw the pools of a person's muscles; the same in every session."""
    rng = person.rng(UNIT_STREAM)
    velocity = rng.normal(4.0, 0.15)
    pools = [_pool(number, muscle, person, velocity, rng) for number, muscle in enumerate(person.muscles)]
    return MotorUnits(**{f.name: np.concatenate([pool[f.name] for pool in pools]) for f in fields(MotorUnits)})


def _pool(
    number: int, muscle: Muscle, person: Person, velocity: float, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    n = min(muscle.motor_units, 12 + muscle.motor_units // 12)  # 0 where the muscle is missing
    stands_for = np.sqrt(muscle.motor_units / max(n, 1))
    size = (np.arange(n) + 0.5) / n  # 0 smallest .. 1 largest
    threshold = np.exp(np.log(RECRUITMENT_RANGE) * size) / MAX_EXCITATION
    # Short fibres staggered along a long belly.
    start, stop = np.array(muscle.extent) * person.length_mm
    fibre = np.minimum(muscle.fibre_mm * rng.normal(1.0, 0.06, n), stop - start)
    proximal = start + rng.uniform(0.0, 1.0, n) * (stop - start - fibre)
    zone = np.clip(float(rng.uniform(*ZONE)) + rng.normal(0.0, 0.03, n), *ZONE)
    scatter = rng.standard_normal((5, n, BUNDLES))
    # larger units have wider territories; a territory stays inside its muscle
    territory = (TERRITORY_MM * np.sqrt(0.2 + 0.8 * size))[:, None]
    around = territory / (2 * np.pi * (person.radius_mm - muscle.depth_mm[0]))
    angle = _inside(rng.uniform(*muscle.angle, n)[:, None] + around * scatter[0], muscle.angle)
    depth = _inside(rng.uniform(*muscle.depth_mm, n)[:, None] + territory * scatter[1], muscle.depth_mm)
    ends = np.clip(END_SCATTER_MM * scatter[2:4], -2 * END_SCATTER_MM, 2 * END_SCATTER_MM)
    zones = np.clip(ZONE_SCATTER_MM * scatter[4], -2 * ZONE_SCATTER_MM, 2 * ZONE_SCATTER_MM)
    return {
        "muscle": np.full(n, number),
        "middle_mm": np.full(n, (start + stop) / 2),
        "slant": np.full(n, muscle.slant / (stop - start)),
        "angle": angle,
        "depth_mm": depth,
        "proximal_mm": proximal[:, None] + ends[0],
        "zone_mm": (proximal + zone * fibre)[:, None] + zones,
        "distal_mm": (proximal + fibre)[:, None] + ends[1],
        # larger units have thicker, faster fibres
        "velocity_mps": np.clip(velocity + 0.3 * (size - 0.5) + rng.normal(0.0, 0.15, n), 3.2, 4.8),
        "strength": AMPLITUDE_RANGE ** (size - 1) * np.exp(rng.normal(0.0, 0.2, n)) * stands_for,
        "threshold": threshold,
        "min_hz": 10.0 - 5.0 * size,
        "peak_hz": 40.0 - 10.0 * size,
    }


def _inside(values: Float64, limits: tuple[float, float]) -> Float64:
    """Fold back at the limits what lies beyond them."""
    low, high = limits
    beyond = np.mod(values - low, 2 * (high - low))
    return np.asarray(low + np.minimum(beyond, 2 * (high - low) - beyond), np.float64)
