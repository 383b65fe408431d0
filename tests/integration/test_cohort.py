"""A virtual cohort on disk is read back like Hyser."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from offline import cohort
from offline.cli import app
from offline.cohort import write_cohort
from offline.ragged import lacking, without
from rt_handdt.core.gestures import hyser_code, hyser_label
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.hyser import read_hyser
from rt_handdt.io.hyser_layout import list_sessions, session_folder
from rt_handdt.sim.seeds import RESERVED_SEED
from rt_handdt.sim.session import virtual_trials

GESTURES = ("wrist_flexion", "hand_open")
CODES = tuple(hyser_code(label) for label in GESTURES)
SMALL = {"subjects": 2, "sessions": 1, "gestures": GESTURES[:1], "kind": "all", "repetitions": 1, "progress": False}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A cohort written without interruption."""
    return write_cohort(tmp_path_factory.mktemp("cohort") / "whole", **SMALL, processes=1)


@pytest.fixture
def copy(whole, tmp_path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_cohort_reads_back_as_hyser(tmp_path):
    out = tmp_path / "cohort"
    write_cohort(out, 2, 1, 5, gestures=GESTURES, kind="all", repetitions=1, processes=2, progress=False)
    found = list_sessions(out)
    assert [(one.subject, one.session) for one in found] == [(1, 1), (2, 1)]
    assert all(set(one.kinds) == {"dynamic", "maintenance"} for one in found)
    trials = list(virtual_trials(5, 2, 1, GESTURES, 1, "dynamic"))
    assert found[1].labels("dynamic", "raw") == tuple(code for _, code in trials)
    recording = read_hyser(out, subject=2, session=1, kind="dynamic")
    labels = [segment.label for segment in recording.segments() if segment.label != "rest"]
    assert labels == [hyser_label(code) for _, code in trials]
    # the last trial's samples came through the files but for the rounding to 16 bits
    read = np.concatenate(list(recording.blocks()))[-1500:]
    np.testing.assert_allclose(read, trials[-1][0][-1500:], atol=0.5)


def test_processes_do_not_change_the_files(whole, tmp_path):
    files = contents(whole)
    assert len(files) == 2 * 2 * 3 + 2  # and the two that say what they are
    assert contents(write_cohort(tmp_path / "two", **SMALL, processes=2)) == files


def test_an_interrupted_cohort_goes_on_where_it_stopped(whole, copy, monkeypatch):
    (session_folder(copy, 1, 1) / "label_maintenance.txt").unlink()
    (session_folder(copy, 1, 1) / "maintenance_raw_sample1.hea").unlink()
    (session_folder(copy, 1, 1) / "maintenance_raw_sample1.dat.part").write_bytes(b"cut sh")
    shutil.rmtree(session_folder(copy, 2, 1))
    kept = session_folder(copy, 1, 1) / "dynamic_raw_sample1.dat"
    before = kept.stat().st_mtime_ns
    write_cohort(copy, **SMALL, processes=1)
    assert contents(copy) == contents(whole)
    assert kept.stat().st_mtime_ns == before  # what was complete is not made again
    monkeypatch.setattr(cohort, "write_session", lambda *_: pytest.fail("a complete cohort has nothing to write"))
    write_cohort(copy, **SMALL)
    assert contents(copy) == contents(whole)


def test_a_cohort_cut_short_in_any_write_goes_on(whole, tmp_path, monkeypatch):
    real = cohort.write_session

    def fails(folder, trials, kind, *more):
        if folder.name == "subject02_session1":
            raise OSError(28, "No space left on device")
        return real(folder, trials, kind, *more)

    monkeypatch.setattr(cohort, "write_session", fails)
    with pytest.raises(RecordingError, match=r"No space left on device.*same command again"):
        write_cohort(tmp_path / "new", **SMALL, processes=1)
    monkeypatch.undo()
    assert contents(write_cohort(tmp_path / "new", **SMALL, processes=1)) == contents(whole)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seed": 7}, r"there: seed 0; asked for: seed 7"),
        ({"ragged": True}, "ragged False; asked for: ragged True"),
        ({"kind": "dynamic"}, "kind all; asked for: kind dynamic"),
        ({"gestures": GESTURES}, r"2 gestures \(wrist_flexion, hand_open\)"),
    ],
)
def test_other_parameters_are_refused(copy, whole, changes, says):
    with pytest.raises(RecordingError, match=says):
        write_cohort(copy, **{**SMALL, **changes})
    assert contents(copy) == contents(whole)


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("thesis.txt", "'thesis.txt', which is no part"),
        ("pr_dataset/subject03_session1/label_dynamic.txt", "'subject03_session1', which is no part"),
        ("pr_dataset/subject01_session1/notes.txt", "'notes.txt', which is no part"),
        ("pr_dataset/subject01_session1/dynamic_raw_sample2.dat", "names 1 trials.*delete this folder"),
        ("pr_dataset/subject01_session1/label_dynamic.txt", "entry 1 is 'mine'"),
        ("cohort.json", "cannot be read"),
    ],
)
def test_foreign_contents_are_refused(copy, file, says):
    (copy / file).parent.mkdir(exist_ok=True)
    (copy / file).write_text("mine")
    before = contents(copy)
    with pytest.raises(RecordingError, match=says):
        write_cohort(copy, **SMALL)
    assert contents(copy) == before


