"""From ``--sink udp:127.0.0.1:5006,on=change`` to a sink."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from importlib.metadata import entry_points

from rt_handdt.errors import ConfigError, HanddtError
from rt_handdt.io.description import shown
from rt_handdt.io.sink import ENTRY_POINTS, Sink

#: Those that come with the program; imported when they are asked for.
SINKS = {
    "file": "rt_handdt.io.sinks.file:FileSink",
    "hand:ability": "rt_handdt.io.sinks.hand_ability:AbilityHandSink",
    "hand:serial": "rt_handdt.io.sinks.hand_serial:SerialHandSink",
    "lsl": "rt_handdt.io.sinks.lsl:LslSink",
    "osc": "rt_handdt.io.sinks.osc:OscSink",
    "serial": "rt_handdt.io.sinks.serial:SerialSink",
    "udp": "rt_handdt.io.sinks.udp:UdpSink",
    "websocket": "rt_handdt.io.sinks.websocket:WebsocketSink",
}

#: Sinks whose name has two parts.
_FAMILIES = {name.partition(":")[0] for name in SINKS if ":" in name}

#: A path that is longer than this is cut where it is shown.
LONGEST = 200


def parse_sinks(texts: Sequence[str]) -> list[tuple[str, Sink]]:
    """The sinks that are asked for, not opened, each with the text that asked for it.

    Raises
    ------
    ConfigError
        If a sink or a setting is unknown or wrong, or one is asked for twice.
    """
    twice = next((text for text in texts if list(texts).count(text) > 1), None)
    if twice is not None:
        raise ConfigError(f"--sink {shown(twice)}: was given twice; give each once.")
    return [(shown(text, LONGEST), parse_sink(text)) for text in texts]


def parse_sink(text: str) -> Sink:
    """A sink from ``NAME[:SETTING…][,KEY=VALUE…]``.

    What stands before the first ``,KEY=`` are the sink's positional settings, divided by colons; of several the last
    ones may stand alone (``udp:5006``).

    Raises
    ------
    ConfigError
        If the sink or a setting is unknown or wrong.

    Examples
    --------
    >>> parse_sink("udp:localhost:5006,on=change").settings.port
    5006
    """
    what = f"--sink {shown(text, LONGEST)}"
    head, *pairs = re.split(r",(?=[A-Za-z_]+=)", text)
    name, colon, rest = head.partition(":")
    if name in _FAMILIES:
        kind, colon, rest = rest.partition(":")
        name = f"{name}:{kind}"
    if "," in name:
        raise ConfigError(f"{what}: settings after a comma are written KEY=VALUE, as in udp:5006,on=change.")
    made = _find(name, what)
    settings = made.Settings
    known = [key for key in settings.model_fields if key not in settings.positional]
    values: dict[str, str] = {}
    if colon:
        if not settings.positional:
            raise ConfigError(f"{what}: '{name}' has no setting after a colon; after a comma: {', '.join(known)}.")
        parts = rest.rsplit(":", len(settings.positional) - 1)
        values = dict(zip(settings.positional[-len(parts) :], parts, strict=True))
    for pair in pairs:
        key, _, value = pair.partition("=")
        if key not in settings.model_fields:
            raise ConfigError(
                f"{what}: '{name}' has no setting '{shown(key)}'; known: {', '.join(sorted(settings.model_fields))}."
            )
        if key in values:
            raise ConfigError(f"{what}: the setting '{key}' was given twice; give it once.")
        values[key] = value
    checked = settings.parse(values, what=what).model_dump()
    try:
        return made(**checked)
    except HanddtError as exc:
        raise ConfigError(f"{what}: {exc}") from None


def _find(name: str, what: str) -> type[Sink]:
    others = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if name in SINKS:
        module, _, noun = SINKS[name].partition(":")
        return getattr(importlib.import_module(module), noun)  # type: ignore[no-any-return]
    if name not in others:
        raise ConfigError(f"{what}: there is no sink '{shown(name)}'; known: {', '.join(sorted({*SINKS, *others}))}.")
    try:
        return others[name].load()  # type: ignore[no-any-return]
    except HanddtError:
        raise
    except Exception as exc:  # of somebody else's making: anything can go wrong in it
        raise ConfigError(
            f"{what}: the sink of '{others[name].value}' cannot be loaded ({type(exc).__name__}: {exc}); "
            "mend or remove the package that brings it."
        ) from None
