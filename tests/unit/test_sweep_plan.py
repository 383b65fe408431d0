"""A study's settings, its jobs and its folder, before anything is measured: what is made of them, what is refused."""

from __future__ import annotations

import gc
import json
import os
from pathlib import Path
from typing import Any

import pytest

from offline.config import TrainConfig
from offline.config.method import MethodConfig
from offline.data.cohort_folder import COHORT_FILE, CohortPlan
from offline.sweep.cluster import check_workers, connected
from offline.sweep.conditions import resolve
from offline.sweep.plan import Plan, make_plan
from offline.sweep.study_config import StudyConfig, read_study, study_path
from offline.sweep.study_folder import StudyFolder
from offline.sweep.study_run import plan_study, run_study
from offline.sweep.versions import versions
from rt_handdt.errors import ConfigError, HanddtError, RecordingError
from rt_handdt.paths import shipped
from tests.support.noise_people import write_people

SHIPPED = sorted(shipped("configs").glob("study_*.toml"))
CONDITIONS: list[dict[str, Any]] = [
    {"name": "small", "config": "smoke"},
    {"name": "no_cross", "config": "smoke", "override": {"loss": {"cross": 0.0}}, "seeds": [0]},
    {"name": "raw", "kind": "baseline", "measures": ["rms"]},
]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """People 1 to 5 in session 1, 1 to 4 in session 2; trials of 64 samples."""
    pairs = [(subject, 1) for subject in range(1, 6)] + [(subject, 2) for subject in range(1, 5)]
    return write_people(tmp_path_factory.mktemp("people"), pairs, repetitions=1, samples=64)


def study(folder: Path, **changes: Any) -> StudyConfig:
    values = {
        "name": "test",
        "data": [str(folder)],
        "fold_size": 2,
        "sessions": [["1"], ["2"]],
        "measures": ["rms", "td"],
        "seeds": [0, 7],
        "condition": CONDITIONS,
    }
    return StudyConfig.parse({**values, **changes}, what="it.toml")


def planned(folder: Path, **changes: Any) -> Plan:
    return make_plan(study(folder, **changes), Path())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_study_loads_and_its_conditions_too(path: Path, data: Path) -> None:
    config, root = read_study(path, data=(str(data),))
    resolved = {one.name: resolve(one, root) for one in config.condition}
    trained = [one for one in config.condition if one.kind != "baseline"]
    kinds = {"method": MethodConfig, "recipe": TrainConfig}
    assert all(isinstance(resolved[one.name], kinds[one.kind]) for one in trained)
    assert len({str(resolved[one.name]) for one in trained}) == len(trained)  # no two are the same
    assert study_path(path.stem) == path
    if path.stem == "study_measures":
        published = {"raw", "envelope", "stft", "rms", "wl", "td", "stft_td"}
        assert set(config.measures) == published | {"zc", "ssc"}


def test_every_condition_measure_session_fold_and_seed_is_a_job(data: Path) -> None:
    plan = planned(data)
    names = [job.id for job in plan.jobs]
    # folds: {1, 2}, {3, 4}, {5}; in session 2 there is no person 5
    assert len([name for name in names if name.startswith("small_td_s1_")]) == 3 * 2
    assert len([name for name in names if name.startswith("small_td_s2_")]) == 2 * 2
    assert len(names) == (2 * 2 + 1 * 2 + 2 * 1) * 5  # small: measures × seeds; no_cross: one seed; raw: one measure
    assert names[0] == "small_rms_s1_f1_seed0"
    assert [name.endswith("seed0") for name in names] == sorted((n.endswith("seed0") for n in names), reverse=True)
    assert any("Fold 3, session 2: none of its people (05) was recorded" in note for note in plan.notes)
    jobs = {job.id: job for job in plan.jobs}
    job = jobs["no_cross_td_s2_f2_seed0"]
    assert job.to_dict() == {
        "format": "rt-handdt.study-job/1",
        "id": "no_cross_td_s2_f2_seed0",
        "condition": "no_cross",
        "kind": "method",
        "measure": "td",
        "unit": "trial",
        "sessions": ["2"],
        "fold": 2,
        "seed": 0,
    }
    assert job.settings.test_subjects == ("03", "04")
    assert job.settings.method.loss.cross == 0.0
    assert job.settings.method.loss.triplet == jobs["small_td_s2_f2_seed0"].settings.method.loss.triplet
    assert (job.settings.method.threads, job.settings.features.sessions) == (1, ("2",))
    assert jobs["small_rms_s1_f1_seed7"].settings.method.seed == jobs["small_rms_s1_f1_seed7"].settings.seed == 7
    assert [one.id for one in planned(data).jobs] == names  # and always the same


