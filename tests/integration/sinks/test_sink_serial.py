"""A hand on a serial port, played by a pseudo-terminal."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from rt_handdt.errors import HanddtError
from rt_handdt.io.sinks import parse_sink, parse_sinks
from rt_handdt.io.sinks.serial import line
from rt_handdt.runtime.hub import Hub
from tests.support.serial_device import Device
from tests.support.sinks import LABELS, LOST, Opened, UdpEar, about, message, tell, until


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
