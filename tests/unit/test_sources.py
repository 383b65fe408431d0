"""`open_recording` and ``rt-handdt inspect``: the right reader for whatever lies at a path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from rt_handdt.cli.inspect import inspect
from rt_handdt.core.recording import ArrayRecording, Marker
from rt_handdt.core.units import microvolts_per
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.continuous_folder import continuous_file
from rt_handdt.io.hyser import HyserRecording, write_session
from rt_handdt.io.hyser_layout import hyser_channels, session_folder
from rt_handdt.io.sources import open_recording, virtual_seed
from rt_handdt.io.wfdb import WfdbRecording
from rt_handdt.io.wfdb16 import write_record
from rt_handdt.io.xdf import write_xdf
from rt_handdt.io.xdf_session import XdfSession
from tests.support.xdf_files import Stream, make

FS = 256.0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for subject in (1, 2):
        folder = session_folder(tmp_path, subject, 1)
        write_session(folder, [(rng.normal(0, 20, (256, 256)), code) for code in (6, 30)], fs_hz=FS)
    return tmp_path


@pytest.fixture
def xdf(tmp_path: Path) -> Path:
    samples = np.ones((500, 3), np.float32)
    samples[:50, 1] = np.nan
    marked = (Marker(0, "rest"), Marker(250, "fist"))
    write_xdf(tmp_path / "a.xdf", ArrayRecording("arm", FS, ("x", "y", "z"), 500, marked, samples=samples))
    return tmp_path / "a.xdf"


@pytest.fixture
def continuous(tmp_path: Path) -> Path:
    """A cohort of continuous sessions: subject 1, session 1 and 2; subject 12, session 1."""
    for subject, session in ((1, 1), (1, 2), (12, 1)):
        samples = np.full((300, 2), 10 * subject + session, np.float32)
        marked = (Marker(0, "rest"), Marker(100, "other"))
        path = continuous_file(tmp_path, subject, session)
        path.parent.mkdir(exist_ok=True)
        who = f"virtual-0-{subject}"
        write_xdf(path, ArrayRecording(who, FS, ("x", "y"), 300, marked, subject=who, samples=samples))
    return tmp_path


def run_inspect(*arguments: str):
    app = typer.Typer()
    app.command()(inspect)
    return CliRunner().invoke(app, list(arguments))


def test_hyser_in_every_form(root: Path) -> None:
    assert open_recording(root, subject=2).subject == "02"
    folder = session_folder(root, 2, 1)
    for path in (root, root / "pr_dataset", folder, folder / "dynamic_raw_sample1.hea"):
        assert isinstance(open_recording(path), HyserRecording)


def test_a_folder_with_maintenance_only_opens(tmp_path: Path) -> None:
    folder = session_folder(tmp_path, 1, 1)
    write_session(folder, [(np.zeros((512, 256)), 6)], "maintenance", fs_hz=FS)
    assert [m.label for m in open_recording(tmp_path).markers] == ["wrist_flexion"]


def test_xdf_and_wfdb(xdf: Path, tmp_path: Path) -> None:
    assert isinstance(open_recording(xdf), ArrayRecording)
    write_record(tmp_path / "r.hea", np.arange(300.0).reshape(100, 3), ("p", "q", "r"), 100.0)
    opened = open_recording(tmp_path / "r.dat")
    assert isinstance(opened, WfdbRecording)
    assert (opened.channels, opened.n_samples, opened.markers) == (("p", "q", "r"), 100, ())
    assert opened.segments() == ()
    blocks = list(opened.blocks(30))
    assert [len(block) for block in blocks] == [30, 30, 30, 10]
    np.testing.assert_allclose(np.concatenate(blocks), np.arange(300.0).reshape(100, 3), atol=0.01)


def test_wfdb_names(tmp_path: Path) -> None:
    write_record(tmp_path / "r.hea", np.zeros((10, 2)), ("same", "same"), 100.0)
    assert open_recording(tmp_path / "r.hea").channels == ("E1", "E2")
    write_record(tmp_path / "h.hea", np.zeros((10, 256)), [f"ch{k}" for k in range(256)], 100.0)
    assert open_recording(tmp_path / "h.hea").channels == hyser_channels()


def test_continuous_sessions_in_every_form(continuous: Path) -> None:
    def value(opened) -> float:
        assert isinstance(opened, XdfSession)
        assert opened.markers[1] == Marker(100, "other")
        return float(next(iter(opened.blocks(50)))[0, 0])

    for path in (continuous, continuous / "continuous"):
        assert value(open_recording(path)) == 11
        assert value(open_recording(path, session=2)) == 12
        assert value(open_recording(path, subject=12)) == 121
        assert "first of 3 sessions" in open_recording(path).notes[0]
        with pytest.raises(RecordingError, match=r"holds no subject 12 session 2; .* 1/1, 1/2, 12/1"):
            open_recording(path, subject=12, session=2)
    assert value(open_recording(continuous_file(continuous, 12, 1))) == 121
    elsewhere = continuous / "subject01_session1.xdf"
    elsewhere.write_bytes(continuous_file(continuous, 1, 1).read_bytes())
    assert isinstance(open_recording(elsewhere), ArrayRecording)  # any XDF file outside is read as such


def test_grabmyo(shared_data: Path) -> None:
    opened = open_recording(shared_data / "grabmyo" / "session1_participant1_gesture11_trial1.hea")
    assert (len(opened.channels), opened.fs_hz, opened.n_samples) == (32, 2048.0, 10_240)
    assert opened.channels[0] == "F1"


def test_virtual_person_is_drawn_from_the_seed() -> None:
    opened = open_recording("virtual:3", subject=2, session=1)
    same = open_recording("virtual:3", subject=2, session=1)
    other = open_recording("virtual:4", subject=2, session=1)
    first = next(iter(opened.blocks(256)))
    np.testing.assert_array_equal(first, next(iter(same.blocks(256))))
    assert not np.array_equal(first, next(iter(other.blocks(256))))


def test_virtual_words() -> None:
    assert [virtual_seed(word) for word in ("virtual", "virtual:12", "virtually", "x.xdf")] == [0, 12, None, None]
    for wrong in ("virtual:", "virtual:-1", "virtual:x"):
        with pytest.raises(RecordingError, match="must be a whole number"):
            virtual_seed(wrong)


def test_what_cannot_be_opened(tmp_path: Path, xdf: Path) -> None:
    with pytest.raises(RecordingError, match="no such file or folder"):
        open_recording(tmp_path / "nowhere")
    with pytest.raises(RecordingError, match=r"folder of 1 recordings; give one of them, such as a\.xdf"):
        open_recording(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordingError, match="is empty"):
        open_recording(tmp_path / "empty")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(RecordingError, match="is not a recording that can be read"):
        open_recording(tmp_path / "notes.txt")


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("V", 1e6), ("mV", 1e3), ("uV", 1.0), ("\u00b5V", 1.0), ("\u03bcV", 1.0), ("Microvolts", 1.0), ("volt", 1e6)],
)
def test_units(unit: str, factor: float) -> None:
    assert microvolts_per(unit) == factor


@pytest.mark.parametrize("unit", ["", "mmHg", "kilovolts", "s", "adu"])
def test_no_units_of_voltage(unit: str) -> None:
    assert microvolts_per(unit) is None


# -- inspect ---------------------------------------------------------------------------------------------------------


def test_inspect_shows_a_recording(xdf: Path) -> None:
    result = run_inspect(str(xdf))
    assert result.exit_code == 0, result.output
    for expected in (
        "arm",
        "3 (x, y, z)",
        "256 Hz",
        "500 samples",
        "50 (3.33%) in 1 channels; most in y",
        "Rest",
        "Fist",
    ):
        assert expected in result.output


def test_inspect_takes_stream_unit_and_columns(tmp_path: Path, root: Path) -> None:
    times = 100 + np.arange(500) / 256
    channels = [{"label": f"E[/{k}]", "unit": "au"} for k in range(4)]
    second = Stream(times, np.tile(np.arange(4.0), (500, 1)), "[amp] <1> [/red]", fs=256.0, channels=channels)
    path = make(tmp_path / "b.xdf", Stream(times, np.zeros((500, 2)), "amp", fs=256.0), second)
    with pytest.raises(RecordingError, match=r"several streams .* '\[amp\] <1> \[/red\]'"):
        open_recording(path)
    words = [str(path), "--stream", "[amp] <1> [/red]", "--unit", "mV", "--columns", "2-3"]
    result = run_inspect(*words)
    assert result.exit_code == 0, result.output
    assert "2 (E[/2], E[/3])" in result.output
    assert "2-3, counted from 0" in result.output
    assert "2000.0 to 3000.0 uV" in result.output
    assert "Not chosen: 0-1 ('E[/0]', 'E[/1]') of 4 columns" in " ".join(result.output.split())
    for where in (str(root / "pr_dataset"), "virtual:3"):
        assert isinstance(run_inspect(where, "--columns", "0-3").exception, ConfigError)


def test_inspect_lists_the_sessions_of_a_root(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    (session_folder(root, 2, 1) / "label_dynamic.txt").unlink()
    result = run_inspect(str(root))
    assert result.exit_code == 0, result.output
    assert "People: 2, sessions: 2" in result.output
    assert "32 of Hyser's 34" in result.output
    assert "has no label_dynamic.txt" in result.output
    assert "1 of these cannot be used" in result.output


def test_inspect_looks_into_one_session(root: Path) -> None:
    result = run_inspect(str(root), "--subject", "2")
    assert result.exit_code == 0, result.output
    assert "hyser_subject02_session1_dynamic_raw" in result.output
    assert "Wrist flexion" in result.output


def test_inspect_looks_into_continuous_sessions(continuous: Path) -> None:
    result = run_inspect(str(continuous), "--subject", "12")
    assert result.exit_code == 0, result.output
    for expected in ("virtual-0-12, 1", "2 (x, y)", "300 samples", "Other"):
        assert expected in result.output
    assert "first of 3 sessions" in run_inspect(str(continuous)).output


def test_inspect_passes_errors_on(tmp_path: Path) -> None:
    result = run_inspect(str(tmp_path / "nowhere"))
    assert isinstance(result.exception, RecordingError)
