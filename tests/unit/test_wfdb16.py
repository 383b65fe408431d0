"""WFDB records of format 16: forms of the header, refusals, and the same samples as the wfdb library reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import wfdb

from rt_handdt.errors import RecordingError
from rt_handdt.io.wfdb16 import read_header, write_record


def test_missing_values_survive(tmp_path: Path) -> None:
    samples = np.random.default_rng(1).normal(0, 5, (50, 3)).cumsum(axis=0) - 20_000
    samples[10:20, 1] = np.nan
    samples[:, 2] = np.nan
    write_record(tmp_path / "r.hea", samples, ("a", "b", "c"), 100.0)
    read = read_header(tmp_path / "r.hea").read()
    np.testing.assert_array_equal(np.isnan(read), np.isnan(samples))
    np.testing.assert_array_equal(np.isnan(wfdb.rdrecord(str(tmp_path / "r")).p_signal), np.isnan(samples))


HEADER = """# a comment
x 3 2048 2

x.dat 16 100.5(7)/mV 16 0 0 0 0 one
# another
x.dat 16 2e3/uV 16 11 0 0 0
x.dat 16 0.5(-3)/V 16 99 0 0 0 three words here
"""


def test_header_forms(tmp_path: Path) -> None:
    (tmp_path / "x.hea").write_text(HEADER)
    codes = np.array([[7, 11, -3], [208, -32768, 97]], dtype="<i2")
    codes.tofile(tmp_path / "x.dat")
    record = read_header(tmp_path / "x.dat")
    assert record.names == ("one", "", "three words here")
    # A missing baseline is the ADC zero; a given one overrules it.
    np.testing.assert_array_equal(record.baseline, [7, 11, -3])
    np.testing.assert_allclose(record.read(), [[0, 0, 0], [2000.0, np.nan, 200e6]], rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("x 1 abc 5\nx.dat 16 1/mV 16 0 0 0 0 a\n", "not a WFDB header"),
        ("x 2 100 5\nx.dat 16 1/mV 16 0 0 0 0 a\n", "announces 2 channels, but describes 1"),
        ("x 1 100 5\nx.dat 212 1/mV 12 0 0 0 0 a\n", "not in WFDB format 16"),
        ("x 1 100 5\nx.dat 16 1/mmHg 16 0 0 0 0 a\n", "unit 'mmHg'"),
        ("x 2 100 5\nx.dat 16 1/mV 16 0 0 0 0 a\ny.dat 16 1/mV 16 0 0 0 0 b\n", "several files"),
        ("x/2 1 100 5\nx.dat 16 1/mV 16 0 0 0 0 a\n", "multi-segment"),
    ],
)
def test_bad_headers_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.hea").write_text(text)
    with pytest.raises(RecordingError, match=message):
        read_header(tmp_path / "x.hea")


def test_grabmyo_equals_wfdb(shared_data: Path) -> None:
    headers = sorted((shared_data / "grabmyo").glob("*.hea"))
    assert headers
    for path in headers[::5]:
        theirs = wfdb.rdrecord(str(path.with_suffix("")))
        ours = read_header(path)
        ours.check_data()
        assert list(ours.names) == theirs.sig_name
        expected = theirs.p_signal * 1e3
        np.testing.assert_allclose(ours.read(), expected, rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(ours.read(100, 230), ours.read()[100:230])
