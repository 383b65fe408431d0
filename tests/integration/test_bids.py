"""EMG-BIDS: others' files read as the same session of WFDB is, ours read by others."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

from offline.cohort.write import write_cohort
from offline.data.named_data import read_names
from rt_handdt.core.preprocess import iter_frames
from rt_handdt.core.recording import ArrayRecording, Marker
from rt_handdt.core.repetitions import first_repetitions
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.bids.session import list_bids
from rt_handdt.io.bids.write import write_session
from rt_handdt.io.hyser import read_hyser
from rt_handdt.io.session_name import SessionName
from rt_handdt.io.sources import open_recording
from rt_handdt.io.xdf import write_xdf
from rt_handdt.runtime.evaluation import evaluate
from tests.support.bids_files import write_bdf, write_like_hyser, write_tsv
from tests.support.people import recording

pytest.importorskip("pyedflib")
NAMES = ("E1", "E2", "E3")


@pytest.fixture(scope="module")
def hyser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual session in Hyser's format, WFDB."""
    folder = tmp_path_factory.mktemp("hyser") / "cohort"
    write_cohort(folder, 1, 1, 3, repetitions=2, processes=1, progress=False)
    return folder


def emg(n: int = 2000, c: int = 3) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 40, (n, c))


def small(root: Path, *, stem: str = "sub-a1_ses-1_task-t", events: bool = True, channels: bool = True) -> Path:
    """A dataset of one file, by another writer than ours."""
    path = root / "sub-a1" / "ses-1" / "emg" / f"{stem}_emg.bdf"
    write_bdf(path, emg(), NAMES, 1000.0)
    if channels:
        rows = [[name, "EMG", "uV", "good"] for name in NAMES]
        write_tsv(path.with_name(f"{stem}_channels.tsv"), ["name", "type", "units", "status"], rows)
    if events:
        rows = [[0, 1, "fist"], [1, 0.5, "open"]]
        write_tsv(path.with_name(f"{stem}_events.tsv"), ["onset", "duration", "trial_type"], rows)
    return path


# -- reading -----------------------------------------------------------------------------------------------------------


def test_a_session_of_the_public_copy_is_the_session_of_the_wfdb_folder(hyser: Path, tmp_path: Path) -> None:
    joined = read_hyser(hyser)
    order = sorted(joined.trials, key=lambda trial: _code(trial.label))  # as files of one gesture each have them
    write_like_hyser(tmp_path, joined, "01", "1")
    found = open_recording(tmp_path)
    assert (found.subject, found.session, found.channels) == ("01", "1", joined.channels)
    assert [trial.label for trial in found.trials] == [trial.label for trial in order]  # type: ignore[attr-defined]
    step = 2 * 41_000 / 2**24
    for one, other in zip(found.trials, order, strict=True):  # type: ignore[attr-defined]
        np.testing.assert_allclose(one.record.read(), other.record.read(), atol=step)
    by_gesture = read_hyser(hyser, gestures=["hand_close"])
    alone = open_recording(tmp_path / "sub-01" / "ses-1" / "emg" / "sub-01_ses-1_task-gesture30_emg.bdf")
    assert alone.markers == by_gesture.markers
    np.testing.assert_allclose(
        np.concatenate(list(alone.blocks())), np.concatenate(list(by_gesture.blocks())), atol=2 * step
    )
    assert any("24 of Hyser's 34 gestures have no trial here" in note for note in found.notes)
    (named,) = read_names([str(tmp_path)]).sessions
    assert (named.subject, named.session) == ("01", "1")
    split = first_repetitions([found], 2, ("rest", "hand_close", "hand_open"))
    assert split.first


def _code(label: str) -> int:
    from rt_handdt.core.gestures import hyser_code

    return hyser_code(label)


def test_side_cars_of_the_public_copy_are_read(shared_data: Path, tmp_path: Path) -> None:
    import shutil

    source = shared_data / "hyser_bids"
    if not source.is_dir():
        pytest.skip("the side-cars of the public copy are not here")
    shutil.copytree(source, tmp_path / "bids")
    from rt_handdt.io.hyser_layout import hyser_channels

    path = tmp_path / "bids" / "sub-01" / "ses-1" / "emg" / "sub-01_ses-1_task-gesture06_emg.bdf"
    write_bdf(path, np.random.default_rng(0).normal(0, 40, (14 * 2048, 256)), hyser_channels(), 2048.0)
    dynamic, held = open_recording(path), open_recording(path.parent, kind="maintenance")
    assert [one.label for one in dynamic.segments()] == ["rest", "wrist_flexion"] * 6
    assert [one.label for one in held.segments()] == ["rest", "wrist_flexion"] * 2


