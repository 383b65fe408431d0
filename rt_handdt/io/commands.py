"""Commands to a virtual person: what they look like, and what they do.

One line of text or one JSON object each, at most 256 bytes::

    hand_close 0.8          {"label": "hand_close", "level": 0.8}     gesture and force (1 = the person's usual)
    rest                    {"label": "rest"}
    noise 2                 {"noise": 2}                              times the day's noise and mains, 0 to 20
    move 5 -10              {"move": [5, -10]}                        mm towards the wrist, degrees round the forearm
    break 12                {"break": 12}                             electrode 12, counted from 0, loses its lead
    break ED-1-1 noisy      {"break": "ED-1-1", "fault": "noisy"}     or its gel dries
    mend 12                 {"mend": 12}
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import Field

from rt_handdt.config import Settings, nearest
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.errors import ConfigError
from rt_handdt.sim.electrodes import Fault

#: A command is short; what is longer is none.
MAX_BYTES = 256


class Obeys(Protocol):
    """Who can be told; `rt_handdt.sim.live.LivePerson` is one. Raises `ConfigError` for what makes no sense."""

    @property
    def layout(self) -> ElectrodeLayout:
        """Its electrodes."""
        ...

    def command(self, label: str, level: float = ..., /) -> None:
        """Change gesture or force."""
        ...

    def set_noise(self, factor: float, /) -> None:
        """Change noise and mains."""
        ...

    def move(self, shift_mm: float, rotation_deg: float, /) -> None:
        """Move the electrodes."""
        ...

    def break_electrode(self, channel: int, fault: Fault = ..., /) -> None:
        """Break an electrode."""
        ...

    def mend_electrode(self, channel: int, /) -> None:
        """Mend it."""
        ...


class Gesture(Settings):
    """Do this, and so strongly (1 = the person's usual strength)."""

    label: str
    level: float = 1.0

    def apply(self, person: Obeys) -> None:
        """Tell the person."""
        person.command(self.label, self.level)


class Noise(Settings):
    """Noise and mains, times those of the day."""

    noise: float

    def apply(self, person: Obeys) -> None:
        """Tell the person."""
        person.set_noise(self.noise)


class Move(Settings):
    """Electrodes moved by mm towards the wrist and degrees round the forearm, from where they sit that day."""

    move: tuple[float, float]

    def apply(self, person: Obeys) -> None:
        """Tell the person."""
        person.move(*self.move)


class Break(Settings):
    """An electrode, by number (from 0) or name, and what happens to it."""

    electrode: int | str = Field(alias="break")
    fault: Fault = "lost"

    def apply(self, person: Obeys) -> None:
        """Tell the person."""
        person.break_electrode(_channel(self.electrode, person.layout), self.fault)


class Mend(Settings):
    """An electrode, by number (from 0) or name."""

    mend: int | str

    def apply(self, person: Obeys) -> None:
        """Tell the person."""
        person.mend_electrode(_channel(self.mend, person.layout))


Command = Gesture | Noise | Move | Break | Mend


@dataclass(frozen=True, slots=True)
class _Form:
    """A kind of command: its class, the least and most words after its name, an example, and words → keys."""

    kind: type[Command]
    words: tuple[int, int]
    example: str
    keys: Callable[[list[str]], dict[str, Any]]


_FORMS: dict[str, _Form] = {
    "noise": _Form(Noise, (1, 1), "noise 2", lambda words: {"noise": _number(words[0])}),
    "move": _Form(Move, (2, 2), "move 5 -10", lambda words: {"move": [_number(words[0]), _number(words[1])]}),
    "break": _Form(
        Break, (1, 2), "break 12", lambda words: {"break": words[0]} | ({"fault": words[1]} if words[1:] else {})
    ),
    "mend": _Form(Mend, (1, 1), "mend 12", lambda words: {"mend": words[0]}),
}


def parse_command(message: bytes | str) -> Command:
    """Read one command; see the module's docstring for the forms.

    Raises
    ------
    ConfigError
        If it is none. Whether the gesture and the electrode are known is for the person to say.
    """
    raw = message.encode("utf-8", "surrogateescape") if isinstance(message, str) else message
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"A command may have {MAX_BYTES} bytes; this one has more.")
    try:
        text = raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise ConfigError("A command must be text (UTF-8).") from None
    if not text.isprintable():
        raise ConfigError(f"A command is one line of printable text; got {text!r}.")
    if text.startswith("{"):
        return _from_json(text)
    name, *words = text.split() or [""]
    form = _FORMS.get(name)
    if form is not None:
        if not form.words[0] <= len(words) <= form.words[1]:
            raise ConfigError(f"A command '{name}' looks like '{form.example}'; got '{text}'.")
        return form.kind.parse(form.keys(words), what="command")
    if not name or len(words) > 1:
        raise ConfigError(
            "A command is a gesture and, if wanted, a level ('hand_close 0.8'), or one of "
            f"{', '.join(repr(one.example) for one in _FORMS.values())}; got '{text}'."
        )
    return Gesture.parse({"label": name, "level": _number(words[0]) if words else 1.0}, what="command")


def _from_json(text: str) -> Command:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise ConfigError(f"The command {text} is not valid JSON ({exc}).") from None
    form = next((form for name, form in _FORMS.items() if name in data), None)
    return (form.kind if form else Gesture).parse(data, what="command")


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise ConfigError(f"A number is needed here; got '{word}'.") from None


def _channel(electrode: int | str, layout: ElectrodeLayout) -> int:
    """The electrode's number; the person says whether there is such a number."""
    if isinstance(electrode, int):
        return electrode
    if electrode in layout.channels:
        return layout.channels.index(electrode)
    if electrode.removeprefix("-").isdecimal():
        return int(electrode)
    known = nearest(electrode, list(layout.channels))
    if known.startswith("; known"):  # hundreds of names
        known = f"; they are called {layout.channels[0]} to {layout.channels[-1]}, or count from 0."
    raise ConfigError(f"There is no electrode '{electrode}'{known}")
