"""Each sink with a real receiver on this computer: what arrives, who comes and goes, and what is refused."""

from __future__ import annotations

import binascii
import contextlib
import csv
import errno
import json
import os
import pty
import socket
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rt_handdt.errors import ConfigError, HanddtError, SinkError
from rt_handdt.io.message import SCHEMA
from rt_handdt.io.sink import Sink
from rt_handdt.io.sinks import parse_sink, parse_sinks
from rt_handdt.io.sinks import parsing as sink_parsing
from rt_handdt.io.sinks.file import FileSink
from rt_handdt.io.sinks.serial import line
from rt_handdt.runtime import sink_worker
from rt_handdt.runtime.hub import Hub
from rt_handdt.runtime.status import State, Status
from tests.support.sinks import LABELS, UdpEar, about, free_port, message, tell, until

LOST = Status(State.LOST, "lost", "Gone.")
Opened = Callable[..., Hub]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    """Opens hubs, which try again at once what failed, and closes them."""
    monkeypatch.setattr(sink_worker, "RETRY_S", 0.01)
    monkeypatch.setattr(sink_worker, "RETRY_LIMIT_S", 0.01)
    hubs: list[Hub] = []

    def make(*texts: str, say: Callable[[str], None] = lambda sentence: None, **changes: Any) -> Hub:
        hubs.append(Hub(parse_sinks(texts), about(**changes), say))
        hubs[-1].open()
        return hubs[-1]

    yield make
    for hub in hubs:
        hub.close()


# -- what is asked for -----------------------------------------------------------------------------------------


def test_settings_are_read() -> None:
    def settings(text: str) -> dict[str, Any]:
        return parse_sink(text).settings.model_dump()

    assert settings("udp:10.0.0.7:5006,on=change,rate=50")["host"] == "10.0.0.7"
    assert settings("udp:10.0.0.7:5006,on=change,rate=50")["on"] == "change"
    assert settings("udp:[::1]:5006")["host"] == "[::1]"
    assert (settings("udp:5006")["host"], settings("udp:5006")["port"]) == ("127.0.0.1", 5006)
    assert (settings("lsl")["name"], settings("lsl:a:b")["name"]) == ("rt_handdt", "a:b")
    assert settings("serial:/dev/serial/by-id/usb-0:1,baud=9600")["device"] == "/dev/serial/by-id/usb-0:1"
    assert settings("file:/a,b/c:d.csv,rotate_mb=1")["path"] == Path("/a,b/c:d.csv")
    assert settings("websocket:5007")["host"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("upd:5006", "there is no sink 'upd'; known: file, lsl, osc, serial, udp, websocket"),
        ("", "there is no sink ''"),
        ("[/red]:1", "there is no sink '[/red]'"),
        ("udp", "'port' is missing"),
        ("udp:", "'port'"),
        ("udp:host:none", "'port'"),
        ("udp:70000", "'port'"),
        ("udp:5006,change", "'port'"),
        ("udp,on=change", "'port' is missing"),
        ("udp:5006,on=sometimes", "'on'"),
        ("udp:5006,rate=-1", "'rate'"),
        ("udp:5006,rate=nan", "'rate'"),
        ("udp:5006,speed=3", "has no setting 'speed'"),
        ("udp:5006,port=3", "'port' was given twice"),
        ("file", "'path' is missing"),
        ("file:decisions.xls", "must end in .jsonl, .ndjson, .csv"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as found:
        parse_sinks([text])
    assert said in str(found.value)
    assert str(found.value).startswith("--sink ")
    assert "\n" not in str(found.value)


def test_the_same_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="twice"):
        parse_sinks(["lsl", "udp:5006", "lsl"])


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "serial", None)
    with pytest.raises(ConfigError, match=r"needs the package pyserial.*pip install pyserial"):
        parse_sink("serial:/dev/ttyUSB0")


