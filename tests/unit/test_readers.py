"""Tables, arrays, EDF and OTBioLab+: what labs have."""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from rt_handdt.core.recording import Recording
from rt_handdt.errors import ConfigError, HanddtError, RecordingError
from rt_handdt.io.readers import READERS, endings, reader_of
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.sources import open_recording


def samples_of(recording: Recording) -> np.ndarray:
    return np.concatenate(list(recording.blocks()))


def emg(n: int = 50, c: int = 3) -> np.ndarray:
    return np.round(np.random.default_rng(0).normal(0, 40, (n, c)), 3)


def table(path: Path, text: str, facts: str = 'fs_hz = 1000.0\nunit = "uV"\n') -> Path:
    path.write_text(text, encoding="utf-8")
    path.with_suffix(".toml").write_text(facts)
    return path


# -- tables ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t", " "])
@pytest.mark.parametrize("head", [True, False])
@pytest.mark.parametrize("decimal", [".", ","])
def test_a_table_is_read_however_it_is_written(tmp_path: Path, separator: str, head: bool, decimal: str) -> None:
    if separator == decimal:
        pytest.skip("nobody could tell them apart")
    values = emg()
    lines = [separator.join(f"{one:.3f}".replace(".", decimal) for one in row) for row in values]
    text = (separator.join(["C1", "C2", "C3"]) + "\r\n" if head else "") + "# a comment\r\n" + "\r\n".join(lines)
    path = table(tmp_path / "sub-anna_ses-2.csv", "\ufeff" + text)
    found = open_recording(path)
    assert found.channels == (("C1", "C2", "C3") if head else ("E1", "E2", "E3"))
    assert (found.fs_hz, found.subject, found.session, found.n_samples) == (1000.0, "anna", "2", 50)
    np.testing.assert_allclose(samples_of(found), values, atol=1e-3)


def test_labels_units_columns_and_what_is_missing(tmp_path: Path) -> None:
    text = "time,E1,E2,what\n" + "".join(
        f"{k / 10},{k},{'' if k == 3 else -k},{'1' if k < 5 else '2'}\n" for k in range(9)
    )
    facts = 'fs_hz = 10.0\nunit = "mV"\nlabel = "what"\nlabels = {1 = "rest", 2 = "fist"}\nsubject = "b"\n'
    found = open_recording(table(tmp_path / "a.csv", text, facts))
    assert [(one.index, one.label) for one in found.markers] == [(0, "rest"), (5, "fist")]
    assert (found.channels, found.subject) == (("E1", "E2"), "b")
    wanted = np.array([[k, -k] for k in range(9)]) * 1000.0
    wanted[3, 1] = np.nan
    np.testing.assert_array_equal(samples_of(found), wanted)
    assert any("Not taken for electrodes" in note for note in found.notes)
    own = facts + 'columns = "0-1"\nchannels = ["T", "A"]\n'
    found = open_recording(table(tmp_path / "b.csv", text, own))
    assert found.channels == ("T", "A")
    chosen = open_recording(tmp_path / "a.csv", choice=SignalChoice(unit="V", columns=(1,)))
    np.testing.assert_array_equal(samples_of(chosen)[:, 0], np.arange(9) * 1e6)


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=2), min_size=1, max_size=40))
def test_every_number_comes_back(tmp_path_factory: pytest.TempPathFactory, values: list[list[float]]) -> None:
    path = table(tmp_path_factory.mktemp("t") / "a.csv", "\n".join(",".join(map(repr, row)) for row in values))
    np.testing.assert_array_equal(samples_of(open_recording(path)), np.asarray(values, np.float32))


