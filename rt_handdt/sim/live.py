"""A virtual person who does what it is told while it is told, without end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from rt_handdt.core.gestures import REST
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.recording import Marker
from rt_handdt.core.types import Float32
from rt_handdt.errors import ConfigError
from rt_handdt.paths import layout_path
from rt_handdt.sim.donning import Donning
from rt_handdt.sim.electrodes import Fault
from rt_handdt.sim.forearm import Forearm
from rt_handdt.sim.live_drive import AT_REST, LiveDrive
from rt_handdt.sim.mover import Mover
from rt_handdt.sim.person import SIGNAL_STREAM, Person
from rt_handdt.sim.script import Cue
from rt_handdt.sim.synthesis import in_blocks

#: Word in the random streams that keeps a live person's draws apart from those of a recording's trials.
LIVE = 1_000_000
MAX_REACTION_S = 2.0
MAX_NOISE, MAX_SHIFT_MM, MAX_ROTATION_DEG = 20.0, 30.0, 45.0
FAULTS: tuple[Fault, ...] = ("lost", "noisy")
#: `LiveState.rms_uv` looks back on so many steps: a quarter of a second.
RMS_STEPS = 16


@dataclass(frozen=True, slots=True)
class LiveState:
    """One moment of a live person.

    Attributes
    ----------
    told, level
        The gesture and force of the last command or cue.
    doing
        What the hand does: the label of the last marker.
    noise
        Noise and mains, relative to the day's.
    shift_mm, rotation_deg
        Where the electrodes were last moved to, relative to the day's donning.
    moving
        True until they are there.
    broken
        Channel → fault.
    position
        Samples computed so far.
    rms_uv
        Shape (n_channels,): RMS of the last quarter of a second, without what is slower than a step (1/64 s).
    reaction_s
        From a command to the movement's onset, usually.
    """

    told: str
    level: float
    doing: str
    noise: float
    shift_mm: float
    rotation_deg: float
    moving: bool
    broken: dict[int, Fault]
    position: int
    rms_uv: Float32 = field(repr=False)
    reaction_s: float


class LivePerson:
    """A person under electrodes whose gesture, and whose electrodes, can be changed at any time.

    `blocks` and `markers` belong to those who make and send the signal, and decide how fast time goes; everything else
    may be called from any thread and returns at once. A change acts from the next step (1/64 s) that is computed. Of
    several commands before a step the last is taken up; then come the reaction and the rise. More force (or less) in
    the same gesture is a change of force alone, not a new trial.

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
    fatigue
        Whether muscles tire.

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
        fatigue: bool = False,
    ) -> None:
        if reaction_s is not None and not 0 <= reaction_s <= MAX_REACTION_S:
            raise ConfigError(
                f"The reaction time must lie between 0 and {MAX_REACTION_S * 1e3:g} ms; got {reaction_s * 1e3:g} ms."
            )
        self.person = person
        self.fs_hz = fs_hz
        layout = layout or ElectrodeLayout.from_toml(layout_path("hyser_16x16"))
        self.forearm = Forearm(person, donning, layout, fs_hz, fatigue=fatigue)
        self.layout = self.forearm.layout
        self._seed = seed
        self._reaction_s = person.reaction_s if reaction_s is None else reaction_s
        rng = person.rng(SIGNAL_STREAM, donning.session, LIVE + seed, 0)
        self._drive = LiveDrive(self.forearm, rng, reaction_s, iter(cues))
        self._mover = Mover(self.forearm)
        self._lock = threading.Lock()
        self._noise = 1.0
        self._faults: dict[int, Fault] = {}
        self._changed = False
        self._computed = 0
        self._variance = np.zeros((RMS_STEPS, self.layout.n_channels), np.float32)

    # -- any thread ----------------------------------------------------------------------------------------------

    def command(self, label: str, level: float = 1.0) -> None:
        """Change the gesture, or its force (1 = the person's usual strength); ``"rest"`` has none.

        Raises
        ------
        ConfigError
            For an unknown gesture, or a level outside 0 to 2.
        """
        self._drive.order(AT_REST if label == REST else Cue(label, 1.0, level))

    def set_noise(self, factor: float) -> None:
        """Make noise and mains so many times what they are on that day.

        Raises
        ------
        ConfigError
            For a factor outside 0 to 20.
        """
        if not 0 <= factor <= MAX_NOISE:
            raise ConfigError(f"Noise is 0 to {MAX_NOISE:g} times that of the day (1 = as it is); got {factor:g}.")
        with self._lock:
            self._noise = float(factor)
            self._changed = True

    def move(self, shift_mm: float, rotation_deg: float) -> None:
        """Move the electrodes to so far from where they sit that day: towards the wrist, and round the forearm.

        What they see there is computed beside the signal, which takes a second or more; then it changes between two
        steps. Of several moves meanwhile, the last counts.

        Raises
        ------
        ConfigError
            Beyond ± 30 mm or ± 45°.
        """
        for value, limit, what, unit in (
            (shift_mm, MAX_SHIFT_MM, "along the forearm", " mm"),
            (rotation_deg, MAX_ROTATION_DEG, "round it", "°"),
        ):
            if not abs(value) <= limit:
                raise ConfigError(
                    f"Electrodes can be moved by up to ±{limit:g}{unit} {what} from where they sit that day; "
                    f"got {value:g}{unit}."
                )
        self._mover.ask((float(shift_mm), float(rotation_deg)))

    def break_electrode(self, channel: int, fault: Fault = "lost") -> None:
        """Break an electrode (channels are numbered from 0): its lead is off, or its gel has dried (``"noisy"``).

        Raises
        ------
        ConfigError
            For a channel that there is not, or another fault.
        """
        self._check(channel)
        if fault not in FAULTS:
            raise ConfigError(f"An electrode can be {' or '.join(FAULTS)}; got '{fault}'.")
        with self._lock:
            self._faults = {**self._faults, channel: fault}
            self._changed = True

    def mend_electrode(self, channel: int) -> None:
        """Make an electrode what it was that day; nothing happens to one that is not broken.

        Raises
        ------
        ConfigError
            For a channel that there is not.
        """
        self._check(channel)
        with self._lock:
            self._faults = {one: fault for one, fault in self._faults.items() if one != channel}
            self._changed = True

    def state(self) -> LiveState:
        """This moment, of what is computed."""
        told = self._drive.told
        shift_mm, rotation_deg = self._mover.place
        return LiveState(
            told=told.label,
            level=told.level,
            doing=self._drive.doing,
            noise=self._noise,
            shift_mm=shift_mm,
            rotation_deg=rotation_deg,
            moving=self.moving,
            broken=dict(self._faults),
            position=self._computed,
            rms_uv=np.sqrt(self._variance.mean(axis=0)),
            reaction_s=self._reaction_s,
        )

    @property
    def moving(self) -> bool:
        """Whether the electrodes have been moved, but the signal does not show it yet."""
        return self._mover.moving

    def close(self) -> None:
        """Give up a move that is under way; no thread is left behind."""
        self._mover.close()

    # -- who makes and sends the signal --------------------------------------------------------------------------

    def blocks(self, block_samples: int, n_samples: int | None = None) -> Iterator[Float32]:
        """The signal, without end or `n_samples` long: blocks (≤ block_samples, n_channels), float32, µV. Ask once."""
        return in_blocks(
            self._steps(), self.layout.n_channels, block_samples, sys.maxsize if n_samples is None else n_samples
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

    def _steps(self) -> Iterator[Float32]:
        synthesis = self.forearm.synthesis(LIVE + self._seed)
        step_s = self.forearm.step_samples / self.fs_hz
        for number in count():
            if self._changed:
                with self._lock:
                    self._changed = False
                    synthesis.electronics.set(self._noise, self._faults)
            waves = self._mover.take()
            if waves is not None:
                synthesis.see(waves)
            step = synthesis.step(self._drive.step((number + 0.5) * step_s))
            self._variance[number % RMS_STEPS] = np.square(step - step.mean(axis=0)).mean(axis=0)
            self._computed += len(step)
            yield step

    def _check(self, channel: int) -> None:
        if not 0 <= channel < self.layout.n_channels:
            raise ConfigError(
                f"The electrodes are numbered from 0 to {self.layout.n_channels - 1} in the order of the stream's "
                f"channels; got {channel}."
            )
