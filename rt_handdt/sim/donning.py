"""One donning of the electrodes: what differs between a person's sessions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rt_handdt.errors import ConfigError
from rt_handdt.sim.person import DONNING_STREAM, Person


@dataclass(frozen=True)
class Donning:
    """How the electrodes sit on a day, and how the skin and the person are that day.

    Attributes
    ----------
    session
        Its number, from 1.
    shift_mm
        Of the arrays towards the wrist.
    rotation
        Of the arrays round the forearm, in turns.
    noise_uv
        RMS noise of a good electrode.
    mains_uv
        Amplitude of the 50 Hz interference.
    level
        The day's strength, relative to the person's usual.
    day
        Its seed for whatever else the day decides (gains, offsets, bad channels, habits).
    """

    session: int
    shift_mm: float
    rotation: float
    noise_uv: float
    mains_uv: float
    level: float
    day: tuple[int, ...]


def draw_donning(person: Person, session: int) -> Donning:
    """Draw session number `session` of a person: shift within ± 10 mm, rotation ± 5–10° at most.

    Raises
    ------
    ConfigError
        If the number is below 1.
    """
    if session < 1:
        raise ConfigError(f"Sessions are numbered from 1; got {session}.")
    day = (person.seed, person.subject, DONNING_STREAM, session)
    rng = np.random.default_rng(day)
    return Donning(
        session=session,
        shift_mm=float(np.clip(rng.normal(0.0, 6.0), -10, 10)),
        rotation=float(np.clip(rng.normal(0.0, 6.0), -10, 10)) / 360.0,
        noise_uv=float(rng.uniform(3.0, 6.0)),
        mains_uv=float(rng.lognormal(np.log(3.0), 0.5)),
        level=float(np.exp(rng.normal(0.0, 0.08))),
        day=day,
    )
