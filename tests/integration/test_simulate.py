"""A virtual person over real LSL on loopback, told what to do by UDP, by keys and by scripts."""

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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from rt_handdt.cli.keyboard import GESTURE_OF, KeyCommands, legend
from rt_handdt.core.gestures import HYSER_GESTURES
from rt_handdt.errors import ConfigError, StreamError
from rt_handdt.io.amplifier import VirtualAmplifier
from rt_handdt.io.commands import LOOPBACK, CommandPort, parse_command
from rt_handdt.io.lsl import MarkerInlet, SignalInlet, clock
from rt_handdt.sim.donning import draw_donning
from rt_handdt.sim.live import LivePerson
from rt_handdt.sim.person import draw_person
from tests.integration.test_cli import refused

COMMAND = [sys.executable, "-m", "rt_handdt.cli.main", "simulate"]


@contextmanager
def running(name: str, reaction_s: float | None = None) -> Iterator[LivePerson]:
    who = draw_person(0, 1)
    person = LivePerson(who, draw_donning(who, 1), reaction_s=reaction_s)
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
    with running("told", reaction_s=0.0) as person, CommandPort(0, person.command, said.append) as port:
        inlet = SignalInlet("told", timeout_s=10.0)
        marks = MarkerInlet.beside("told", timeout_s=5.0)
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


def test_datagrams_are_read_or_refused() -> None:
    assert parse_command(b"hand_close 0.8").model_dump() == {"label": "hand_close", "level": 0.8}
    assert parse_command(b" rest\n").model_dump() == {"label": "rest", "level": 1.0}
    assert parse_command(b'{"label": "rest"}').label == "rest"
    for bad in (b"", b"a b c", b"hand_close hard", b"rest nan", b"{", b'{"level": 1}', b"rest\x1b[2J", b"{" * 256):
        with pytest.raises(ConfigError):
            parse_command(bad)


def test_a_port_in_use_is_said() -> None:
    with CommandPort(0, print) as first, pytest.raises(StreamError, match="choose another port"):
        CommandPort(first.port, print)


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
    assert "exclude each other" in refused(monkeypatch, capsys, "simulate", "--script", script, "--random")
    assert "reaction time" in refused(monkeypatch, capsys, "simulate", "--reaction-ms", "-1", "--seconds", "1")
