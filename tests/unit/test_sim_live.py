"""A live person: obeys at any time, from any thread, and marks what the hand does."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.recording import Marker
from rt_handdt.errors import ConfigError
from rt_handdt.sim.activation import REACTION_S, RISE_S
from rt_handdt.sim.donning import draw_donning
from rt_handdt.sim.live import LivePerson
from rt_handdt.sim.person import draw_person
from rt_handdt.sim.script import Cue

SMALL = ElectrodeLayout.grid(4, 8, pitch_mm=30.0)
FS = 2048.0
STEP = 32


class Run:
    """A person who is told things at given times."""

    def __init__(self, **options) -> None:
        person = draw_person(0, 1)
        self.person = LivePerson(person, draw_donning(person, 1), SMALL, FS, **options)
        self._blocks = self.person.blocks(STEP)
        self.samples = 0
        self.markers: list[Marker] = []

    def go(self, seconds: float) -> np.ndarray:
        x = np.concatenate([next(self._blocks) for _ in range(round(seconds * FS / STEP))])
        self.samples += len(x)
        self.markers += self.person.markers(self.samples)
        return x

    def rms(self, seconds: float) -> float:
        return rms(self.go(seconds))


def rms(x: np.ndarray) -> float:
    """Of the differences: without offset, and with little of the mains."""
    return float(np.sqrt(np.square(np.diff(x.astype(float), axis=0)).mean()))


def test_a_command_acts_within_reaction_and_rise_and_rest_returns_to_quiet():
    run = Run()
    quiet = run.rms(1.0)
    run.person.command("hand_close")
    assert run.rms(REACTION_S[0] - 0.03) < 1.2 * quiet
    run.go(REACTION_S[1] + RISE_S[1] - REACTION_S[0])
    assert run.rms(1.0) > 2 * quiet
    at = run.samples / FS
    run.person.command("rest")
    run.go(REACTION_S[1] + RISE_S[1] + 0.1)
    assert run.rms(1.0) < 1.1 * quiet
    assert [marker.label for marker in run.markers] == ["rest", "hand_close", "rest"]
    begin, end = (marker.index / FS for marker in run.markers[1:])
    assert 1 + REACTION_S[0] <= begin <= 1 + REACTION_S[1] + 1 / 64
    assert at + REACTION_S[0] + RISE_S[0] <= end <= at + REACTION_S[1] + RISE_S[1] + 1 / 64


def test_without_reaction_the_next_step_already_differs():
    told, other = Run(reaction_s=0.0), Run(reaction_s=0.0)
    np.testing.assert_array_equal(told.go(1.0), other.go(1.0))
    told.person.command("hand_open", 1.5)
    assert told.rms(0.25) > 1.5 * other.rms(0.25)
    assert told.markers[1] == Marker(2048, "hand_open")


def test_the_level_scales_the_signal_and_changes_no_marker():
    run = Run(reaction_s=0.0)
    heard = [run.rms(1.0)]
    for level in (0.5, 1.0, 1.5, 2.0):
        run.person.command("wrist_flexion", level)
        run.go(0.5)
        heard.append(run.rms(1.5))
    assert heard == sorted(heard)
    assert heard[-1] > 1.5 * heard[1]
    assert [marker.label for marker in run.markers] == ["rest", "wrist_flexion"]


def test_a_repeated_command_changes_nothing():
    told, again = Run(), Run()
    for run in (told, again):
        run.person.command("hand_close", 0.8)
        run.go(0.5)
    again.person.command("hand_close", 0.8)
    np.testing.assert_array_equal(told.go(0.5), again.go(0.5))


def test_a_change_of_mind_before_rest_is_reached_is_not_rest():
    run = Run(reaction_s=0.0)
    for label in ("hand_close", "rest", "hand_open"):
        run.person.command(label)
        run.go(STEP / FS)
    run.go(1.0)
    assert [marker.label for marker in run.markers] == ["rest", "hand_close", "hand_open"]
    assert [marker.index for marker in run.markers] == [0, 0, 2 * STEP]


def test_cues_are_performed_and_rest_follows():
    run = Run(reaction_s=0.1, cues=[Cue("rest", 0.5), Cue("hand_close", 1.0), Cue("hand_open", 1.0)])
    run.go(4.0)
    assert [marker.label for marker in run.markers] == ["rest", "hand_close", "hand_open", "rest"]
    assert [marker.index / FS for marker in run.markers[1:3]] == pytest.approx([0.6, 1.6], abs=1 / 64)


def test_the_blocks_do_not_depend_on_their_size():
    def whole(size):
        person = draw_person(0, 1)
        live = LivePerson(person, draw_donning(person, 1), SMALL, FS, cues=[Cue("hand_close", 1.0)])
        return np.concatenate(list(live.blocks(size, 4000)))

    np.testing.assert_array_equal(whole(5), whole(1000))


def test_commands_may_come_from_many_threads_at_once():
    run = Run(reaction_s=2.0)  # none is answered while they come
    stop = threading.Event()

    def chatter(labels: tuple[str, ...]) -> None:
        while not stop.wait(0.0005):
            for label in labels:
                run.person.command(label)

    threads = [threading.Thread(target=chatter, args=(("hand_close", "rest", "hand_open"),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        run.go(0.5)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    run.person.command("wrist_extension")
    x = run.go(4.0)
    assert np.isfinite(x).all()
    assert run.markers[-1].label == "wrist_extension"
    indices = [marker.index for marker in run.markers]
    assert indices == sorted(indices)


def test_senseless_commands_are_refused_and_change_nothing():
    run = Run()
    with pytest.raises(ConfigError, match="did you mean 'hand_close'"):
        run.person.command("hand_clsoe")
    for level in (-0.1, 2.1, float("nan")):
        with pytest.raises(ConfigError, match="between 0 and 2"):
            run.person.command("hand_close", level)
    with pytest.raises(ConfigError, match="between 0 and 2000 ms"):
        Run(reaction_s=-0.01)
    run.go(1.0)
    assert [marker.label for marker in run.markers] == ["rest"]
