"""The XDF reader and writer: through pyxdf, on hand-made files with every trap, and on a real recording."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import pyxdf

from rt_handdt.core.recording import ArrayRecording, Marker
from rt_handdt.errors import RecordingError
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.xdf import read_xdf, write_xdf
from rt_handdt.io.xdf_time import find_gaps
from tests.support.xdf_files import FS, Stream, cues, described, emg, make


def recording(n: int = 3000, channels: int = 4, markers: tuple[Marker, ...] = ()) -> ArrayRecording:
    rng = np.random.default_rng(0)
    samples = (30_000 + 50 * rng.standard_normal((n, channels))).astype(np.float32)
    names = tuple(f"CH<{k}>&" for k in range(channels))  # must survive XML
    return ArrayRecording("armband & co", FS, names, n, markers, samples=samples)


MARKERS = (Marker(0, "rest"), Marker(1000, "fist"), Marker(2000, "fist"), Marker(2500, "ouvrir été"))


# -- writing and reading back ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 255, 256, 3000])
def test_roundtrip_through_our_reader(tmp_path: Path, n: int) -> None:
    written = recording(n, markers=tuple(m for m in MARKERS if m.index < n))
    write_xdf(tmp_path / "a.xdf", written)
    read = read_xdf(tmp_path / "a.xdf", need_markers=True)
    assert (read.name, read.fs_hz, read.channels, read.unit) == ("armband & co", FS, written.channels, "uV")
    assert read.markers == written.markers
    assert read.notes == ()
    np.testing.assert_array_equal(read.samples, written.samples)


def test_pyxdf_reads_what_we_write(tmp_path: Path) -> None:
    written = recording(markers=MARKERS)
    write_xdf(tmp_path / "a.xdf", written, start_s=42.0)
    (signal, cue), header = pyxdf.load_xdf(tmp_path / "a.xdf")
    assert header["info"]["version"] == ["1.0"]
    assert signal["info"]["type"] == ["EMG"]
    channels = signal["info"]["desc"][0]["channels"][0]["channel"]
    assert [(c["label"][0], c["unit"][0], c["type"][0]) for c in channels] == [
        (name, "microvolts", "EMG") for name in written.channels
    ]
    np.testing.assert_array_equal(signal["time_series"], written.samples)
    np.testing.assert_allclose(signal["time_stamps"], 42.0 + np.arange(3000) / FS, atol=1e-9)
    assert signal["footer"]["info"]["sample_count"] == ["3000"]
    assert [row[0] for row in cue["time_series"]] == [m.label for m in MARKERS]
    np.testing.assert_allclose(cue["time_stamps"], [42.0 + m.index / FS for m in MARKERS], atol=1e-9)


def test_missing_values_and_absent_markers_survive(tmp_path: Path) -> None:
    written = recording()
    written.samples[100:110, 2] = np.nan
    write_xdf(tmp_path / "a.xdf", written)
    read = read_xdf(tmp_path / "a.xdf")
    np.testing.assert_array_equal(read.samples, written.samples)
    assert read.markers == ()
    with pytest.raises(RecordingError, match="holds no markers"):
        read_xdf(tmp_path / "a.xdf", need_markers=True)


def test_gzipped_files_are_read(tmp_path: Path) -> None:
    write_xdf(tmp_path / "a.xdf", recording(markers=MARKERS))
    (tmp_path / "a.xdfz").write_bytes(gzip.compress((tmp_path / "a.xdf").read_bytes()))
    assert read_xdf(tmp_path / "a.xdfz").markers == MARKERS


# -- channels and units ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "factor"), [("microvolts", 1), ("uV", 1), ("µV", 1), ("mV", 1e3), ("volts", 1e6), ("nV", 1e-3)]
)
def test_units_become_microvolts(tmp_path: Path, unit: str, factor: float) -> None:
    read = read_xdf(make(tmp_path / "a.xdf", emg(channels=described(unit=unit))))
    # more than 10 V is missing
    np.testing.assert_allclose(read.samples[:10, 0], np.arange(10) * factor, rtol=1e-6)
    assert read.unit == "uV"


def test_integers_are_read(tmp_path: Path) -> None:
    read = read_xdf(make(tmp_path / "a.xdf", emg(number_format="int16")))
    assert read.samples.dtype == np.float32
    np.testing.assert_array_equal(read.samples[:, 1], -np.arange(2000))


def test_unknown_unit_is_refused_and_no_unit_noted(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="channel 'E00' has the unit 'furlong'"):
        read_xdf(make(tmp_path / "a.xdf", emg(channels=described(unit="furlong"))))
    read = read_xdf(make(tmp_path / "b.xdf", emg(channels=[])))
    assert read.channels == ("E1", "E2")
    assert len(read.notes) == 2


def test_channels_that_are_no_emg_are_left_out(tmp_path: Path) -> None:
    channels = described()
    channels[0]["type"] = "TRIG"
    read = read_xdf(make(tmp_path / "a.xdf", emg(channels=channels)))
    assert read.channels == ("E01",)
    np.testing.assert_array_equal(read.samples[:, 0], -np.arange(2000))
    assert any("'E00'" in note for note in read.notes)


# -- choosing the stream ---------------------------------------------------------------------------------------------


def test_the_emg_type_decides(tmp_path: Path) -> None:
    other = Stream([100.0, 100.1], np.zeros((2, 3)), name="imu", kind="ACC", fs=10)
    assert read_xdf(make(tmp_path / "a.xdf", other, emg())).name == "amp"


def test_without_the_type_the_only_candidate_is_taken(tmp_path: Path) -> None:
    single = Stream([100.0, 100.1], np.zeros((2, 1)), name="counter", kind="misc", fs=10)
    assert read_xdf(make(tmp_path / "a.xdf", single, emg(kind=""))).name == "amp"


def test_two_candidates_are_ambiguous_until_one_is_named(tmp_path: Path) -> None:
    path = make(tmp_path / "a.xdf", emg(), emg(name="amp2"))
    with pytest.raises(RecordingError, match="several streams could be the EMG; choose one: --stream 'amp' for"):
        read_xdf(path)
    assert read_xdf(path, choice=SignalChoice(stream="amp2")).name == "amp2"
    with pytest.raises(RecordingError, match="no stream of numbers 'amp3'"):
        read_xdf(path, choice=SignalChoice(stream="amp3"))


def test_no_emg(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"holds no EMG stream .* found 'cues'"):
        read_xdf(make(tmp_path / "a.xdf", cues((1.0, "x"))))


# -- time ------------------------------------------------------------------------------------------------------------


def test_markers_land_on_the_nearest_sample(tmp_path: Path) -> None:
    stream = cues((99.999994, "rest"), (100.5004, "fist"), (101.0, "fist"), (101.4996, "open"))
    read = read_xdf(make(tmp_path / "a.xdf", emg(), stream))
    assert read.markers == (Marker(0, "rest"), Marker(500, "fist"), Marker(1000, "fist"), Marker(1500, "open"))
    assert [s.trial for s in read.segments()] == [0, 1, 2, 3]
    assert read.notes == ()


def test_markers_outside_are_counted(tmp_path: Path) -> None:
    stream = cues((90.0, "older"), (95.0, "rest"), (100.5, ""), (101.0, "fist"), (150.0, "late"), (151.0, "later"))
    read = read_xdf(make(tmp_path / "a.xdf", emg(), stream))
    assert read.markers == (Marker(0, "rest"), Marker(1000, "fist"))
    assert [note.split()[0] for note in read.notes] == ["1", "1", "1", "2"]


def test_streams_of_markers_are_merged_by_time(tmp_path: Path) -> None:
    remarks = cues((100.7, "coughed"), name="notes", kind="Comments")
    path = make(tmp_path / "a.xdf", emg(), cues((101.0, "b")), cues((100.5, "a"), name="more"), remarks)
    # Comments are text too, but there are streams of type Markers.
    assert read_xdf(path).markers == (Marker(500, "a"), Marker(1000, "b"))


def test_late_deliveries_are_not_gaps(tmp_path: Path) -> None:
    times = 100 + np.arange(20_000) / FS
    rng = np.random.default_rng(3)
    # Chunks of 32 samples, each late by up to 30 ms; one is late by 200 ms.
    late = np.repeat(rng.uniform(0, 0.03, 20_000 // 32), 32)
    late[6400:6432] = 0.2
    read = read_xdf(make(tmp_path / "a.xdf", emg(times + late), cues((110.0, "fist"))))
    assert read.n_samples == 20_000
    assert read.notes == ()
    assert abs(read.markers[0].index - 10_000) <= 30  # the mean delay, and no more


@pytest.mark.parametrize("jitter_s", [0.0, 0.002])
def test_a_loss_is_filled_and_noted(tmp_path: Path, jitter_s: float) -> None:
    n, lost = 20_000, 40
    rows = np.concatenate([np.arange(8000), np.arange(8000 + lost, n + lost)])
    times = 100 + rows / FS + np.random.default_rng(0).uniform(-jitter_s, jitter_s, n)
    read = read_xdf(make(tmp_path / "a.xdf", emg(times), cues((105.0, "a"), (115.0, "b"))))
    assert read.n_samples == n + lost
    assert np.isnan(read.samples[8000:8040]).all()
    assert not np.isnan(np.delete(read.samples, np.s_[8000:8040], axis=0)).any()
    assert read.samples[8040, 0] == 8000
    assert all(abs(m.index - at) <= 1 for m, at in zip(read.markers, (5000, 15_000), strict=True))
    assert read.notes == ("40 samples lost in 1 gaps of the recording were filled with NaN.",)


def test_a_loss_among_late_deliveries_is_found() -> None:
    rows = np.concatenate([np.arange(9984), np.arange(10_044, 20_060)])
    late = np.repeat(np.random.default_rng(5).uniform(0, 0.02, 20_000 // 32), 32)
    cuts, lost = find_gaps(rows / FS * 1.001 + late, FS)
    assert cuts.tolist() == [9984]
    assert abs(int(lost[0]) - 60) <= 5  # the lateness hides a little of it


def test_a_drifting_clock_is_no_gap() -> None:
    late = np.repeat(np.random.default_rng(5).uniform(0, 0.02, 20_000 // 32), 32)
    cuts, _ = find_gaps(np.arange(20_000) / FS * 1.015 + late, FS)
    assert cuts.tolist() == []


def test_find_gaps_counts_each() -> None:
    rows = np.concatenate([np.arange(500), np.arange(520, 3000), np.arange(3007, 5000)])
    cuts, lost = find_gaps(rows / FS, FS)
    assert cuts.tolist() == [500, 2980]
    assert lost.tolist() == [20, 7]


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (100 + np.arange(5000) / 900, "declares 1000 Hz, but its times run at 900 Hz"),
        (100 + np.r_[np.arange(2500), 2000 + np.arange(2500)] / FS, r"set back by 0\.5 s after 2\.5 s of samples"),
        (np.r_[100 + np.arange(4900) / FS, np.full(100, np.nan)], "samples without a time"),
        (np.full(5000, 100.0), "its times hardly go on from one sample to the next"),
        (np.array([100.0]), "holds 1 samples"),
    ],
)
def test_times_that_contradict_the_rate(tmp_path: Path, times: np.ndarray, message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        read_xdf(make(tmp_path / "a.xdf", emg(times)))


def test_no_declared_rate(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="declares no sampling rate"):
        read_xdf(make(tmp_path / "a.xdf", emg(fs=0.0)))


# -- damaged files ---------------------------------------------------------------------------------------------------


def test_not_an_xdf(tmp_path: Path) -> None:
    (tmp_path / "a.xdf").write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(RecordingError, match="is not an XDF file"):
        read_xdf(tmp_path / "a.xdf")
    (tmp_path / "a.xdfz").write_bytes(b"not gzipped")
    with pytest.raises(RecordingError, match="cannot be read"):
        read_xdf(tmp_path / "a.xdfz")
    with pytest.raises(RecordingError, match="no such file"):
        read_xdf(tmp_path / "b.xdf")


def test_a_file_cut_short_is_read_as_far_as_it_goes_and_noted(tmp_path: Path) -> None:
    write_xdf(tmp_path / "a.xdf", recording(), block_samples=100)
    whole = (tmp_path / "a.xdf").read_bytes()
    (tmp_path / "b.xdf").write_bytes(whole[: len(whole) // 2])
    read = read_xdf(tmp_path / "b.xdf")
    assert 1300 <= read.n_samples <= 1600
    assert any("not closed properly" in note for note in read.notes)


def test_writing_leaves_nothing_half_done(tmp_path: Path) -> None:
    class Broken(ArrayRecording):
        def blocks(self, block_samples: int = 4096):
            yield self.samples[:10]
            raise OSError("disk gone")

    good = recording(100)
    broken = Broken("x", FS, good.channels, 100, samples=good.samples)
    with pytest.raises(OSError, match="disk gone"):
        write_xdf(tmp_path / "a.xdf", broken)
    assert not (tmp_path / "a.xdf").exists()


# -- the real thing --------------------------------------------------------------------------------------------------


def test_flexemg(shared_data: Path) -> None:
    read = read_xdf(shared_data / "flexemg_sub001_Session1Train.xdf", need_markers=True)
    assert (read.fs_hz, read.n_samples, len(read.channels), len(read.markers)) == (1000.0, 168_000, 64, 36)
    assert (read.subject, read.session) == ("001", "1")
    assert read.channels[0] == "E01"
    assert read.notes == ()
    assert {m.label for m in read.markers} == {"rest", "fist", "raise", "lower", "open"}
    # A run is rest, four gestures, rest; the closing rest of a run lasts 3 s, all else 5 s.
    lengths = [s.stop - s.start for s in read.segments()]
    assert set(lengths) == {5000, 3000}
    assert lengths.count(3000) == 6
    assert 10_000 < float(np.median(read.samples)) < 100_000
