"""XDF files with damage: what can be read is, and the rest is said."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from rt_handdt.core.recording import Marker
from rt_handdt.errors import RecordingError
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.xdf import read_xdf
from rt_handdt.io.xdf_chunks import sound_chunks
from tests.support.xdf_files import BOUNDARY, FS, chunk, cues, emg, make, pieces, written

CUES = ((100.5, "rest"), (101.5, "fist"))
PLACED = (Marker(500, "rest"), Marker(1500, "fist"))


def notes_of(path: Path, **choice: object) -> str:
    return " ".join(read_xdf(path, choice=SignalChoice(**choice)).notes)  # type: ignore[arg-type]


@pytest.fixture
def whole() -> list[bytes]:
    """A beginning, three headers' chunks, twenty chunks of EMG, two of markers, two footers."""
    return pieces(emg(n=20_000, per_chunk=100), cues((100.5, "rest"), (110.0, "fist"), per_chunk=1))


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
    assert read.notes == (
        "Streams whose headers tell no way to read them were left out: 'odd' (number format 'float16').",
    )


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
