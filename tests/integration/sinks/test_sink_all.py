"""All sinks at once."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from rt_handdt.io.sink import Sink
from rt_handdt.io.sinks import parse_sink
from tests.support.serial_device import Device
from tests.support.sinks import LABELS, Opened, UdpEar, free_port, tell, until


@pytest.mark.usefixtures("lsl")
def test_all_at_once_lose_nothing_and_keep_the_order(opened: Opened, device: Device, tmp_path: Path) -> None:
    pytest.importorskip("pythonosc")
    pytest.importorskip("websockets")
    import time

    import pylsl
    from pythonosc.osc_bundle import OscBundle
    from websockets.sync.client import connect

    port = free_port(socket.SOCK_STREAM)
    path = tmp_path / "all.jsonl"
    n = 128
    with UdpEar() as udp, UdpEar() as osc:
        hub = opened(
            *(f"udp:{udp.port},heartbeat=0", f"osc:{osc.port},heartbeat=0", f"serial:{device.path},rate=0,heartbeat=0"),
            *(f"websocket:{port},heartbeat=0", f"file:{path}", "lsl:all,heartbeat=0"),
        )
        (info,) = pylsl.resolve_byprop("name", "all", timeout=20)
        inlet = pylsl.StreamInlet(info)
        inlet.open_stream(20)
        with connect(f"ws://127.0.0.1:{port}") as page:
            until(lambda: len(hub._workers[3]._sink._pages) == 1)  # type: ignore[attr-defined]
            for k in range(n):
                tell(hub, LABELS[k % 3])
                time.sleep(1 / 64)
            pages = [json.loads(page.recv(60))["seq"] for _ in range(n)]
        rows = [inlet.pull_sample(20)[0][-2] for _ in range(n)]
        until(lambda: len(udp.heard) == len(osc.heard) == len(device.lines) == n)
        until(lambda: path.read_bytes().count(b"\n") == n)
        oscs = [
            next(part.params[0] for part in OscBundle(data) if part.address.endswith("state")) for _, data in osc.heard
        ]
    assert [json.loads(data)["seq"] for _, data in udp.heard] == list(range(n))
    assert oscs == pages == rows == list(range(n))
    assert [int(one[1]) for one in device.lines] == list(range(n))
    assert [json.loads(one)["seq"] for one in path.read_text().splitlines()] == list(range(n))
    assert all((one["sent"], one["dropped"], one["failures"]) == (n, 0, 0) for one in hub.report())


def test_every_sink_fits_the_protocol() -> None:
    for text in ("udp:5006", "lsl", "file:a.csv"):
        sink: Sink = parse_sink(text)
        sink.close()  # at any time, also twice
        sink.close()
