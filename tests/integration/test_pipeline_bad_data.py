"""Bad data and full disks, through the command line: exit code 2 and a sentence, or a counted and reported skip."""

from __future__ import annotations

import json
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from scipy import io

from offline.bundle.writing import write_bundle
from offline.cli import main
from offline.data.feature_table import FeatureTable
from offline.features.released_folders import write_study_folder
from offline.train.latents import Latents
from rt_handdt.core.bundle import BundleManifest
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.errors import BundleError, HanddtError, RecordingError
from rt_handdt.io.hyser_layout import session_folder
from rt_handdt.io.hyser_writer import write_session
from rt_handdt.paths import layout_path, shipped
from tests.support.method_tables import method_table
from tests.support.noise_people import CODES, noise_people, noise_trials
from tests.support.tiny import tiny_manifest, tiny_spec

Ran = tuple[int, str]


@pytest.fixture
def pipeline(tmp_path, monkeypatch, capfd) -> Callable[..., Ran]:
    """The command as a user gives it; returns exit code and what was said on standard error."""
    method = tmp_path / "method.toml"
    text = shipped("configs", "method", "smoke.toml").read_text()
    method.write_text(text.replace('keep = "knn"', 'keep = "last"').replace("epochs = 4", "epochs = 1"))

    def call(data: Path, *more: str, out: str = "run", measure: str = "rms", bundle: str = "none") -> Ran:
        words = ["pipeline", "--data", str(data), "--measure", measure, "--config", str(method), "--processes", "1"]
        words += ["--classifiers", "knn", "--bundle", bundle, "--no-figures", "--valid-people", "0"]
        monkeypatch.setattr(sys, "argv", ["handdt-offline", *words, "--out", str(tmp_path / out), *more])
        code = 0
        try:
            main()
        except SystemExit as exc:
            code = int(exc.code or 0)
        return code, " ".join(capfd.readouterr().err.split())

    return call


def notes(folder: Path) -> str:
    return "\n".join(json.loads((folder / "metrics.json").read_text())["notes"])


