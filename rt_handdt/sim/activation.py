"""How excitation follows the cues: reaction, rise, overshoot, drift, common drive, tremor."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from rt_handdt.core.gestures import HYSER_GESTURES, REST
from rt_handdt.core.types import Float64
from rt_handdt.sim.donning import Donning
from rt_handdt.sim.person import Person
from rt_handdt.sim.script import Cue, Script

#: Limits of the time from cue to onset, and of the rise, whatever the person and trial.
REACTION_S, RISE_S = (0.10, 0.30), (0.10, 0.25)
#: Time constant of the drift of excitation, and its relative size: of the whole pattern, and of each muscle.
DRIFT_TAU_S, DRIFT_ALL, DRIFT_OWN = 0.7, 0.05, 0.08
#: Common drive: the units of a muscle speed up and slow down together, below about 2 Hz (De Luca & Erim 1994).
COMMON_TAU_S, COMMON_DRIVE = 0.12, 0.115
#: Size of physiological tremor in the excitation.
TREMOR = 0.02
#: Trial-to-trial spread (of the logarithm) of a gesture's level and of each muscle's share in it.
TRIAL_LEVEL, TRIAL_OWN = 0.15, 0.20
#: The same from day to day.
DAY_OWN = 0.20


class Movement(NamedTuple):
    """From `onset_s` on, every muscle goes to its `target` within its `rise_s`; `over` is the overshoot."""

    onset_s: float
    target: Float64
    rise_s: Float64
    over: float


class Trial(NamedTuple):
    """How one cue is answered: reaction and rise, overshoot, level and each muscle's share in it."""

    reaction_s: float
    rise_s: Float64
    over: float
    level: float
    own: Float64


class Habits:
    """How a person answers cues on a given day."""

    def __init__(self, person: Person, donning: Donning) -> None:
        habit = np.exp(DAY_OWN * np.random.default_rng((*donning.day, 1)).standard_normal(person.strategy.shape))
        self._weights = person.strategy * habit * (person.effort * donning.level)
        self._person = person

    def weights(self, gestures: Sequence[int]) -> Float64:
        """Shape (K, n_muscles): activation at level 1 of K of Hyser's gestures, given by their positions."""
        return np.asarray(self._weights[list(gestures)])

    def trial(self, rng: np.random.Generator) -> Trial:
        """Draw what makes one trial different from another."""
        n_muscles = len(self._person.muscles)
        level = float(np.exp(TRIAL_LEVEL * rng.standard_normal()))
        own = np.exp(TRIAL_OWN * rng.standard_normal(n_muscles))
        reaction = float(np.clip(rng.normal(self._person.reaction_s, 0.03), *REACTION_S))
        rise = rng.normal(self._person.rise_s, 0.02) * (1 + 0.15 * rng.standard_normal(n_muscles))
        over = float(rng.uniform(0.0, 0.2))
        return Trial(reaction, np.clip(rise, *RISE_S), over, level, own)

    def movement(self, cue: Cue, trial: Trial, onset_s: float) -> Movement:
        """The movement to a gesture, to a mixture of gestures, or to rest."""
        if cue.label == REST:
            return Movement(onset_s, np.clip(self._person.rest_tone, 0.0, 1.0), trial.rise_s, 0.0)
        parts = cue.mixture or ((cue.label, 1.0),)
        weights = sum(share * self._weights[HYSER_GESTURES.index(label)] for label, share in parts)
        target = weights * trial.own * (cue.level * trial.level) + self._person.rest_tone
        return Movement(onset_s, np.clip(target, 0.0, 1.0), trial.rise_s, trial.over)


class Excitation:
    """Excitation of every muscle over time, beginning at rest; ask for times in rising order.

    Parameters
    ----------
    person
        Whose.
    rng
        Decides the drift.
    step_s
        Time between two calls of `step`.
    movements
        In order of time. More may be put into `due` while it runs.
    """

    def __init__(
        self, person: Person, rng: np.random.Generator, step_s: float, movements: Iterable[Movement] = ()
    ) -> None:
        self.due = deque(movements)
        self._current: Movement | None = None
        self._rng = rng
        self._keep = np.exp(-step_s / DRIFT_TAU_S)
        self._drift_all = float(rng.standard_normal())
        self._drift_own = rng.standard_normal(len(person.muscles))
        self._keep_common = np.exp(-step_s / COMMON_TAU_S)
        self._common = rng.standard_normal(len(person.muscles))
        self._tremor_hz = person.tremor_hz
        self._tremor_phase = rng.uniform(0.0, 2 * np.pi, len(person.muscles))
        self._before = person.rest_tone
        self._now = person.rest_tone

    def step(self, time_s: float) -> Float64:
        """Shape (n_muscles,), 0..1: excitation at `time_s`, one step after the previous call."""
        fresh = np.sqrt(1 - self._keep**2)
        self._drift_all = self._keep * self._drift_all + fresh * float(self._rng.standard_normal())
        self._drift_own = self._keep * self._drift_own + fresh * self._rng.standard_normal(len(self._drift_own))
        self._common *= self._keep_common
        self._common += np.sqrt(1 - self._keep_common**2) * self._rng.standard_normal(len(self._common))
        self._now = self._follow(time_s)
        tremor = np.sin(2 * np.pi * self._tremor_hz * time_s + self._tremor_phase)
        drift = 1 + DRIFT_ALL * self._drift_all + DRIFT_OWN * self._drift_own
        drift += COMMON_DRIVE * self._common + TREMOR * tremor
        return np.clip(self._now * drift, 0.0, 1.0)

    def _follow(self, time_s: float) -> Float64:
        """Shape (n_muscles,): excitation at `time_s`, but for drift and tremor."""
        while self.due and time_s >= self.due[0].onset_s:
            self._current = self.due.popleft()
            self._before = self._now
        if self._current is None:
            return self._now
        x = (time_s - self._current.onset_s) / self._current.rise_s
        risen = np.minimum(x, 1.0)
        share = risen * risen * (3 - 2 * risen) + self._current.over * np.square(x * np.exp(1 - x))
        return np.asarray(self._before + (self._current.target - self._before) * share)


class ActivationPath(Excitation):
    """Excitation that follows a script.

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
        habits = Habits(person, donning)
        planned: list[Movement] = []
        at = 0.0
        for cue in script.cues:
            trial = habits.trial(rng)
            planned.append(habits.movement(cue, trial, at + trial.reaction_s))
            at += cue.seconds
        self._planned = planned
        super().__init__(person, rng, step_s, planned)

    def movements(self) -> list[tuple[float, float]]:
        """When the movement after each cue begins and when every muscle has arrived, in s."""
        return [(one.onset_s, one.onset_s + float(one.rise_s.max())) for one in self._planned]
