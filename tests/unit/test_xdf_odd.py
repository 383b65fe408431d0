"""XDF files with damage, odd headers, several signals and odd markers: what can be read is, and the rest is said."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from rt_handdt.core.recording import Marker
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.xdf import read_xdf
from rt_handdt.io.xdf_chunks import sound_chunks
from tests.support.xdf_files import BOUNDARY, FS, Stream, chunk, cues, described, emg, header, make, pieces

CUES = ((100.5, "rest"), (101.5, "fist"))
PLACED = (Marker(500, "rest"), Marker(1500, "fist"))


def notes_of(path: Path, **choice: object) -> str:
    return " ".join(read_xdf(path, choice=SignalChoice(**choice)).notes)  # type: ignore[arg-type]


# -- damage ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def whole() -> list[bytes]:
    """A beginning, three headers' chunks, twenty chunks of EMG, two of markers, two footers."""
    return pieces(emg(n=20_000, per_chunk=100), cues((100.5, "rest"), (110.0, "fist"), per_chunk=1))


def written(path: Path, parts: list[bytes]) -> Path:
    path.write_bytes(b"".join(parts))
    return path


@pytest.mark.parametrize("boundary", [True, False])
@pytest.mark.parametrize("stray", [b"\0", b"\0\0\0", b"\x07\x01\x04\x08 stray bytes \x01\x02\x03"])
def test_stray_bytes_between_chunks_cost_nothing(
    tmp_path: Path, whole: list[bytes], stray: bytes, boundary: bool
) -> None:
    if boundary:  # other readers go on from the next one
        whole.insert(150, chunk(5, BOUNDARY))
    whole.insert(100, stray)
    read = read_xdf(written(tmp_path / "a.xdf", whole))
    np.testing.assert_array_equal(read.samples[:, 0], np.arange(20_000))
    assert read.markers == (Marker(500, "rest"), Marker(10_000, "fist"))
    (note,) = read.notes
    assert f"The file is damaged: {len(stray)} bytes (at byte {len(b''.join(whole[:100]))})" in note


@pytest.mark.parametrize("byte", [0, 1, 5, 7, 11, 16])
def test_a_false_byte_costs_one_chunk(tmp_path: Path, whole: list[bytes], byte: int) -> None:
    """In the length, the tag, the stream's number, the count of samples and the first sample's stamp."""
    broken = bytearray(whole[100])
    broken[byte] ^= 0x55
    whole[100] = bytes(broken)
    read = read_xdf(written(tmp_path / "a.xdf", whole))
    assert read.n_samples == 20_000
    first = 100 * (100 - 4)  # the beginning, the file's header and two streams' come before
    assert np.flatnonzero(np.isnan(read.samples[:, 0])).tolist() == list(range(first, first + 100))
    assert read.samples[first + 100, 0] == first + 100
    assert len(read.markers) == 2
    assert any("Of the 20000 samples" in note and "19900 can be read; 100 are lost" in note for note in read.notes)


def test_bytes_lost_inside_a_chunk_cost_it_alone(tmp_path: Path, whole: list[bytes]) -> None:
    whole[100] = whole[100][:500] + whole[100][507:]
    read = read_xdf(written(tmp_path / "a.xdf", whole))
    assert int(np.isnan(read.samples[:, 0]).sum()) == 100
    assert len(read.markers) == 2


def test_a_byte_lost_at_a_chunk_s_end_does_not_cost_the_next(tmp_path: Path, whole: list[bytes]) -> None:
    whole[100] = whole[100][:-1]  # its length now covers the first byte of the next
    read = read_xdf(written(tmp_path / "a.xdf", whole))
    assert np.flatnonzero(np.isnan(read.samples[:, 1])).tolist() == list(range(9600, 9700))


def test_a_clock_offset_of_another_length_is_damage(tmp_path: Path, whole: list[bytes]) -> None:
    whole.insert(100, chunk(4, struct.pack("<Iddd", 1, 101.0, 0.0, 0.0)))
    read = read_xdf(written(tmp_path / "a.xdf", whole))
    np.testing.assert_array_equal(read.samples[:, 0], np.arange(20_000))
    assert "The file is damaged" in read.notes[0]


def test_a_header_said_twice_does_not_empty_the_stream(tmp_path: Path, whole: list[bytes]) -> None:
    whole.insert(100, whole[2])
    np.testing.assert_array_equal(read_xdf(written(tmp_path / "a.xdf", whole)).samples[:, 0], np.arange(20_000))


def test_samples_behind_a_broken_clock_are_said(tmp_path: Path) -> None:
    """A recorder's last samples, taken when the source had gone: more than its footer counts, with a wild offset."""
    parts = pieces(emg(footer="1990"), cues(*CUES))
    offsets = [(100.0, 0.0), (100.5, 0.0), (101.0, 0.0), (101.5, 0.0), (5000.0, -1e6)]
    parts[4:4] = [chunk(4, struct.pack("<Idd", 1, at, value)) for at, value in offsets]
    read = read_xdf(written(tmp_path / "a.xdf", parts))
    assert (read.n_samples, read.markers) == (1990, PLACED)
    assert read.notes == ("The last 10 samples of 'amp' came when its source had gone; they were left out.",)