@contextmanager
def files_end_at(n_bytes: int) -> Iterator[None]:
    """As a disk that is full: no file grows beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_missing_gestures_and_sessions_are_said_and_done_without(tmp_path, pipeline):
    ragged = noise_people(tmp_path / "a", {(1, 1): CODES[:2] * 2, (2, 1): CODES * 2, (3, 1): CODES[1:] * 2})
    assert pipeline(ragged, "--test-subjects", "1")[0] == 0
    assert "subject 01 session 1: has no trial of hand_close." in notes(tmp_path / "run")
    assert "1 of 6 gestures × people have no sample" in notes(tmp_path / "run")
    found = json.loads((tmp_path / "run" / "metrics.json").read_text())["results"][0]
    assert np.sum(found["confusion"], axis=1).tolist() == [2, 2, 0]

    gone = noise_people(tmp_path / "b", {(1, 1): CODES * 2, (1, 2): CODES, (2, 1): CODES * 2})
    crossed = ("--protocol", "cross-session", "--session", "1", "2")
    assert pipeline(gone, *crossed, out="b-run")[0] == 0
    assert "subject 02: has no session 2." in notes(tmp_path / "b-run")
    code, said = pipeline(noise_people(tmp_path / "c", {(1, 1): CODES, (2, 1): CODES}), *crossed, out="c-run")
    assert code == 2
    assert "There is no session 2 with samples in the data; it has 1." in said


def test_a_gesture_that_only_the_test_person_makes_is_named(tmp_path, pipeline):
    data = noise_people(tmp_path / "a", {(1, 1): CODES, (2, 1): CODES[:2], (3, 1): CODES[:2]})
    code, said = pipeline(data, "--test-subjects", "1")
    assert code == 2
    assert "nobody is left to learn hand_close from" in said


def test_one_sample_of_each_class_and_empty_folds(tmp_path, pipeline):
    data = noise_people(tmp_path / "a", {(k, 1): CODES for k in (1, 2, 3)})
    code, _ = pipeline(data, "--test-subjects", "1", "--latent", "pattern", "subject")
    assert code == 0
    assert "6 of 6 gestures × people have one sample only." in notes(tmp_path / "run")
    assert "Subject latent, train part: Telling people apart needs" in notes(tmp_path / "run")
    code, said = pipeline(data, "--protocol", "within-session", "--folds", "2", out="b-run")
    assert code == 2
    assert "the training part is empty; check people, sessions and repetitions" in said


def test_missing_values_are_counted_and_empty_trials_left_out(tmp_path, pipeline):
    data = noise_people(tmp_path / "a", {(2, 1): CODES * 2, (3, 1): CODES * 2})
    broken = [(samples.copy(), code) for samples, code in noise_trials()]
    broken[0][0][:] = np.nan
    broken[1][0][:, 5] = np.nan
    broken[2][0][1500:1510] = np.nan
    write_session(session_folder(data, 1, 1), iter(broken))
    assert pipeline(data, "--test-subjects", "2")[0] == 0
    said = notes(tmp_path / "run")
    assert "subject 01 session 1: 1 trials had most channels missing and were left out." in said
    assert "subject 01 session 1: 4608 missing values were held" in said
    assert "1 channels of single trials were mostly missing and rebuilt" in said
    code, _ = pipeline(data, "--test-subjects", "2", "--unit", "window", "--stride", "8", out="windows")
    assert code == 0
    assert "windows had most channels missing and were left out" in notes(tmp_path / "windows")

    for samples, _ in broken:
        samples[:] = np.nan
    shutil.rmtree(session_folder(data, 1, 1))
    write_session(session_folder(data, 1, 1), iter(broken))
    code, said = pipeline(data, "--test-subjects", "1", out="nobody")
    assert code == 2
    assert "Note: subject 01 session 1: 6 trials had most channels missing and were left out." in said
    assert "There is no subject 1 with samples in the data; it has 02, 03." in said


def test_labels_that_are_none_and_a_changed_cache(tmp_path, pipeline):
    data = noise_people(tmp_path / "a", {(1, 1): CODES * 2, (2, 1): CODES * 2})
    labels = session_folder(data, 2, 1) / "label_dynamic.txt"
    right = labels.read_text()
    for wrong, says in (
        (right.replace("30", "35"), "entry 3 is '35'; each entry must be a gesture number from 1 to 34"),
        ("0" + right[1:], "entry 1 is '0'"),
        (right[:4], "has 2 labels, but there are 6 dynamic_raw samples"),
    ):
        labels.write_text(wrong)
        code, said = pipeline(data, "--test-subjects", "1")
        assert code == 2
        assert says in said
    labels.write_text(right)
    assert pipeline(data, "--test-subjects", "1")[0] == 0
    before = (tmp_path / "run" / "metrics.json").read_text()
    entry = sorted((tmp_path / "run" / "cache").glob("*.npy"))[0]
    content = bytearray(entry.read_bytes())
    content[-3] ^= 8
    entry.write_bytes(content)
    code, said = pipeline(data, "--test-subjects", "1")
    assert code == 0
    assert "measured anew" in said
    assert (tmp_path / "run" / "metrics.json").read_text() == before


def test_the_study_s_folders_with_other_variables(tmp_path, pipeline):
    shape = (16, 16)
    made = method_table(people=3, gestures=2, repetitions=2, shape=shape, inputs=(4,))
    table = FeatureTable(
        "td", ("rms", "wl", "zc", "ssc"), made.maps, made.label, made.person, made.session, made.trial, made.gestures,
        ("1", "2", "3"), ("1",), ElectrodeLayout.from_toml(layout_path("hyser_16x16")), "trial", 2048.0,
    )  # fmt: skip
    folder = write_study_folder(table, tmp_path / "study")
    path = folder / "subject02_session1" / "label_dynamic.mat"
    labels = io.loadmat(path)["label"]
    io.savemat(path, {"label": labels, "who": "me"})
    words = ("--test-subjects", "1", "--gestures", "all")
    code, _ = pipeline(folder, *words, measure="td", bundle="knn")
    assert code == 0
    assert "holds other variables too, not read: who" in notes(tmp_path / "run")
    assert "No bundle for live use was written. 'PR_v1_features_half_unslice_repair' holds ready-made" in notes(
        tmp_path / "run"
    )
    io.savemat(path, {"labels": labels})
    code, said = pipeline(folder, *words, measure="td", out="b-run")
    assert code == 2
    assert "must hold the variable 'label'; it holds labels" in said


@pytest.mark.parametrize(("n_bytes", "says"), [(500, "the features could not be written"), (60_000, "checkpoint.pt")])
def test_a_full_disk_is_said_and_the_run_goes_on_afterwards(tmp_path, pipeline, n_bytes, says):
    data = noise_people(tmp_path / "a", {(1, 1): CODES, (2, 1): CODES})
    with files_end_at(n_bytes):
        code, said = pipeline(data, "--test-subjects", "1")
    assert code == 2
    assert says in said
    assert "free some space" in said
    assert not list((tmp_path / "run").rglob("*.part"))
    assert pipeline(data, "--test-subjects", "1")[0] == 0


def test_whatever_is_written_says_that_the_disk_is_full_and_leaves_nothing_half(tmp_path):
    table = method_table()
    n, shape = len(table), table.maps.shape
    latents = Latents(
        np.zeros((n, 90), np.float32), np.zeros((n, 90), np.float32), table.label, table.person,
        np.zeros(shape, np.float32), np.zeros(shape, np.float32), table.trial, table.session,
        table.gestures.labels, table.people,
    )  # fmt: skip
    manifest: BundleManifest = tiny_manifest(tiny_spec())
    with files_end_at(3000):
        with pytest.raises(HanddtError, match=r"latents.npz: cannot be written .* free some space"):
            latents.save(tmp_path / "latents.npz")
        with pytest.raises(RecordingError, match=r"cannot be written .* free some space"):
            table.save(tmp_path / "table.npz")
        with pytest.raises(BundleError, match=r"bundle cannot be written .* free some space"):
            write_bundle(
                tmp_path / "bundle",
                manifest,
                recognizer=b"",
                explainer=b"x" * 5000,
                golden={},
                card="",
                paint=lambda latent: latent,
            )
    assert list(tmp_path.iterdir()) == []