def test_other_protocols_make_other_folds(data: Path, tmp_path: Path) -> None:
    one = {"measures": ["rms"], "seeds": [0], "condition": [CONDITIONS[0]]}
    crossed = planned(data, protocol="cross-session", sessions=[], **one).jobs
    assert [job.id for job in crossed] == ["small_rms_s1to2_f1_seed0", "small_rms_s2to1_f2_seed0"]
    assert [(job.settings.train_session, job.settings.test_session) for job in crossed] == [("1", "2"), ("2", "1")]
    assert crossed[1].sessions == ("2", "1")
    within = planned(data, protocol="within-session", repetition_folds=2, sessions=[["1", "2"]], **one).jobs
    assert [(job.id, job.settings.fold, job.settings.folds) for job in within] == [
        ("small_rms_s1-2_f1_seed0", 1, 2),
        ("small_rms_s1-2_f2_seed0", 2, 2),
    ]
    alone = planned(data, fold_size=1, sessions=[], folds=[5], **one).jobs
    assert [(job.id, job.settings.test_subjects) for job in alone] == [("small_rms_sall_f5_seed0", ("05",))]
    other = write_people(tmp_path, [(1, 1)], repetitions=1, samples=64)
    tested = planned(data, test_data=[str(other)], sessions=[], **one)
    assert [(job.id, job.settings.test_subjects, job.settings.test_data) for job in tested.jobs] == [
        ("small_rms_sall_f1_seed0", (), (str(other),))
    ]
    assert tested.recorded[-1] == "T01/1"


