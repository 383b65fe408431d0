"""Gains and baselines out of a WFDB header's text, compiled: a data set has as many headers as trials.

Reading 256 lines with Python's own words and numbers takes longer than to filter the trial. The compiled loop knows the
one form that Hyser and our own writer use, and gives up on anything else, which then takes the slower road. What it
does read is what `float` reads, to the last bit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from rt_handdt.core import kernels as core_kernels
from rt_handdt.core.types import Float64

Text = npt.NDArray[np.uint8]
#: Powers of ten that int64 and float64 both hold exactly.
_POWERS = 10 ** np.arange(19, dtype=np.int64)
_MOST_DIGITS = 18  # so that every number on the way stays below 2^60

#: (text of the signal lines, how each begins, what follows the baseline, gains (C,), baselines (C,), room for the
#: names) → bytes of the names, each followed by a line break; −1 if the text has another form
_Scan = Callable[[Text, Text, Text, Float64, Float64, Text], int]


@functools.cache
def compiled() -> _Scan | None:
    """The loop, compiled; None without numba."""
    compile_, _ = core_kernels.compiler()
    if compile_ is None:
        return None
    scan: _Scan = compile_(_scan)
    return scan


def scan_signals(text: bytes, channels: int) -> tuple[Float64, Float64, bytes, bytes, bytes] | None:
    """Read the signal lines ``file 16 gain(baseline)/unit a b c 0 name``, single spaces between the words.

    Parameters
    ----------
    text
        All lines after the first.
    channels
        As many lines are wanted, and nothing may follow them.

    Returns
    -------
    tuple | None
        Gain (C,), baseline (C,), the names, each followed by a line break, the file and the unit that all lines share;
        None if the text has another form (or numba is missing).
    """
    scan = compiled()
    words = text[:512].split(b" ", 3)
    if scan is None or len(words) < 4 or words[1] != b"16":
        return None
    _, bracket, unit = words[2].partition(b")/")
    prefix, suffix = words[0] + b" 16 ", bracket + unit + b" "
    gain, baseline = np.empty(channels), np.empty(channels)
    room = np.empty(len(text), np.uint8)
    used = scan(_bytes(text), _bytes(prefix), _bytes(suffix), gain, baseline, room)
    if used < 0 or not unit:
        return None
    return gain, baseline, room[:used].tobytes(), words[0], unit


def _bytes(text: bytes) -> Text:
    return np.frombuffer(text, np.uint8)


def _scan(text: Text, prefix: Text, suffix: Text, gain: Float64, baseline: Float64, names: Text) -> int:
    space, line, zero, nine = 32, 10, 48, 57
    n, at, used = len(text), 0, 0
    for channel in range(len(gain)):
        # file 16
        if at + len(prefix) > n:
            return -1
        for k in range(len(prefix)):
            if text[at + k] != prefix[k]:
                return -1
        at += len(prefix)
        # gain
        number, digits, fraction = 0, 0, -1
        while at < n and (zero <= text[at] <= nine or text[at] == 46):
            if text[at] == 46:
                if fraction >= 0:
                    return -1
                fraction = 0
            else:
                number = number * 10 + int(text[at]) - zero
                digits += 1
                if fraction >= 0:
                    fraction += 1
            if digits > _MOST_DIGITS:
                return -1
            at += 1
        if number == 0 or at >= n or text[at] != 40:  # a gain of 0 has a rule of its own
            return -1
        at += 1
        divisor = _POWERS[max(fraction, 0)]
        if number < 2**53:  # both are exact, and a division rounds once
            gain[channel] = np.float64(number) / np.float64(divisor)
        else:  # long division to 53 bits and one to round by
            quotient, rest, shifts = number // divisor, number % divisor, 0
            if quotient >= 2**54:
                return -1
            while quotient < 2**53:
                rest *= 2
                quotient *= 2
                if rest >= divisor:
                    rest -= divisor
                    quotient += 1
                shifts += 1
            half, quotient = quotient & 1, quotient >> 1
            if half == 1 and (rest > 0 or quotient & 1 == 1):
                quotient += 1
            gain[channel] = np.float64(quotient) * 2.0 ** (1 - shifts)
        # (baseline
        minus = at < n and text[at] == 45
        if minus:
            at += 1
        number, digits = 0, 0
        while at < n and zero <= text[at] <= nine:
            number = number * 10 + int(text[at]) - zero
            digits += 1
            if digits > 15:
                return -1
            at += 1
        if digits == 0:
            return -1
        baseline[channel] = -np.float64(number) if minus else np.float64(number)
        # )/unit
        if at + len(suffix) > n:
            return -1
        for k in range(len(suffix)):
            if text[at + k] != suffix[k]:
                return -1
        at += len(suffix)
        # resolution, ADC zero, first code and checksum are not needed
        for _ in range(4):
            begin = at
            while at < n and text[at] > space:
                at += 1
            if at == begin or at >= n or text[at] != space:
                return -1
            at += 1
        # block size 0
        if at + 2 > n or text[at] != zero or text[at + 1] != space:
            return -1
        at += 2
        begin = at
        while at < n and text[at] > space:
            names[used] = text[at]
            used += 1
            at += 1
        if at == begin or at >= n or text[at] != line:
            return -1
        names[used] = line
        used += 1
        at += 1
    return used if at == n else -1
