"""A virtual person over real LSL on loopback, told what to do by UDP, by LSL, by keys and by scripts."""

from __future__ import annotations

import os
import pty
import re
import select
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
import pylsl
import pytest
from rich.console import Console

from rt_handdt.cli.keyboard import GESTURE_OF, KeyCommands, legend
from rt_handdt.cli.simulate import _random_cues, _script_cues, _stream
from rt_handdt.core.gestures import HYSER_GESTURES
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.errors import StreamError
from rt_handdt.io.ahead import OneAhead
from rt_handdt.io.amplifier import VirtualAmplifier
from rt_handdt.io.command_ports import LOOPBACK, LslCommands, UdpCommands
from rt_handdt.io.lsl import MarkerInlet, SignalInlet, SignalOutlet, clock
from rt_handdt.sim.donning import draw_donning
from rt_handdt.sim.live import LivePerson
from rt_handdt.sim.person import draw_person
from rt_handdt.sim.session import DEFAULT_GESTURES
from tests.integration.test_cli import refused
from tests.told import Told

COMMAND = [sys.executable, "-m", "rt_handdt.cli.main", "simulate"]


@cache
def seen() -> list[tuple[int, np.ndarray]]:
    """What person 0-1's electrodes see: takes a second, so only once."""
    who = draw_person(0, 1)
    return LivePerson(who, draw_donning(who, 1)).forearm.potentials


@contextmanager
def running(name: str, reaction_s: float | None = None) -> Iterator[LivePerson]:
    who = draw_person(0, 1)
    person = LivePerson(who, draw_donning(who, 1), reaction_s=reaction_s)
    person.forearm.__dict__["potentials"] = seen()  # so that the stream begins at once
    amplifier = VirtualAmplifier(person, name=name, counter=True)
    stop = threading.Event()
    thread = threading.Thread(target=amplifier.run, kwargs={"stop": stop}, name="handdt-simulate")
    thread.start()
    try:
        yield person
    finally:
        stop.set()
        thread.join()


