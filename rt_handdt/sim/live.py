"""A virtual person who does what it is told while it is told, without end."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from rt_handdt.core.gestures import REST
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.recording import Marker
from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import ConfigError
from rt_handdt.paths import layout_path
from rt_handdt.sim.activation import Excitation, Habits, Trial
from rt_handdt.sim.donning import Donning
from rt_handdt.sim.forearm import Forearm
from rt_handdt.sim.person import SIGNAL_STREAM, Person
from rt_handdt.sim.script import Cue

#: Markers that nobody has fetched: the oldest make way.
MARKERS = 256
#: Word in the random streams that keeps a live person's draws apart from those of a recording's trials.
LIVE = 1_000_000
MAX_REACTION_S = 2.0
_AT_REST = Cue(REST, 1.0, 0.0)


class LivePerson:
    """A person under electrodes whose gesture can be changed at any time.

    `command` may be called from any thread. `blocks` and `markers` belong to one thread, which decides how fast time
    goes. A command is taken up at the next step (1/64 s) that is computed, of several the last; then come the reaction
    and the rise. More force (or less) in the same gesture is a change of force alone, not a new trial.

    Parameters
    ----------
    person, donning
        Who, and how the electrodes sit today.
    layout
        Electrodes; Hyser's 16 × 16 by default.
    fs_hz
        Sampling rate.
    seed
        The run's own randomness.
    reaction_s
        From a command to the onset of the movement; default: the person's own, other each time.
    cues
        Performed one after another, as commands given at their time; rest follows when they end.

    Raises
    ------
    ConfigError
        If the rate or the reaction time makes no sense.
    """

    def __init__(
        self,
        person: Person,
        donning: Donning,
        layout: ElectrodeLayout | None = None,
        fs_hz: float = 2048.0,
        *,
        seed: int = 0,
        reaction_s: float | None = None,
        cues: Iterable[Cue] = (),
    ) -> None:
        if reaction_s is not None and not 0 <= reaction_s <= MAX_REACTION_S:
            raise ConfigError(
                f"The reaction time must lie between 0 and {MAX_REACTION_S * 1e3:g} ms; got {reaction_s * 1e3:g} ms."
            )
        self.person = person
        self.fs_hz = fs_hz
        self.forearm = Forearm(person, donning, layout or ElectrodeLayout.from_toml(layout_path("hyser_16x16")), fs_hz)
        self.layout = self.forearm.layout
        self._seed = seed
        rng = person.rng(SIGNAL_STREAM, donning.session, LIVE + seed, 0)
        self._drive = _LiveDrive(self.forearm, rng, reaction_s, iter(cues))

    def command(self, label: str, level: float = 1.0) -> None:
        """Change the gesture, or its force (1 = the person's usual strength); ``"rest"`` has none. Any thread.

        Raises
        ------
        ConfigError
            For an unknown gesture, or a level outside 0 to 2.
        """
        self._drive.order(_AT_REST if label == REST else Cue(label, 1.0, level))

    def blocks(self, block_samples: int, n_samples: int | None = None) -> Iterator[Float32]:
        """The signal, without end or `n_samples` long: blocks (≤ block_samples, n_channels), float32, µV. Ask once."""
        return self.forearm.follow(
            self._drive, LIVE + self._seed, block_samples, sys.maxsize if n_samples is None else n_samples
        )

    def markers(self, before: int) -> list[Marker]:
        """What the hand does, from which sample on: the changes before sample `before` that were not given yet.

        A gesture begins with its movement; rest when every muscle has relaxed. Another force is no change.
        """
        ready = self._drive.markers
        found: list[Marker] = []
        while ready and ready[0].index < before:
            found.append(ready.popleft())
        return found


class _LiveDrive:
    """Turns commands into movements, and movements into excitation and markers."""

    def __init__(
        self, forearm: Forearm, rng: np.random.Generator, reaction_s: float | None, cues: Iterator[Cue]
    ) -> None:
        self.markers: deque[Marker] = deque([Marker(0, REST)], maxlen=MARKERS)
        self._lock = threading.Lock()
        self._order: Cue | None = None
        self._habits = Habits(forearm.person, forearm.donning)
        self._rng = rng
        self._reaction_s = reaction_s
        self._cues = cues
        self._next_cue_s = 0.0
        self._performing = True
        self._fs_hz = forearm.fs_hz
        self._n_step = forearm.step_samples
        self._excitation = Excitation(forearm.person, rng, self._n_step / self._fs_hz)
        self._number = 0
        self._asked = _AT_REST
        self._trial: Trial | None = None
        self._last_onset_s = 0.0
        self._doing = REST
        #: When the hand will begin what, or be at rest.
        self._coming: deque[tuple[float, str]] = deque()

    def order(self, cue: Cue) -> None:
        """Any thread."""
        with self._lock:
            self._order = cue

    def step(self, time_s: float) -> Float64:
        begin_s = self._number * self._n_step / self._fs_hz
        with self._lock:
            order, self._order = self._order, None
        # One command per step at most: what waits for its onset stays bounded, however many come.
        for cue in [*self._due_cues(begin_s), *([order] if order else [])][-1:]:
            self._obey(cue, begin_s)
        self._mark(time_s)
        self._number += 1
        return self._excitation.step(time_s)

    def _due_cues(self, now_s: float) -> Iterator[Cue]:
        while self._performing and now_s >= self._next_cue_s - 1e-9:
            cue = next(self._cues, None)
            if cue is None:
                self._performing = False
                if self._next_cue_s > 0:
                    yield _AT_REST
                return
            self._next_cue_s += cue.seconds
            yield cue

    def _obey(self, cue: Cue, now_s: float) -> None:
        same = (cue.label, cue.mixture) == (self._asked.label, self._asked.mixture)
        if same and (cue.label == REST or cue.level == self._asked.level):
            return
        trial = self._habits.trial(self._rng)
        if same and self._trial is not None:  # the hand stays as it is, only the force changes
            trial = trial._replace(level=self._trial.level, own=self._trial.own, over=0.0)
        reaction = trial.reaction_s if self._reaction_s is None else self._reaction_s
        # A person answers commands in the order in which they came.
        onset = max(now_s + reaction, self._last_onset_s)
        movement = self._habits.movement(cue, trial, onset)
        self._excitation.due.append(movement)
        while self._coming and self._coming[-1][0] >= onset:  # a rest that would not be reached
            self._coming.pop()
        self._coming.append((onset + float(movement.rise_s.max()) if cue.label == REST else onset, cue.label))
        self._asked, self._trial, self._last_onset_s = cue, trial, onset

    def _mark(self, time_s: float) -> None:
        while self._coming and self._coming[0][0] <= time_s:
            at_s, label = self._coming.popleft()
            if label != self._doing:
                # Excitation is constant within a step, so nothing changes before the step's first sample.
                index = max(round(at_s * self._fs_hz), self._number * self._n_step)
                self.markers.append(Marker(index, label))
                self._doing = label
