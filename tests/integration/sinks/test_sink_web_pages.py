"""Pages that come, go and hang."""

from __future__ import annotations

import json
import socket

import pytest

from rt_handdt.errors import SinkError
from rt_handdt.io.sinks import parse_sinks
from rt_handdt.runtime.hub import Hub
from tests.support.sinks import Opened, about, free_port, tell, until


def test_pages_come_and_go_and_are_told_the_newest_first(opened: Opened) -> None:
    pytest.importorskip("websockets")
    from websockets.exceptions import ConnectionClosed, InvalidStatus
    from websockets.sync.client import connect

    port = free_port(socket.SOCK_STREAM)
    said: list[str] = []
    hub = opened(f"websocket:{port},heartbeat=0", say=said.append)
    tell(hub, "fist")
    until(lambda: hub.report()[0]["untaken"] == 1)
    url = f"ws://127.0.0.1:{port}"
    for origin in (None, "null", "http://localhost:8000", "http://127.0.0.1"):
        with connect(url, origin=origin) as page:  # type: ignore[arg-type]
            assert json.loads(page.recv(60))["label"] == "fist"
    for origin in ("https://example.com", "http://localhost.example.com", "https://127.0.0.1.example.com"):
        with pytest.raises(InvalidStatus):
            connect(url, origin=origin)  # type: ignore[arg-type]
    with connect(url) as first, connect(url) as second:
        for page in (first, second):
            page.recv(60)
        first.send("anything")
        until(lambda: len(hub._workers[0]._sink._pages) == 2)  # type: ignore[attr-defined]
        for k in range(50):
            tell(hub, "open" if k % 2 else "rest")
            for page in (first, second):
                assert json.loads(page.recv(60))["seq"] == k + 1
        second.close()
        tell(hub, "fist")
        assert json.loads(first.recv(60))["label"] == "fist"
        hub.close()
        assert json.loads(first.recv(60))["code"] == "stopped"
        with pytest.raises(ConnectionClosed):
            first.recv(60)
    assert said[:2] == [
        f"websocket:{port},heartbeat=0: no page is open.",
        f"websocket:{port},heartbeat=0: messages are taken.",
    ]


def test_a_page_that_hangs_holds_nobody_up(opened: Opened) -> None:
    pytest.importorskip("websockets")
    from websockets.sync.client import connect

    port = free_port(socket.SOCK_STREAM)
    hub = opened(f"websocket:{port},heartbeat=0")
    with socket.create_connection(("127.0.0.1", port)) as hanging, connect(f"ws://127.0.0.1:{port}") as page:
        hanging.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        key = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        hanging.sendall(f"{key}Sec-WebSocket-Key: {'A' * 22}==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        pages = hub._workers[0]._sink._pages  # type: ignore[attr-defined]
        until(lambda: len(pages) == 2)
        for k in range(3000):  # a megabyte and more
            tell(hub)
            assert json.loads(page.recv(60))["seq"] == k
        waiting = [one.transport.get_write_buffer_size() for one in pages]
        assert max(waiting) < 4096


def test_a_port_in_use_is_said() -> None:
    pytest.importorskip("websockets")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(
            SinkError, match=rf"--sink websocket:{port}: cannot listen at 127.0.0.1:{port} \(Address already"
        ):
            Hub(parse_sinks([f"websocket:{port}"]), about()).open()