def send(port: int, *datagrams: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for datagram in datagrams:
            out.sendto(datagram, (LOOPBACK, port))


@pytest.mark.usefixtures("lsl")
def test_a_command_by_udp_reaches_signal_and_markers_without_loss() -> None:
    said: list[str] = []
    with running("told", reaction_s=0.0) as person, UdpCommands(0, person, said.append) as port:
        inlet = SignalInlet("told", timeout_s=10.0)
        marks = MarkerInlet.beside(inlet.describe(), timeout_s=5.0)
        assert marks is not None
        samples: list[np.ndarray] = []
        times: list[np.ndarray] = []
        heard: list[tuple[float, str]] = []
        ahead: list[float] = []
        gaps = 0

        def listen(seconds: float) -> None:
            nonlocal gaps
            until = clock() + seconds
            while clock() < until:
                for chunk in inlet.read(16, 0.2):
                    ahead.append(chunk.times_s[-1] + inlet.clock_correction_s - clock())
                    gaps += chunk.gap_samples
                    samples.append(chunk.samples)
                    times.append(chunk.times_s)
                heard.extend(marks.poll())

        listen(1.0)
        sent_s = clock()
        send(port.port, b'{"label": "\\u001b[2J"}')
        send(
            port.port,
            b"hand_clsoe",
            b"\xff\x00",
            b"x" * 1000,
            b'{"label": "hand_close", "levle": 1}',
            b"hand_close 1.5",
        )
        listen(1.0)
        marks.close()
        inlet.close()
    assert (port.good, port.bad) == (1, 5)
    assert "did you mean 'hand_close'" in said[1]
    assert "did you mean 'level'" in said[4]
    assert "'·[2J'" in said[0]  # nothing that a terminal would obey

    x, when = np.concatenate(samples), np.concatenate(times)
    assert len(x) > 1.9 * 2048
    assert gaps == 0
    np.testing.assert_array_equal(np.diff(x[:, -1]) % 65536, 1)
    assert max(ahead) < 5e-4
    # the listener is told at once what the hand does, then of each change
    assert [label for _, label in heard] == ["rest", "hand_close"]
    assert -0.001 < heard[1][0] - sent_s < 0.15

    def rms(part: np.ndarray) -> float:
        return float(np.sqrt(np.square(np.diff(part[:, :-1].astype(float), axis=0)).mean()))

    assert rms(x[when > heard[1][0] + 0.3]) > 2 * rms(x[when < heard[1][0]])


def until(done: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def say(name: str, texts: Sequence[str], done: Callable[[], bool]) -> None:
    """Send commands, as another program would, and be gone when they have arrived."""
    info = pylsl.StreamInfo(name, "Commands", 1, 0.0, pylsl.cf_string, f"{name}-{uuid.uuid4().hex}")
    outlet = pylsl.StreamOutlet(info)
    assert outlet.wait_for_consumers(20.0)
    for text in texts:
        outlet.push_sample([text])
    until(done)


@pytest.mark.usefixtures("lsl")
def test_commands_come_by_lsl_and_again_when_their_sender_comes_back() -> None:
    said: list[str] = []
    person = Told()
    with LslCommands("orders", person, said.append) as port:
        say("orders", ["hand_close 0.5", "hand_clsoe", '{"noise": 3}'], lambda: port.good + port.bad == 3)
        say("orders", ["rest"], lambda: port.good == 3)
    assert person.heard == [("command", "hand_close", 0.5), ("noise", 3.0), ("command", "rest", 1.0)]
    assert port.bad == 1
    assert "did you mean 'hand_close'" in said[0]


@pytest.mark.usefixtures("lsl")
def test_a_stream_of_numbers_is_no_source_of_commands() -> None:
    said: list[str] = []
    outlet = SignalOutlet("numbers", ["A"], 100.0)
    with LslCommands(outlet.name, Told(), said.append):
        until(lambda: bool(said))
    assert said == ["The stream 'numbers' carries numbers; commands are text."]


def test_a_port_in_use_is_said() -> None:
    with UdpCommands(0, Told()) as first, pytest.raises(StreamError, match="choose another port"):
        UdpCommands(first.port, Told())


@pytest.mark.usefixtures("lsl")
def test_the_amplifier_says_how_far_it_is() -> None:
    who = draw_person(0, 1)
    person = LivePerson(who, draw_donning(who, 1), ElectrodeLayout.grid(1, 4, pitch_mm=40.0), 1000.0)
    amplifier = VirtualAmplifier(person, name="counted")
    assert amplifier.progress().samples == 0
    seen: list[int] = []
    thread = threading.Thread(target=lambda: until(lambda: seen.append(amplifier.progress().samples) or seen[-1] > 99))
    thread.start()
    result = amplifier.run(seconds=0.5)
    thread.join()
    assert (result.samples, amplifier.progress()) == (500, result)
    assert seen == sorted(seen)
    assert 99 < seen[-1] <= 500
    assert result.chunks == 250


def test_at_most_one_block_is_made_ahead_and_errors_come_through() -> None:
    made: list[int] = []
    allowed = threading.Event()

    def source() -> Iterator[np.ndarray]:
        for number in range(3):
            made.append(number)
            yield np.full((1, 1), number, np.float32)
        allowed.set()
        raise ValueError("nothing left")

    with OneAhead(source()) as ahead:
        blocks = iter(ahead)
        for number in range(3):
            assert next(blocks)[0, 0] == number
            until(lambda number=number: len(made) == min(number + 2, 3))
            assert number == 2 or not allowed.is_set()
        with pytest.raises(ValueError, match="nothing left"):
            next(blocks)
    with OneAhead(source()) as ahead:  # left early
        next(iter(ahead))
    assert not [thread for thread in threading.enumerate() if thread.name == "handdt-ahead"]


def test_keys_choose_gesture_and_force() -> None:
    assert set(GESTURE_OF.values()) == set(HYSER_GESTURES)
    assert "1 Wrist flexion " in legend()
    given: list[tuple[str, float]] = []
    keys = KeyCommands(lambda label, level: given.append((label, level)))
    assert all(keys.press(key) for key in "7+-A?0 ")
    assert not keys.press("q")
    ten = GESTURE_OF["7"]
    assert given == [(ten, 1.0), (ten, 1.1), (ten, 1.0), (GESTURE_OF["a"], 1.0), ("rest", 1.0), ("rest", 1.0)]


def test_in_a_terminal_keys_are_obeyed_and_q_quits() -> None:
    leader, follower = pty.openpty()
    with subprocess.Popen([*COMMAND, "--reaction-ms", "0"], stdin=follower, stdout=follower, stderr=follower) as child:
        os.close(follower)
        text = b""

        def until(word: bytes) -> None:
            nonlocal text
            deadline = time.monotonic() + 30
            while word not in text:
                assert time.monotonic() < deadline, text
                if select.select([leader], [], [], 0.2)[0]:
                    text += os.read(leader, 4096)

        try:
            until(b"q quit")
            until(b"s  Rest")
            os.write(leader, b"1")
            until(b"s  Wrist flexion")
            os.write(leader, b"q")
            until(b"left late")
            assert child.wait(timeout=10) == 0
        finally:
            child.kill()
            os.close(leader)


def test_a_script_is_performed_and_ends(tmp_path: Path) -> None:
    script = tmp_path / "do.toml"
    script.write_text(
        '[[cue]]\nlabel = "rest"\nseconds = 0.3\n[[cue]]\nlabel = "hand_close"\nseconds = 0.5\nlevel = 0.8\n'
    )
    done = subprocess.run(
        [*COMMAND, "--script", str(script), "--reaction-ms", "100", "--udp-port", "0"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.search(r"0\.0 s  Rest\n +0\.4 s  Hand close\n", done.stdout), done.stdout
    assert f"Sent {round(0.8 * 2048)} samples" in done.stdout
    assert "Commands: 0 taken, 0 bad" in done.stdout


def test_a_script_may_be_repeated_and_random_gestures_timed() -> None:
    again = subprocess.run(
        [*COMMAND, "--script", "tour", "--loop", "--seconds", "1", "--reaction-ms", "0"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert f"Sent {2048} samples" in again.stdout, again.stderr
    cues, limit = _script_cues(Path("tour"), loop=True)
    told = list(islice(cues, 200))
    once, length = _script_cues(Path("tour"), loop=False)
    first = list(once)
    assert limit is None
    assert length == pytest.approx(sum(cue.seconds for cue in first))
    assert told[: 2 * len(first)] == [*first, *first]
    assert set(DEFAULT_GESTURES) <= {cue.label for cue in first}
    assert any(cue.mixture for cue in first)
    who = draw_person(0, 1)
    drawn = list(islice(_random_cues(who, 1, "all", 0.5, 0.25), 69))
    assert {cue.label for cue in drawn} == {"rest", *HYSER_GESTURES}
    assert {(cue.label == "rest", cue.seconds) for cue in drawn} == {(True, 0.25), (False, 0.5)}


def test_the_window_opens_on_the_stream_and_closes_with_it(tmp_path: Path) -> None:
    picture = tmp_path / "window.png"
    done = subprocess.run(
        [*COMMAND, "--window", "--seconds", "1", "--screenshot", str(picture), "--udp-port", "0"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Sent 2048 samples" in done.stdout
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_what_goes_wrong_while_streaming_ends_the_waiting_and_is_raised() -> None:
    class Failing:
        def run(self, *, seconds: float | None, stop: threading.Event) -> None:
            raise StreamError("the cable is out")

    stop = threading.Event()
    with pytest.raises(StreamError, match="the cable is out"):
        _stream(Failing(), None, stop, lambda: stop.wait(20) or None, deque(), Console())  # type: ignore[arg-type]
    assert stop.is_set()


@pytest.mark.usefixtures("lsl")
def test_the_signal_goes_on_without_loss_while_electrodes_are_moved_and_broken() -> None:
    with running("busy", reaction_s=0.0) as person:
        inlet = SignalInlet("busy", timeout_s=10.0)
        samples: list[np.ndarray] = []

        def listen(done: Callable[[], bool]) -> None:
            deadline = time.monotonic() + 30
            while not done():
                assert time.monotonic() < deadline
                samples.extend(chunk.samples for chunk in inlet.read(64, 0.2))

        person.command("hand_close")
        listen(lambda: sum(map(len, samples)) > 1024)
        person.move(10.0, 20.0)
        person.break_electrode(5)
        listen(lambda: not person.moving)
        arrived = sum(map(len, samples))
        listen(lambda: sum(map(len, samples)) > arrived + 1024)
        inlet.close()
        person.close()
    x = np.concatenate(samples)
    np.testing.assert_array_equal(np.diff(x[:, -1]) % 65536, 1)
    late = np.diff(x[-512:, :-1].astype(float), axis=0).std(axis=0)
    assert late[5] < 3.0 < np.median(late)


def test_mistakes_get_one_sentence_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    script = tmp_path / "bad.toml"
    cases = {
        '[[cue]]\nlabel = "hand_clsoe"\nseconds = 1\n': "cue 1: The virtual forearm cannot do 'hand_clsoe'; did",
        '[[cue]]\nlabel = "rest"\nsecnods = 1\n': "did you mean 'seconds'?",
        '[[cue]]\nlabel = "rest"\nseconds = 0\n': "more than 0 s",
        "": "the key 'cue' is missing",
        "cue = []\n": "at least one [[cue]]",
    }
    for text, says in cases.items():
        script.write_text(text)
        assert says in refused(monkeypatch, capsys, "simulate", "--script", script)
    assert "no such file" in refused(monkeypatch, capsys, "simulate", "--script", tmp_path / "none.toml")
    script.write_text('[[cue]]\nlabel = "rest"\nseconds = 0.1\n')
    assert "at least 1 s" in refused(monkeypatch, capsys, "simulate", "--script", script, "--loop")
    assert "give one with --script" in refused(monkeypatch, capsys, "simulate", "--loop")
    assert "belongs to --random" in refused(monkeypatch, capsys, "simulate", "--gestures", "all")
    assert "give --window, too" in refused(monkeypatch, capsys, "simulate", "--screenshot", tmp_path / "a.png")
    assert "exclude each other" in refused(monkeypatch, capsys, "simulate", "--script", script, "--random")
    assert "reaction time" in refused(monkeypatch, capsys, "simulate", "--reaction-ms", "-1", "--seconds", "1")
