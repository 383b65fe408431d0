"""XDF files with odd headers, several signals and odd markers: what can be read is, and the rest is said."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from rt_handdt.core.recording import Marker
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.xdf import read_xdf
from tests.support.xdf_files import FS, Stream, chunk, cues, described, emg, header, make, pieces, written

CUES = ((100.5, "rest"), (101.5, "fist"))
PLACED = (Marker(500, "rest"), Marker(1500, "fist"))


def notes_of(path: Path, **choice: object) -> str:
    return " ".join(read_xdf(path, choice=SignalChoice(**choice)).notes)  # type: ignore[arg-type]


# -- odd headers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "odd",
    [
        {"fs": "1000,000000"},
        {"count": "2.0"},
        {"count": "2,0"},
        {"count": " 2 "},
        {"footer": "2000.0"},
        {"footer": "2000,0"},
        {"footer": "many"},
        {"name": ""},
        {"name": "am\x01p"},
        {"more": "<hostname>\x02</hostname>"},
    ],
)
def test_odd_numbers_and_names_are_read(tmp_path: Path, odd: dict[str, str]) -> None:
    read = read_xdf(make(tmp_path / "a.xdf", emg(**odd), cues(*CUES)))
    assert (read.fs_hz, read.n_samples, read.markers) == (FS, 2000, PLACED)
    assert read.name in ("amp", "a")
    np.testing.assert_array_equal(read.samples[:, 1], -np.arange(2000))


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        ({"fs": "inf"}, "declares a sampling rate of 'inf', which is none"),
        ({"fs": "-1000"}, "declares a sampling rate of '-1000', which is none"),
        ({"fs": "fast"}, "declares a sampling rate of 'fast', which is none"),
        ({"fs": "0.0"}, "declares no sampling rate"),
        ({"fs": "1,000"}, "declares 1 Hz, but its times hardly go on from one sample to the next"),
        ({"count": "many"}, r"left out: 'amp' \(channel count 'many'\)"),
        ({"count": "2.5"}, r"left out: 'amp' \(channel count '2.5'\)"),
        ({"count": "3"}, "its header says 3 channels of float32, but its samples are written otherwise"),
        ({"number_format": "float16"}, r"left out: 'amp' \(number format 'float16'\)"),
    ],
)
def test_what_is_wrong_with_a_header_is_what_is_said(tmp_path: Path, odd: dict[str, str], why: str) -> None:
    with pytest.raises(RecordingError, match=why):
        read_xdf(make(tmp_path / "a.xdf", emg(**odd)))


def test_a_number_format_in_capitals_is_read(tmp_path: Path) -> None:
    content = make(tmp_path / "a.xdf", emg(per_chunk=100)).read_bytes()
    (tmp_path / "b.xdf").write_bytes(content.replace(b">float32<", b">Float32<"))
    assert read_xdf(tmp_path / "b.xdf").n_samples == 2000


def test_a_header_in_another_code_is_read(tmp_path: Path) -> None:
    parts = pieces(emg(), cues(*CUES))
    parts[2] = chunk(2, struct.pack("<I", 1) + header(emg(name="Amp de l'élève")).decode().encode("latin-1"))
    read = read_xdf(written(tmp_path / "a.xdf", parts))
    assert (read.n_samples, read.markers) == (2000, PLACED)


def test_a_broken_footer_is_none(tmp_path: Path) -> None:
    parts = pieces(emg(footer=False), cues(*CUES))
    parts.append(chunk(6, struct.pack("<I", 1) + b"<info><sample_co"))
    read = read_xdf(written(tmp_path / "a.xdf", parts))
    assert read.markers == PLACED
    assert "no footer for 'amp'" in read.notes[0]


@pytest.mark.parametrize("number_format", ["int8", "int16", "int32", "int64", "float32", "double64"])
def test_every_number_format_is_read_exactly(tmp_path: Path, number_format: str) -> None:
    values = np.random.default_rng(0).integers(-100, 100, (2000, 2))
    read = read_xdf(make(tmp_path / "a.xdf", Stream(100 + np.arange(2000) / FS, values, number_format=number_format)))
    np.testing.assert_array_equal(read.samples, values)


def test_stamps_may_be_left_out(tmp_path: Path) -> None:
    stream = emg()
    stream.times = [time if k % 50 == 0 else None for k, time in enumerate(stream.times)]
    read = read_xdf(make(tmp_path / "a.xdf", stream, cues(*CUES)))
    assert (read.n_samples, read.markers, read.notes) == (2000, PLACED, ())


# -- which stream ----------------------------------------------------------------------------------------------------


def test_an_empty_twin_is_passed_over(tmp_path: Path) -> None:
    for order in ((emg(n=0), emg()), (emg(), emg(n=0))):
        read = read_xdf(make(tmp_path / "a.xdf", *order, cues(*CUES, name="x"), cues(name="x")))
        assert (read.n_samples, read.markers) == (2000, PLACED)
        assert read.notes == ("Streams without a sample were passed over: 'amp'.",)


def test_an_empty_emg_stream_does_not_hide_the_full_one_of_another_type(tmp_path: Path) -> None:
    read = read_xdf(make(tmp_path / "a.xdf", emg(n=0), emg(name="other", kind="EEG")))
    assert read.name == "other"


def test_streams_of_one_name_are_told_apart(tmp_path: Path) -> None:
    second = emg(more="<source_id>s2</source_id><hostname>lab</hostname><uid>u2</uid>")
    second.values = second.values + 7
    path = make(tmp_path / "a.xdf", emg(), second)
    with pytest.raises(RecordingError, match=r"--stream '1' for 'amp' .* --stream 's2' for 'amp' .*on lab"):
        read_xdf(path)
    with pytest.raises(RecordingError, match="several streams"):
        read_xdf(path, choice=SignalChoice(stream="amp"))
    for handle in ("s2", "amp@lab", "u2", "2"):
        assert read_xdf(path, choice=SignalChoice(stream=handle)).samples[0, 0] == 7
    assert read_xdf(path, choice=SignalChoice(stream="1")).samples[0, 0] == 0


def test_the_only_stream_that_can_be_emg_is_taken_and_said(tmp_path: Path) -> None:
    moved = Stream(100 + np.arange(200) / 100, np.zeros((200, 3)), name="arm", kind="Accelerometer", fs=100.0)
    force = Stream(100 + np.arange(200) / 100, np.zeros((200, 3)), name="grip", kind="", fs=100.0)
    force.channels = described(3, unit="N")
    path = make(tmp_path / "a.xdf", moved, force, emg(kind="EEG"))
    assert read_xdf(path).name == "amp"
    assert "'amp' (EEG) is taken for the EMG" in notes_of(path)
    two = make(tmp_path / "b.xdf", emg(kind="EEG"), emg(kind="EEG", name="head"))
    with pytest.raises(RecordingError, match="several streams"):
        read_xdf(two)
    assert read_xdf(make(tmp_path / "c.xdf", moved, emg(kind="ExG"))).notes == ()


def test_of_one_name_the_amplifier_is_taken(tmp_path: Path) -> None:
    moved = Stream(100 + np.arange(200) / 100, np.zeros((200, 3)), name="amp", kind="ACC", fs=100.0)
    for kind in ("EMG", "EEG"):
        path = make(tmp_path / "a.xdf", moved, emg(kind=kind))
        assert read_xdf(path, choice=SignalChoice(stream="amp")).fs_hz == FS
    assert read_xdf(path, choice=SignalChoice(stream="1")).fs_hz == 100.0


# -- which columns ---------------------------------------------------------------------------------------------------


def test_columns_beside_the_electrodes_are_left_out(tmp_path: Path) -> None:
    names = ("Timestamp", "E1", "E2", "AUX 1", "SampleCounter", "Status", "load")
    units = ("seconds", "mV", "uV", "V", "", "", "N")
    values = np.tile(np.arange(7.0), (2000, 1))
    stream = Stream(100 + np.arange(2000) / FS, values)
    stream.channels = [{"label": name, "unit": unit} for name, unit in zip(names, units, strict=True)]
    path = make(tmp_path / "a.xdf", stream)
    read = read_xdf(path)
    assert read.channels == ("E1", "E2")
    assert read.samples[0].tolist() == [1000.0, 2.0]
    (note,) = read.notes
    assert "0,3-6 ('Timestamp', 'AUX 1', 'SampleCounter', 'Status', 'load') of 7 columns" in note
    chosen = read_xdf(path, choice=SignalChoice(columns=(2, 3)))
    assert chosen.channels == ("E2", "AUX 1")
    assert chosen.samples[0].tolist() == [2.0, 3e6]
    with pytest.raises(RecordingError, match="has 7 columns, 0 to 6, but column 7"):
        read_xdf(path, choice=SignalChoice(columns=(7,)))
    with pytest.raises(RecordingError, match=r"'load' has the unit 'N'.*--columns.*--unit"):
        read_xdf(path, choice=SignalChoice(columns=(1, 6)))
    assert read_xdf(path, choice=SignalChoice(unit="mV", columns=(6,))).samples[0, 0] == 6000.0


def test_names_of_fingers_are_no_counters(tmp_path: Path) -> None:
    channels = [{"label": name, "unit": "uV"} for name in ("index 1", "index 2")]
    assert read_xdf(make(tmp_path / "a.xdf", emg(channels=channels))).channels == ("index 1", "index 2")


def test_the_unit_may_be_said(tmp_path: Path) -> None:
    path = make(tmp_path / "a.xdf", emg(channels=described(unit="au")))
    with pytest.raises(RecordingError, match="'E00' has the unit 'au'"):
        read_xdf(path)
    assert read_xdf(path, choice=SignalChoice(unit="mV")).samples[3, 0] == 3000.0
    with pytest.raises(ConfigError, match="one of voltage"):
        SignalChoice.parse(None, "furlong", None)


def test_names_under_another_tag(tmp_path: Path) -> None:
    channels = [{"name": "a", "unit": "mV"}, {"name": "b", "unit": "mV"}]
    read = read_xdf(make(tmp_path / "a.xdf", emg(channels=channels)))
    assert (read.channels, read.samples[3, 0]) == (("a", "b"), 3000.0)


def test_more_channels_described_than_sent(tmp_path: Path) -> None:
    path = make(tmp_path / "a.xdf", emg(channels=described(3, unit="mV")))
    assert read_xdf(path).samples[3, 0] == 3000.0  # never taken for microvolts
    assert "3 channels are described but 2 recorded; their unit ('mV') is taken" in notes_of(path)
    mixed = described(3, unit="mV")
    mixed[1]["unit"] = "uV"
    path = make(tmp_path / "b.xdf", emg(channels=mixed))
    with pytest.raises(RecordingError, match="'mV or uV'"):
        read_xdf(path)
    assert read_xdf(path, choice=SignalChoice(unit="uV")).samples[3, 0] == 3.0


# -- markers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number_format", ["int8", "int32", "int64", "float32", "double64"])
def test_numbers_are_labels(tmp_path: Path, number_format: str) -> None:
    marks = Stream([100.5, 101.0, 101.5], np.array([[1], [2], [2]]), "t", "Markers", 0.0, number_format=number_format)
    read = read_xdf(make(tmp_path / "a.xdf", emg(), marks))
    assert read.markers == (Marker(500, "1"), Marker(1000, "2"), Marker(1500, "2"))
    assert read.notes == ()


def test_a_marker_without_a_time_is_said(tmp_path: Path) -> None:
    read = read_xdf(make(tmp_path / "a.xdf", emg(), cues((float("nan"), "lost"), *CUES)))
    assert read.markers == PLACED
    assert read.notes == ("1 markers of 'cues' have no time and were dropped.",)


def test_a_number_with_decimals_and_none(tmp_path: Path) -> None:
    marks = Stream([100.5, 101.0], np.array([[1.5], [np.nan]]), "t", "Markers", 0.0)
    read = read_xdf(make(tmp_path / "a.xdf", emg(), marks))
    assert read.markers == (Marker(500, "1.5"),)
    assert read.notes == ("1 markers with an empty label were dropped.",)


@pytest.mark.parametrize(
    ("rows", "labels", "column"),
    [
        ([["1", "rest"], ["2", "fist"], ["3", "rest"]], ["rest", "fist", "rest"], 1),
        ([["rest", "a1"], ["fist", "a2"], ["rest", "a3"]], ["rest", "fist", "rest"], 0),
        ([["a1", "rest"], ["a2", "fist"], ["a3", "rest"]], ["rest", "fist", "rest"], 1),
        ([["1", "0"], ["2", "0"], ["1", "0"]], ["1", "2", "1"], 0),
    ],
)
def test_of_two_columns_the_words_are_taken(
    tmp_path: Path, rows: list[list[str]], labels: list[str], column: int
) -> None:
    marks = Stream([100.5, 101.0, 101.5], rows, "cues", "Marker", 1000.0)
    read = read_xdf(make(tmp_path / "a.xdf", emg(), marks))
    assert [marker.label for marker in read.markers] == labels
    assert f"have 2 columns; column {column}" in read.notes[0]


def test_of_a_trigger_input_the_changes_are_taken(tmp_path: Path) -> None:
    levels = np.repeat([0, 3, 0], [500, 1000, 500])[:, None]
    sampled = Stream(100 + np.arange(2000) / FS, levels, "trigger", "Stim", FS, number_format="int16")
    read = read_xdf(make(tmp_path / "a.xdf", emg(), sampled))
    assert read.markers == (Marker(0, "0"), Marker(500, "3"), Marker(1500, "0"))
    assert "the 3 changes are taken" in read.notes[0]


def test_an_empty_stream_of_markers_does_not_hide_another(tmp_path: Path) -> None:
    read = read_xdf(make(tmp_path / "a.xdf", emg(), cues(), cues(*CUES, name="x", kind="Events")))
    assert read.markers == PLACED
    told = cues((100.2, "coughed"), name="remarks", kind="Comments")
    read = read_xdf(make(tmp_path / "a.xdf", emg(), cues(*CUES), told))
    assert read.notes == ("Text that is not of the type Markers was left out: 'remarks'.",)


@pytest.mark.parametrize("away", [-700_000.0, 700_000.0])
def test_markers_of_another_clock_are_dropped_and_said(tmp_path: Path, away: float) -> None:
    path = make(tmp_path / "a.xdf", emg(), cues(*((time + away, label) for time, label in CUES)))
    assert read_xdf(path).markers == ()
    with pytest.raises(RecordingError, match="All 2 markers lie outside of the signal"):
        read_xdf(path, need_markers=True)


def test_whom_the_header_names(tmp_path: Path) -> None:
    parts = pieces(emg(), cues(*CUES))
    named = header(emg()).replace(b"<desc>", b"<desc><subject><id>anna</id></subject>")
    parts[2] = chunk(2, struct.pack("<I", 1) + named)
    assert read_xdf(written(tmp_path / "monday.xdf", parts)).subject == "anna"
    assert read_xdf(written(tmp_path / "sub-01a.xdf", parts)).subject == "01a"


def test_labels_that_differ_in_case_alone_are_said(tmp_path: Path) -> None:
    path = make(tmp_path / "a.xdf", emg(), cues((100.1, "Rest"), (100.5, "rest"), (101.0, "fist")))
    assert read_xdf(path).notes == ("Labels that differ in case alone are taken for different ones: 'Rest', 'rest'.",)
