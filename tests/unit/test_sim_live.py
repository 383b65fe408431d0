"""A live person: obeys at any time, from any thread, and marks what the hand does."""

from __future__ import annotations

import dataclasses
import threading
from functools import cache

import numpy as np
import pytest

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.recording import Marker
from rt_handdt.errors import ConfigError
from rt_handdt.sim.activation import REACTION_S, RISE_S
from rt_handdt.sim.donning import draw_donning
from rt_handdt.sim.forearm import Forearm
from rt_handdt.sim.live import LivePerson
from rt_handdt.sim.person import draw_person
from rt_handdt.sim.script import Cue

SMALL = ElectrodeLayout.grid(4, 8, pitch_mm=30.0)
FS = 2048.0
STEP = 32


class Run:
    """A person who is told things at given times."""

    def __init__(self, donning=None, **options) -> None:
        person = draw_person(0, 1)
        donning = donning or draw_donning(person, 1)
        self.person = LivePerson(person, donning, SMALL, FS, **options)
        if donning == draw_donning(person, 1):  # computed once for all tests
            self.person.forearm.__dict__["potentials"] = seen()
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


@cache
def seen() -> list[tuple[int, np.ndarray]]:
    person = draw_person(0, 1)
    return Forearm(person, draw_donning(person, 1), SMALL, FS).potentials


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


def moved_in(run: Run) -> np.ndarray:
    """What comes until the electrodes are where they were moved to, without the step that shows it first."""
    parts = [np.zeros((0, SMALL.n_channels), np.float32)]
    for _ in range(20_000):
        if not run.person.moving:
            return np.concatenate(parts[:-1])
        parts.append(run.go(STEP / FS))
    raise AssertionError("the electrodes never arrived")


def test_moved_electrodes_see_what_electrodes_there_see_and_no_sample_is_missing():
    run, still = Run(reaction_s=0.0), Run(reaction_s=0.0)
    for one in (run, still):
        one.person.command("hand_close")
    np.testing.assert_array_equal(run.go(0.5), still.go(0.5))
    run.person.move(-20.0, 30.0)
    state = run.person.state()
    assert (state.shift_mm, state.rotation_deg, state.moving) == (-20.0, 30.0, True)
    waiting = moved_in(run)
    np.testing.assert_array_equal(waiting, still.go(len(waiting) / FS))  # until then nothing changes
    still.go(STEP / FS)
    assert not run.person.state().moving
    day = run.person.forearm.donning
    there = dataclasses.replace(day, shift_mm=day.shift_mm - 20.0, rotation=day.rotation + 30.0 / 360)
    elsewhere = Run(reaction_s=0.0, donning=there)
    elsewhere.person.command("hand_close")
    elsewhere.go(run.samples / FS)
    run.go(0.25), still.go(0.25), elsewhere.go(0.25)  # discharges that were under way have passed
    x, before, wanted = run.go(0.5), still.go(0.5), elsewhere.go(0.5)
    np.testing.assert_allclose(x, wanted, atol=0.05)  # the same units fire at the same time, seen from there
    assert rms(x - before) > 0.2 * rms(before)
    run.person.move(0.0, 0.0)
    moved_in(run)
    still.go((run.samples - still.samples) / FS)
    run.go(0.25), still.go(0.25)
    np.testing.assert_allclose(run.go(0.25), still.go(0.25), atol=0.05)


def test_of_several_moves_the_last_counts_and_closing_leaves_no_thread():
    run = Run()
    for degrees in range(1, 40):
        run.person.move(0.0, degrees)
    run.person.move(5.0, 0.0)
    moved_in(run)
    state = run.person.state()
    assert (state.shift_mm, state.rotation_deg) == (5.0, 0.0)
    run.person.move(5.0, 0.0)
    assert not run.person.moving  # there already
    run.person.move(6.0, 0.0)
    run.person.move(5.0, 0.0)
    assert not run.person.moving  # taken back
    run.person.move(7.0, 0.0)
    run.person.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "handdt-move"]


def test_what_goes_wrong_while_electrodes_move_is_raised_where_the_signal_is_made(monkeypatch):
    run = Run()
    run.go(STEP / FS)

    def broken(*_: object) -> None:
        raise ValueError("no such place")

    monkeypatch.setattr("rt_handdt.sim.mover.place_electrodes", broken)
    run.person.move(1.0, 0.0)
    with pytest.raises(ValueError, match="no such place"):
        moved_in(run)


