"""Hands with motors, played by pseudo-terminals: what reaches them, and that they are open whenever they should be."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from rt_handdt.errors import ConfigError, HanddtError, SinkError
from rt_handdt.io.hands import ability
from rt_handdt.io.hands.axes import AXES
from rt_handdt.io.hands.device import PLAYED, PlayedHand
from rt_handdt.io.sinks import hand, parse_sink, parse_sinks
from rt_handdt.io.sinks.serial_port import SerialPort
from rt_handdt.runtime.hub import Hub
from tests.support.sinks import LOST, Opened, about, message, tell, until

pytest.importorskip("serial")
GRIPS = """
[grips.fist]
like = "hand_close"
grip = 40
[grips.open]
like = "hand_open"
grip = 41
"""


@pytest.fixture(params=["ability", "serial"])
def played(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PlayedHand]:
    one = PLAYED[request.param](tmp_path / f"tty-{request.param}")
    yield one
    one.pull()


def asked(played: PlayedHand, tmp_path: Path, table: str = GRIPS, more: str = "") -> str:
    (tmp_path / "grips.toml").write_text(table)
    kind = next(name for name, kind in PLAYED.items() if isinstance(played, kind))
    return f"hand:{kind}:{played.path},grips={tmp_path / 'grips.toml'}{more}"


def closed(played: PlayedHand) -> bool:
    return bool(np.all(played.told[:6] > 0.7))


def test_a_gesture_closes_the_hand_as_far_as_its_level_and_rest_opens_it(
    opened: Opened, played: PlayedHand, tmp_path: Path
) -> None:
    hub = opened(asked(played, tmp_path, more=",rate=0"))
    tell(hub, "fist")
    wanted = (0.8 - 0.05) / 0.95  # the level of these decisions, beyond the dead band
    until(lambda: abs(played.told[AXES.index("middle")] - wanted) < 0.01)
    tell(hub, "rest")
    until(lambda: played.taken and not played.told.any())
    tell(hub, "fist")
    until(lambda: closed(played))
    tell(hub, "open")
    until(lambda: not played.told.any())
    assert played.spoilt == 0


def test_the_hand_is_open_first_and_moves_no_faster_than_it_may(played: PlayedHand, tmp_path: Path) -> None:
    heard: list[np.ndarray] = []
    played.heard = heard.append
    sink = parse_sink(asked(played, tmp_path, GRIPS + "[motion]\nclosing = 0.5\nopening = 2\n"))
    sink.open(about())
    for seq in range(20):
        sink.send(message(seq, level=1.0))
        until(lambda: len(heard) > seq)  # noqa: B023
    sink.close()
    until(lambda: not heard[-1].any())
    places = np.asarray(heard)
    assert not places[0].any()
    # a step is never longer than 0.1 s of it, however slow this machine is; the wire rounds to a percent
    assert np.diff(places[:20], axis=0).max() <= 0.05 + 0.011
    assert places[19, 3] > 0


@pytest.mark.parametrize("end", ["lost", "stopped"])
def test_whatever_ends_the_decisions_opens_the_hand(
    opened: Opened, played: PlayedHand, tmp_path: Path, end: str
) -> None:
    hub = opened(asked(played, tmp_path))
    tell(hub, "fist")
    until(lambda: closed(played))
    if end == "lost":
        tell(hub, "fist", LOST)
    else:
        hub.close()
    until(lambda: not played._goal.any())  # told so, not left to its time limit


def test_a_gesture_that_has_become_too_old_opens_the_hand(opened: Opened, played: PlayedHand, tmp_path: Path) -> None:
    hub = opened(asked(played, tmp_path), max_age_s=0.5)
    until(lambda: tell(hub, "fist") or closed(played))  # the hand is slower than one message
    until(lambda: not played._goal.any())


def test_a_hand_that_hears_nothing_more_obeys_no_more(played: PlayedHand, tmp_path: Path) -> None:
    sink = parse_sink(asked(played, tmp_path))
    sink.open(about())
    until(lambda: sink.send(message()) or closed(played))
    until(lambda: not played.obeys)  # as after kill -9 of the sinks' process
    if played.timeout_s < 0.3:
        assert not played.told.any()
    sink.close()


def test_a_cable_that_is_pulled_is_taken_up_again_with_an_open_hand(
    opened: Opened, played: PlayedHand, tmp_path: Path
) -> None:
    heard: list[np.ndarray] = []
    hub = opened(asked(played, tmp_path))
    tell(hub, "fist")
    until(lambda: closed(played))
    played.pull()
    until(lambda: hub.report()[0]["state"] == "failed")
    assert "gone" in hub.report()[0]["last_error"] or "no such device" in hub.report()[0]["last_error"]
    played.heard = heard.append
    played.plug()
    until(lambda: hub.report()[0]["resumed"] and heard)
    assert not heard[0].any()


def test_a_rate_leaves_messages_out_and_never_a_rest(opened: Opened, played: PlayedHand, tmp_path: Path) -> None:
    hub = opened(asked(played, tmp_path, more=",rate=10"))
    for _ in range(50):
        tell(hub, "fist")
    tell(hub, "rest")
    until(lambda: hub.report()[0]["waiting"] == 0)
    assert hub.report()[0]["skipped"] >= 40
    until(lambda: played.taken and not played.told.any())


@pytest.mark.parametrize("level", [float("nan"), float("inf"), -1.0, 7.0, 0.04])
def test_no_level_takes_the_hand_beyond_its_limits(played: PlayedHand, tmp_path: Path, level: float) -> None:
    heard: list[np.ndarray] = []
    played.heard = heard.append
    sink = parse_sink(asked(played, tmp_path, GRIPS + "[limits]\nindex = 0.5\n[motion]\nclosing = 50\n"))
    sink.open(about())
    for seq in range(8):
        sink.send(message(seq, level=level))
        until(lambda: len(heard) > seq)  # noqa: B023
        time.sleep(0.01)  # long enough to be there
    places = np.asarray(heard)
    assert np.isfinite(places).all()
    assert np.abs(places).max() <= 1.0
    assert places[:, AXES.index("index")].max() <= 0.505
    assert places[-1].any() == (level == 7.0)
    sink.close()


def test_a_device_that_does_not_read_hears_open_first(opened: Opened, played: PlayedHand, tmp_path: Path) -> None:
    hub = opened(asked(played, tmp_path, more=",rate=0"))
    tell(hub, "fist")
    until(lambda: closed(played))
    played.reading.clear()
    until(lambda: tell(hub, "fist") or hub.report()[0]["untaken"] > 3)
    tell(hub, "rest")
    played.reading.set()
    until(lambda: played.taken and not played.told.any())


def test_an_ability_hand_that_does_not_answer_is_said(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = PLAYED["ability"](tmp_path / "tty")
    monkeypatch.setattr(one, "_answer", lambda data: None)
    said: list[str] = []
    hub = opened(asked(one, tmp_path), say=said.append)
    tell(hub, "fist")
    until(lambda: any("does not answer" in sentence for sentence in said))
    hub.close()
    one.pull()


def test_frames_survive_any_cut_and_noise_costs_no_other() -> None:
    rng = np.random.default_rng(5)
    sent = [[*rng.uniform(0, 100, 5).tolist(), -rng.uniform(0, 100)] for _ in range(200)]
    stream = b"".join(
        ability.position_frame(one) + (bytes(rng.integers(0, 256, 3, np.uint8)) if k % 9 == 0 else b"")
        for k, one in enumerate(sent)
    )
    frames = ability.Unframer()
    found = []
    for cut in np.array_split(np.frombuffer(stream, np.uint8), 333):
        found += [one for frame in frames.feed(cut.tobytes()) if (one := ability.positions_in(frame))]
    np.testing.assert_allclose(found, sent, atol=0.005)
    assert b"\x7e" not in ability.framed(b"\x7e\x7d\x00")[1:-1]


def test_a_flipped_bit_is_no_command() -> None:
    frame = bytearray(ability.position_frame([50.0] * 5 + [-50.0]))
    for k in range(1, len(frame) - 1):
        for bit in range(8):
            hurt = bytearray(frame)
            hurt[k] ^= 1 << bit
            frames = ability.Unframer()
            assert not [one for one in frames.feed(bytes(hurt)) if ability.positions_in(one)]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "no grip is known for 'fist', 'open'"),
        ("[grips.fist]\ngrip = 4\n", "no grip is known for 'open'"),
        (GRIPS + "[grips.opne]\n", "grips.opne: the model knows no such gesture; did you mean 'open'?"),
        (GRIPS.replace("41", "40"), "'fist' and 'open' both have the grip 40"),
        (GRIPS.replace("grip = 41", ""), "grips.open: the hand is told numbers"),
        (GRIPS + "[grips.rest]\n", "at rest the hand opens"),
        (GRIPS.replace('"hand_close"', '"hand_closed"'), "did you mean 'hand_close'?"),
        (GRIPS + "index = 1.5\n", "'grips.open.index'"),
        (GRIPS + "index = nan\n", "'grips.open.index'"),
        (GRIPS + "pinky = 1\n", "unknown key 'grips.open.pinky'"),
        (GRIPS + "[limits]\nindex = 2\n", "'limits.index'"),
        (GRIPS + "[motion]\nclosing = 0\n", "'motion.closing'"),
        (GRIPS + "[motion]\ndead_band = 0.9\nfull_level = 0.5\n", "dead_band (0.9) must be smaller"),
        (GRIPS + "[", "is not valid TOML"),
    ],
)
def test_a_table_that_cannot_be_is_said_in_one_sentence(tmp_path: Path, table: str, said: str) -> None:
    played = PLAYED["serial"](tmp_path / "tty")
    try:
        with pytest.raises(HanddtError) as found:
            Hub(parse_sinks([asked(played, tmp_path, table)]), about()).open()
        assert said in str(found.value)
        assert "grips.toml" in str(found.value)
        assert "\n" not in str(found.value)
    finally:
        played.pull()


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("hand", ConfigError, "there is no sink 'hand:'"),
        ("hand:nobody:/dev/x", ConfigError, "there is no sink 'hand:nobody'; known: file, hand:ability, hand:serial"),
        ("hand:ability", ConfigError, "'device' is missing"),
        ("hand:serial:/dev/x,rate=5", ConfigError, "rate must be 0 (all) or at least 10"),
        ("hand:serial:/dev/x,heartbeat=0", ConfigError, "'heartbeat'"),
        ("hand:serial:/dev/x,grips=none.toml", ConfigError, "none.toml: there is no such file"),
    ],
)
def test_settings_that_cannot_be(text: str, error: type[HanddtError], said: str) -> None:
    with pytest.raises(error) as found:
        parse_sinks([text])
    assert said in str(found.value)
    assert "\n" not in str(found.value)


def test_a_device_that_is_not_there_is_said() -> None:
    labels = ("rest", "hand_close")
    for kind in PLAYED:
        with pytest.raises(SinkError, match=rf"--sink hand:{kind}:/dev/none: there is no such device"):
            Hub(parse_sinks([f"hand:{kind}:/dev/none"]), about(labels=labels)).open()


def test_every_gesture_of_hyser_has_a_grip_of_its_own() -> None:
    from rt_handdt.core.gestures import HYSER_GESTURES
    from rt_handdt.io.hands.grips import GripTable

    grips = GripTable().made(("rest", *HYSER_GESTURES), what="test")
    assert [grips[label].number for label in HYSER_GESTURES] == list(range(1, 35))
    for label in ("hand_open", "wrist_flexion"):
        assert not grips[label].goal[:6].any()
    pinch = dict(zip(AXES, grips["thumb_index_pinch"].goal, strict=True))
    assert pinch["index"] > 0.3
    assert pinch["middle"] == pinch["ring"] == 0
    assert dict(zip(AXES, grips["wrist_ulnar"].goal, strict=True))["wrist_deviation"] == -1


def test_a_hand_that_is_slow_by_its_settings_is_still_told_to_open_at_the_end(
    played: PlayedHand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand, "OPENING_S", 0.02)
    sink = parse_sink(asked(played, tmp_path, GRIPS + "[motion]\nopening = 2\n"))
    sink.open(about())
    until(lambda: sink.send(message(level=1.0)) or closed(played))
    sink.close()
    until(lambda: not played._goal.any())


def test_the_table_in_the_docs_is_one() -> None:
    from rt_handdt.io.hands.grips import GripTable
    from tests.support.documents import blocks

    text = next(one.text for one in blocks("toml") if one.page.name == "hands.md" and "[grips" in one.text)
    grips = GripTable.parse(tomllib.loads(text), what="docs").made(("rest", "fist", "carry"), what="docs")
    assert grips["fist"].goal[AXES.index("thumb_rotation")] == 0.8
    assert (grips["carry"].number, grips["carry"].goal[AXES.index("index")]) == (41, 0.7)


def test_a_gesture_while_the_engine_does_not_run_closes_nothing(played: PlayedHand, tmp_path: Path) -> None:
    heard: list[np.ndarray] = []
    played.heard = heard.append
    sink = parse_sink(asked(played, tmp_path))
    sink.open(about())
    for seq in range(5):
        sink.send(message(seq, state="lost", code="lost"))
        until(lambda: len(heard) > seq)  # noqa: B023
    sink.close()
    assert not np.any(heard)


def test_what_the_port_has_not_taken_has_not_moved(
    played: PlayedHand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[np.ndarray] = []
    played.heard = heard.append
    sink = parse_sink(asked(played, tmp_path, GRIPS + "[motion]\nclosing = 1\n"))
    sink.open(about())
    with monkeypatch.context() as patch:
        patch.setattr(SerialPort, "write", lambda port, data, urgent=False: "the device does not read")
        for _ in range(50):
            assert sink.send(message(level=1.0)) is not None
            time.sleep(0.01)
    sink.send(message(level=1.0))
    until(lambda: heard)
    assert heard[0].max() <= 0.1 + 0.006  # one step, not half a second of them
    sink.close()


def test_what_is_urgent_takes_the_place_of_what_waits(tmp_path: Path) -> None:
    class Waiting:
        out_waiting = 200
        done: ClassVar[list[object]] = []

        def reset_output_buffer(self) -> None:
            self.done.append("thrown away")

        def write(self, data: bytes) -> None:
            self.done.append(data)

    port = SerialPort(str(tmp_path / "tty"), 9600)
    port._port = one = Waiting()
    assert port.write(b"open", urgent=True) is None
    assert port.write(b"close") is None
    one.out_waiting = 300
    assert port.write(b"close") == "the device does not read"
    assert one.done == ["thrown away", b"open", b"close"]


def test_no_motor_is_sent_beyond_its_range() -> None:
    axes = np.asarray([-0.5, 2.0, np.nan, np.inf, 0.5, -np.inf, 1.0, 1.0, 1.0])
    assert ability.degrees_of(axes) == [0.0, 0.0, 50.0, 0.0, 0.0, -100.0]
