"""UDP and Open Sound Control, with real receivers."""

from __future__ import annotations

import json

import pytest

from rt_handdt.errors import SinkError
from rt_handdt.io.message import SCHEMA
from rt_handdt.io.sinks import parse_sinks
from rt_handdt.runtime.hub import Hub
from tests.support.sinks import LOST, Opened, UdpEar, about, free_port, tell, until


def test_udp_tells_everything_there_is_to_know(opened: Opened) -> None:
    with UdpEar() as ear:
        hub = opened(f"udp:{ear.port},heartbeat=0", max_age_s=0.4)
        tell(hub, "fist")
        until(lambda: ear.heard)
        tell(hub, "rest", LOST)
        until(lambda: len(ear.heard) > 1)
    (at, first), (_, second) = ear.heard[:2]
    assert first.endswith(b"\n")
    told = json.loads(first)
    assert set(told) == {
        *("schema", "seq", "repeat", "time", "age_ms", "told", "label", "index", "confidence", "probabilities"),
        *("rejected", "level", "state", "code"),
    }
    assert (told["schema"], told["seq"], told["label"], told["index"]) == (SCHEMA, 0, "fist", 1)
    assert told["probabilities"] == {"rest": 0.0, "fist": 1.0, "open": 0.0}
    assert told["time"] <= told["told"] <= at
    assert told["age_ms"] == pytest.approx((told["told"] - told["time"]) * 1e3, abs=0.01)
    gone = json.loads(second)
    assert (gone["seq"], gone["label"], gone["state"], gone["code"], gone["time"], gone["age_ms"]) == (
        *(1, "rest", "lost", "lost"),
        *(None, None),
    )


def test_a_receiver_of_datagrams_may_come_go_and_come_back(opened: Opened) -> None:
    said: list[str] = []
    port = free_port()
    hub = opened(f"udp:{port},heartbeat=0.005", say=said.append)
    tell(hub)
    until(lambda: hub.report()[0]["state"] == "nobody listens")
    for _ in range(2):
        with UdpEar(port) as ear:
            until(lambda: ear.heard)
            until(lambda: hub.report()[0]["state"] == "open")
        until(lambda: hub.report()[0]["state"] == "nobody listens")
    before = hub.report()[0]
    assert before["failures"] == 0
    tell(hub)
    tell(hub)
    until(lambda: hub.report()[0]["waiting"] == 0)
    assert hub.report()[0]["untaken"] == before["untaken"] + 2
    assert said[:2] == [
        f"udp:{port},heartbeat=0.005: nobody listens.",
        f"udp:{port},heartbeat=0.005: messages are taken.",
    ]


def test_a_host_that_is_none_is_refused() -> None:
    with pytest.raises(SinkError, match=r"no way to 'no\.such\.host\.invalid'"):
        Hub(parse_sinks(["udp:no.such.host.invalid:5006"]), about()).open()


def test_osc_tells_four_addresses(opened: Opened) -> None:
    pytest.importorskip("pythonosc")
    from pythonosc.osc_bundle import OscBundle

    with UdpEar() as ear:
        hub = opened(f"osc:{ear.port},heartbeat=0")
        tell(hub, "open")
        until(lambda: ear.heard)  # else rest overtakes it
        tell(hub, "rest", LOST)
        until(lambda: len(ear.heard) == 2)
    bundles = [OscBundle(data) for _, data in ear.heard]
    parts = [{part.address: part.params for part in bundle} for bundle in bundles]
    assert set(parts[0]) == {f"/rt_handdt/{name}" for name in ("state", "gesture", "level", "probabilities")}
    assert parts[0]["/rt_handdt/gesture"] == ["open", 2, 1.0, 0]
    assert parts[0]["/rt_handdt/level"] == [pytest.approx(0.8)]
    assert parts[0]["/rt_handdt/probabilities"] == [0.0, 0.0, 1.0]
    seq, state, code, time_s, told_s, age_ms, repeat = parts[0]["/rt_handdt/state"]
    assert (seq, state, code, repeat) == (0, "running", "running", 0)
    assert age_ms == pytest.approx((told_s - time_s) * 1e3, abs=0.01)
    assert parts[1]["/rt_handdt/gesture"][:2] == ["rest", 0]
    assert parts[1]["/rt_handdt/state"][:4] == [1, "lost", "lost", -1.0]