def test_a_sink_of_ones_own_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint

    points = [
        EntryPoint("noting", "tests.support.sinks:NotingSink", "rt_handdt.sinks"),
        EntryPoint("broken", "tests.support.nowhere:Sink", "rt_handdt.sinks"),
    ]
    monkeypatch.setattr(sink_parsing, "entry_points", lambda group: points)
    with pytest.raises(ConfigError, match=r"broken.*cannot be loaded \(ModuleNotFoundError"):
        parse_sink("broken")
    with pytest.raises(ConfigError, match=r"known: broken, file, lsl, noting"):
        parse_sink("other")


# -- datagrams -------------------------------------------------------------------------------------------------


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


# -- LSL -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("lsl")
def test_lsl_gives_a_row_a_decision_and_a_marker_a_change(opened: Opened) -> None:
    import pylsl

    hub = opened("lsl:told [/x] 'y'", rate_hz=64.0)
    found = [
        info
        for info in (
            pylsl.resolve_byprop("type", "Control", timeout=20),
            pylsl.resolve_byprop("type", "Markers", timeout=20),
        )
        for info in info
        if info.name().startswith("told [/x] 'y'")
    ]
    assert [info.name() for info in found] == ["told [/x] 'y'", "told [/x] 'y'_markers"]
    rows, marks = (pylsl.StreamInlet(info) for info in found)
    rows.open_stream(20)
    marks.open_stream(20)
    for label in ("fist", "fist", "rest"):
        tell(hub, label)
    until(lambda: hub.report()[0]["sent"] == 3)  # else rest overtakes them
    tell(hub, "rest", LOST)
    got: list[tuple[list[float], float]] = []
    while not got or got[-1][0][-2] < 3:
        row, stamp = rows.pull_sample(20)
        assert row is not None
        got.append((row, stamp))
    info = rows.info(20)
    assert (info.nominal_srate(), info.channel_format()) == (64.0, pylsl.cf_double64)
    names = info.get_channel_labels()
    assert names == [
        *("label_index", "p_rest", "p_fist", "p_open", "confidence", "rejected", "level", "state", "age"),
        *("window_end", "seq", "repeat"),
    ]
    decided = [dict(zip(names, row, strict=True)) | {"stamp": stamp} for row, stamp in got if not row[-1]]
    assert [one["seq"] for one in decided] == [0, 1, 2, 3]
    assert [one["label_index"] for one in decided] == [1, 1, 0, 0]
    assert [list(State)[int(one["state"])] for one in decided] == ["running"] * 3 + ["lost"]
    assert decided[0]["age"] == pytest.approx((decided[0]["stamp"] - decided[0]["window_end"]) * 1e3, abs=1e-3)
    assert decided[3]["age"] != decided[3]["age"]
    texts = []
    while texts[-1:] != ["rest (lost)"]:
        text, _ = marks.pull_sample(20)
        assert text is not None
        texts.append(text[0])
    assert texts == ["fist", "rest", "rest (lost)"]
    assert info.desc().child("decisions").child_value("states") == ",".join(State)


# -- a serial port ---------------------------------------------------------------------------------------------