def test_the_studys_own_folders_are_planned_by_their_names(tmp_path: Path) -> None:
    for subject in (1, 2, 3):
        (tmp_path / "PR_v1_features_half_unslice_repair" / f"subject{subject:02d}_session1").mkdir(parents=True)
    plan = planned(tmp_path, fold_size=1, sessions=[])
    assert plan.recorded == ("01/1", "02/1", "03/1")
    with pytest.raises(RecordingError, match="PR_v1_smooth_half with the measure 'envelope' is not there"):
        planned(tmp_path, measures=["td", "envelope"], sessions=[])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"classifiers": ["knnn"]}, "no classifier 'knnn'; did you mean 'knn'"),
        ({"measures": ["rmss"]}, "'rmss' is no measure; did you mean"),
        ({"sessions": [["3"]]}, r"no session 3 in the data; it has 1, 2"),
        ({"sessions": [[]]}, "names no session"),
        ({"folds": [4]}, "no fold 4: this protocol makes 3"),
        ({"folds": [0]}, "numbered from 1"),
        ({"seeds": [1, 1]}, "'seeds' names 1 twice"),
        ({"seeds": [-1]}, "0 or more"),
        ({"fold_size": 5}, "Fold 1 .* tests 5 people: 0 others are there, and nobody is left to train on"),
        ({"valid_people": 3}, "Fold 1 .* 3 others are there, .* fewer validation people"),
        ({"protocol": "cross-session", "sessions": [["1"]]}, "needs two sessions; there is 1 only"),
        ({"protocol": "cross-session", "test_data": ["x"]}, "leave out 'test_data'"),
        ({"data": ["/nowhere"]}, "/nowhere: there is nothing here"),
        ({"condition": [CONDITIONS[0], CONDITIONS[0]]}, "'condition' names small twice"),
        ({"condition": [{"name": "Big", "config": "smoke"}]}, "condition.0.name"),
        ({"condition": [{"name": "a"}]}, "condition 'a' needs 'config'"),
        ({"condition": [{"name": "a", "config": "none.toml"}]}, "no method 'none.toml': neither a file in"),
        ({"condition": [{"name": "a", "kind": "baseline", "config": "smoke"}]}, "trains nothing"),
        ({"condition": [{"name": "a", "kind": "baseline"}], "baselines": []}, "name its 'classifiers'"),
        ({"condition": [{**CONDITIONS[0], "override": {"loss": {"crosss": 1}}}]}, "did you mean 'cross'"),
        ({"condition": [{**CONDITIONS[0], "override": {"loss": 1}}]}, "give a table for a table"),
        ({"condition": [{**CONDITIONS[0], "classifiers": ["x"]}]}, "no classifier 'x'"),
        ({"condition": [{**CONDITIONS[0], "measures": ["x"]}]}, "'x' is no measure"),
    ],
)
def test_wrong_studies_are_refused_in_one_sentence(data: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises((ConfigError, RecordingError), match=says) as caught:
        planned(data, **changes)
    assert "\n" not in str(caught.value)


def test_two_jobs_of_one_name_are_refused(tmp_path: Path) -> None:
    sessions = [(who, session) for who in (1, 2, 3) for session in ("1", "2", "1-2")]
    for who, session in sessions:
        (tmp_path / f"{who}_{session}.xdf").touch()
    entries = "".join(
        f'[[recording]]\nfile = "{who}_{session}.xdf"\nsubject = "{who}"\nsession = "{session}"\n'
        for who, session in sessions
    )
    (tmp_path / "dataset.toml").write_text(f'layout = "flexemg_16x4"\n{entries}')
    with pytest.raises(ConfigError, match=r"Two jobs of the study would be called small_rms_s1-2_f1_seed0"):
        planned(tmp_path, sessions=[["1", "2"], ["1-2"]], fold_size=1)
    assert planned(tmp_path, sessions=[["1", "2"], ["1"]], fold_size=1).jobs[0].id == "small_rms_s1-2_f1_seed0"


def test_a_file_names_paths_from_where_it_lies(data: Path, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "own.toml").write_text("[optimiser]\nepochs = 3\n")
    text = 'name = "x"\n{}[[condition]]\nname = "a"\nconfig = "own.toml"\noverride = {{ seed = 4, threads = 2 }}\n'
    file = tmp_path / "study.toml"
    file.write_text(text.format(f'data = ["{os.path.relpath(data, tmp_path)}"]\n'))
    monkeypatch.chdir(data.parent)
    config, root = read_study(file)
    assert config.data == (str(data),)
    trained = resolve(config.condition[0], root)
    assert isinstance(trained, MethodConfig)
    assert (trained.optimiser.epochs, trained.threads) == (3, 2)
    assert read_study(file, data=("elsewhere",))[0].data == (str(data.parent / "elsewhere"),)
    file.write_text(text.format(""))
    with pytest.raises(ConfigError, match="names no data; say which with --data"):
        read_study(file)
    with pytest.raises(ConfigError, match=r"shipped study \(.*study_smoke"):
        read_study("smoke")


def test_a_study_may_grow_but_not_change(data: Path, tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "out")
    begun = {"folds": [1], "condition": CONDITIONS[:1], "seeds": [0], "measures": ["rms"], "sessions": [["1"]]}
    assert folder.check(planned(data, **begun)) == []
    folder.note(planned(data, **begun), ["first"])
    more = planned(data)
    assert set(planned(data, **begun).jobs) < set(more.jobs)
    folder.check(planned(data, **begun, name="another", figures=True))  # decide no number
    folder.check(more)
    folder.note(more, ["second"])
    noted = json.loads(folder.study.read_text())
    assert noted["format"] == "rt-handdt.study/1"
    assert noted["jobs"] == [job.id for job in more.jobs]
    assert noted["versions"]["rt-handdt"] == versions()["rt-handdt"]
    assert noted["resolved"]["no_cross"]["loss"]["cross"] == 0.0
    assert noted["resolved"]["raw"] is None
    assert {"first", "second"} < set(noted["notes"])

    before = folder.study.read_bytes()
    other = [{**CONDITIONS[0], "override": {"loss": {"margin": 0.5}}}, *CONDITIONS[1:]]
    for changes, says in (
        ({"seeds": [0]}, "seeds of condition small, which lack 7"),
        ({"measures": ["rms"]}, "measures of condition small, which lack td"),
        ({"folds": [1, 2]}, "folds, which must not become fewer"),
        ({"sessions": [["1"]]}, "sessions, which must not become fewer"),
        ({"condition": CONDITIONS[1:]}, "condition small, which is missing"),
        ({"condition": other}, "differ in condition small"),
        ({"classifiers": ["knn"], "valid_people": 1}, "differ in valid_people, classifiers"),
        ({"fold_size": 1}, "differ in fold_size"),
    ):
        with pytest.raises(ConfigError, match=says):
            folder.check(planned(data, **changes))
    assert folder.study.read_bytes() == before

    noted["recorded"] = noted["recorded"][1:]
    folder.study.write_text(json.dumps(noted))
    with pytest.raises(ConfigError, match="differ in the people and sessions in the data"):
        folder.check(more)
    noted["recorded"], noted["versions"]["torch"] = list(more.recorded), "1.0"
    folder.study.write_text(json.dumps(noted))
    assert folder.check(more) == [f"torch 1.0 → {versions()['torch']}"]
    folder.study.write_text("{")
    with pytest.raises(HanddtError, match=r"study.json: cannot be read"):
        folder.check(more)


def test_a_folder_of_something_else_is_left_alone(data: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="holds something already, but no study"):
        plan_study(study(data), Path(), tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["mine.txt"]


def test_people_kept_for_final_figures_are_not_trained_on(data: Path, tmp_path: Path) -> None:
    reserved = write_people(tmp_path / "people", [(k, 1) for k in (1, 2, 3)], repetitions=1, samples=64)
    plan = CohortPlan(
        seed=1000, subjects=3, sessions=1, gestures=("hand_close",), kind="dynamic", repetitions=1, ragged=False
    )
    (reserved / COHORT_FILE).write_bytes(plan.to_json())
    alone = {"sessions": [], "fold_size": 1}
    with pytest.raises(ConfigError, match=r"of seed 1000, .* --allow-reserved-seeds"):
        plan_study(study(reserved, **alone), Path(), tmp_path / "out")
    assert plan_study(study(reserved, **alone), Path(), tmp_path / "out", allow_reserved_seeds=True)[0].jobs
    assert plan_study(study(data, test_data=[str(reserved)], sessions=[]), Path(), tmp_path / "out")[0].jobs
    assert not (tmp_path / "out").exists()


def test_an_address_without_a_scheduler_is_said_soon(data: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("offline.sweep.cluster.CONNECT_S", 0.5)
    with pytest.raises(HanddtError, match="no Dask scheduler answers there"):
        run_study(study(data), Path(), tmp_path / "out", scheduler="tcp://127.0.0.1:1")
    with pytest.raises(HanddtError, match="no Dask scheduler answers"), connected("no address"):
        pass
    gc.collect()  # a client that never was leaves its thread to the collector


class _Workers:
    """A client whose workers say what they are told to say."""

    def __init__(self, said: object, threads: int = 1) -> None:
        self.said, self.threads = said, threads

    def scheduler_info(self, n_workers: int) -> dict[str, Any]:
        return {"workers": {"tcp://it": {"nthreads": self.threads}}}

    def run(self, function: object, *args: object, on_error: str) -> dict[str, object]:
        return {"tcp://it": self.said}


@pytest.mark.parametrize(
    ("said", "threads", "says"),
    [
        ({"versions": versions() | {"rt-handdt": "0.0.1"}}, 1, "tcp://it has rt-handdt 0.0.1, and here it is"),
        ({"versions": versions(), "token": ".token-x"}, 1, "A file that worker tcp://it wrote .* is not seen here"),
        (FileNotFoundError("no such folder"), 1, "cannot write where this study is kept"),
        (ModuleNotFoundError("offline"), 1, "cannot run rt-handdt .* install the same version"),
        ({}, 4, "has 4 threads, .* --nthreads 1"),
    ],
)
def test_workers_that_would_not_do_are_refused(tmp_path: Path, monkeypatch, said, threads: int, says: str) -> None:
    monkeypatch.setattr("offline.sweep.cluster.SEEN_S", 0.2)
    with pytest.raises(HanddtError, match=says):
        check_workers(_Workers(said, threads), (tmp_path,), ())


def test_workers_that_will_do_leave_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / ".token-x").write_text(".token-x")
    said = {"versions": versions(), "token": ".token-x", "missing": []}
    assert check_workers(_Workers(said), (tmp_path,), ()) == versions()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".token-x").write_text(".token-x")
    with pytest.raises(HanddtError, match="does not see /data"):
        check_workers(_Workers({**said, "missing": ["/data"]}), (tmp_path,), ("/data",))
