"""Movements that a person means from moment to moment, one or two at once, more or less strongly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rt_handdt.core.gestures import hyser_code
from rt_handdt.core.types import Float64
from rt_handdt.errors import ConfigError
from rt_handdt.sim.activation import Excitation, Habits
from rt_handdt.sim.donning import Donning
from rt_handdt.sim.person import Person

#: Each of two movements that are made at once is made so much less strongly, as in Hyser's combined gestures
#: (`rt_handdt.sim.strategy.draw_strategy`).
TOGETHER = 0.85
#: A critically damped muscle has come so many time constants after a step as near to it as 5 %.
SETTLED = 4.74


class Intent(Excitation):
    """Excitation that follows what is meant, whatever it is and however often it changes.

    Muscles follow as critically damped second-order systems, within the person's own rise. Of several movements at
    once, a muscle's activations add up as powers do, and each is a little weaker than alone: at the corners that is
    what a combined gesture of this person is.

    Parameters
    ----------
    person, donning
        Who, and on which day.
    gestures
        Labels of Hyser's gestures that may be meant.
    rng
        Decides how one trial differs from another, and the drift.
    step_s
        Time between two calls of `step`.

    Raises
    ------
    ConfigError
        For an unknown gesture.
    """

    def __init__(
        self, person: Person, donning: Donning, gestures: Sequence[str], rng: np.random.Generator, step_s: float
    ) -> None:
        super().__init__(person, rng, step_s)
        self.gestures = tuple(gestures)
        self._habits = Habits(person, donning)
        self._weights = self._habits.weights([hyser_code(one) - 1 for one in self.gestures])
        self._tone = person.rest_tone
        self._keep_intent = float(np.exp(-step_s * SETTLED / person.rise_s))
        self._meant = np.zeros(len(self.gestures))
        self._half = np.zeros(len(self.gestures))
        self._done = np.zeros(len(self.gestures))
        self._level, self._own = 1.0, np.ones(len(person.muscles))
        self.again()
        self._level, self._own = self._next

    def again(self) -> None:
        """What comes next is another trial: level and each muscle's share in it are drawn anew, and gone to."""
        trial = self._habits.trial(self._rng)
        self._next = trial.level, trial.own

    def mean(self, levels: Mapping[str, float]) -> None:
        """From now on, do these at once, each at its level (1 = the person's usual strength); all others not.

        Raises
        ------
        ConfigError
            For a gesture that is none of `gestures`, or a level outside 0 to 2.
        """
        for label, level in levels.items():
            if label not in self.gestures:
                raise ConfigError(f"This person may mean {', '.join(self.gestures)}; got '{label}'.")
            if not 0 <= level <= 2:
                raise ConfigError(f"The level of a movement must lie between 0 and 2; '{label}' has {level:g}.")
        self._meant = np.array([levels.get(label, 0.0) for label in self.gestures])

    @property
    def levels(self) -> dict[str, float]:
        """What is done now, gesture by gesture: what was meant, as far as the muscles have followed, in this trial."""
        return dict(zip(self.gestures, (self._level * self._done).tolist(), strict=True))

    def _follow(self, time_s: float) -> Float64:
        level, own = self._next
        self._level = level + (self._level - level) * self._keep_intent
        self._own = own + (self._own - own) * self._keep_intent
        self._half = self._meant + (self._half - self._meant) * self._keep_intent
        self._done = self._half + (self._done - self._half) * self._keep_intent
        return np.asarray(mixed(self._done, self._weights) * (self._level * self._own) + self._tone, np.float64)


def mixed(levels: Float64, weights: Float64) -> Float64:
    """Activation (n_muscles,) of movements at once, from their levels (K,) and their weights (K, n_muscles).

    Examples
    --------
    >>> mixed(np.array([1.0, 1.0]), np.eye(2)).tolist(), mixed(np.array([0.0, 0.5]), np.eye(2)).tolist()
    ([0.85, 0.85], [0.0, 0.5])
    """
    first, second = np.sort(levels)[::-1][:2] if len(levels) > 1 else (levels[0], 0.0)
    share = 1 - (1 - TOGETHER) * (second / first if first > 0 else 0.0)
    return np.asarray(share * np.sqrt(np.square(levels[:, None] * weights).sum(axis=0)))