def test_a_clock_set_anew_is_said(tmp_path: Path) -> None:
    stream = emg(n=20_000)
    stream.times = np.r_[stream.times[:10_000], 5 + np.arange(10_000) / FS]
    parts = pieces(stream, cues((150.5, "rest"), (165.0, "fist")))
    offsets = [(100.0 + k, 50.0) for k in range(10)] + [(5.0 + k, 155.0) for k in range(10)]
    parts[4:4] = [chunk(4, struct.pack("<Idd", 1, at, value)) for at, value in offsets]
    read = read_xdf(written(tmp_path / "a.xdf", parts))
    assert [marker.index for marker in read.markers] == [500, 15_000]
    assert "The clock of 'amp' was set anew 1 times in the recording." in read.notes


def test_a_recording_of_which_hardly_anything_is_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the times say: the room for the samples must not be all of the memory."""
    rows = np.arange(2000) * 10**9
    monkeypatch.setattr("rt_handdt.io.xdf.make_even", lambda what, times, fs_hz: (rows, times, rows[:1]))
    with pytest.raises(RecordingError, match="only 2000 are there"):
        read_xdf(make(tmp_path / "a.xdf", emg()))


def test_a_stamp_beyond_all_clocks_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[np.ndarray] = []

    def evened(what: str, times: np.ndarray, fs_hz: float) -> tuple[np.ndarray, ...]:
        given.append(times)
        return np.arange(2000), 100 + np.arange(2000) / fs_hz, np.zeros(0, np.int64)

    monkeypatch.setattr("rt_handdt.io.xdf.make_even", evened)
    stream = emg()
    stream.times[700] = 1e200
    read_xdf(make(tmp_path / "a.xdf", stream))
    assert np.flatnonzero(np.isnan(given[0])).tolist() == [700]


@pytest.mark.parametrize("footer", [True, False])
def test_behind_a_lost_marker_nothing_is_labelled(tmp_path: Path, footer: bool) -> None:
    """Else the label before it would go on for a segment that is another's."""
    events = ((100.5, "rest"), (101.0, "fist"), (101.5, "rest"), (101.8, "fist"))
    whole = pieces(emg(), cues(*events, per_chunk=1, footer=footer))
    lost = next(number for number, piece in enumerate(whole) if b"fist" in piece)
    whole[lost] = b"\0" * len(whole[lost])
    read = read_xdf(written(tmp_path / "a.xdf", whole))
    assert read.markers == (Marker(500, ""), Marker(1500, "rest"), Marker(1800, "fist"))
    assert [segment.label for segment in read.segments()] == ["rest", "fist"]
    assert footer == any("for 'cues', 3 can be read; 1 are lost" in note for note in read.notes)
    assert any("may be lost behind 1 others" in note for note in read.notes)


def test_damage_that_took_no_marker_takes_no_label(tmp_path: Path) -> None:
    whole = pieces(emg(per_chunk=10), cues(*CUES, per_chunk=1))
    whole[-3:-3] = [b"\0\0"]
    whole[6] = whole[6][:-1]
    assert read_xdf(written(tmp_path / "a.xdf", whole)).markers == PLACED


def test_a_cut_takes_no_label_of_what_was_recorded_before(tmp_path: Path) -> None:
    content = b"".join(pieces(cues(*CUES, per_chunk=1), emg(per_chunk=100)))
    (tmp_path / "a.xdf").write_bytes(content[:-1000])
    assert read_xdf(tmp_path / "a.xdf").markers == PLACED


def test_samples_of_a_stream_without_a_header_do_not_hurt(tmp_path: Path, whole: list[bytes]) -> None:
    for place in (204, 60):
        whole.insert(place, chunk(3, struct.pack("<I", 9) + whole[place][11:]))
    read = read_xdf(written(tmp_path / "a.xdf", whole))
    assert (read.n_samples, len(read.markers)) == (20_000, 2)
    assert read.notes == ("2 blocks of the file belong to streams that it does not describe; left out.",)


def test_a_stream_of_unknown_numbers_is_left_out(tmp_path: Path) -> None:
    odd = emg(name="odd", kind="ACC", number_format="float16")
    read = read_xdf(make(tmp_path / "a.xdf", odd, emg()))
    assert read.notes == ("Streams of an unknown number format were left out: 'odd'.",)


def test_a_file_cut_short_says_so(tmp_path: Path, whole: list[bytes]) -> None:
    content = b"".join(whole)
    (tmp_path / "a.xdf").write_bytes(content[: len(content) // 2])
    read = read_xdf(tmp_path / "a.xdf")
    assert read.n_samples % 100 == 0
    assert "cut short" in read.notes[0]
    packed = gzip.compress(content)
    (tmp_path / "b.xdfz").write_bytes(packed[: len(packed) * 9 // 10])
    assert read_xdf(tmp_path / "b.xdfz").n_samples > 10_000


def test_chunks_are_the_same_where_nothing_is_wrong(whole: list[bytes]) -> None:
    found = sound_chunks(b"".join(whole))
    assert not found.changed
    assert found.content == b"".join(whole)
    assert found.counts == {1: 20_000, 2: 2}


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