def test_a_continuous_file_has_its_events_until_they_end(tmp_path: Path) -> None:
    found = open_recording(small(tmp_path))
    assert (found.subject, found.session, found.fs_hz, found.n_samples) == ("a1", "1", 1000.0, 2000)
    assert [(one.start, one.stop, one.label) for one in found.segments()] == [(0, 1000, "fist"), (1000, 1500, "open")]
    np.testing.assert_allclose(np.concatenate(list(found.blocks(300))), emg(), atol=1e-4)
    assert open_recording(tmp_path / "sub-a1").markers == found.markers


def test_what_side_cars_say_counts_and_is_said(tmp_path: Path) -> None:
    path = small(tmp_path, channels=False)
    channels = path.with_name("sub-a1_channels.tsv")  # for all sessions of the subject
    write_tsv(channels, ["name", "type", "units", "status"], [["E1", "EMG", "mV", "good"], ["E2", "EMG", "uV", "bad"],
                                                             ["E9", "EMG", "uV", "good"]])  # fmt: skip
    found = open_recording(path)
    assert np.isnan(np.concatenate(list(found.blocks()))[:, 1]).all()
    said = " ".join(found.notes)
    for words in ("1 channels are bad", "units of 1 channels are others", "not in channels.tsv (such as 'E3')",
                  "not in the file (such as 'E9')"):  # fmt: skip
        assert words in said, words


def test_without_side_cars_it_is_read_and_said(tmp_path: Path) -> None:
    found = open_recording(small(tmp_path, events=False, channels=False))
    assert found.channels == NAMES
    assert not found.markers
    assert "There is no channels.tsv" in " ".join(found.notes)
    assert "There is no events.tsv" in " ".join(found.notes)


def test_events_beyond_the_end_are_counted(tmp_path: Path) -> None:
    path = small(tmp_path)
    write_tsv(
        path.with_name("sub-a1_ses-1_task-t_events.tsv"), ["onset", "duration", "trial_type"],
        [[0, 1, "fist"], [1.5, 3, "open"], [9, 1, "rest"]],
    )  # fmt: skip
    found = open_recording(path)
    assert [one.label for one in found.segments()] == ["fist"]
    assert "2 events end beyond the file and were dropped." in found.notes


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("events", "onset\tduration\n0\t1\n", "needs the columns onset, duration and one of"),
        ("events", "onset\tduration\ttrial_type\nsoon\t1\tfist\n", "row 2: onset, duration and sample must be numbers"),
        ("events", "onset\tduration\ttrial_type\n0\t1\n", "row 2 has 2 columns, its head 3"),
        ("channels", "label\nE1\n", "has no column 'name'"),
        ("channels", "name\nE1\nE1\nE2\n", "a name is there twice"),
        ("channels", "name\ttype\tunits\nE1\tEMG\tN\nE2\tEMG\tN\nE3\tEMG\tN\n", None),
    ],
)
def test_side_cars_that_are_wrong_are_one_sentence(tmp_path: Path, name: str, text: str, match: str | None) -> None:
    path = small(tmp_path)
    path.with_name(f"sub-a1_ses-1_task-t_{name}.tsv").write_text(text)
    if match is None:  # the file's own unit counts
        assert "units of 3 channels are others" in " ".join(open_recording(path).notes)
        return
    with pytest.raises(RecordingError, match=match):
        open_recording(path)


def test_a_file_cut_short_is_one_sentence(tmp_path: Path) -> None:
    path = small(tmp_path)
    data = path.read_bytes()
    for size in (0, 100, 700, len(data) - 100):
        path.write_bytes(data[:size])
        with pytest.raises(RecordingError, match=r"cannot be read as EDF or BDF .*copy or export it again"):
            open_recording(path)


def test_forty_sessions_are_listed_without_reading_a_signal(tmp_path: Path) -> None:
    (tmp_path / "dataset_description.json").write_text("{}")
    for subject in range(1, 21):
        for session in (1, 2):
            folder = tmp_path / f"sub-{subject:02d}" / f"ses-{session}" / "emg"
            folder.mkdir(parents=True)
            for gesture in range(1, 35):
                (folder / f"sub-{subject:02d}_ses-{session}_task-gesture{gesture:02d}_emg.bdf").touch()
    began = time.process_time()
    found = list_bids(tmp_path)
    assert time.process_time() - began < 10
    assert len(found) == 40
    assert all(len(one.files) == 34 for one in found)
    assert len(read_names([str(tmp_path)]).sessions) == 40


# -- writing -----------------------------------------------------------------------------------------------------------


