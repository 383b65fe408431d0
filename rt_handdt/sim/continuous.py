"""Sessions as life has them, for judging live behaviour: also movements that no model was taught, and long rests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Literal

import numpy as np

from rt_handdt.core.gestures import HYSER_GESTURES, REST
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.recording import Marker
from rt_handdt.errors import ConfigError
from rt_handdt.paths import layout_path
from rt_handdt.sim.donning import draw_donning
from rt_handdt.sim.person import SCRIPT_STREAM, draw_person
from rt_handdt.sim.script import Cue, Script
from rt_handdt.sim.session import (
    DEFAULT_GESTURES,
    DEFAULT_LAYOUT,
    HYSER_FS_HZ,
    VirtualRecording,
    movement_markers,
)
from rt_handdt.sim.strategy import parts

#: Label of a movement that is none of the gestures.
OTHER = "other"
#: How long a movement is held and a rest lasts, drawn evenly between these.
GESTURE_S, REST_S = (1.0, 4.0), (1.0, 4.0)
#: A long rest; in a session of less than two minutes, at most a quarter of it. There is one in about 150 s.
LONG_REST_S, LONG_REST_EVERY_S = (20.0, 30.0), 150.0
#: Contraction levels of gestures and of what is no gesture, and those of a fidget; how long a fidget lasts.
LEVELS, FIDGET_LEVELS, FIDGET_S = (0.5, 1.5), (0.2, 0.5), (0.5, 1.5)
#: Chance that the next movement follows at once, without rest between.
DIRECT = 0.2
#: Chance that the next movement is none of the gestures.
UNKNOWN = 0.25
#: Share of each part in a mixture of two and of three: none of them leads, so that none could be meant.
SHARES: dict[int, tuple[float, float]] = {2: (0.5, 0.8), 3: (0.4, 0.6)}
SHORTEST_S = 10.0
_END_REST_S = 2.0
_FINGERS = tuple(label for label in HYSER_GESTURES if label.endswith("_extension") and not label.startswith("wrist_"))
_SINGLE = tuple(label for label in _FINGERS if label.count("_") == 1)
#: Words that keep a continuous session's draws apart from those of the other sessions of that person and day.
_PLAN, _TRIAL = 2, 500_000


def continuous_script(
    rng: np.random.Generator,
    gestures: Sequence[str] = DEFAULT_GESTURES,
    seconds: float = 300.0,
    *,
    direct: float = DIRECT,
    unknown: float = UNKNOWN,
) -> Script:
    """Rest → gesture → rest … as it comes: lengths, force and order vary, and not everything is a gesture.

    - Each gesture once in random order, and again, and again, as long as it takes.
    - A movement lasts 1–4 s at 0.5 to 1.5 times the person's usual strength, the rest after it 1–4 s.
    - With the chance `direct`, the next movement follows without rest.
    - With the chance `unknown`, the next movement is none of the gestures and is labelled ``"other"``: another of
      Hyser's gestures (half of them the extension of a single finger), a mixture of two or three of the gestures, or
      either of these as a fidget (0.5–1.5 s at a level of 0.2–0.5); each as often.
    - About every 150 s, and at least once, a rest lasts 20–30 s (in a session of less than two minutes, at most a
      quarter of it). The session begins and ends with rest.

    Parameters
    ----------
    rng
        Decides all this.
    gestures
        Labels of Hyser's gestures. With all 34, what is no gesture is a mixture.
    seconds
        Length in all, 10 s or more.
    direct, unknown
        Chances, 0 to 1.

    Raises
    ------
    ConfigError
        If a gesture is unknown, a number makes no sense, or nothing but gestures could be made.
    """
    _check(gestures, seconds, direct, unknown)
    others = _Unknown(gestures)
    if not others and unknown > 0:
        raise ConfigError(
            f"Hyser has no movement besides {len(gestures)} gestures such as {gestures[0]} that could be mixed from "
            "them; name two gestures or more, or fewer than 34."
        )
    n_long = max(1, round(seconds / LONG_REST_EVERY_S))
    at_which = [(k + rng.uniform(0.3, 0.7)) * seconds / n_long for k in range(n_long)]
    pending = [(at_s, min(float(rng.uniform(*LONG_REST_S)), seconds / 4)) for at_s in at_which]
    cues = [Cue(REST, _uniform(rng, REST_S))]
    at = cues[0].seconds
    order: list[str] = []
    while True:
        if rng.random() < unknown:
            movement = others.draw(rng)
        else:
            order = order or [gestures[number] for number in rng.permutation(len(gestures))]
            movement = Cue(order.pop(), _uniform(rng, GESTURE_S), _uniform(rng, LEVELS))
        rest_s = _uniform(rng, REST_S) if rng.random() >= direct else 0.0
        # What must still find room after this movement.
        if at + movement.seconds + (pending[0][1] if pending else _END_REST_S) > seconds:
            break
        cues.append(movement)
        at += movement.seconds
        if pending and at >= pending[0][0]:
            rest_s = pending.pop(0)[1]
        rest_s = min(rest_s, seconds - at)
        if rest_s:
            cues.append(Cue(REST, rest_s))
            at += rest_s
    if cues[-1].label == REST:
        at -= cues.pop().seconds
    return Script((*cues, Cue(REST, seconds - at)))


def continuous_recording(
    seed: int = 0,
    subject: int = 1,
    session: int = 1,
    *,
    minutes: float = 5.0,
    layout: ElectrodeLayout | None = None,
    fs_hz: float = HYSER_FS_HZ,
    gestures: Sequence[str] = DEFAULT_GESTURES,
    markers: Literal["movement", "cue"] = "movement",
) -> VirtualRecording:
    """Record a virtual person in a `continuous_script`.

    Parameters
    ----------
    seed, subject, session
        Which cohort, who (from 1), and which day (from 1): the same arm and the same electrodes as in any other
        recording of that session, in another performance.
    minutes
        Length.
    layout, fs_hz, gestures, markers
        As in `rt_handdt.sim.session.virtual_recording`. Movements that are no gesture have the label ``"other"``. A
        label that does not change (a gesture that is made again at once) has one marker.

    Raises
    ------
    ConfigError
        For an unknown gesture, or a number that makes no sense.
    """
    person = draw_person(seed, subject)
    donning = draw_donning(person, session)
    layout = layout or ElectrodeLayout.from_toml(layout_path(DEFAULT_LAYOUT))
    script = continuous_script(person.rng(SCRIPT_STREAM, session, _PLAN), gestures, minutes * 60.0)
    marked = script.markers(fs_hz) if markers == "cue" else movement_markers(person, donning, script, fs_hz, _TRIAL)
    return VirtualRecording(
        name=f"{person.name} session {session} continuous",
        fs_hz=fs_hz,
        channels=layout.channels,
        n_samples=script.starts(fs_hz)[-1],
        markers=changes(marked),
        subject=person.name,
        session=str(session),
        person=person,
        donning=donning,
        layout=layout,
        script=script,
        trial=_TRIAL,
    )


def changes(markers: Sequence[Marker]) -> tuple[Marker, ...]:
    """The markers without those that repeat the label before them."""
    return tuple(one for k, one in enumerate(markers) if k == 0 or one.label != markers[k - 1].label)


class _Unknown:
    """Movements that are none of some gestures."""

    def __init__(self, gestures: Sequence[str]) -> None:
        made_of = {frozenset(parts(gesture)) for gesture in gestures}
        outside = [label for label in HYSER_GESTURES if frozenset(parts(label)) not in made_of]
        single = [label for label in outside if label in _SINGLE]
        several = [label for label in outside if label not in _SINGLE]
        #: Drawn from in turn, so that the few single fingers come as often as all the rest.
        self._outside = [group for group in (single, several) if group]
        # Wrist flexion with a closing hand is no mixture where that is one of the gestures itself.
        self._mixtures = [
            group
            for number in SHARES
            if (
                group := [
                    names
                    for names in combinations(dict.fromkeys(gestures), number)
                    if frozenset(part for name in names for part in parts(name)) not in made_of
                ]
            )
        ]

    def __bool__(self) -> bool:
        return bool(self._outside or self._mixtures)

    def draw(self, rng: np.random.Generator) -> Cue:
        """One of them, of its own length and force."""
        kind = rng.integers(3)  # another gesture, a mixture, or either of them as a fidget
        want_mixture = kind == 1 or (kind == 2 and rng.random() < 0.5)
        if self._mixtures and (want_mixture or not self._outside):
            group = self._mixtures[rng.integers(len(self._mixtures))]
            names = group[rng.integers(len(group))]
            mixture = tuple((name, _uniform(rng, SHARES[len(names)])) for name in names)
        else:
            labels = self._outside[rng.integers(len(self._outside))]
            mixture = ((labels[rng.integers(len(labels))], 1.0),)
        cue = Cue(OTHER, _uniform(rng, GESTURE_S), _uniform(rng, LEVELS), mixture)
        if kind < 2:
            return cue
        return replace(cue, seconds=_uniform(rng, FIDGET_S), level=_uniform(rng, FIDGET_LEVELS))


def _uniform(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    # thousandths: a script that is printed or written by hand says the same
    return round(float(rng.uniform(*limits)), 3)


def _check(gestures: Sequence[str], seconds: float, direct: float, unknown: float) -> None:
    if not gestures:
        raise ConfigError("A script needs at least one gesture; name some of Hyser's 34.")
    for gesture in gestures:
        Cue(gesture, 1.0)
    if REST in gestures:
        raise ConfigError("Rest comes between the gestures by itself; leave it out of them.")
    if not (np.isfinite(seconds) and seconds >= SHORTEST_S):
        raise ConfigError(f"A continuous session must last at least {SHORTEST_S:g} s; got {seconds:g} s.")
    for what, chance in (("a direct transition", direct), ("a movement that is no gesture", unknown)):
        if not 0 <= chance <= 1:
            raise ConfigError(f"The chance of {what} must lie between 0 and 1; got {chance:g}.")