@pytest.mark.parametrize(
    ("text", "facts", "match"),
    [
        ("1,2\n", None, r"nothing says its rate and unit.*a\.toml"),
        ("", 'fs_hz = 1000\nunit = "uV"', "is empty"),
        ("1,2\n3\n", 'fs_hz = 1000\nunit = "uV"', "row 2 has 1 columns, the first has 2"),
        ("1,2\n3,x\n", 'fs_hz = 1000\nunit = "uV"', r"row 2, column 1 \(counted from 0\) is 'x', and no number"),
        ("1,2\n", 'fs_hz = 0\nunit = "uV"', "greater than 0"),
        ("1,2\n", 'fs_hz = 1000\nunit = "N"', "unit of voltage"),
        ("1,2\n", 'fs_hz = 1000\nunit = "uV"\nlabel = "x"', "no column 'x' with labels"),
        ("1,2\n", 'fs_hz = 1000\nunit = "uV"\nlabel = 7', "column 7 cannot hold the labels"),
        ("1,2\n", 'fs_hz = 1000\nunit = "uV"\ncolumns = "5"', "has no column 5"),
        ("1,2\n", 'fs_hz = 1000\nunit = "uV"\nchannels = ["a"]', "names 1 channels, but there are 2"),
        ("1,2\n", 'fs_hz = 1000\nunit = "uV"\nrate = 3', "unknown key 'rate'"),
    ],
)
def test_what_is_wrong_with_a_table_is_one_sentence(tmp_path: Path, text: str, facts: str | None, match: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    if facts is not None:
        (tmp_path / "a.toml").write_text(facts)
    with pytest.raises(HanddtError, match=match):
        open_recording(path)


def test_bytes_that_are_no_text_are_one_sentence(tmp_path: Path) -> None:
    table(tmp_path / "a.csv", "1,2\n")
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe1\x00")
    with pytest.raises(RecordingError, match="no table of text in UTF-8"):
        open_recording(tmp_path / "a.csv")


# -- arrays ------------------------------------------------------------------------------------------------------------


def test_arrays_with_and_without_labels(tmp_path: Path) -> None:
    values = emg()
    np.save(tmp_path / "a.npy", values)
    (tmp_path / "recordings.toml").write_text('fs_hz = 500.0\nunit = "mV"\n')
    found = open_recording(tmp_path / "a.npy")
    np.testing.assert_allclose(samples_of(found), values * 1000, rtol=1e-6)
    what = np.where(np.arange(50) < 20, "rest", "fist")
    np.savez(tmp_path / "b.npz", emg=values, what=what)
    (tmp_path / "b.toml").write_text('fs_hz = 500.0\nunit = "uV"\nsamples = "emg"\nlabel = "what"\n')
    found = open_recording(tmp_path / "b.npz")
    assert [(one.index, one.label) for one in found.markers] == [(0, "rest"), (20, "fist")]
    np.save(tmp_path / "c.npy", np.column_stack([values, what == "fist"]))
    (tmp_path / "c.toml").write_text('fs_hz = 500.0\nunit = "uV"\nlabel = 3\nlabels = {0 = "rest", 1 = "fist"}\n')
    assert open_recording(tmp_path / "c.npy").markers == found.markers


@pytest.mark.parametrize("ending", [".csv", ".npy"])
def test_columns_are_counted_in_the_file_wherever_the_labels_are(tmp_path: Path, ending: str) -> None:
    values = np.column_stack([np.repeat([1, 2], 25), emg(50, 4)]).astype(np.float32)
    path = tmp_path / f"a{ending}"
    if ending == ".npy":
        np.save(path, values)
    else:
        np.savetxt(path, values, delimiter=",")
    facts = 'fs_hz = 500.0\nunit = "uV"\nlabel = 0\ncolumns = "2-4"\nchannels = ["A", "B", "C"]\n'
    (tmp_path / "a.toml").write_text(facts)
    found = open_recording(path)
    np.testing.assert_allclose(samples_of(found), values[:, 2:], rtol=1e-6)
    assert found.channels == ("A", "B", "C")
    for columns in ("0-1", "5"):  # the labels' own, and one that is not there
        (tmp_path / "a.toml").write_text(facts.replace("2-4", columns).replace('channels = ["A", "B", "C"]', ""))
        with pytest.raises(RecordingError, match="to be an electrode"):
            open_recording(path)


@pytest.mark.parametrize("text", ["inf", "-Infinity", "1e30", "1e8"])
def test_what_no_electrode_measures_is_missing(tmp_path: Path, text: str) -> None:
    """In every file, whatever its format: as in a live stream, where filters would never forget it."""
    found = open_recording(table(tmp_path / "a.csv", f"1,2,3\n4,{text},6\n7,8,{text}\n"))
    values = samples_of(found)
    assert np.isnan(values).sum() == 2
    assert np.isnan(values[[1, 2], [1, 2]]).all()
    assert values[0].tolist() == [1, 2, 3]
    words = "2 values are infinite" if "in" in text.casefold() else "2 values cannot be (infinite, or beyond 10 V)"
    assert f"{words}; they count as missing." in found.notes
    stored = np.asarray([[1.0, float(text)]])
    np.save(tmp_path / "b.npy", stored)
    (tmp_path / "b.toml").write_text('fs_hz = 1000.0\nunit = "uV"\n')
    assert np.isnan(samples_of(open_recording(tmp_path / "b.npy"))[0, 1])


def test_columns_aligned_by_blanks(tmp_path: Path) -> None:
    values = emg()
    np.savetxt(tmp_path / "a.txt", values, fmt="%16.7e")
    (tmp_path / "a.toml").write_text('fs_hz = 500.0\nunit = "uV"\n')
    np.testing.assert_allclose(samples_of(open_recording(tmp_path / "a.txt")), values, rtol=1e-6)


@pytest.mark.parametrize(
    ("made", "match"),
    [
        (np.zeros(5), r"shape \(n, number of columns\); they are float64 of shape \(5,\)"),
        (np.zeros((5, 2), complex), "must be numbers"),
        (np.array([{}], dtype=object), "cannot be read as NumPy's"),
    ],
)
def test_what_is_wrong_with_an_array_is_one_sentence(tmp_path: Path, made: np.ndarray, match: str) -> None:
    np.save(tmp_path / "a.npy", made, allow_pickle=True)
    (tmp_path / "a.toml").write_text('fs_hz = 500.0\nunit = "mV"\n')
    with pytest.raises(RecordingError, match=match):
        open_recording(tmp_path / "a.npy")


# -- OTBioLab+ ---------------------------------------------------------------------------------------------------------


def cell(*texts: str) -> np.ndarray:
    out = np.empty((len(texts), 1), dtype=object)
    out[:, 0] = texts
    return out


def test_an_export_to_matlab_is_read_and_what_is_no_electrode_left_out(tmp_path: Path) -> None:
    values = emg(40, 4).astype(np.float32)
    data = np.empty((1, 1), dtype=object)
    data[0, 0] = values
    said = cell(
        "VL - IN 1 - GR08MM1305 (1)[uV]", "VL - IN 1 - GR08MM1305 (2)[mV]", "Source[a.u]", "acquired data[ %(MVC)]"
    )
    scipy.io.savemat(tmp_path / "a.mat", {"Data": data, "Description": said, "SamplingFrequency": 2048, "Time": data})
    found = open_recording(tmp_path / "a.mat")
    assert found.channels == ("VL - IN 1 - GR08MM1305 (1)", "VL - IN 1 - GR08MM1305 (2)")
    np.testing.assert_allclose(samples_of(found), values[:, :2] * [1, 1000], rtol=1e-6)
    assert (found.fs_hz, found.n_samples) == (2048.0, 40)
    assert any("Source" in note for note in found.notes)


def mat73(path: Path, values: np.ndarray, said: list[str], fs_hz: float) -> Path:
    """An export as MATLAB writes version 7.3: HDF5 with references for cells, behind a header of its own."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w", userblock_size=512) as file:
        refs = file.create_group("#refs#")

        def put(where: object, name: str, content: np.ndarray, cls: str) -> object:
            made = where.create_dataset(name, data=content)  # type: ignore[attr-defined]
            made.attrs["MATLAB_class"] = np.bytes_(cls)
            return made

        texts = [
            put(refs, f"s{k}", np.array([[ord(c)] for c in text], np.uint16), "char") for k, text in enumerate(said)
        ]
        for one in texts:
            one.attrs["MATLAB_int_decode"] = np.int32(2)  # type: ignore[attr-defined]
        cells = {"Data": [put(refs, "a", values.T, "single")], "Description": texts}
        for name, content in cells.items():
            cell_of = file.create_dataset(name, (1, len(content)), dtype=h5py.ref_dtype)
            cell_of.attrs["MATLAB_class"] = np.bytes_("cell")
            for k, one in enumerate(content):
                cell_of[0, k] = one.ref  # type: ignore[attr-defined]
        put(file, "SamplingFrequency", np.array([[fs_hz]]), "double")
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 .".ljust(124) + b"\x00\x02IM")
    return path


def test_an_export_of_version_7_3_is_read_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = emg(40, 3).astype(np.float32)
    path = mat73(tmp_path / "a.mat", values, ["VL (1)[uV]", "VL (2)[mV]", "Source[a.u]"], 2048.0)
    monkeypatch.setitem(sys.modules, "pymatreader", None)
    with pytest.raises(RecordingError, match=r"version 7\.3.*extra 'files'"):
        open_recording(path)
    monkeypatch.undo()
    pytest.importorskip("pymatreader")
    found = open_recording(path)
    assert (found.channels, found.fs_hz) == (("VL (1)", "VL (2)"), 2048.0)
    np.testing.assert_allclose(samples_of(found), values[:, :2] * [1, 1000], rtol=1e-6)
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(RecordingError, match=r"cannot be read as a \.mat file"):
        open_recording(path)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ({"x": 1}, "lacks the variable Data"),
        ({"Data": np.zeros((5, 3)), "Description": cell("a[uV]"), "SamplingFrequency": 10}, "describes 1 columns"),
        ({"Data": "text", "Description": cell("a[uV]"), "SamplingFrequency": 10}, "samples × columns"),
    ],
)
def test_other_mat_files_are_one_sentence(tmp_path: Path, content: dict[str, object], match: str) -> None:
    scipy.io.savemat(tmp_path / "a.mat", content)
    with pytest.raises(RecordingError, match=match):
        open_recording(tmp_path / "a.mat")
    (tmp_path / "b.mat").write_bytes((tmp_path / "a.mat").read_bytes()[:130])
    with pytest.raises(RecordingError):
        open_recording(tmp_path / "b.mat")


def test_a_real_export(tmp_path: Path) -> None:
    import importlib.util

    spec = importlib.util.find_spec("openhdemg")
    if spec is None or spec.submodule_search_locations is None:
        pytest.skip("the package openhdemg, which holds one, is not installed")
    (path,) = Path(next(iter(spec.submodule_search_locations))).rglob("otb_testfile.mat")
    found = open_recording(path)
    assert (len(found.channels), found.fs_hz, found.n_samples) == (64, 2048.0, 66_560)
    assert 100 < np.sqrt((samples_of(found) ** 2).mean()) < 250


XML = """<?xml version="1.0"?>
<Device Name="{name}" SampleFrequency="2048" DeviceTotalChannels="{count}" ad_bits="{bits}"><Channels>
<Adapter ID="Adapter64" Gain="{gain}" ChannelStartIndex="0">
<Channel Index="0" ID="GR08MM1305" Prefix="MULTIPLE IN 1" Muscle="FDS"/>
<Channel Index="1" ID="GR08MM1305" Muscle="FDS"/></Adapter>
<Adapter ID="Control" Gain="1" ChannelStartIndex="2"><Channel Index="0" ID="Buffer"/></Adapter>
</Channels></Device>"""


def project(path: Path, codes: np.ndarray, *, bits: int = 16, name: str = "QUATTROCENTO", gain: float = 150.0) -> Path:
    width = bits // 8
    data = np.ascontiguousarray(codes.astype("<i4")).view(np.uint8).reshape(*codes.shape, 4)[..., :width].tobytes()
    xml = XML.format(name=name, count=codes.shape[1], bits=bits, gain=gain)
    with tarfile.open(path, "w") as archive:
        for member, content in (("a/20260101.sig", data), ("a/20260101.xml", xml.encode()), ("patient.xml", b"<p/>")):
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_a_project_is_exact_to_the_step(tmp_path: Path, bits: int) -> None:
    codes = np.random.default_rng(0).integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (30, 3))
    found = open_recording(project(tmp_path / "a.otb+", codes, bits=bits))
    step_uv = 5e6 / 2**bits / 150
    np.testing.assert_allclose(samples_of(found), codes[:, :2] * step_uv, rtol=1e-6)
    if bits == 16:
        assert step_uv == pytest.approx(0.5086, abs=1e-4)  # as the maker states it
    assert found.channels == ("FDS MULTIPLE IN 1 1", "FDS GR08MM1305 2")
    assert any("channel" in note or "columns" in note for note in found.notes)


def test_projects_that_are_damaged_are_one_sentence(tmp_path: Path) -> None:
    path = project(tmp_path / "a.otb+", np.zeros((5, 3), np.int64))
    data = path.read_bytes()
    path.write_bytes(data[:300])
    with pytest.raises(RecordingError, match="no project of OTBioLab"):
        open_recording(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(RecordingError, match="no project of OTBioLab"):
        open_recording(path)
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    with pytest.raises(RecordingError, match=r"holds no \.sig"):
        open_recording(path)
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("a.sig"))
    with pytest.raises(RecordingError, match=r"lacks a\.xml"):
        open_recording(path)


TRACK = """<TrackInfo><Title>{name}</Title><SubTitle>{sub}</SubTitle><Device>Novecento+;x</Device>
<IsControl>{control}</IsControl><NumberOfChannels>{n}</NumberOfChannels><TotalChannelsInFile>{total}</TotalChannelsInFile>
<ChannelOffsetInSubPacket>{offset}</ChannelOffsetInSubPacket><AcquisitionChannel>{first}</AcquisitionChannel>
<SamplingFrequency>{fs}</SamplingFrequency><SampleSize>{size}</SampleSize><Gain>{gain}</Gain><ADC_Nbits>{bits}</ADC_Nbits>
<ADC_Range>{range}</ADC_Range><UnitOfMeasurement>{unit}</UnitOfMeasurement>
<UnitOfMeasurementFactor>{factor}</UnitOfMeasurementFactor><SignalStreamPath>{file}</SignalStreamPath></TrackInfo>"""
GRID = {
    **{"name": "IN1", "sub": "HD08MM1305", "control": "false", "n": 2, "total": 4, "offset": 0, "first": 0, "fs": 2000},
    **{"size": 4, "gain": 2.0, "bits": 16, "range": 4.8, "unit": "mV", "factor": 1000, "file": "grid.sig"},
}


def biolab4(path: Path, tracks: list[dict[str, object]], files: dict[str, bytes], name: str = "Tracks_000.xml") -> Path:
    xml = f"<ArrayOfTrackInfo>{''.join(TRACK.format(**(GRID | one)) for one in tracks)}</ArrayOfTrackInfo>"
    with tarfile.open(path, "w") as archive:
        for member, content in {name: xml.encode(), **files}.items():
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("size", [2, 3, 4, 8])
def test_a_project_of_biolab_4_is_read(tmp_path: Path, size: int) -> None:
    counts = np.random.default_rng(0).integers(-30_000, 30_000, (20, 4))
    raw = np.ascontiguousarray(counts.astype("<i4")).view(np.uint8).reshape(20, 4, 4)[..., :size].tobytes()
    if size == 8:
        raw = (counts / 1e4).astype("<f8").tobytes()
    second = counts[:19, 1:].astype("<i4").tobytes()
    tracks = [
        {"size": size},
        {"size": size, "name": "Novecento+", "sub": "AUX 1", "n": 2, "first": 2, "offset": 2},
        # of a second file, whose channels the device counts on
        {"name": "IN2", "n": 3, "total": 3, "first": 4, "offset": 0, "file": "second.sig", "unit": "V", "factor": 1},
        {"name": "ramp", "control": "true", "n": 1, "total": 1, "fs": 100, "file": "ramp.sig"},
    ]
    files = {"grid.sig": raw + b"\x00", "second.sig": second, "ramp.sig": b""}
    found = open_recording(biolab4(tmp_path / "a.otb4", tracks, files))
    assert (found.fs_hz, found.n_samples) == (2000.0, 19)
    assert found.channels == tuple(f"IN{grid} HD08MM1305 {k}" for grid, k in ((1, 1), (1, 2), (2, 1), (2, 2), (2, 3)))
    step_uv = 4.8e6 / 2**16 / 2
    values = samples_of(found)
    np.testing.assert_allclose(values[:, :2], counts[:19, :2] * (0.1 if size == 8 else step_uv), rtol=1e-6)
    np.testing.assert_allclose(values[:, 2:], counts[:19, 1:] * step_uv, rtol=1e-6)
    said = " ".join(found.notes)
    for words in ("ends in the middle of a sample", "differ in length; 1 samples", "'ramp HD08MM1305'", "AUX"):
        assert words in said


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"file": "other.sig"}, r"lacks other\.sig"),
        ({"n": 9}, "has 4 channels, but its tracks 9"),
        ({"size": 5}, "5 bytes"),
        ({"unit": "N"}, "none of its 1 tracks is of electrodes"),
        ({"fs": 0}, "at 0 Hz"),
        ({"bits": "many"}, "does not describe what was recorded"),
        ({"range": "nan"}, "a step of nan"),
        ({"total": 400, "n": 400}, "holds no whole sample"),
    ],
)
def test_what_is_wrong_with_a_project_of_biolab_4_is_one_sentence(
    tmp_path: Path, change: dict[str, object], match: str
) -> None:
    with pytest.raises(RecordingError, match=match):
        open_recording(biolab4(tmp_path / "a.otb4", [change], {"grid.sig": bytes(64)}))
    with pytest.raises(RecordingError, match=r"lacks Tracks_000\.xml"):
        open_recording(biolab4(tmp_path / "b.otb4", [change], {}, name="other.xml"))
    (tmp_path / "c.otb4").write_bytes(b"no archive")
    with pytest.raises(RecordingError, match="no project of OT BioLab 4"):
        open_recording(tmp_path / "c.otb4")


# -- all of them -------------------------------------------------------------------------------------------------------


def test_every_format_is_named_where_none_fits(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text("")
    with pytest.raises(RecordingError) as caught:
        open_recording(tmp_path / "a.xyz")
    for one in READERS:
        assert ", ".join(one.suffixes) in str(caught.value)
    assert {".xdf", ".xdf.gz", ".otb"} <= set(endings())
    assert reader_of(tmp_path / "notes.txt") is None  # a text without its TOML is nobody's table


def test_a_stream_cannot_be_chosen_where_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="stream"):
        open_recording(table(tmp_path / "a.csv", "1,2\n"), choice=SignalChoice(stream="x"))


@pytest.mark.parametrize("content", [b"PK\x03\x04no archive", b""])
def test_archives_that_are_cut_short_are_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, samples=np.zeros((500, 2)))
    path.write_bytes(content or path.read_bytes()[:-300])
    (tmp_path / "a.toml").write_text('fs_hz = 1000.0\nunit = "uV"\n')
    with pytest.raises(RecordingError, match="cannot be read as NumPy's"):
        open_recording(path)