def test_what_is_written_comes_back_and_others_read_it(tmp_path: Path) -> None:
    one = recording(5, segment_s=0.95)
    assert one.n_samples % one.fs_hz  # BDF has whole seconds only
    samples = np.concatenate(list(one.blocks())).astype(np.float32)
    samples[100:120, 0] = np.nan
    one = ArrayRecording(one.name, one.fs_hz, one.channels, one.n_samples, one.markers, samples=samples)
    path = write_session(one, tmp_path, SessionName("05"))
    back = open_recording(tmp_path)
    again = np.concatenate(list(back.blocks()))
    held = samples.copy()
    held[100:120, 0] = samples[99, 0]
    assert back.n_samples == one.n_samples
    assert back.markers == one.markers
    step = 2 * (np.nanmax(np.abs(samples)) + 1) / 2**24
    np.testing.assert_allclose(again, held, atol=step)
    channels = (path.parent / f"{path.stem.removesuffix('_emg')}_channels.tsv").read_text()
    assert "20 values are missing" in channels
    mne_bids = pytest.importorskip("mne_bids")
    raw = mne_bids.read_raw_bids(
        mne_bids.BIDSPath(subject="05", session="1", task="gestures", run="1", datatype="emg", suffix="emg",
                          extension=".bdf", root=tmp_path), verbose="error",
    )  # fmt: skip
    assert raw.ch_names == list(one.channels)
    assert list(raw.annotations.description[:2]) == [one.label for one in one.segments()[:2]]
    np.testing.assert_allclose(1e6 * raw.get_data(verbose="error").T[: len(held)], held, atol=2 * step)
    with pytest.raises(RecordingError, match="is not overwritten"):
        write_session(one, tmp_path, SessionName("05"))


def test_scores_are_the_same_as_wfdb_xdf_and_bids(hyser: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from rt_handdt.cli.main import app

    joined = read_hyser(hyser, gestures=["hand_close", "hand_open"])
    write_session(joined, tmp_path / "bids", SessionName("01"))
    from rt_handdt.io.xdf import write_xdf

    write_xdf(tmp_path / "own.xdf", joined)
    kinds = [joined, open_recording(tmp_path / "own.xdf"), open_recording(tmp_path / "bids")]
    scores = [evaluate("default", one, learn=False) for one in kinds]
    for one in scores[1:]:
        assert one.windows.windows == scores[0].windows.windows
        assert (one.windows.confusion != scores[0].windows.confusion).sum() <= 2
    from rt_handdt.core.bundle import load_bundle

    spec = load_bundle("default").spec
    frames = [np.stack([frame.rms_uv for frame in iter_frames(one, spec)]) for one in kinds]
    np.testing.assert_array_equal(frames[1], frames[0])
    np.testing.assert_allclose(frames[2], frames[0], atol=0.01)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["convert", str(hyser), "again"])
    assert result.exit_code == 0, result.output
    assert len(list_bids(tmp_path / "again")) == 1


def test_converting_a_folder_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from rt_handdt.cli.main import app

    monkeypatch.chdir(tmp_path)
    for name in ("sub-a_ses-1", "sub-b_ses-1"):
        np.save(f"{name}.npy", emg())
    (tmp_path / "recordings.toml").write_text('fs_hz = 1000.0\nunit = "uV"\n')
    first = CliRunner().invoke(app, ["convert", ".", "bids"])
    assert first.exit_code == 0, first.output
    assert "2 recordings written" in first.output
    done = list(Path("bids").rglob("*.bdf"))
    done[0].unlink()
    again = CliRunner().invoke(app, ["convert", ".", "bids"])
    assert "1 recordings written, 1 were there already" in again.output
    assert json.loads(Path("bids/dataset_description.json").read_text())["BIDSVersion"] == "1.11.0"
    assert not list(Path("bids").rglob("*.part*"))
    into_one = CliRunner().invoke(app, ["convert", ".", "one.xdf"])
    assert isinstance(into_one.exception, ConfigError)


def test_a_rate_that_bdf_cannot_say_is_one_sentence(tmp_path: Path) -> None:
    one = ArrayRecording("odd", 1000.5, NAMES, 2000, (Marker(0, "a"),), samples=emg().astype(np.float32))
    with pytest.raises(ConfigError, match="whole number of samples a second"):
        write_session(one, tmp_path, SessionName("1"))
    assert not list(tmp_path.rglob("*.bdf"))


def test_two_recordings_never_become_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from rt_handdt.cli.main import app

    monkeypatch.chdir(tmp_path)
    for folder, names in (("named", ("sub-a_ses-1_run-1_emg", "sub-a_ses-1_run-2_emg")), ("alike", ("x", "y"))):
        Path(folder).mkdir()
        for name in names:
            np.save(f"{folder}/{name}.npy", emg())
        Path(folder, "recordings.toml").write_text('fs_hz = 1000.0\nunit = "uV"\n')
    runs = CliRunner().invoke(app, ["convert", "named", "bids"])
    assert "2 recordings written" in runs.output
    assert len(list(Path("bids").rglob("*.bdf"))) == 2
    alike = CliRunner().invoke(app, ["convert", "alike", "xdf", "--to", "xdf"])
    assert isinstance(alike.exception, RecordingError)
    assert "would get the same name as alike/x.npy" in alike.output


