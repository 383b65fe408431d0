"""A virtual user: sees a screen late, means something, and muscles follow. In closed loop, faster than real time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Generic, Protocol, TypeVar

import numpy as np
from pydantic import Field

from rt_handdt.config import Settings
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.types import Float32
from rt_handdt.sim.donning import Donning
from rt_handdt.sim.forearm import Forearm
from rt_handdt.sim.intent import Intent
from rt_handdt.sim.person import SIGNAL_STREAM, Person

#: Word in the random streams that keeps a user's draws apart from those of recordings.
USER = 2_000_000
#: Visual reaction of people, drawn evenly between these: 190 to 250 ms to a change that is expected, with spread
#: between people (Woods et al. 2015, Front Hum Neurosci 9:131).
REACTION_S = (0.15, 0.30)


class UserSettings(Settings):
    """How a virtual user acts.

    Attributes
    ----------
    reaction_s
        From what the screen shows to what is meant; None: the user's own, 0.15 to 0.3 s.
    bandwidth_hz
        What is meant changes no faster: people track up to some 2 Hz.
    correction_s
        Another movement is begun at most so often; letting go needs no such time.
    noise
        Spread of the logarithm by which the level meant wavers from step to step, before the bandwidth smooths it.
    """

    reaction_s: float | None = Field(None, ge=0, le=1)
    bandwidth_hz: float = Field(2.0, gt=0, le=20)
    correction_s: float = Field(0.2, ge=0, le=2)
    noise: float = Field(0.05, ge=0, le=1)


Seen = TypeVar("Seen")
SeenOnly = TypeVar("SeenOnly", contravariant=True)


class Mind(Protocol[SeenOnly]):
    """What a user wants, from what is seen."""

    def want(self, seen: SeenOnly, time_s: float) -> Mapping[str, float]:
        """Gestures and their levels (1 = usual strength); nothing: rest. Asked every step, in order of time."""
        ...


class VirtualUser(Generic[Seen]):
    """A person in front of a screen. Deterministic: the same seed and the same screens give the same signal.

    Parameters
    ----------
    person, donning
        Who, and how the electrodes sit today.
    gestures
        Those that may be meant.
    layout, fs_hz
        Electrodes and rate.
    seed
        The run's own randomness.
    settings
        How the user acts.
    forearm
        That of this person, donning and layout, where it is there already: it takes a second or two to make.
    """

    def __init__(
        self,
        person: Person,
        donning: Donning,
        gestures: Iterable[str],
        layout: ElectrodeLayout,
        fs_hz: float = 2048.0,
        *,
        seed: int = 0,
        settings: UserSettings = UserSettings(),
        forearm: Forearm | None = None,
    ) -> None:
        self.settings = settings
        self.forearm = Forearm(person, donning, layout, fs_hz) if forearm is None else forearm
        self.step_s = self.forearm.step_samples / fs_hz
        self._synthesis = self.forearm.synthesis(USER + seed)
        rng = person.rng(SIGNAL_STREAM, donning.session, USER + seed, 0)
        self.intent = Intent(person, donning, tuple(dict.fromkeys(gestures)), rng, self.step_s)
        self._rng = person.rng(SIGNAL_STREAM, donning.session, USER + seed, 4)
        drawn = float(np.random.default_rng([person.seed, person.subject, USER]).uniform(*REACTION_S))
        #: From what the screen shows to what is meant.
        self.reaction_s = drawn if settings.reaction_s is None else settings.reaction_s
        self._late = max(1, round(self.reaction_s / self.step_s))
        self._screens: deque[Seen] = deque(maxlen=self._late)
        self._wanted: dict[str, float] = {}
        self._meant = dict.fromkeys(self.intent.gestures, 0.0)
        self._keep = float(np.exp(-2 * np.pi * settings.bandwidth_hz * self.step_s))
        self._changed_s = -np.inf
        self._number = 0

    @property
    def time_s(self) -> float:
        """Of the steps so far."""
        return self._number * self.step_s

    def step(self, screen: Seen, mind: Mind[Seen]) -> Float32:
        """Look at the screen, and go on by one step: its signal, (step_samples, n_channels) µV.

        What is seen now is answered `reaction_s` later.
        """
        if len(self._screens) == self._late:
            self._want(dict(mind.want(self._screens[0], self.time_s)))
        self._screens.append(screen)
        for label in self._meant:
            wanted = self._wanted.get(label, 0.0)
            self._meant[label] = wanted + (self._meant[label] - wanted) * self._keep
        self.intent.mean({label: min(level, 2.0) for label, level in self._meant.items() if level > 1e-3})
        signal = self._synthesis.step(self.intent.step((self._number + 0.5) * self.step_s))
        self._number += 1
        return signal

    def _want(self, wanted: dict[str, float]) -> None:
        fresh = wanted.keys() - self._wanted.keys()
        if fresh and self.time_s - self._changed_s < self.settings.correction_s:
            wanted = {label: level for label, level in wanted.items() if label not in fresh}
        elif fresh:  # another movement is another trial
            self.intent.again()
            self._changed_s = self.time_s
        self._wanted = {label: level * self._wavering() for label, level in wanted.items()}

    def _wavering(self) -> float:
        return float(np.exp(self.settings.noise * self._rng.standard_normal()))

    @property
    def levels(self) -> dict[str, float]:
        """What the muscles do now, gesture by gesture."""
        return self.intent.levels
