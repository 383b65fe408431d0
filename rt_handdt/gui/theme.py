"""Colours and sizes of the window, as plain values (no Qt here, so the view model can use them).

The colours are those of the dark theme until `use` says otherwise; a window takes them up when it is made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from rt_handdt.core.gestures import REST
from rt_handdt.runtime.status import State

BACKGROUND = "#0a0e13"
PANEL = "#11171f"
EDGE = "#212b37"
TRACK = "#1c2530"  # what a bar fills
FAINT = "#3c4856"  # grid lines and ticks; never text
MUTED = "#93a1b0"  # captions: 6.8:1 on PANEL
TEXT = "#eef3f8"

ACCENT = "#62d0ff"
GOOD = "#3fdd9a"
WARN = "#ffbd4a"
BAD = "#ff6464"

MARGIN_PX = 14
GAP_PX = 12

DIMMED = 0.35  # opacity of pictures that are no longer live


STATE_COLOURS = {
    State.CONNECTING: ACCENT,
    State.RUNNING: GOOD,
    State.BEHIND: WARN,
    State.NO_SIGNAL: WARN,
    State.BAD_SIGNAL: WARN,
    State.NO_DECISION: WARN,
    State.LOST: BAD,
    State.FAILED: BAD,
    State.STOPPED: MUTED,
}


#: Every tone of text is at least 4.5:1 on each ground (WCAG 2 AA); a test holds both themes to it.
_LIGHT = {
    "BACKGROUND": "#eff3f7",
    "PANEL": "#ffffff",
    "EDGE": "#d0d9e2",
    "TRACK": "#dfe6ed",
    "FAINT": "#aab5c0",
    "MUTED": "#586572",
    "TEXT": "#10161d",
    "ACCENT": "#00659a",
    "GOOD": "#08704a",
    "WARN": "#7d5200",
    "BAD": "#b8222a",
}
_DARK = {name: globals()[name] for name in _LIGHT}
_STATES = {state: next(name for name, tone in _DARK.items() if tone == value) for state, value in STATE_COLOURS.items()}
#: Which theme holds.
current = "dark"


def use(name: str) -> None:
    """Take the colours of the ``"dark"`` or the ``"light"`` theme; before a window is made, on the GUI thread."""
    global current
    palette = {"dark": _DARK, "light": _LIGHT}[name]
    current = name
    globals().update(palette)
    STATE_COLOURS.update({state: palette[tone] for state, tone in _STATES.items()})


def class_colours(labels: Sequence[str]) -> tuple[str, ...]:
    """One colour per label: rest is grey, the others go once round the hues at equal lightness.

    With many labels neighbours differ in lightness too, since hues alone come too close.
    """
    active = [label for label in labels if label != REST]
    many = len(active) > 12
    colours = {REST: "#667280"}
    light = 0.14 if current == "light" else 0.0  # bars stand on white there
    for number, label in enumerate(active):
        lightness = ((0.80, 0.66)[number % 2] if many else 0.78) - light
        colours[label] = _oklch(lightness, 0.125, 230.0 + 360.0 * number / max(len(active), 1))
    return tuple(colours[label] for label in labels)


def signed_map() -> list[tuple[int, int, int]]:
    """256 RGB colours, blue over black to orange: even steps of OKLCH lightness away from zero, on either side.

    Zero is dark as in the RMS map beside it, and blue and orange are told apart by colour-blind eyes too.
    """
    table = []
    for number in range(256):
        value = (number - 127.5) / 127.5
        text = _oklch(0.16 + 0.64 * abs(value), 0.145 * abs(value) ** 0.8, 58.0 if value > 0 else 245.0)
        table.append((int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)))
    return table


def pattern_map() -> list[tuple[int, int, int]]:
    """256 RGB colours from the panel's dark over teal to a pale yellow-green: even steps of OKLCH lightness.

    Dark at zero as the RMS map beside it, in other hues, so that nobody takes one for the other.
    """
    table = []
    for number in range(256):
        value = number / 255
        text = _oklch(0.14 + 0.82 * value, 0.15 * min(1.0, 2.2 * value) ** 0.8, 215.0 - 100.0 * value)
        table.append((int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)))
    return table


def ink(ground: str) -> str:
    """The text colour, dark or light, that reads better on a ground (WCAG 2 relative luminance)."""
    parts = (int(ground[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#0a0e13" if luminance > 0.19 else "#eef3f8"


def _oklch(lightness: float, chroma: float, hue_deg: float) -> str:
    """sRGB of an OKLCH colour (Ottosson 2020), clipped to the gamut."""
    a = chroma * math.cos(math.radians(hue_deg))
    b = chroma * math.sin(math.radians(hue_deg))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return "#" + "".join(f"{_encode(value):02x}" for value in linear)


def _encode(linear: float) -> int:
    clipped = min(max(linear, 0.0), 1.0)
    gamma = 12.92 * clipped if clipped <= 0.0031308 else 1.055 * clipped ** (1 / 2.4) - 0.055
    return round(255 * gamma)
