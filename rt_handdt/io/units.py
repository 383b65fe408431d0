"""Voltage units as files and streams spell them, in microvolts."""

from __future__ import annotations

_VOLTS = {"": 1e6, "milli": 1e3, "micro": 1.0, "nano": 1e-3}
_SYMBOLS = {
    "v": 1e6,
    "mv": 1e3,
    "uv": 1.0,
    "\N{MICRO SIGN}v": 1.0,
    "\N{GREEK SMALL LETTER MU}v": 1.0,
    "nv": 1e-3,
}


def microvolts_per(unit: str) -> float | None:
    """How many microvolts one `unit` is (``"mV"`` → 1000.0), or None if it is no known unit of voltage.

    Spelling is forgiven (``uV``, ``µV``, ``microvolt``, ``Microvolts``); case is too, as no recorder means megavolts.
    """
    spelled = unit.strip().casefold()
    if spelled in _SYMBOLS:
        return _SYMBOLS[spelled]
    spelled = spelled.removesuffix("s")
    if spelled.endswith("volt"):
        return _VOLTS.get(spelled.removesuffix("volt"))
    return None
