"""A virtual hand: follows what it is told, by one teller, in order, and opens when it is told nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rt_handdt.core.poses import shipped_poses
from rt_handdt.core.types import Decision
from rt_handdt.errors import StreamError
from rt_handdt.io.hands.device import PlayedSerialHand
from rt_handdt.io.lsl import clock
from rt_handdt.io.lsl.decision_inlet import DecisionInlet
from rt_handdt.io.receivers import udp as udp_module
from rt_handdt.io.receivers.told import Told, from_json
from rt_handdt.io.receivers.udp import UdpReceiver
from rt_handdt.io.sinks import parse_sinks
from rt_handdt.runtime.hub import Hub
from rt_handdt.runtime.status import Status
from rt_handdt.runtime.virtual_hand import SILENT, DeviceHand, FollowingHand, HandView
from tests.conftest import ROOT
from tests.support.sinks import LOST, RUNNING, about, free_port, message, until

POSES = shipped_poses()
LABELS = ("rest", "hand_close", "hand_open")


def datagram(seq: int = 0, label: str = "hand_close", **changes: object) -> bytes:
    values = message(seq, label, labels=LABELS, probabilities=(0.0, 1.0, 0.0)).values()
    return json.dumps(values | changes).encode()


@pytest.fixture
def udp() -> Iterator[tuple[UdpReceiver, socket.socket]]:
    port = free_port()
    receiver = UdpReceiver("127.0.0.1", port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as teller:
        teller.connect(("127.0.0.1", port))
        yield receiver, teller
    receiver.close()


@pytest.mark.parametrize("by", ["stamp", "none"])
def test_the_newest_counts_and_what_has_waited_is_as_old_as_it_is(
    udp: tuple[UdpReceiver, socket.socket], monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    receiver, teller = udp
    monkeypatch.setattr(udp_module, "SILENCE_S", 60.0)
    monkeypatch.setattr(udp_module, "_came_s", {"stamp": udp_module._came_s, "none": lambda extra: clock()}[by])
    teller.send(datagram())
    assert receiver.read(1.0) is not None
    for seq in range(5):
        teller.send(datagram(seq, level=seq / 10))
    sent_s = clock()
    time.sleep(0.5)  # this end stands still
    told = receiver.read(1.0)
    assert told is not None
    assert (told.label, told.level) == ("hand_close", 0.4)
    assert told.heard_s <= sent_s + 0.2  # by the kernel's stamp, or by what the messages say
    assert receiver.read(0.01) is None


def test_another_teller_and_older_messages_are_passed_over(
    udp: tuple[UdpReceiver, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver, teller = udp
    monkeypatch.setattr(udp_module, "SILENCE_S", 60.0)
    port = teller.getpeername()[1]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.connect(("127.0.0.1", port))
        teller.send(datagram(7, told=5.0))
        other.send(datagram(1, "hand_open"))
        teller.send(datagram(6, "hand_open", told=4.0))
        told = receiver.read(1.0)
        assert told is not None
        assert told.label == "hand_close"
        assert (receiver.foreign, receiver.late) == (1, 1)
        assert "Another program sends decisions" in receiver.trouble
        monkeypatch.setattr(udp_module, "SILENCE_S", 0.0)  # the first has gone: the other may lead
        other.send(datagram(2, "hand_open"))
        told = receiver.read(1.0)
        assert told is not None
        assert told.label == "hand_open"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"rest",
        datagram(schema="rt-handdt.decision/2"),
        datagram(level=None),
        datagram(level=-1),
        datagram(label=7),
        datagram(level=1.0).replace(b"1.0", b"NaN"),
        datagram(label="x" * 300),
        b"[" * 60000,
    ],
    ids=range(11),  # else the texts are, and hold the time
)
def test_what_is_no_decision_is_counted_and_moves_nothing(udp: tuple[UdpReceiver, socket.socket], data: bytes) -> None:
    receiver, teller = udp
    teller.send(data)
    until(lambda: receiver.read(0.05) or receiver.spoilt)
    assert receiver.read(0.01) is None
    assert "no decision" in receiver.trouble


def test_no_gesture_of_an_engine_that_does_not_run() -> None:
    told = from_json(datagram(state="lost", code="lost"), 0.0)
    assert told is not None
    assert (told.label, told.level) == ("rest", 0.0)


def test_more_fields_are_no_fault() -> None:
    assert from_json(datagram(reason="held", velocity={"a": 1}), 0.0) is not None


def test_velocities_drive_the_hand_and_stay_within_its_ends() -> None:
    told = from_json(datagram(velocities={"open_close": -1.0, "flexion_extension": 0.5, "new": 1.0}), clock())
    assert told is not None
    script = Script()
    hand = FollowingHand(script, POSES)
    try:
        until(lambda: script.next or not script.next.append(replace(told, heard_s=clock())))
        views = []
        until(
            lambda: (
                not script.next.append(replace(told, heard_s=clock()))
                and not views.append(hand.view())
                and views[-1].pose.fingers == POSES.of("hand_close").fingers
                and views[-1].pose.wrist.flexion == pytest.approx(POSES.of("wrist_flexion").wrist.flexion)
            )
        )
        bent = [one.pose.fingers[1].middle for one in views if one.velocities]
        assert bent == sorted(bent)  # it goes there, and no further
        assert views[-1].velocities["new"] == 1.0
    finally:
        hand.close()
    still = from_json(datagram(state="lost", code="lost", velocities={"open_close": -1.0}), 0.0)
    assert still is not None
    assert still.velocities == {"open_close": 0.0}
    assert from_json(datagram(velocities={"open_close": 7}), 0.0) is None


class Script:
    """A receiver that hears what a test says."""

    trouble = ""

    def __init__(self) -> None:
        self.next: list[Told | Exception] = []
        self.closed = False

    def read(self, timeout_s: float) -> Told | None:
        time.sleep(0.001)
        one = self.next.pop(0) if self.next else None
        if isinstance(one, Exception):
            raise one
        return one

    def close(self) -> None:
        self.closed = True


def shown(label: str = "hand_close", **changes: object) -> Told:
    known = {"label": label, "level": 0.5, "state": "running", "code": "running", "age_ms": 2.0, "told_s": 1.0}
    return Told(**known | {"heard_s": clock()} | changes)  # type: ignore[arg-type]


def test_a_hand_that_is_told_nothing_opens_and_says_so() -> None:
    script = Script()
    hand = FollowingHand(script, POSES)
    assert hand.view().state == SILENT
    script.next.append(shown(heard_s=clock() + 5.0))  # for five seconds, for slow machines
    until(lambda: hand.view().label == "hand_close")
    view = hand.view()
    assert view.pose == POSES.at("hand_close", 0.5)
    script.next.append(shown(heard_s=clock() - 0.3))
    until(lambda: hand.view().state == SILENT)
    view = hand.view()
    assert view.label == "rest"
    assert view.pose.fingers == POSES.of("hand_open").fingers
    assert "No message for 200 ms: the hand is open." in view.sentence
    hand.close()
    assert script.closed


def test_states_and_gestures_without_a_pose_are_said() -> None:
    script = Script()
    hand = FollowingHand(script, POSES)

    def view(told: Told) -> HandView:
        script.next.append(told)
        until(lambda: not script.next)
        until(lambda: hand.view().code == told.code)
        return hand.view()

    later = clock() + 60.0
    assert (
        view(shown("rest", state="no_signal", code="flat", heard_s=later)).sentence
        == "No signal (flat): the hand rests."
    )
    one = view(shown("juggling", code="x", heard_s=later))
    assert "no drawn pose" in one.sentence
    assert one.pose == POSES.at("rest", 0.0)
    script.next.append(StreamError("Gone."))
    until(lambda: script.closed)
    with pytest.raises(StreamError, match="Gone"):
        hand.view()
    hand.close()


def test_decisions_of_an_lsl_stream_are_followed_and_found_again(lsl: None) -> None:
    name = f"hand{os.getpid()}"
    hand = FollowingHand(DecisionInlet(name), POSES)
    for _ in range(2):
        hub = Hub(parse_sinks([f"lsl:{name}"]), about(labels=LABELS))
        hub.open()
        until(lambda: tell_one(hub) or abs(hand.view().level - 0.8) < 1e-6)  # noqa: B023
        assert hand.view().labels == LABELS
        tell_one(hub, LOST)
        until(lambda: hand.view().state == "lost")
        hub.close()
        until(lambda: hand.view().state == SILENT)
    hand.close()


def tell_one(hub: Hub, status: Status | None = None) -> None:
    p = np.asarray([0.0, 1.0, 0.0], np.float32)
    hub.tell(
        Decision("hand_close" if status is None else "rest", 1.0, p, False, 0.8, 7, 5.0), status or RUNNING, clock()
    )


def test_a_row_that_has_waited_is_as_old_as_it_is(lsl: None) -> None:
    inlet = DecisionInlet("nobody")
    inlet._columns, inlet._labels, inlet._states = ("label_index", "level", "state", "age"), LABELS, ("lost", "running")
    inlet._offset_s = 2.0
    now = clock()
    told = inlet._told([1.0, 0.5, 1.0, 3.0], now - 10.0)
    assert (told.label, told.level, told.heard_s) == ("hand_close", 0.5, now - 8.0)
    assert inlet._told([1.0, 0.5, 1.0, 3.0], now).heard_s <= clock()  # none comes from the future
    for row in ([1.0, 0.5, 0.0, 3.0], [7.0, 0.5, 1.0, 3.0], [float("nan"), 0.5, 1.0, 3.0], [1.0, 0.5, 9.0, 3.0]):
        assert inlet._told(row, now).label == "rest"
    assert inlet._told([1.0, float("nan"), 1.0, 3.0], now).level == 0.0


def test_a_stream_of_another_kind_is_refused(lsl: None) -> None:
    import pylsl

    name = f"no-hand{os.getpid()}"
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo(name, "EMG", 4, 100.0, "float32", name))
    inlet = DecisionInlet(name)
    with pytest.raises(StreamError, match="carries no decisions"):
        until(lambda: inlet.read(0.05))
    inlet.close()
    del outlet


def test_a_played_device_is_shown(tmp_path: Path) -> None:
    pytest.importorskip("serial")
    device = PlayedSerialHand(tmp_path / "tty")
    hand = DeviceHand(device, POSES)
    assert "Waiting for commands" in hand.view().sentence
    hub = Hub(parse_sinks([f"hand:serial:{device.path}"]), about(labels=LABELS))
    hub.open()
    until(lambda: tell_one(hub) or hand.view().level > 0.7)
    view = hand.view()
    assert view.label == "Grip 30"
    assert view.pose.fingers[1].middle > 60
    hub.close()
    until(lambda: hand.view().level == 0)
    until(lambda: hand.view().state == SILENT)
    hand.close()


ENGINE = """
import sys, time
from rt_handdt.runtime.sink_process import SinkProcess
from tests.support.sinks import about, tell
hub = SinkProcess([sys.argv[1]], about(labels=("rest", "fist", "open")))
hub.open()
print(hub._child.pid, flush=True)
while True:
    tell(hub, "fist")
    time.sleep(0.01)
