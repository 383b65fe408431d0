"""A virtual cohort on disk is read back like Hyser."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from offline.cli import app
from offline.cohort import write as cohort
from offline.cohort.disk_space import session_bytes
from offline.cohort.ragged import lacking, without
from offline.cohort.write import write_cohort
from offline.data.cohort_folder import COHORT_FILE, CohortPlan
from offline.data.recordings import open_data
from offline.data.simulator import simulator_fingerprint
from rt_handdt.core.gestures import REST, hyser_code, hyser_label
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.continuous_folder import continuous_file
from rt_handdt.io.hyser import read_hyser
from rt_handdt.io.hyser_layout import list_sessions, session_folder
from rt_handdt.io.sources import open_recording
from rt_handdt.sim.continuous import continuous_recording
from rt_handdt.sim.seeds import RESERVED_SEED
from rt_handdt.sim.session import virtual_trials
from tests.integration.cheap_cohort import CONTINUOUS, contents, noise_recording

GESTURES = ("wrist_flexion", "hand_open")
CODES = tuple(hyser_code(label) for label in GESTURES)
SMALL = {"subjects": 2, "sessions": 1, "gestures": GESTURES[:1], "kind": "all", "repetitions": 1, "progress": False}


@pytest.fixture
def two_electrodes(monkeypatch) -> None:
    monkeypatch.setattr(cohort, "continuous_recording", noise_recording)


def cheap_trials(seed, subject, session, gestures, repetitions, kind):
    """Noise in place of people, for all that is about files."""
    rng = np.random.default_rng([seed, subject, session, kind == "maintenance"])
    for _ in range(repetitions):
        for label in gestures:
            samples = rng.normal(0, 20, (2048 * (4 if kind == "maintenance" else 1), 256))
            yield samples.astype(np.float32), hyser_code(label)


@pytest.fixture
def cheap(monkeypatch) -> None:
    monkeypatch.setattr(cohort, "virtual_trials", cheap_trials)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A cohort written without interruption."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cohort, "virtual_trials", cheap_trials)
        return write_cohort(tmp_path_factory.mktemp("cohort") / "whole", **SMALL, processes=1)


@pytest.fixture
def copy(whole, cheap, tmp_path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> Path:
    """A cohort of people, made by two processes."""
    out = tmp_path_factory.mktemp("real") / "cohort"
    return write_cohort(out, 2, 1, 5, gestures=GESTURES, repetitions=1, processes=2, progress=False)


def test_cohort_reads_back_as_hyser(real):
    found = list_sessions(real)
    assert [(one.subject, one.session) for one in found] == [(1, 1), (2, 1)]
    trials = list(virtual_trials(5, 2, 1, GESTURES, 1, "dynamic"))
    assert found[1].labels("dynamic", "raw") == tuple(code for _, code in trials)
    recording = read_hyser(real, subject=2, session=1, kind="dynamic")
    labels = [segment.label for segment in recording.segments() if segment.label != "rest"]
    assert labels == [hyser_label(code) for _, code in trials]
    # the last trial's samples came through the files but for the rounding to 16 bits
    read = np.concatenate(list(recording.blocks()))[-1500:]
    np.testing.assert_allclose(read, trials[-1][0][-1500:], atol=0.5)


def test_processes_do_not_change_the_files(real, tmp_path):
    out = tmp_path / "one"
    write_cohort(out, 2, 1, 5, gestures=GESTURES, repetitions=1, processes=1, progress=False)
    assert contents(out) == contents(real)


def test_both_kinds_are_written_and_read(whole):
    assert all(set(one.kinds) == {"dynamic", "maintenance"} for one in list_sessions(whole))
    assert len(contents(whole)) == 2 * 2 * 3 + 2  # and the two that say what they are
    made, _ = next(cheap_trials(0, 2, 1, GESTURES[:1], 1, "maintenance"))
    read = np.concatenate(list(read_hyser(whole, subject=2, session=1, kind="maintenance").blocks()))
    np.testing.assert_allclose(read[-6000:], made[-6000:], atol=0.5)


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


def test_a_cohort_cut_short_in_any_write_goes_on(whole, cheap, tmp_path):
    real = cohort.write_session

    def fails(folder, trials, kind, *more):
        if folder.name == "subject02_session1":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(folder, trials, kind, *more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cohort, "write_session", fails)
        with pytest.raises(RecordingError, match=r"disk is full \(No space left.*1 of 2.*same command again"):
            write_cohort(tmp_path / "new", **SMALL, processes=1)
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


def test_ragged_leaves_the_other_trials_as_they_are(tmp_path, cheap):
    seed = next(seed for seed in range(999) if lacking(seed, 1, 1, "dynamic", CODES, 2))
    lost = lacking(seed, 1, 1, "dynamic", CODES, 2)
    out = tmp_path / "ragged"
    write_cohort(out, 1, 1, seed, gestures=GESTURES, repetitions=2, ragged=True, progress=False)
    trials = list(cheap_trials(seed, 1, 1, GESTURES, 2, "dynamic"))
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
    assert asked["minutes"] is None
    assert (asked["kind"], asked["ragged"], asked["processes"], len(asked["gestures"])) == ("all", True, 3, 34)
    run = CliRunner().invoke(app, ["cohort", "--out", str(tmp_path / "new"), "--seed", str(RESERVED_SEED - 1)])
    assert "reserved" not in run.stderr
    assert (asked["kind"], len(asked["gestures"])) == ("dynamic", 10)
    CliRunner().invoke(
        app, ["cohort", "--out", str(tmp_path / "new"), "--continuous", "--minutes", "2", "--sessions", "3"]
    )
    assert asked["given"] == (tmp_path / "new", 4, 3, 0)
    assert (asked["kind"], asked["minutes"]) == ("continuous", 2.0)


@pytest.mark.parametrize("more", [["--kind", "all"], ["--ragged"], ["--minutes", "1"]])
def test_options_that_exclude_each_other_are_refused(tmp_path, more):
    continuous = [] if "--minutes" in more else ["--continuous"]
    run = CliRunner().invoke(app, ["cohort", "--out", str(tmp_path / "new"), *continuous, *more])
    assert isinstance(run.exception, ConfigError)
    assert more[0] in str(run.exception)
    assert not (tmp_path / "new").exists()


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
        ({"kind": "static"}, "'dynamic', 'maintenance', 'all' or 'continuous'"),
        ({"kind": "all", "minutes": 1.0}, "Only a continuous session has 'minutes'"),
        ({"kind": "continuous", "ragged": True}, "no trials to repeat or leave out"),
        ({"kind": "continuous", "repetitions": 2}, "no trials to repeat or leave out"),
        ({"kind": "continuous", "minutes": 0.1}, r"0\.17 minutes or more; got 0\.1"),
        ({"kind": "continuous", "minutes": float("nan")}, "minutes or more; got nan"),
        ({"seed": -1}, "0 or more"),
        ({"processes": 0}, "'processes' must be 1 or more"),
    ],
)
def test_senseless_cohorts_are_refused_before_anything_is_written(tmp_path, options, says):
    with pytest.raises(ConfigError, match=says):
        write_cohort(tmp_path / "new", **{"progress": False, **options})
    assert not (tmp_path / "new").exists()


# -- continuous sessions -----------------------------------------------------------------------------------------------


def test_a_continuous_cohort_reads_back(tmp_path, capfd):
    """The one test with all 256 electrodes."""
    out = write_cohort(tmp_path / "life", **{**CONTINUOUS, "subjects": 1, "progress": True}, seed=5)
    assert "To write: 1 sessions, about 25 MB (" in capfd.readouterr().err
    path = continuous_file(out, 1, 1)
    assert {str(file.relative_to(out)) for file in out.rglob("*") if file.is_file()} == {
        "COHORT.md",
        "cohort.json",
        "continuous/subject01_session1.xdf",
    }
    plan = CohortPlan.model_validate(json.loads((out / COHORT_FILE).read_text()))
    assert path.stat().st_size == pytest.approx(session_bytes(plan, "continuous"), rel=0.01)
    made = continuous_recording(5, 1, 1, minutes=0.2)
    read = open_recording(out, subject=1, session=1)
    assert (read.subject, read.channels, read.markers) == ("virtual-5-1", made.channels, made.markers)
    assert {REST} < {marker.label for marker in read.markers}
    np.testing.assert_array_equal(next(iter(read.blocks(2000))), next(iter(made.blocks(2000))))


def test_a_continuous_cohort_goes_on_where_it_stopped(tmp_path, two_electrodes, monkeypatch):
    whole = contents(write_cohort(tmp_path / "whole", **CONTINUOUS))
    out = Path(shutil.copytree(tmp_path / "whole", tmp_path / "copy"))
    continuous_file(out, 2, 1).unlink()
    stray = continuous_file(out, 2, 1).with_name("subject02_session1.xdf.part")
    stray.write_bytes(b"cut sh")
    kept = continuous_file(out, 1, 1)
    before = kept.stat().st_mtime_ns
    assert contents(write_cohort(out, **CONTINUOUS)) == whole
    assert kept.stat().st_mtime_ns == before
    monkeypatch.setattr(cohort, "write_xdf", lambda *_, **__: pytest.fail("a complete cohort has nothing to write"))
    assert contents(write_cohort(out, **CONTINUOUS)) == whole
    for changes, says in (
        ({"minutes": 0.3}, r"minutes 0\.2; asked for: minutes 0\.3"),
        ({"kind": "dynamic", "minutes": None}, "there: kind continuous, minutes .*asked for: kind dynamic"),
    ):
        with pytest.raises(RecordingError, match=says):
            write_cohort(out, **{**CONTINUOUS, **changes})
    kept.write_bytes(kept.read_bytes()[:-100])
    with pytest.raises(RecordingError, match=r"subject01_session1\.xdf.*cut short"):
        write_cohort(out, **CONTINUOUS)
    (out / "continuous" / "notes.txt").write_text("mine")
    with pytest.raises(RecordingError, match=r"holds 'notes\.txt', which is no part"):
        write_cohort(out, **CONTINUOUS)


def test_a_session_of_another_length_is_refused(tmp_path, two_electrodes):
    out = write_cohort(tmp_path / "life", **{**CONTINUOUS, "subjects": 1})
    longer = write_cohort(tmp_path / "longer", **{**CONTINUOUS, "subjects": 1, "minutes": 0.21})
    shutil.copy(continuous_file(longer, 1, 1), continuous_file(out, 1, 1))
    with pytest.raises(RecordingError, match=r"holds 25805 samples in place of 24576.*delete it"):
        write_cohort(out, **{**CONTINUOUS, "subjects": 1})


def test_a_reserved_continuous_cohort_is_not_trained_on(tmp_path, two_electrodes):
    out = write_cohort(tmp_path / "life", **{**CONTINUOUS, "subjects": 1}, seed=RESERVED_SEED)
    for path in (out, out / "continuous", continuous_file(out, 1, 1)):
        with pytest.raises(ConfigError, match="reserved"):
            open_data([str(path)], ElectrodeLayout.grid(1, 2))


# -- what it takes -----------------------------------------------------------------------------------------------------


def test_what_a_cohort_takes_is_known_beforehand(whole):
    plan = CohortPlan.model_validate(json.loads((whole / COHORT_FILE).read_text()))
    real = sum(path.stat().st_size for path in (whole / "pr_dataset").rglob("*") if path.is_file())
    assert real == pytest.approx(2 * sum(session_bytes(plan, part) for part in plan.parts), rel=0.02)


# -- another simulator -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("noted", ["0123456789ab", ""])
def test_people_of_another_simulator_are_read_but_not_gone_on_with(copy, noted):
    plan = json.loads((copy / COHORT_FILE).read_text())
    assert plan["simulator"] == simulator_fingerprint()
    plan["simulator"] = noted
    if not noted:  # as older versions wrote it
        del plan["simulator"], plan["minutes"]
    (copy / COHORT_FILE).write_text(json.dumps(plan))
    before = contents(copy)
    shutil.rmtree(session_folder(copy, 2, 1))
    with pytest.raises(
        RecordingError, match=rf"simulator {noted or 'not noted'}; here: .*choose another folder, or delete"
    ):
        write_cohort(copy, **SMALL)
    assert contents(copy).items() < before.items()
    assert len(open_data([str(copy)], ElectrodeLayout.grid(16, 16)).recordings) == 1
    assert read_hyser(copy, subject=1, session=1).n_samples > 2048


def test_the_fingerprint_follows_the_source_but_not_its_line_ends(tmp_path, monkeypatch):
    from rt_handdt import sim

    folder = Path(shutil.copytree(Path(sim.__file__).parent, tmp_path / "sim"))
    monkeypatch.setattr("offline.data.simulator.resources.files", lambda _: folder)
    fresh = simulator_fingerprint.__wrapped__
    first = fresh()
    assert first == simulator_fingerprint()
    for path in folder.glob("*.py"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    (folder / "__pycache__" / "x.pyc").parent.mkdir(exist_ok=True)
    assert fresh() == first
    with (folder / "person.py").open("ab") as file:
        file.write(b"# x\n")
    assert fresh() != first
