"""What a virtual person does about commands: reaction, movement, and a marker where it begins."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator

import numpy as np

from rt_handdt.core.gestures import REST
from rt_handdt.core.recording import Marker
from rt_handdt.core.types import Float64
from rt_handdt.sim.activation import Excitation, Habits, Trial
from rt_handdt.sim.forearm import Forearm
from rt_handdt.sim.script import Cue

#: Markers that nobody has fetched: the oldest make way.
MARKERS = 256
AT_REST = Cue(REST, 1.0, 0.0)


class LiveDrive:
    """Turns commands into movements, and movements into excitation and markers.

    `order`, and reading `told` and `doing`, belong to any thread, the rest to the one that asks for steps.

    Parameters
    ----------
    forearm
        Whose.
    rng
        Decides how each movement differs, and the drift.
    reaction_s
        From a command to the onset; None: the person's own, other each time.
    cues
        Taken up one after another, each at its time; rest follows when they end.
    """

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
        #: The last order, or the cue that came after it.
        self.told = AT_REST
        self._asked = AT_REST
        self._trial: Trial | None = None
        self._last_onset_s = 0.0
        #: What the hand does, as the last marker said.
        self.doing = REST
        #: When the hand will begin what, or be at rest.
        self._coming: deque[tuple[float, str]] = deque()

    def order(self, cue: Cue) -> None:
        """Do this from the next step on; of several orders before it, the last counts."""
        with self._lock:
            self._order = self.told = cue

    def step(self, time_s: float) -> Float64:
        """Shape (n_muscles,), 0..1: excitation of the next step, whose middle is `time_s`."""
        begin_s = self._number * self._n_step / self._fs_hz
        with self._lock:
            order, self._order = self._order, None
        # One command per step at most: what waits for its onset stays bounded, however many come.
        cues = list(self._due_cues(begin_s))
        last = order or (cues[-1] if cues else None)
        if last is not None:
            self.told = last
            self._obey(last, begin_s)
        self._mark(time_s)
        self._number += 1
        return self._excitation.step(time_s)

    def _due_cues(self, now_s: float) -> Iterator[Cue]:
        while self._performing and now_s >= self._next_cue_s - 1e-9:
            cue = next(self._cues, None)
            if cue is None:
                self._performing = False
                if self._next_cue_s > 0:
                    yield AT_REST
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
            if label != self.doing:
                # Excitation is constant within a step, so nothing changes before the step's first sample.
                index = max(round(at_s * self._fs_hz), self._number * self._n_step)
                self.markers.append(Marker(index, label))
                self.doing = label