def test_noise_is_heard_at_rest():
    run = Run()
    heard = []
    for factor in (1.0, 5.0, 0.0, 1.0):
        run.person.set_noise(factor)
        heard.append(run.rms(0.5))
    assert 4.5 < heard[1] / heard[0] < 5.5
    assert heard[2] < 0.3 * heard[0]
    assert heard[3] == pytest.approx(heard[0], rel=0.1)
    assert run.person.state().noise == 1.0


def test_a_broken_electrode_is_flat_or_noisy_and_its_neighbours_hear_nothing_of_it():
    run, whole = Run(reaction_s=0.0), Run(reaction_s=0.0)
    for one in (run, whole):
        one.person.command("hand_close")
        one.go(1.0)
    run.person.break_electrode(3)
    run.person.break_electrode(7, "noisy")
    assert run.person.state().broken == {3: "lost", 7: "noisy"}
    x, y = run.go(0.5), whole.go(0.5)
    intact = [channel for channel in range(SMALL.n_channels) if channel not in (3, 7)]
    np.testing.assert_array_equal(x[:, intact], y[:, intact])
    assert rms(x[:, [3]]) < 3.0 < rms(y[:, [3]])
    assert rms(x[:, [7]]) > 100.0
    shown = run.person.state().rms_uv
    assert shown[3] < 3.0 < shown[intact].min()
    assert shown[7] > 100.0
    run.person.mend_electrode(3)
    run.person.mend_electrode(7)
    run.person.mend_electrode(0)  # not broken
    assert run.person.state().broken == {}
    np.testing.assert_array_equal(run.go(0.5), whole.go(0.5))


def test_the_state_tells_what_was_told_and_what_is_done():
    run = Run(reaction_s=0.5)
    state = run.person.state()
    assert (state.told, state.doing, state.position, state.reaction_s) == ("rest", "rest", 0, 0.5)
    assert not state.rms_uv.any()
    run.person.command("hand_close", 1.5)
    assert (run.person.state().told, run.person.state().level) == ("hand_close", 1.5)
    run.go(0.4)
    quiet = run.person.state()
    assert (quiet.told, quiet.doing, quiet.position) == ("hand_close", "rest", run.samples)
    run.go(1.1)
    state = run.person.state()
    assert state.doing == "hand_close"
    assert state.rms_uv.shape == (SMALL.n_channels,)
    assert state.rms_uv.dtype == np.float32
    assert state.rms_uv.mean() > 2 * quiet.rms_uv.mean() > 1.0
    cued = Run(cues=[Cue("rest", 0.1), Cue("hand_open", 1.0, 0.7)])
    cued.go(0.2)
    assert (cued.person.state().told, cued.person.state().level) == ("hand_open", 0.7)


def test_bits_do_not_depend_on_the_size_of_blocks_or_on_settings_that_change_nothing():
    def whole(size: int, *, touched: bool) -> np.ndarray:
        live = Run(reaction_s=0.1).person
        live.command("hand_close", 2.0)
        if touched:
            live.set_noise(1.0)
            live.break_electrode(1)
            live.mend_electrode(1)
        return np.concatenate(list(live.blocks(size, 3000)))

    np.testing.assert_array_equal(whole(7, touched=True), whole(1024, touched=False))


@pytest.mark.parametrize(
    ("tell", "says"),
    [
        (lambda live: live.set_noise(-1.0), "0 to 20 times"),
        (lambda live: live.set_noise(float("nan")), "0 to 20 times"),
        (lambda live: live.move(31.0, 0.0), "±30 mm along"),
        (lambda live: live.move(0.0, float("nan")), "±45° round"),
        (lambda live: live.break_electrode(32), "from 0 to 31"),
        (lambda live: live.break_electrode(0, "melted"), "lost or noisy"),
        (lambda live: live.mend_electrode(-1), "from 0 to 31"),
    ],
)
def test_senseless_settings_are_refused_and_change_nothing(tell, says):
    run = Run()
    before = run.person.state()
    with pytest.raises(ConfigError, match=says):
        tell(run.person)
    after = run.person.state()
    assert (after.noise, after.shift_mm, after.rotation_deg, after.broken) == (1.0, 0.0, 0.0, {})
    assert before.moving == after.moving is False
