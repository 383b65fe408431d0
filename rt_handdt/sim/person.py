"""A virtual person: a forearm, its muscles, and habits of moving it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from rt_handdt.core.types import Float64
from rt_handdt.errors import ConfigError
from rt_handdt.sim.anatomy import MUSCLES, NOMINAL_FAT_MM, Muscle
from rt_handdt.sim.strategy import draw_strategy

# Words that keep apart the random streams that start from the same seed and subject.
PERSON_STREAM, UNIT_STREAM, DONNING_STREAM, SCRIPT_STREAM, SIGNAL_STREAM, TRIAL_STREAM = range(6)


@dataclass(frozen=True)
class Person:
    """What stays the same in one person from day to day.

    Attributes
    ----------
    seed, subject
        The cohort, and the person's number in it (from 1).
    circumference_mm, length_mm
        Of the forearm under the electrodes, and from elbow to wrist.
    fat_mm
        Fat under the skin.
    muscles
        The average anatomy, moved and scaled to this person.
    amplitude
        Of every motor unit potential, relative to an average person's (muscle bulk, skin).
    effort
        Excitation (0..1) of a muscle whose weight is 1 in a gesture at level 1.
    reaction_s, rise_s
        Usual time from cue to onset, and from onset to the full level.
    rest_tone
        Shape (n_muscles,): excitation when at rest.
    strategy
        Shape (34, n_muscles): weight of each muscle in each of Hyser's gestures.
    """

    seed: int
    subject: int
    circumference_mm: float
    length_mm: float
    fat_mm: float
    muscles: tuple[Muscle, ...]
    amplitude: float
    effort: float
    reaction_s: float
    rise_s: float
    rest_tone: Float64 = field(repr=False)
    strategy: Float64 = field(repr=False)

    @property
    def name(self) -> str:
        """For example ``virtual-0-1``: unique per person in all cohorts."""
        return f"virtual-{self.seed}-{self.subject}"

    @property
    def radius_mm(self) -> float:
        """Radius of the forearm as a cylinder."""
        return self.circumference_mm / (2 * np.pi)

    def rng(self, *stream: int) -> np.random.Generator:
        """A random generator that is this person's own; `stream` tells uses apart."""
        return np.random.default_rng([self.seed, self.subject, *stream])


def draw_person(seed: int, subject: int) -> Person:
    """Draw person number `subject` of the cohort `seed`; the same on every machine.

    Circumference: 24 ± 2 cm (women) and 27 ± 2 cm (men); fat 1–9 mm, women's thicker on average.

    Raises
    ------
    ConfigError
        If the seed is below 0 or the number below 1.
    """
    if seed < 0:
        raise ConfigError(f"The seed of a virtual cohort must be 0 or more; got {seed}.")
    if subject < 1:
        raise ConfigError(f"Virtual people are numbered from 1; got {subject}.")
    rng = np.random.default_rng([seed, subject, PERSON_STREAM])
    woman = rng.random() < 0.5
    circumference = float(np.clip(rng.normal(240 if woman else 270, 20), 200, 320))
    fat = float(np.clip(rng.lognormal(np.log(4.0 if woman else 2.5), 0.4), 1.0, 9.0))
    return Person(
        seed=seed,
        subject=subject,
        circumference_mm=circumference,
        length_mm=float(np.clip(rng.normal(240 if woman else 262, 12), 210, 300)),
        fat_mm=fat,
        muscles=tuple(_own(muscle, fat, rng) for muscle in MUSCLES),
        amplitude=float(np.clip(rng.lognormal(0.0, 0.2), 0.6, 1.6)),
        effort=float(rng.uniform(0.25, 0.5)),
        reaction_s=float(rng.uniform(0.15, 0.25)),
        rise_s=float(rng.uniform(0.13, 0.22)),
        rest_tone=np.where(rng.random(len(MUSCLES)) < 0.2, rng.uniform(0.0, 0.02, len(MUSCLES)), 0.0),
        strategy=draw_strategy(rng),
    )


def _own(muscle: Muscle, fat_mm: float, rng: np.random.Generator) -> Muscle:
    """The muscle as it lies in one person: moved round by some 0.02 turn (5 mm), wider or narrower, under the fat."""
    centre = (muscle.angle[0] + muscle.angle[1]) / 2 + rng.normal(0.0, 0.02)
    half = (muscle.angle[1] - muscle.angle[0]) / 2 * np.clip(rng.normal(1.0, 0.15), 0.6, 1.4)
    down = (fat_mm - NOMINAL_FAT_MM) + rng.normal(0.0, 1.0)
    top = max(muscle.depth_mm[0] + down, fat_mm + 1.5)  # a muscle lies under the fat and its fascia
    along = rng.normal(0.0, 0.03)
    return muscle._replace(
        angle=(float(centre - half), float(centre + half)),
        depth_mm=(float(top), float(top + muscle.depth_mm[1] - muscle.depth_mm[0])),
        extent=(muscle.extent[0] + float(along), muscle.extent[1] + float(along)),
        fibre_mm=float(muscle.fibre_mm * np.clip(rng.normal(1.0, 0.08), 0.8, 1.2)),
        motor_units=max(8, round(muscle.motor_units * float(np.clip(rng.lognormal(0.0, 0.2), 0.5, 2.0)))),
    )
