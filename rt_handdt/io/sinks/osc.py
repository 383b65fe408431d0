"""Decisions as Open Sound Control."""

from __future__ import annotations

from typing import Any

from rt_handdt.io.message import Message
from rt_handdt.io.sink import About
from rt_handdt.io.sinks.base import ConfiguredSink, needed
from rt_handdt.io.sinks.datagrams import Datagrams, DatagramSettings

PACKAGE = "python-osc"


class OscSink(ConfiguredSink):
    """``osc:HOST:PORT``; each decision is one bundle of four messages, and a fifth with velocities.

    ==========================  ==============================================================
    ``/rt_handdt/state``        seq (int), state, code (strings), time, told (doubles, s; time is −1 where there is
                                none), age in ms (float; −1), repeat (int, 0 or 1)
    ``/rt_handdt/gesture``      label (string), index (int), confidence (float), rejected (int, 0 or 1)
    ``/rt_handdt/level``        level (float)
    ``/rt_handdt/probabilities``  K floats
    ==========================  ==============================================================
    """

    Settings = DatagramSettings
    _out: Datagrams | None = None

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        needed("pythonosc", PACKAGE)

    def open(self, about: About) -> None:
        """Get ready to send."""
        self._out = Datagrams(self.settings.host, self.settings.port)

    def send(self, message: Message) -> str | None:
        """Send it."""
        assert self._out is not None
        return self._out.send(bundle(message))

    def close(self) -> None:
        """Let go."""
        if self._out is not None:
            self._out.close()
            self._out = None


def bundle(message: Message) -> bytes:
    """A message as an OSC bundle, to be acted on at once."""
    from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
    from pythonosc.osc_message_builder import OscMessageBuilder

    whole = OscBundleBuilder(IMMEDIATELY)
    known = message.time_s == message.time_s
    parts: dict[str, list[tuple[str, Any]]] = {
        "state": [
            ("i", message.seq & 0x7FFFFFFF),
            ("s", message.state),
            ("s", message.code),
            ("d", message.time_s if known else -1.0),
            ("d", message.told_s),
            ("f", message.age_ms if known else -1.0),
            ("i", int(message.repeat)),
        ],
        "gesture": [
            ("s", message.label),
            ("i", message.index),
            ("f", message.confidence),
            ("i", int(message.rejected)),
        ],
        "level": [("f", message.level)],
        "probabilities": [("f", p) for p in message.probabilities],
        **({"velocities": [("f", one) for one in message.velocities]} if message.dofs else {}),
    }
    for name, values in parts.items():
        part = OscMessageBuilder(f"/rt_handdt/{name}")
        for kind, value in values:
            part.add_arg(value, kind)
        whole.add_content(part.build())
    return bytes(whole.build().dgram)