def test_runs_of_a_session_are_recordings_by_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from rt_handdt.cli.main import app
    from rt_handdt.io.recording_tree import list_recordings

    monkeypatch.chdir(tmp_path)
    one = recording(5)
    Path("tree", "sub-05", "ses-1").mkdir(parents=True)
    for run in (1, 2):
        write_session(one, Path("bids"), SessionName("05", run=run))
        write_xdf(SessionName("05", run=run).path(Path("tree"), ".xdf"), one)
    assert [listed.files for listed in list_recordings(Path("bids"))] == [1, 1]
    (named,) = read_names(["bids"]).sessions
    assert len(named.where) == 2  # type: ignore[arg-type]
    with pytest.raises(RecordingError, match=r"subject 05 session 1 has 2 recordings \(.*run-1.*give one of them"):
        open_recording("bids")
    for source in ("bids", "tree"):
        done = CliRunner().invoke(app, ["convert", source, f"again-{source}"])
        assert "2 recordings written" in done.output, done.output
        assert len(list(Path(f"again-{source}").rglob("*_run-2_emg.bdf"))) == 1


def test_another_labs_task_types_are_no_trials_of_hyser(tmp_path: Path) -> None:
    path = small(tmp_path)
    events = path.with_name("sub-a1_ses-1_task-t_events.tsv")
    write_tsv(events, ["onset", "duration", "trial_type", "task_type"], [[0, 1, "fist", "isometric"]])
    assert [one.label for one in open_recording(tmp_path).segments()] == ["fist"]


@pytest.mark.parametrize("out", ["file/one.xdf", "file/bids", "/proc/one.xdf"])
def test_where_nothing_can_be_written_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str) -> None:
    from typer.testing import CliRunner

    from rt_handdt.cli.main import app

    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    np.save("a.npy", emg())
    Path("a.toml").write_text('fs_hz = 1000.0\nunit = "uV"\n')
    result = CliRunner().invoke(app, ["convert", "a.npy", out])
    assert isinstance(result.exception, ConfigError)
    assert "cannot be written" in str(result.exception)


def test_a_full_disk_leaves_no_bdf_that_looks_whole(tmp_path: Path) -> None:
    import resource

    one = ArrayRecording("one", 1000.0, NAMES, 20_000, (), samples=emg(20_000).astype(np.float32))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, before[1]))
    try:
        with pytest.raises(OSError, match="space"):
            write_session(one, tmp_path, SessionName("1"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.rglob("*.bdf"))


def test_names_longer_than_a_header_holds_come_back(tmp_path: Path) -> None:
    names = ("a long name of electrode 0", "a long name of electrode 1", "short")
    one = ArrayRecording("one", 1000.0, names, 2000, (), samples=emg().astype(np.float32))
    write_session(one, tmp_path, SessionName("1"))
    assert open_recording(tmp_path).channels == names


@pytest.mark.parametrize("row", [["inf", 1, "x"], [0, "inf", "x"], [0.5, -1, "x"]])
def test_events_at_no_time_are_one_sentence(tmp_path: Path, row: list[object]) -> None:
    path = small(tmp_path, events=False)
    write_tsv(path.with_name("sub-a1_ses-1_task-t_events.tsv"), ["onset", "duration", "trial_type"], [row])
    with pytest.raises(RecordingError, match="row 2: onset, duration and sample must be numbers, and no duration"):
        open_recording(path)


def test_events_without_an_onset_are_counted(tmp_path: Path) -> None:
    path = small(tmp_path, events=False)
    rows = [["n/a", 1, "n/a", "x"], [0.5, "n/a", "500.0", "fist"]]
    write_tsv(path.with_name("sub-a1_ses-1_task-t_events.tsv"), ["onset", "duration", "sample", "trial_type"], rows)
    found = open_recording(path)
    assert found.markers == (Marker(500, "fist"),)
    assert any("1 events have no onset" in note for note in found.notes)


def test_a_tree_of_sessions_is_listed(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from rt_handdt.cli.main import app
    from rt_handdt.io.recording_tree import list_recordings

    small(tmp_path)
    other = tmp_path / "sub-b [red]" / "ses-2"
    other.mkdir(parents=True)
    (other / "sub-b_ses-2_run-1_emg.xdf").touch()
    (other / "notes.txt").touch()
    found = list_recordings(tmp_path)
    assert [(one.subject, one.session, one.format) for one in found] == [("a1", "1", "EMG-BIDS"), ("b", "2", "XDF")]
    result = CliRunner().invoke(app, ["inspect", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "Subjects: 2, recordings: 2" in result.output
