"""The study's preprocessed folders: written, read back, and refused where they are not what they should be."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import io

from offline.data.feature_table import FeatureTable
from offline.features.measures import parse_measure
from offline.features.released_folders import FOLDERS, POSITIONS, read_study_folder, write_study_folder
from rt_handdt.core.gestures import GestureSet
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.paths import layout_path

GESTURES = ("wrist_flexion", "hand_open", "thumb_middle_pinch")  # 6, 31, 34


def make_table(measure: str = "td", n: int = 6) -> FeatureTable:
    parsed = parse_measure(measure)
    rng = np.random.default_rng(0)
    return FeatureTable(
        measure=measure,
        names=parsed.names,
        maps=rng.normal(size=(n, parsed.n_maps, 16, 16)).astype(np.float32),
        label=np.arange(n) % 3,
        person=np.arange(n) // 3,
        session=np.zeros(n, np.int64),
        trial=np.arange(n),
        gestures=GestureSet(GESTURES),
        people=("01", "12"),
        sessions=("2",),
        layout=ElectrodeLayout.from_toml(layout_path("hyser_16x16")),
        unit="trial",
        fs_hz=2048.0,
        inputs=parsed.inputs,
    )


@pytest.fixture
def folder(tmp_path):
    return write_study_folder(make_table(), tmp_path)


@pytest.mark.parametrize("measure", FOLDERS)
def test_every_data_type_comes_back_as_it_was(tmp_path, measure):
    table = make_table(measure, 6 if measure == "td" else 3)
    folder = write_study_folder(table, tmp_path)
    assert folder.name == FOLDERS[measure][0]
    back = read_study_folder(tmp_path, measure)
    np.testing.assert_array_equal(back.maps, table.maps)
    assert [back.gestures.labels[k] for k in back.label] == [GESTURES[k] for k in table.label]
    assert [back.people[k] for k in back.person] == [table.people[k] for k in table.person]
    assert (back.sessions, back.names, back.inputs) == (("2",), table.names, table.inputs)
    assert any("one trial only (kept) of wrist_flexion" in text for text in back.skipped)


def test_the_files_are_what_the_public_release_reads(folder):
    """As its loader walks them: row 0 of the outer cell, then [0, k] and [0] of the inner ones."""
    table = make_table()
    cells = io.loadmat(folder / "subject12_session2" / "pr_feature_smooth_dynamic.mat")["feature_smooth"][0]
    labels = io.loadmat(folder / "subject12_session2" / "label_dynamic.mat")["label"][0]
    assert labels.tolist() == [6, 31, 34]
    assert cells.shape == (3,)
    assert cells[1].shape == (1, 60)
    vectors = [cells[1][0, k][0] for k in (0, 1, 24, 25)]
    np.testing.assert_array_equal(np.concatenate(vectors).reshape(4, 16, 16), table.maps[4])
    assert np.isnan(cells[1][0, 7]).all()


def test_single_features_gestures_and_sessions_can_be_chosen(folder):
    table = make_table()
    for name, position in POSITIONS.items():
        back = read_study_folder(folder, name, gestures=GESTURES[1:])
        np.testing.assert_array_equal(back.maps[:, 0], table.maps[table.label > 0, list(POSITIONS).index(name)])
        assert position in (0, 1, 24, 25)
    with pytest.raises(RecordingError, match="no trial of the wanted sessions"):
        read_study_folder(folder, sessions=["1"])


def mat(folder, **values):
    cells = np.empty((1, 2), object)
    for k in range(2):
        inner = np.empty((1, 60), object)
        inner[0, :] = [np.ones((1, 256)) for _ in range(60)]
        cells[0, k] = inner
    io.savemat(folder / "pr_feature_smooth_dynamic.mat", {"feature_smooth": cells, **values})
    return cells


def test_trials_with_nan_and_foreign_variables_are_counted(folder):
    inside = folder / "subject01_session2"
    cells = mat(inside)
    cells[0, 1][0, 24] = np.full((1, 256), np.nan)
    cells[0, 0][0, 5] = np.full((1, 256), np.nan)  # not one of the wanted
    io.savemat(inside / "pr_feature_smooth_dynamic.mat", {"feature_smooth": cells, "fs": 2048, "who": "me"})
    io.savemat(inside / "label_dynamic.mat", {"label": np.array([[6], [34]])})
    table = read_study_folder(folder)
    assert len(table) == 1 + 3
    said = " ".join(table.skipped)
    assert "subject 01 session 2: 1 trials hold NaN" in said
    assert "other variables too, not read: fs, who" in said
    assert "subject 01 session 2: has no trial of hand_open, thumb_middle_pinch" in said


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: io.savemat(f / "label_dynamic.mat", {"label": [[6, 31, 35]]}), "entry 3 of label_dynamic.mat is 35"),
        (lambda f: io.savemat(f / "label_dynamic.mat", {"label": [[6, 31.5, 34]]}), "is 31.5; each must be"),
        (lambda f: io.savemat(f / "label_dynamic.mat", {"label": [[6, 31]]}), "one entry for each of the 2 labels"),
        (lambda f: io.savemat(f / "label_dynamic.mat", {"labels": [[6]]}), "must hold the variable 'label'; it holds"),
        (lambda f: (f / "label_dynamic.mat").unlink(), "is missing; copy it"),
        (lambda f: (f / "label_dynamic.mat").write_bytes(b"nonsense" * 40), "no MAT file that can be read"),
        (lambda f: mat(f), "one entry for each of the 3 labels"),
        (
            lambda f: io.savemat(f / "pr_feature_smooth_dynamic.mat", {"feature_smooth": np.ones((3, 60))}),
            "must be a cell with one entry for each",
        ),
    ],
)
def test_what_is_not_the_study_s_is_refused(folder, change, says):
    change(folder / "subject01_session2")
    with pytest.raises(RecordingError, match=says):
        read_study_folder(folder)


def test_cells_of_another_size_are_refused(folder):
    inside = folder / "subject01_session2"
    cells = mat(inside)
    io.savemat(inside / "label_dynamic.mat", {"label": [[6, 34]]})
    cells[0, 1][0, 0] = np.ones((1, 64))
    io.savemat(inside / "pr_feature_smooth_dynamic.mat", {"feature_smooth": cells})
    with pytest.raises(RecordingError, match="feature 0 of trial 2 must be 256 numbers"):
        read_study_folder(folder)
    cells[0, 1] = np.empty((1, 4), object)
    cells[0, 1][0, :] = [np.ones((1, 256))] * 4
    io.savemat(inside / "pr_feature_smooth_dynamic.mat", {"feature_smooth": cells})
    with pytest.raises(RecordingError, match="trial 2 must be a cell of 60 features; it has 4"):
        read_study_folder(folder)


def test_measures_that_the_study_has_not_are_refused(folder, tmp_path):
    with pytest.raises(ConfigError, match="no folder of the measure 'mnf'"):
        read_study_folder(folder, "mnf")
    with pytest.raises(ConfigError, match="does not hold the measure 'raw'"):
        read_study_folder(folder, "raw")
    with pytest.raises(RecordingError, match="is not there"):
        read_study_folder(tmp_path, "raw")
    with pytest.raises(ConfigError, match="numbered people"):
        write_study_folder(
            FeatureTable(**{**make_table().__dict__, "people": ("anna", "ben")}),
            tmp_path,
        )


def test_a_table_is_saved_and_loaded(tmp_path):
    table = make_table()
    back = FeatureTable.load(table.save(tmp_path / "table.npz"))
    assert {k: v for k, v in back.__dict__.items() if not isinstance(v, np.ndarray)} == {
        k: v for k, v in table.__dict__.items() if not isinstance(v, np.ndarray)
    }
    np.testing.assert_array_equal(back.maps, table.maps)
    np.testing.assert_array_equal(back.select(back.label == 1).trial, [1, 4])
    assert table.counts().shape == (2, 1, 3)
    (tmp_path / "bad.npz").write_bytes(b"nothing")
    with pytest.raises(RecordingError, match="no feature table that can be read"):
        FeatureTable.load(tmp_path / "bad.npz")
    with pytest.raises(RecordingError, match=r"'label' must lie in 0\.\.2"):
        FeatureTable(**{**table.__dict__, "label": table.label + 1})
