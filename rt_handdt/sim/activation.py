"""How excitation follows the cues: reaction, rise, overshoot, drift."""

from __future__ import annotations

import numpy as np

from rt_handdt.core.gestures import HYSER_GESTURES, REST
from rt_handdt.core.types import Float64
from rt_handdt.sim.donning import Donning
from rt_handdt.sim.person import Person
from rt_handdt.sim.script import Script

#: Limits of the time from cue to onset, and of the rise, whatever the person and trial.
REACTION_S, RISE_S = (0.10, 0.30), (0.10, 0.25)
#: Time constant of the drift of excitation, and its relative size: of the whole pattern, and of each muscle.
DRIFT_TAU_S, DRIFT_ALL, DRIFT_OWN = 0.7, 0.05, 0.08
#: Trial-to-trial spread (of the logarithm) of a gesture's level and of each muscle's share in it.
TRIAL_LEVEL, TRIAL_OWN = 0.10, 0.12
#: The same from day to day.
DAY_OWN = 0.12


class ActivationPath:
    """Excitation of every muscle over time; ask for times in rising order.

    Parameters
    ----------
    person, donning
        Who, and on which day.
    script
        What is cued. The person starts at rest.
    rng
        Decides how each trial differs, and the drift.
    step_s
        Time between two calls of `step`.
    """

    def __init__(
        self, person: Person, donning: Donning, script: Script, rng: np.random.Generator, step_s: float
    ) -> None:
        n_muscles = len(person.muscles)
        habit = np.exp(DAY_OWN * np.random.default_rng((*donning.day, 1)).standard_normal(person.strategy.shape))
        weights = person.strategy * habit * (person.effort * donning.level)
        self._targets: list[Float64] = []
        self._onset_s: list[float] = []
        self._rise_s: list[Float64] = []
        self._over: list[float] = []
        at = 0.0
        for cue in script.cues:
            level = cue.level * np.exp(TRIAL_LEVEL * rng.standard_normal())
            own = np.exp(TRIAL_OWN * rng.standard_normal(n_muscles))
            reaction = rng.normal(person.reaction_s, 0.03)
            rise = rng.normal(person.rise_s, 0.02) * (1 + 0.15 * rng.standard_normal(n_muscles))
            over = rng.uniform(0.0, 0.2)
            if cue.label == REST:
                target, over = person.rest_tone, 0.0
            else:
                target = weights[HYSER_GESTURES.index(cue.label)] * own * level + person.rest_tone
            self._targets.append(np.clip(target, 0.0, 1.0))
            self._onset_s.append(at + float(np.clip(reaction, *REACTION_S)))
            self._rise_s.append(np.clip(rise, *RISE_S))
            self._over.append(float(over))
            at += cue.seconds
        self._rng = rng
        self._keep = np.exp(-step_s / DRIFT_TAU_S)
        self._drift_all = float(rng.standard_normal())
        self._drift_own = rng.standard_normal(n_muscles)
        self._current = -1
        self._before = person.rest_tone
        self._now = person.rest_tone

    def movements(self) -> list[tuple[float, float]]:
        """When the movement after each cue begins and when every muscle has arrived, in s."""
        return [(onset, onset + float(rise.max())) for onset, rise in zip(self._onset_s, self._rise_s, strict=True)]

    def step(self, time_s: float) -> Float64:
        """Shape (n_muscles,), 0..1: excitation at `time_s`, one step after the previous call."""
        fresh = np.sqrt(1 - self._keep**2)
        self._drift_all = self._keep * self._drift_all + fresh * float(self._rng.standard_normal())
        self._drift_own = self._keep * self._drift_own + fresh * self._rng.standard_normal(len(self._drift_own))
        while self._current + 1 < len(self._onset_s) and time_s >= self._onset_s[self._current + 1]:
            self._current += 1
            self._before = self._now
        if self._current >= 0:
            x = (time_s - self._onset_s[self._current]) / self._rise_s[self._current]
            risen = np.minimum(x, 1.0)
            share = risen * risen * (3 - 2 * risen) + self._over[self._current] * np.square(x * np.exp(1 - x))
            self._now = self._before + (self._targets[self._current] - self._before) * share
        drift = 1 + DRIFT_ALL * self._drift_all + DRIFT_OWN * self._drift_own
        return np.clip(self._now * drift, 0.0, 1.0)
