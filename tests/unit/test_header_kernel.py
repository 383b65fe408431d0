"""The compiled reader of headers: every number as `float` reads it, and anything unusual left to the slower road."""

from __future__ import annotations

import numpy as np
import pytest

from offline.features import header_kernel
from offline.features.header_kernel import scan_signals

pytestmark = pytest.mark.skipif(header_kernel.compiled() is None, reason="numba does not work here")


def lines(gains: list[str], baselines: list[str] | None = None) -> bytes:
    zeros = baselines or ["0"] * len(gains)
    return "".join(
        f"a.dat 16 {gain}({zero})/mV 16 0 -5 {k} 0 E{k}\n"
        for k, (gain, zero) in enumerate(zip(gains, zeros, strict=True))
    ).encode()


def test_numbers_are_those_of_float_to_the_last_bit():
    rng = np.random.default_rng(0)
    gains = [repr(float(value)) for value in 10 ** rng.uniform(-3, 15, 4000)]
    gains += [f"{rng.integers(10**16, 10**17)}"[:k] + f".{rng.integers(10 ** (17 - k))}" for k in range(1, 17)]
    # half way between two doubles, a digit to each side, and whole numbers beyond 2^53
    gains += ["4503599627370496.5", "4503599627370497.5", "9007199254740993", "9007199254740992.1", "9007199254740995"]
    gains += ["0.30000000000000004", "1.7976931348623157", "200", "200.", ".5"]
    gains = [text for text in gains if "e" not in text and sum(map(str.isdigit, text)) <= 18]
    assert len(gains) > 3500
    baselines = [str(value) for value in rng.integers(-(2**31), 2**31, len(gains))]
    found = scan_signals(lines(gains, baselines), len(gains))
    assert found is not None
    gain, baseline, names, file, unit = found
    assert gain.tolist() == [float(text) for text in gains]
    assert baseline.tolist() == [float(text) for text in baselines]
    assert (file, unit) == (b"a.dat", b"mV")
    assert names.split() == [f"E{k}".encode() for k in range(len(gains))]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        lines(["1", "2", "3"]),  # one too many
        lines(["1"]),  # one too few
        lines(["1", "2"])[:-1],  # cut short
        lines(["1", "0.000"]),  # not calibrated
        lines(["1", "-2"]),
        lines(["1", "2e3"]),
        lines(["1", "1.2.3"]),
        lines(["1", ""]),
        lines(["1", "1234567890123456789"]),
        lines(["1", "99999999999999999.9"]),  # would need more than one bit to round by
        lines(["1", "2"], ["0", "1.5"]),
        lines(["1", "2"], ["0", ""]),
        lines(["1", "2"], ["0", "1234567890123456"]),
        lines(["1", "2"]).replace(b"/mV", b"/uV", 1),
        lines(["1", "2"]).replace(b"/mV", b""),
        lines(["1", "2"]).replace(b"a.dat", b"b.dat", 1),
        lines(["1", "2"]).replace(b" 16 2", b" 212 2"),
        lines(["1", "2"]).replace(b" 0 E1", b" 4 E1"),
        lines(["1", "2"]).replace(b" E1", b" E 1"),
        lines(["1", "2"]).replace(b" E1", b""),
        lines(["1", "2"]).replace(b"\n", b"\r\n"),
        lines(["1", "2"]) + b"# a comment\n",
    ],
)
def test_another_form_is_left_to_the_slower_road(text):
    assert scan_signals(text, 2) is None
