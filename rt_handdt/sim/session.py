"""Recordings of virtual people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from rt_handdt.core.gestures import REST, hyser_code, hyser_label, study_ten
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.recording import Marker, Recording
from rt_handdt.core.types import Float32
from rt_handdt.errors import ConfigError
from rt_handdt.paths import layout_path
from rt_handdt.sim.donning import Donning, draw_donning
from rt_handdt.sim.forearm import STEP_S, Forearm, activation_path
from rt_handdt.sim.person import SCRIPT_STREAM, TRIAL_STREAM, Person, draw_person
from rt_handdt.sim.script import Cue, Script, random_script

DEFAULT_LAYOUT = "hyser_16x16"
DEFAULT_GESTURES: tuple[str, ...] = study_ten().labels[1:]
#: Before a maintenance trial is cut out, the contraction settles for this long.
SETTLE_S = 1.5
DYNAMIC_S, MAINTENANCE_S = 1.0, 4.0
HYSER_FS_HZ = 2048.0


@dataclass(frozen=True)
class VirtualRecording(Recording):
    """A virtual person's session; samples are computed as they are asked for, the same ones every time.

    Attributes
    ----------
    person, donning, layout
        Who, and how which electrodes sit.
    script
        What was asked for.
    trial
        Number of the performance: tells apart the randomness of several in one session.
    """

    person: Person = field(kw_only=True, repr=False)
    donning: Donning = field(kw_only=True, repr=False)
    layout: ElectrodeLayout = field(kw_only=True, repr=False)
    script: Script = field(kw_only=True, repr=False)
    trial: int = field(default=0, kw_only=True, repr=False)

    def blocks(self, block_samples: int = 4096) -> Iterator[Float32]:
        # Built anew each time: its potentials take some 50 MB, which a list of recordings should not hold on to.
        forearm = Forearm(self.person, self.donning, self.layout, self.fs_hz)
        return forearm.stream(self.script, self.trial, block_samples)


def virtual_recording(
    seed: int = 0,
    subject: int = 1,
    session: int = 1,
    *,
    layout: ElectrodeLayout | None = None,
    fs_hz: float = HYSER_FS_HZ,
    gestures: Sequence[str] = DEFAULT_GESTURES,
    gesture_s: float = 3.0,
    rest_s: float = 2.0,
    repetitions: int = 1,
    seconds: float | None = None,
    markers: Literal["movement", "cue"] = "movement",
) -> VirtualRecording:
    """Record a virtual person: rest → gesture → rest …, in random order.

    Parameters
    ----------
    seed, subject, session
        Which cohort, who (from 1), and which day (from 1).
    layout
        Electrodes; Hyser's 16 × 16 by default.
    fs_hz
        Sampling rate.
    gestures
        Labels of Hyser's gestures.
    gesture_s, rest_s
        How long each is held.
    repetitions
        Of the whole set.
    seconds
        If given, this long in all: as many repetitions as it takes, and the last one cut off.
    markers
        ``"movement"``: what the hand does. A gesture's marker stands where its movement begins, that of rest where
        every muscle has relaxed; only a simulator knows this. ``"cue"``: what was asked for, 0.1 to 0.3 s before the
        hand follows, as in recordings of real people.

    Raises
    ------
    ConfigError
        For an unknown gesture, or a number that makes no sense.
    """
    person = draw_person(seed, subject)
    donning = draw_donning(person, session)
    layout = layout or ElectrodeLayout.from_toml(layout_path(DEFAULT_LAYOUT))
    if seconds is not None:
        if not seconds > 0:
            raise ConfigError(f"A recording must last more than 0 s; got {seconds:g}.")
        repetitions = max(1, int(np.ceil(seconds / max(len(gestures) * (gesture_s + rest_s), 1e-3))))
    script = random_script(
        person.rng(SCRIPT_STREAM, session), gestures, gesture_s=gesture_s, rest_s=rest_s, repetitions=repetitions
    )
    if seconds is not None:
        script = script.cut(seconds)
    return VirtualRecording(
        name=f"{person.name} session {session}",
        fs_hz=fs_hz,
        channels=layout.channels,
        n_samples=script.starts(fs_hz)[-1],
        markers=script.markers(fs_hz) if markers == "cue" else movement_markers(person, donning, script, fs_hz),
        subject=person.name,
        session=str(session),
        person=person,
        donning=donning,
        layout=layout,
        script=script,
    )


def movement_markers(
    person: Person, donning: Donning, script: Script, fs_hz: float, trial: int = 0
) -> tuple[Marker, ...]:
    """Where each movement begins; for rest, where it has ended (or, if there was no time for that, the next begins).

    `trial` is that of the recording, see `VirtualRecording`.
    """
    spans = activation_path(person, donning, script, trial, STEP_S).movements()
    begins = [round(begin * fs_hz) for begin, _ in spans]
    arrives = [round(arrive * fs_hz) for _, arrive in spans]
    end = script.starts(fs_hz)[-1]
    found = [Marker(0, REST)] if script.cues[0].label != REST else []
    for k, cue in enumerate(script.cues):
        at = begins[k]
        if cue.label == REST:
            at = 0 if k == 0 else min(arrives[k], begins[k + 1] if k + 1 < len(begins) else end)
        if at < end:
            found.append(Marker(at, cue.label))
    return tuple(found)


def virtual_trials(
    seed: int = 0,
    subject: int = 1,
    session: int = 1,
    gestures: Iterable[str] = DEFAULT_GESTURES,
    repetitions: int = 6,
    kind: Literal["dynamic", "maintenance"] = "dynamic",
) -> Iterator[tuple[Float32, int]]:
    """A session as Hyser cuts it: trial by trial, in random order.

    A dynamic trial is 1 s from rest, the cue at its start; a maintenance trial is 4 s of steady contraction.

    Yields
    ------
    ``(samples, code)``: (n, 256) float32 µV in the order of Hyser's channels at 2048 Hz, and Hyser's gesture number.

    Raises
    ------
    ConfigError
        For an unknown gesture or kind.
    """
    if kind not in ("dynamic", "maintenance"):
        raise ConfigError(f"The kind of a trial is 'dynamic' or 'maintenance'; got '{kind}'.")
    codes = [hyser_code(label) for label in gestures]
    person = draw_person(seed, subject)
    layout = ElectrodeLayout.from_toml(layout_path(DEFAULT_LAYOUT))
    forearm = Forearm(person, draw_donning(person, session), layout, HYSER_FS_HZ)
    order = person.rng(TRIAL_STREAM, session, kind == "maintenance").permutation(np.repeat(codes, repetitions))
    dynamic = kind == "dynamic"
    lead = (Cue(REST, 0.25),) if dynamic else ()
    skip = round((0.25 if dynamic else SETTLE_S) * HYSER_FS_HZ)
    keep = round((DYNAMIC_S if dynamic else MAINTENANCE_S) * HYSER_FS_HZ)
    for number, code in enumerate(order.tolist()):
        script = Script((*lead, Cue(hyser_label(code), (skip + keep) / HYSER_FS_HZ - sum(cue.seconds for cue in lead))))
        whole = np.concatenate(list(forearm.stream(script, 1 + number + (0 if dynamic else 100_000))))
        yield whole[skip : skip + keep], code
