"""What is asked for with ``--sink``, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rt_handdt.errors import ConfigError
from rt_handdt.io.sinks import parse_sink, parse_sinks
from rt_handdt.io.sinks import parsing as sink_parsing


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
        (
            "upd:5006",
            "there is no sink 'upd'; known: file, hand:ability, hand:serial, lsl, osc, serial, udp, websocket",
        ),
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
    with pytest.raises(ConfigError, match=r"known: broken, file, hand:ability, hand:serial, lsl, noting"):
        parse_sink("other")
