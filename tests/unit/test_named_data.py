"""One grammar for ``--data``: whoever reads it finds the same sessions."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from offline.cli import app
from offline.config import TrainConfig
from offline.data.dataset_file import Dataset
from offline.data.datasets import collect
from offline.data.named_data import is_virtual, read_names
from offline.data.recordings import open_data
from offline.data.reserved import refuse_reserved
from offline.features.build_table import build_table
from offline.features.feature_config import FeatureConfig
from offline.features.named_sources import open_sources
from offline.sweep.study_config import read_study
from rt_handdt.core.bundle import load_bundle
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.errors import ConfigError, HanddtError, RecordingError
from rt_handdt.io.hyser_layout import session_folder
from rt_handdt.io.signal_choice import SignalChoice
from rt_handdt.io.xdf import named_subject, write_xdf
from rt_handdt.paths import layout_path, shipped
from rt_handdt.sim.seeds import RESERVED_SEED
from tests.support.halves import halves
from tests.support.noise_people import noise_people
from tests.support.xdf_files import Stream, cues, emg, make

RING = 'name = "ring"\nshape = [1, 8]\npitch_mm = 20.0\naround = "columns"\nclosed = true\n'


@pytest.mark.parametrize(
    ("name", "subject", "session"),
    [
        ("sub-01a_ses-1_emg.xdf", "01a", "1"),
        ("sub-01b_ses-1_emg.xdf", "01b", "1"),
        ("sub-anna_ses-monday.xdf", "anna", "monday"),
        ("3dc_sub02_ses1_train.xdf", "02", "1"),
        ("flexemg_sub001_Session1Train.xdf", "001", "1"),
        ("sub-P01_ses-2.xdf.gz", "P01", "2"),
        ("subjectP07b.xdfz", "P07b", "1"),
        ("substance.xdf", "unknown", "1"),
        ("monday.xdf", "unknown", "1"),
    ],
)
def test_names_of_files_tell_people_apart(name: str, subject: str, session: str) -> None:
    assert named_subject(name) == (subject, session)


def test_names_of_folders_tell_people_apart_where_files_do_not() -> None:
    assert named_subject("data/sub-01a/ses-2/emg/run1.xdf") == ("01a", "2")
    assert named_subject("data/sub-01a/ses-2/emg/sub-01b_run1.xdf") == ("01b", "2")
    assert named_subject("substance/sub_2/run1.xdf") == ("unknown", "1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two people in one session each, the first one's in two files; and a third file of a second session."""
    root = tmp_path / "recorded"
    root.mkdir()
    for number, name in enumerate(("3dc_sub02_ses1_a", "3dc_sub02_ses1_b", "sub-01b_ses-1", "sub-01b_ses-2")):
        write_xdf(root / f"{name}.xdf", halves(seed=number))
    return root


def test_a_folder_of_files_is_sessions_in_order_of_names(folder: Path) -> None:
    (folder / "notes.txt").write_text("no recording")
    data = open_data([str(folder)], halves_layout())
    assert [(one.subject, one.session, one.name) for one in data.recordings] == [
        ("02", "1", "3dc_sub02_ses1_a"),
        ("02", "1", "3dc_sub02_ses1_b"),
        ("01b", "1", "sub-01b_ses-1"),
        ("01b", "2", "sub-01b_ses-2"),
    ]
    assert data.description == "recorded (4 recordings)"
    layout = folder / "grid.toml"
    layout.write_text('name = "grid"\nshape = [2, 4]\npitch_mm = 10.0\n')
    opened = open_sources([folder], FeatureConfig(), str(layout))
    assert [(one.person, one.session) for one in opened.sources] == [("02", "1"), ("01b", "1"), ("01b", "2")]
    table = build_table([folder], FeatureConfig(), layout=str(layout), processes=1)
    assert table.people == ("02", "01b")
    assert table.counts()[:, :, 0].tolist() == [[6, 0], [3, 3]]  # both files of the first


def test_nothing_is_taken_twice(folder: Path) -> None:
    one = folder / "sub-01b_ses-1.xdf"
    for read in (lambda names: open_data(names, halves_layout()), lambda names: open_sources(names, FeatureConfig())):
        with pytest.raises(RecordingError, match=r"sub-01b_ses-1\.xdf: is named twice"):
            read([str(folder), str(one)])
        with pytest.raises(RecordingError, match="subject virtual-0-1 session 1: is there twice"):
            read(["virtual:0:1:1:1", "virtual:0:2:1:1"])