"""


def test_kill_9_of_the_engine_opens_a_hand_by_command_and_of_the_sinks_by_its_time_limit(tmp_path: Path) -> None:
    pytest.importorskip("serial")
    (tmp_path / "grips.toml").write_text(
        '[grips.fist]\nlike = "hand_close"\ngrip = 1\n[grips.open]\nlike = "hand_open"\ngrip = 2\n'
    )
    device = PlayedSerialHand(tmp_path / "tty")
    sink = f"hand:serial:{device.path},grips={tmp_path / 'grips.toml'}"
    for victim in ("engine", "both"):
        with subprocess.Popen(
            [sys.executable, "-c", ENGINE, sink], stdout=subprocess.PIPE, text=True, cwd=ROOT
        ) as engine:
            assert engine.stdout is not None
            child = int(engine.stdout.readline())
            until(lambda: device.told[3] > 0.7)
            if victim == "both":  # else the engine starts it again
                os.kill(engine.pid, signal.SIGSTOP)
                os.kill(child, signal.SIGKILL)
            engine.kill()
        if victim == "engine":
            until(lambda: device.line is not None and device.line.state == "engine_gone" and not device._goal.any())
        else:
            until(lambda: not device.obeys)
            assert device._goal.any()  # nobody told it …
        until(lambda: not device.place.any())  # … and it opened
    device.pull()
