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


#: What a forearm can be; people are drawn well inside.
CIRCUMFERENCE_MM, LENGTH_MM, FAT_MM = (140.0, 450.0), (150.0, 400.0), (0.0, 25.0)
#: Least radius of all that lies under the fat.
CORE_MM = 14.0
#: A muscle reaches at most to this share of the forearm's radius, and is at least so thick.
DEEPEST, THINNEST_MM = 0.95, 2.0
#: Share of people who lack a muscle: palmaris longus is missing in about one forearm of seven.
ABSENT = {"PL": 0.14}


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
    tremor_hz
        Of the hand.
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
    tremor_hz: float
    rest_tone: Float64 = field(repr=False)
    strategy: Float64 = field(repr=False)

    def __post_init__(self) -> None:
        for value, (low, high), what in (
            (self.circumference_mm, CIRCUMFERENCE_MM, "circumference"),
            (self.length_mm, LENGTH_MM, "length"),
            (self.fat_mm, FAT_MM, "layer of fat"),
        ):
            if not low <= value <= high:
                raise ConfigError(f"A forearm's {what} must lie between {low:g} and {high:g} mm; got {value:g} mm.")
        if self.radius_mm - self.fat_mm < CORE_MM:
            raise ConfigError(
                f"A forearm of {self.circumference_mm:g} mm circumference has a radius of {self.radius_mm:.0f} mm, of "
                f"which at least {CORE_MM:g} mm must be muscle and bone; {self.fat_mm:g} mm of fat leave too little."
            )
        for muscle in self.muscles:
            top, bottom = muscle.depth_mm
            if not self.fat_mm <= top < bottom < self.radius_mm:
                raise ConfigError(
                    f"{muscle.name} would lie {top:.1f} to {bottom:.1f} mm deep, but must lie below the fat "
                    f"({self.fat_mm:.1f} mm) and above the forearm's middle ({self.radius_mm:.1f} mm); "
                    "take less fat or a greater circumference."
                )

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


def draw_person(
    seed: int, subject: int, *, circumference_mm: float | None = None, fat_mm: float | None = None
) -> Person:
    """Draw person number `subject` of the cohort `seed`; the same on every machine.

    Circumference: 24 ± 2 cm (women) and 27 ± 2 cm (men); fat 1–9 mm, women's thicker on average.

    Parameters
    ----------
    seed, subject
        Which cohort, and who in it.
    circumference_mm, fat_mm
        If given, the same person with another forearm.

    Raises
    ------
    ConfigError
        If the seed is below 0 or the number below 1, or such a forearm cannot be.
    """
    if seed < 0:
        raise ConfigError(f"The seed of a virtual cohort must be 0 or more; got {seed}.")
    if subject < 1:
        raise ConfigError(f"Virtual people are numbered from 1; got {subject}.")
    rng = np.random.default_rng([seed, subject, PERSON_STREAM])
    woman = rng.random() < 0.5
    circumference = float(np.clip(rng.normal(240 if woman else 270, 20), 200, 320))
    fat = float(np.clip(rng.lognormal(np.log(4.0 if woman else 2.5), 0.4), 1.0, 9.0))
    circumference = circumference if circumference_mm is None else circumference_mm
    fat = fat if fat_mm is None else fat_mm
    return Person(
        seed=seed,
        subject=subject,
        circumference_mm=circumference,
        length_mm=float(np.clip(rng.normal(240 if woman else 262, 12), 210, 300)),
        fat_mm=fat,
        muscles=tuple(_own(muscle, fat, circumference / (2 * np.pi), rng) for muscle in MUSCLES),
        amplitude=float(np.clip(rng.lognormal(0.0, 0.12), 0.75, 1.35)),
        effort=float(rng.uniform(0.32, 0.48)),
        reaction_s=float(rng.uniform(0.15, 0.25)),
        rise_s=float(rng.uniform(0.13, 0.22)),
        tremor_hz=float(rng.uniform(8.0, 12.0)),
        rest_tone=np.where(rng.random(len(MUSCLES)) < 0.2, rng.uniform(0.0, 0.02, len(MUSCLES)), 0.0),
        strategy=draw_strategy(rng),
    )


def _own(muscle: Muscle, fat_mm: float, radius_mm: float, rng: np.random.Generator) -> Muscle:
    """The muscle as it lies in one person: moved round by some 0.025 turn (6 mm), wider or narrower, under the fat."""
    centre = (muscle.angle[0] + muscle.angle[1]) / 2 + rng.normal(0.0, 0.025)
    half = (muscle.angle[1] - muscle.angle[0]) / 2 * np.clip(rng.normal(1.0, 0.15), 0.6, 1.4)
    down = (fat_mm - NOMINAL_FAT_MM) + rng.normal(0.0, 1.0)
    top = max(muscle.depth_mm[0] + down, fat_mm + 4.0)  # a muscle lies under skin, fat and fascia
    bottom = min(top + muscle.depth_mm[1] - muscle.depth_mm[0], DEEPEST * radius_mm)
    top = min(top, bottom - THINNEST_MM)  # in a thin forearm the deep muscles are flatter
    along = rng.normal(0.0, 0.03)
    size = float(np.clip(rng.lognormal(0.0, 0.2), 0.5, 2.0))
    absent = rng.random() < ABSENT.get(muscle.name, 0.0)
    return muscle._replace(
        angle=(float(centre - half), float(centre + half)),
        depth_mm=(float(top), float(bottom)),
        extent=(muscle.extent[0] + float(along), muscle.extent[1] + float(along)),
        fibre_mm=float(muscle.fibre_mm * np.clip(rng.normal(1.0, 0.08), 0.8, 1.2)),
        motor_units=0 if absent else max(8, round(muscle.motor_units * size)),
    )