def test_a_lost_trial_of_a_complete_session_is_refused(copy):
    (session_folder(copy, 1, 1) / "dynamic_raw_sample1.hea").unlink()
    with pytest.raises(RecordingError, match=r"does not agree with 'dynamic_raw_sample1\.hea'"):
        write_cohort(copy, **SMALL)


def test_ragged_lacks_about_what_hyser_lacks():
    everything = range(1, 35)
    lost = {"dynamic": [], "maintenance": []}
    cohorts, wholly = 25, 0
    for seed in range(cohorts):
        for subject in range(1, 21):
            for session in (1, 2):
                for kind, repetitions in (("dynamic", 6), ("maintenance", 2)):
                    gaps = lacking(seed, subject, session, kind, everything, repetitions)
                    lost[kind].append(sum(map(len, gaps.values())))
                    wholly += kind == "dynamic" and sum(len(gone) == 6 for gone in gaps.values())
                    # what one gesture lacks does not depend on the others
                    some = lacking(seed, subject, session, kind, CODES, repetitions)
                    assert some == {code: gaps[code] for code in CODES if code in gaps}
    assert sum(lost["dynamic"]) / cohorts == pytest.approx(8160 - 8068, rel=0.1)
    assert sum(lost["maintenance"]) / cohorts == pytest.approx(2720 - 2686, rel=0.15)
    assert wholly / cohorts == pytest.approx(6, rel=0.2)


def test_a_ragged_session_never_lacks_everything():
    sizes = [lacking(seed, 1, 1, "dynamic", CODES[:1], 1) for seed in range(2000)]
    assert not any(sizes)


def test_ragged_leaves_the_other_trials_as_they_are(tmp_path):
    seed = next(seed for seed in range(999) if lacking(seed, 1, 1, "dynamic", CODES, 2))
    lost = lacking(seed, 1, 1, "dynamic", CODES, 2)
    out = tmp_path / "ragged"
    write_cohort(out, 1, 1, seed, gestures=GESTURES, repetitions=2, ragged=True, progress=False)
    trials = list(virtual_trials(seed, 1, 1, GESTURES, 2))
    left = list(without(iter(trials), lost))
    assert 0 < len(left) == len(trials) - sum(map(len, lost.values())) < len(trials)
    found = list_sessions(out)[0]
    assert found.labels("dynamic", "raw") == tuple(code for _, code in left)
    assert all(any(samples is one for one, _ in trials) for samples, _ in left)
    read = np.concatenate(list(read_hyser(out, subject=1, session=1).blocks()))[-1500:]
    np.testing.assert_allclose(read, left[-1][0][-1500:], atol=0.5)


def test_the_command_passes_everything_on(tmp_path, monkeypatch):
    asked = {}
    monkeypatch.setattr(cohort, "write_cohort", lambda *given, **named: asked.update(named, given=given))
    words = ["cohort", "--out", str(tmp_path / "new"), "--kind", "all", "--gestures", "all", "--ragged"]
    run = CliRunner().invoke(app, [*words, "--processes", "3", "--seed", str(RESERVED_SEED)])
    assert run.exit_code == 0
    assert "reserved for final figures" in run.stderr
    assert asked["given"] == (tmp_path / "new", 20, 2, RESERVED_SEED)
    assert (asked["kind"], asked["ragged"], asked["processes"], len(asked["gestures"])) == ("all", True, 3, 34)
    run = CliRunner().invoke(app, ["cohort", "--out", str(tmp_path / "new"), "--seed", str(RESERVED_SEED - 1)])
    assert "reserved" not in run.stderr
    assert len(asked["gestures"]) == 10


def test_train_asks_for_a_flag_before_it_takes_reserved_people(tmp_path):
    words = ["train", "--data", f"virtual:{RESERVED_SEED}:1", "--layout", "hyser_16x16", "--out", str(tmp_path / "out")]
    refused = CliRunner().invoke(app, words)
    assert isinstance(refused.exception, ConfigError)
    assert "--allow-reserved-seeds" in str(refused.exception)
    settings = tmp_path / "wrong.toml"
    settings.write_text('gestures = ["no_such_gesture", "rest"]\n')
    allowed = CliRunner().invoke(app, [*words, "--allow-reserved-seeds", "--config", str(settings)])
    assert "no_such_gesture" in str(allowed.exception)  # further than the seeds


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RecordingError, match="new or empty folder"):
        write_cohort(tmp_path, 1, 1, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"subjects": 0}, "'subjects' must be 1 or more"),
        ({"gestures": ("hand_wave",)}, "hand_wave"),
        ({"gestures": ()}, "at least one gesture"),
        ({"kind": "static"}, "'dynamic', 'maintenance' or 'all'"),
        ({"seed": -1}, "0 or more"),
        ({"processes": 0}, "'processes' must be 1 or more"),
    ],
)
def test_senseless_cohorts_are_refused_before_anything_is_written(tmp_path, options, says):
    with pytest.raises(ConfigError, match=says):
        write_cohort(tmp_path / "new", **{"progress": False, **options})
    assert not (tmp_path / "new").exists()
