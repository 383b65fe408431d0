"""WFDB records of format 16: forms of the header, refusals, and the same samples as the wfdb library reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import wfdb

from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.wfdb import read_wfdb
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


# -- odd records -----------------------------------------------------------------------------------------------------

CODES = (np.random.default_rng(0).standard_normal((200, 3)) * 300).astype("<i2")


def odd(
    folder: Path,
    *,
    file: str = "x.dat",
    data: str = "x.dat",
    gain: str = "100(0)/uV",
    first: str = "x 3 1000 200",
    last: str | None = None,
    encoding: str = "utf-8",
    before: str = "",
) -> Path:
    lines = [first, *(f"{file} 16 {gain} 16 0 0 0 0 E{k}" for k in (1, 2)), last or f"{file} 16 {gain} 16 0 0 0 0 E3"]
    (folder / data).parent.mkdir(exist_ok=True)
    CODES.tofile(folder / data)
    (folder / "x.hea").write_bytes((before + "\r\n".join(lines) + "\r\n").encode(encoding))
    return folder / "x.hea"


@pytest.mark.parametrize(
    "how",
    [
        {"file": "sub/x.dat", "data": "sub/x.dat"},
        {"file": "sub\\x.dat", "data": "sub/x.dat"},
        {"file": "../x.dat"},
        {"file": "/home/lab/recordings/x.dat"},
        {"file": "X.DAT"},
        {"gain": "100(0)/\N{MICRO SIGN}V"},
        {"gain": "100(0)/\N{MICRO SIGN}V", "encoding": "latin-1"},
        {"encoding": "utf-16"},
        {"before": "\ufeff"},
        {"before": "\ufeff# from an editor\r\n"},
        {"first": "x 3 1000,0 200"},
        {"first": "x 3 1e3"},
        {"gain": "100,0(0)/uV"},
        {"gain": "1.0e+02(0)/uV"},
    ],
)
def test_odd_headers_are_read(tmp_path: Path, how: dict[str, str]) -> None:
    read = read_wfdb(odd(tmp_path, **how))
    assert (read.fs_hz, read.n_samples, read.channels) == (1000.0, 200, ("E1", "E2", "E3"))
    np.testing.assert_allclose(np.concatenate(list(read.blocks(64))), CODES / 100, rtol=1e-6)
    assert read.notes == ()


def test_a_file_of_another_computer_is_not_looked_for_here(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "x.dat"
    elsewhere.parent.mkdir()
    np.zeros_like(CODES).tofile(elsewhere)
    read = read_wfdb(odd(tmp_path, file=str(elsewhere)))
    assert next(iter(read.blocks()))[0, 0] == pytest.approx(CODES[0, 0] / 100)


def test_a_missing_file_in_a_subfolder_is_one_sentence(tmp_path: Path) -> None:
    path = odd(tmp_path, file="sub/x.dat", data="sub/x.dat")
    (tmp_path / "sub" / "x.dat").unlink()
    with pytest.raises(RecordingError, match=r"its data file x\.dat is missing"):
        read_wfdb(path)


def test_columns_that_are_no_voltage_are_left_out(tmp_path: Path) -> None:
    path = odd(tmp_path, last="x.dat 16 10(0)/N 16 0 0 0 0 grip")
    read = read_wfdb(path)
    assert read.channels == ("E1", "E2")
    np.testing.assert_allclose(np.concatenate(list(read.blocks(64))), CODES[:, :2] / 100, rtol=1e-6)
    assert read.notes == ("Not taken for electrodes: 2 ('grip') of 3 columns, counted from 0.",)
    with pytest.raises(RecordingError, match="'grip' has the unit 'N'"):
        read_wfdb(path, SignalChoice(columns=(2, 0)))
    chosen = read_wfdb(path, SignalChoice(columns=(2, 0), unit="mV"))
    assert chosen.channels == ("grip", "E1")
    np.testing.assert_allclose(next(iter(chosen.blocks()))[:, 0], CODES[:, 2] / 10 * 1e3, rtol=1e-6)
    with pytest.raises(ConfigError, match="leave out 'stream Amp'"):
        read_wfdb(path, SignalChoice(stream="Amp"))
    with pytest.raises(RecordingError, match="unit 'N'"):
        read_header(path)  # a trial of Hyser has voltages alone


def test_a_record_without_gains_says_so(tmp_path: Path) -> None:
    read = read_wfdb(odd(tmp_path, gain="0"))
    assert next(iter(read.blocks()))[5, 0] == CODES[5, 0] / 200 * 1e3
    assert "3 channels are not calibrated" in read.notes[0]


def test_a_negative_length_is_no_header(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="its number of samples is -5"):
        read_wfdb(odd(tmp_path, first="x 3 1000 -5"))


def test_the_file_says_whom_it_holds(tmp_path: Path) -> None:
    path = odd(tmp_path).rename(tmp_path / "sub-01a_ses-2.hea")
    assert (read_wfdb(path).subject, read_wfdb(path).session) == ("01a", "2")