class Device:
    """A microcontroller at the other end of a cable that can be pulled."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[list[str]] = []
        self.spoilt = 0
        self.reading = threading.Event()
        self.reading.set()
        self.plug()

    def plug(self) -> None:
        self._here, there = pty.openpty()
        tty.setraw(there)
        self.path.symlink_to(os.ttyname(there))
        os.close(there)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, name="device")
        self._thread.start()

    def pull(self) -> None:
        self._stop.set()
        self._thread.join()
        self.path.unlink()
        os.close(self._here)

    def _read(self) -> None:
        rest = b""
        os.set_blocking(self._here, False)
        while not self._stop.wait(0.002):
            if not self.reading.is_set():
                continue
            with contextlib.suppress(OSError):  # nothing there, or nobody has opened it
                rest += os.read(self._here, 65536)
            *whole, rest = rest.split(b"\n")
            for one in filter(None, (part.strip() for part in whole)):
                body, _, check = one[1:].partition(b"*")
                if one[:1] != b"$" or check != b"%04X" % binascii.crc_hqx(body, 0):
                    self.spoilt += 1
                    continue
                self.lines.append(body.decode().split(","))


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    pytest.importorskip("serial")
    one = Device(tmp_path / "ttyHAND")
    yield one
    with contextlib.suppress(FileNotFoundError):
        one.pull()


def test_serial_lines_are_checked_numbered_and_end_with_rest(opened: Opened, device: Device) -> None:
    hub = opened(f"serial:{device.path},rate=0,heartbeat=0")
    for k in range(300):
        tell(hub, LABELS[k % 3])
        until(lambda: len(device.lines) == k + 1)  # noqa: B023
    hub.close()
    until(lambda: len(device.lines) == 301)
    assert device.spoilt == 0
    assert [one[:4] for one in device.lines[:2]] == [["RH1", "0", "0", "rest"], ["RH1", "1", "1", "fist"]]
    assert [int(one[1]) for one in device.lines] == list(range(301))
    assert device.lines[1][4:6] == ["80", "100"]
    assert device.lines[1][7:9] == ["running", "running"]
    assert device.lines[-1][3:] == ["rest", "0", "0", "9999", "stopped", "stopped", "-1"]


def test_a_label_never_breaks_a_line() -> None:
    labels = ("rest", "a,b*\n$RH1 é" + 40 * "x")
    told = message(1, labels[1], index=1, labels=labels, probabilities=(0.0, 1.0))
    text = line(told).decode("ascii")
    assert text.count("$") == text.count("*") == 1
    assert text.strip().split(",")[3] == "a_b___RH1__" + 20 * "x"


def test_a_cable_that_is_pulled_is_said_and_taken_up_again(opened: Opened, device: Device) -> None:
    said: list[str] = []
    with UdpEar() as ear:
        hub = opened(f"serial:{device.path}", f"udp:{ear.port}", say=said.append)
        tell(hub, "fist")
        until(lambda: device.lines)
        device.pull()
        until(lambda: hub.report()[0]["state"] == "failed")
        heard = len(ear.heard)
        tell(hub, "open")
        until(lambda: any(json.loads(data)["label"] == "open" for _, data in ear.heard[heard:]))  # others go on
        until(lambda: hub.report()[0]["dropped"])
        assert "gone" in hub.report()[0]["last_error"] or "no such device" in hub.report()[0]["last_error"]
        device.plug()
        until(lambda: hub.report()[0]["resumed"] == 1 and device.lines[-1][3] == "open")
        assert said[0].startswith(f"serial:{device.path}: ")
        assert any("works again" in sentence for sentence in said)


def test_a_device_that_does_not_read_gets_no_old_gesture(opened: Opened, device: Device) -> None:
    hub = opened(f"serial:{device.path},rate=0,heartbeat=0.005", max_age_s=0.3)
    tell(hub, "fist")
    until(lambda: device.lines)
    device.reading.clear()
    until(lambda: tell(hub, "fist") or hub.report()[0]["untaken"] > 3)
    until(lambda: tell(hub, "fist") or hub.report()[0]["state"] == "the device does not read")
    hub.tell  # noqa: B018
    device.reading.set()
    before = len(device.lines)
    tell(hub, "rest", LOST)
    until(lambda: any(one[8] == "lost" for one in device.lines[before:]))
    # a terminal's queue was thrown away with what was too old in it
    assert hub.report()[0]["failures"] == 0


def test_ports_that_cannot_be_had_are_said(device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import serial

    def refused(text: str) -> str:
        with pytest.raises(HanddtError) as found:
            Hub(parse_sinks([text]), about()).open()
        return str(found.value)

    assert "there is no such device" in refused(f"serial:{tmp_path / 'ttyNONE'}")
    plain = tmp_path / "file"
    plain.write_text("")
    assert "does not work as a serial port" in refused(f"serial:{plain}")
    taken = parse_sink(f"serial:{device.path}")
    taken.open(about())
    assert "another program has it open" in refused(f"serial:{device.path}")
    taken.close()

    def forbidden(*_: object, **__: object) -> None:
        raise serial.SerialException(errno.EACCES, "could not open port")

    monkeypatch.setattr(serial, "Serial", forbidden)
    assert "join the group '" in refused(f"serial:{device.path}")


# -- web pages -------------------------------------------------------------------------------------------------


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


# -- files -----------------------------------------------------------------------------------------------------


def test_a_file_holds_every_decision(opened: Opened, tmp_path: Path) -> None:
    lines, table = tmp_path / "a.jsonl", tmp_path / "b.csv"
    hub = opened(f"file:{lines}", f"file:{table}")
    for k in range(100):
        tell(hub, LABELS[k % 3])
    until(lambda: lines.read_bytes().count(b"\n") == 100)  # while the run goes on
    tell(hub, "rest", LOST)
    hub.close()
    read = [json.loads(text) for text in lines.read_text().splitlines()]
    assert [one["seq"] for one in read] == list(range(101))
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["seq"]) for row in rows] == list(range(101))
    assert [row["label"] for row in rows] == [one["label"] for one in read]
    assert (rows[1]["p_fist"], rows[1]["repeat"], rows[-1]["time"], rows[-1]["code"]) == ("1.0", "0", "", "lost")


def test_a_file_is_never_overwritten(opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("mine")
    (tmp_path / "b-002.jsonl").write_text("mine too")
    with pytest.raises(SinkError, match="is there already, and is not overwritten"):
        Hub(parse_sinks([f"file:{path}"]), about()).open()
    with pytest.raises(SinkError, match="cannot be written"):
        Hub(parse_sinks([f"file:{tmp_path / 'no' / 'a.csv'}"]), about()).open()
    hub = opened(f"file:{tmp_path / 'b.jsonl'},rotate_mb=0.001")
    for _ in range(9):
        tell(hub)
    hub.close()
    assert path.read_text() == "mine"
    assert (tmp_path / "b-002.jsonl").read_text() == "mine too"
    parts = [tmp_path / "b.jsonl", *sorted(tmp_path.glob("b-*.jsonl"))[1:]]
    assert [part.name for part in parts[:3]] == ["b.jsonl", "b-003.jsonl", "b-004.jsonl"]
    read = [json.loads(text)["seq"] for part in parts for text in part.read_text().splitlines()]
    assert read == list(range(9 if read[-1] == 8 else 10))


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_a_disk_that_fills_costs_no_line_once_there_is_room(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    room = [500]
    write = FileSink._write

    def small(self: FileSink, text: str) -> None:
        assert self._file is not None
        if len(text) > room[0]:
            self._file.write(text[: room[0]].encode())  # a part fits
            raise OSError(errno.ENOSPC, "No space left on device")
        room[0] -= len(text)
        write(self, text)

    monkeypatch.setattr(FileSink, "_write", small)
    path = tmp_path / name
    hub = opened(f"file:{path}")
    for _ in range(20):
        tell(hub)
    until(lambda: hub.report()[0]["failures"])
    assert "No space left" in hub.report()[0]["last_error"]
    room[0] = 1_000_000
    until(lambda: hub.report()[0]["sent"] == 20)
    text = path.read_text().splitlines()
    if name == "a.csv":
        assert [int(row["seq"]) for row in csv.DictReader(text)] == list(range(20))
    else:
        assert [json.loads(one)["seq"] for one in text] == list(range(20))
    assert hub.report()[0]["dropped"] == 0


# -- all at once -----------------------------------------------------------------------------------------------


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
