"""Voltage units as files and streams spell them, in microvolts."""

from __future__ import annotations

import re
import unicodedata

#: No electrode gives more, in µV (amplifiers have rails of some hundred mV): such a value is none at all. It also keeps
#: the filters' state finite, which a single value near float32's largest would spoil for good.
POSSIBLE_UV = 1e7
#: µV in one of each, by power of ten of a volt.
_POWERS = {0: 1e6, -3: 1e3, -6: 1.0, -9: 1e-3}
_PREFIXES = {"": 0, "m": -3, "milli": -3, "u": -6, "\N{GREEK SMALL LETTER MU}": -6, "micro": -6, "n": -9, "nano": -9}
_FACTORS = {
    **{f"{base}{power}": power for power in _POWERS for base in ("10^", "10**", "1e")},
    **{"1": 0, "0.001": -3, "0.000001": -6, "0.000000001": -9},
}
_VOLT = re.compile(r"(?P<prefix>micro|milli|nano|m|u|\N{GREEK SMALL LETTER MU}|n|)[-_ ]?v(?:olts?)?")
_SCALED = re.compile(r"(?P<factor>\S+?)[ *x\N{MULTIPLICATION SIGN}\N{DOT OPERATOR}\N{MIDDLE DOT}]*(?P<unit>v|volts?|)")


def microvolts_per(unit: str) -> float | None:
    """How many microvolts one `unit` is (``"mV"`` → 1000.0), or None if it is no known unit of voltage.

    Spelling is forgiven: ``uV``, ``µVolt``, ``micro-volts``, ``[mV]``, ``EEG_uV``, ``uV_RMS``; case is too, as no
    recorder means megavolts. So are powers of ten of a volt: ``1e-6``, ``10^-6 V``, and ``-6`` as MNE writes it.
    """
    spelled = unicodedata.normalize("NFKC", unit).replace("\0", "").strip().casefold()
    spelled = spelled.strip("[](){} \"'").replace("\N{MINUS SIGN}", "-")
    spelled = re.sub(r"^(unit|e[megx]g)[-._ ]+|[-_ ]*rms$", "", spelled)
    # "Âµ" is a µ of UTF-8 read as Latin-1
    spelled = spelled.replace("\N{LATIN SMALL LETTER A WITH CIRCUMFLEX}", "")
    if re.fullmatch(r"[-+]?0|-[369]", spelled):  # MNE's unit multiplier: a bare exponent
        return _POWERS[int(spelled)]
    named = _VOLT.fullmatch(spelled)
    if named is not None:
        return _POWERS[_PREFIXES[named["prefix"]]]
    scaled = _SCALED.fullmatch(spelled)
    if scaled is None:
        return None
    factor = re.sub(r"[()\s{}]", "", scaled["factor"])
    factor = re.sub(r"^1(\.0*)?e-0*(?=\d)", "1e-", factor)
    if factor == "1" and not scaled["unit"]:
        return None
    power = _FACTORS.get(factor)
    return None if power is None else _POWERS[power]