def test_wrong_names_get_the_same_sentence_everywhere(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "empty").mkdir()
    for name, error, words in (
        (tmp_path / "absent.xdf", RecordingError, "nothing here"),
        (tmp_path / "notes.txt", RecordingError, "nothing that can be measured or learnt from"),
        (tmp_path / "empty", RecordingError, "holds no Hyser session"),
        ("virtual:0", ConfigError, "are written virtual:SEED"),
    ):
        for read in (
            lambda names: open_data(names, halves_layout()),
            lambda names: open_sources(names, FeatureConfig()),
        ):
            with pytest.raises(error, match=words):
                read([str(name)])


def halves_layout() -> ElectrodeLayout:
    return ElectrodeLayout.grid(2, 4)


# -- dataset.toml ------------------------------------------------------------------------------------------------------


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A ring of eight electrodes; markers are renamed, one of them is left out."""
    (tmp_path / "ring8.toml").write_text(RING)
    for number, name in enumerate(("first", "second")):
        labels = ("still", "fist", "talk", "spread") * 2
        recording = halves(labels=[{"still": "rest"}.get(label, label) for label in labels], seed=number)
        markers = tuple(replace(one, label=label) for one, label in zip(recording.markers, labels, strict=True))
        write_xdf(tmp_path / f"{name}.xdf", replace(recording, markers=markers))
    (tmp_path / "dataset.toml").write_text(
        'layout = "ring8.toml"\nsettle_s = 0.25\n'
        '[gestures]\nstill = "rest"\nfist = "hand_close"\nspread = "hand_open"\n'
        '[[recording]]\nfile = "first.xdf"\nsubject = "anna"\n[[recording]]\nfile = "second.xdf"\nsubject = "ben"\n'
    )
    return tmp_path


def test_a_dataset_names_layout_people_and_labels(dataset: Path) -> None:
    for name in (dataset, dataset / "dataset.toml"):
        named = read_names([name])
        layout = named.layout(None)
        assert (layout.shape, layout.closed, layout.around) == ((1, 8), True, "columns")
        assert named.layout("hyser_16x16").n_channels == 256
        data = open_data([str(name)], layout)
        assert [(one.subject, one.session) for one in data.recordings] == [("anna", "1"), ("ben", "1")]
        one = data.recordings[0]
        assert [segment.label for segment in one.segments()] == ["rest", "hand_close", "hand_open"] * 2
        assert {(segment.stop - segment.start) / one.fs_hz for segment in one.segments()} == {0.75}
        assert any("2 segments carry the marker 'talk'" in note for note in one.notes)


def test_training_takes_the_renamed_segments_and_no_others(dataset: Path) -> None:
    named = read_names([dataset])
    config = TrainConfig.model_validate(
        {"pipeline": {"band_hz": [20.0, 200.0], "notch_hz": 0, "hop_s": 0.03125, "window_s": 0.25, "features": ["rms"]}}
    )
    windows = collect(open_data([str(dataset)], named.layout(None)).recordings, named.layout(None), config)
    assert windows.gestures.labels == ("rest", "hand_close", "hand_open")
    assert windows.people == ("anna", "ben")
    assert windows.since_cue_s.min() >= 0  # counted from the settled beginning
    assert len(windows.trials) == 12


def test_a_recording_without_a_named_segment_adds_nothing(dataset: Path) -> None:
    """All its segments are shorter than what is left out of each."""
    write_xdf(dataset / "short.xdf", halves(seconds=0.2, seed=9))
    text = (dataset / "dataset.toml").read_text()
    (dataset / "dataset.toml").write_text(text + '[[recording]]\nfile = "short.xdf"\nsubject = "cleo"\n')
    layout = read_names([dataset]).layout(None)
    config = TrainConfig.model_validate({"pipeline": {"band_hz": [20.0, 200.0], "notch_hz": 0, "features": ["rms"]}})
    windows = collect(open_data([str(dataset)], layout).recordings, layout, config)
    assert np.bincount(windows.person, minlength=3)[2] == 0
    assert (np.bincount(windows.person)[:2] > 0).all()


def test_training_says_what_a_dataset_leaves_out(dataset: Path, tmp_path: Path) -> None:
    settings = {
        "pipeline": {"band_hz": [20.0, 200.0], "notch_hz": 0, "hop_s": 0.03125, "features": ["rms"]},
        "network": {"widths": [4, 4, 4]},
        "optimiser": {"epochs": 1, "batch": 32},
        "threads": 1,
    }
    (tmp_path / "quick.toml").write_text(_toml(settings))
    words = ["train", "--data", str(dataset), "--config", str(tmp_path / "quick.toml"), "--out", str(tmp_path / "out")]
    run = CliRunner().invoke(app, words, catch_exceptions=False)
    said = " ".join(run.output.split())
    assert "first: 2 segments carry the marker 'talk', which [gestures] does not name, and were left out." in said
    assert load_bundle(tmp_path / "out").gestures.labels == ("rest", "hand_close", "hand_open")


def _toml(settings: dict[str, object]) -> str:
    flat = [f"{key} = {value!r}" for key, value in settings.items() if not isinstance(value, dict)]
    for key, value in settings.items():
        if isinstance(value, dict):
            flat += [f"[{key}]", *(f"{name} = {one!r}" for name, one in value.items())]
    return "\n".join(flat) + "\n"


def test_the_table_of_a_dataset_is_the_same_segments(dataset: Path) -> None:
    table = build_table([dataset], FeatureConfig(unit="window"), processes=1)
    assert table.gestures.labels == ("rest", "hand_close", "hand_open")
    assert table.counts()[:, 0].tolist() == [[2, 2, 2], [2, 2, 2]]
    assert sum("carry the marker 'talk', which [gestures] does not name" in text for text in table.skipped) == 2


def test_the_example_in_the_docs_is_one(tmp_path: Path) -> None:
    text = (shipped("configs").parent / "docs" / "data.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (example,) = [tomllib.loads(block) for block in blocks if "[[recording]]" in block]
    dataset = Dataset.parse(example, what="docs/data.md")
    assert [entry.subject for entry in dataset.recording] == ["anna", "ben"]
    (ring,) = [block for block in blocks if 'name = "ring10"' in block]
    (tmp_path / "ring.toml").write_text(ring)
    layout = ElectrodeLayout.from_toml(tmp_path / "ring.toml")
    assert (f"{layout.name}.toml", layout.closed, layout.n_channels) == (dataset.layout, True, 10)


# -- stream, unit and columns ------------------------------------------------------------------------------------------


@pytest.fixture
def odd_file(tmp_path: Path) -> Path:
    """Two streams of EMG of one name, in a unit that is none; the second has six columns."""
    times, marked = 100 + np.arange(2000) / 1000, cues((100.2, "rest"), (101.0, "fist"))
    values = np.tile(np.arange(6.0), (2000, 1))
    channels = [{"label": f"E{k}", "unit": "au"} for k in range(6)]
    return make(tmp_path / "sub-anna.xdf", emg(), Stream(times, values, channels=channels), marked)


def test_stream_unit_and_columns_are_chosen_for_all_files(odd_file: Path) -> None:
    choice = SignalChoice.parse("2", "mV", "3-4,0")
    (recording,) = open_data([str(odd_file)], halves_layout(), choice=choice).recordings
    assert recording.channels == ("E3", "E4", "E0")
    assert next(iter(recording.blocks()))[0].tolist() == [3000.0, 4000.0, 0.0]
    assert read_names([odd_file], choice=choice).description == "sub-anna.xdf; stream 2, unit mV, columns 3-4,0"
    with pytest.raises(ConfigError, match="for XDF files and WFDB records alone"):
        read_names(["virtual:5:1:1:1"], choice=choice)


def test_a_dataset_chooses_for_all_files_or_for_one(odd_file: Path) -> None:
    entries = "".join(
        f'[[recording]]\nfile = "sub-anna.xdf"\nsubject = "{subject}"\n{key}'
        for subject, key in (("a", ""), ("b", 'columns = "3-4"\n'), ("c", 'stream = "1"\nunit = "uV"\n'))
    )
    path = odd_file.with_name("dataset.toml")
    path.write_text('layout = "flexemg_16x4"\nstream = "2"\nunit = "mV"\ncolumns = "0-1"\n' + entries)
    read = open_data([str(path)], halves_layout()).recordings
    assert [one.subject for one in read] == ["a", "b", "c"]
    assert [one.channels for one in read] == [("E0", "E1"), ("E3", "E4"), ("E00", "E01")]
    assert next(iter(read[1].blocks()))[0].tolist() == [3000.0, 4000.0]
    (*_, last) = open_data([str(path)], halves_layout(), choice=SignalChoice(unit="V")).recordings
    assert next(iter(last.blocks()))[3, 0] == 3e6  # the command line has the last word
    identities = {file.identity for session in read_names([path]).sessions for file in session.where}
    assert len(identities) == 3  # measured apart, although they are one file
    for key, words in (('unit = "furlong"', "one of voltage"), ('columns = "9-3"', "run upwards")):
        path.write_text(f'layout = "flexemg_16x4"\n[[recording]]\nfile = "sub-anna.xdf"\nsubject = "a"\n{key}\n')
        with pytest.raises(ConfigError, match=words):
            read_names([path])


@pytest.mark.parametrize(
    "words", [["train", "--out", "OUT", "--layout", "flexemg_16x4", "--data"], ["evaluate", "BUNDLE", "--data"]]
)
def test_commands_take_the_choice(odd_file: Path, words: list[str]) -> None:
    known = {"OUT": str(odd_file.parent / "out"), "BUNDLE": str(shipped("models") / "default")}
    words = [*(known.get(word, word) for word in words), str(odd_file), "--stream", "2", "--columns"]
    with pytest.raises(RecordingError, match="has 6 columns, 0 to 5, but column 9 was asked for"):
        CliRunner().invoke(app, [*words, "9"], catch_exceptions=False)
    with pytest.raises(RecordingError, match="'E4' has the unit 'au'"):
        CliRunner().invoke(app, [*words, "4"], catch_exceptions=False)
    with pytest.raises(HanddtError) as found:  # no more than that these columns are not the electrodes
        CliRunner().invoke(app, [*words, "4", "--unit", "mV"], catch_exceptions=False)
    assert "unit" not in str(found.value)


def test_layouts_must_agree_or_be_named(dataset: Path, folder: Path) -> None:
    other = folder / "dataset.toml"
    other.write_text('layout = "flexemg_16x4"\n[[recording]]\nfile = "sub-01b_ses-1.xdf"\nsubject = "c"\n')
    with pytest.raises(ConfigError, match=r"One run needs one layout; there are .*ring8, .*flexemg_16x4"):
        read_names([dataset, other]).layout(None)
    with pytest.raises(ConfigError, match=r"name a layout with --layout, or in a dataset\.toml"):
        read_names([folder / "sub-01b_ses-1.xdf"]).layout(None)
    (folder / "dataset.toml").write_text('layout = "flexemg_16x4"\n[[recording]]\nfile = "no.xdf"\nsubject = "c"\n')
    with pytest.raises(RecordingError, match=r"names 'no\.xdf', which is not beside it"):
        read_names([folder])


# -- virtual people ----------------------------------------------------------------------------------------------------


def test_virtual_people_are_measured_as_they_are_recorded() -> None:
    config = FeatureConfig(measure="rms", unit="window", stride=8)
    table = build_table(["virtual:5:1:1:1"], config, processes=1)
    assert (table.people, table.sessions) == (("virtual-5-1",), ("1",))
    (recording,) = open_data(["virtual:5:1:1:1"], ElectrodeLayout.from_toml(layout_path("hyser_16x16"))).recordings
    assert len(np.unique(table.trial)) == len(recording.segments())
    assert set(table.gestures.labels) == {segment.label for segment in recording.segments()}


def test_virtual_people_of_a_reserved_seed_are_refused_by_studies_too() -> None:
    with pytest.raises(ConfigError, match=rf"seed {RESERVED_SEED}, .*--test-data may name these.*--allow-reserved"):
        refuse_reserved([f"virtual:{RESERVED_SEED}:1"])
    refuse_reserved([f"virtual:{RESERVED_SEED - 1}:1"])


def test_a_study_keeps_names_of_virtual_people_and_makes_paths_absolute(tmp_path: Path) -> None:
    noise_people(tmp_path / "hyser", {(1, 1): (6, 7)})
    settings, _ = read_study("study_smoke", data=("virtual:0:4", str(tmp_path / "hyser")))
    assert settings.data == ("virtual:0:4", str((tmp_path / "hyser").resolve()))
    assert is_virtual("virtual:0:4")
    assert not is_virtual(session_folder(tmp_path / "hyser", 1, 1))
