"""Training windows are the live windows; splits hold out people or whole trials; bad data is refused in words."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from offline.config import TrainConfig, ValidationConfig
from offline.data.cohort_folder import COHORT_FILE, COHORT_NOTE, CohortPlan
from offline.data.datasets import WindowSet, collect
from offline.data.recordings import open_data
from offline.data.splits import split
from offline.data.windows import live_windows
from offline.evaluate.frames import labelled_frames
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.metrics import score_windows
from rt_handdt.core.preprocess import Preprocessor, iter_frames
from rt_handdt.core.recording import Marker, Recording
from rt_handdt.errors import ConfigError, HanddtError, RecordingError
from rt_handdt.io.hyser_layout import session_folder
from rt_handdt.io.hyser_writer import write_session
from rt_handdt.paths import layout_path
from rt_handdt.sim.seeds import RESERVED_SEED
from tests.support.people import FS_HZ, LABELS, LAYOUT, recording


def config(**changes: object) -> TrainConfig:
    pipeline = {"band_hz": [20.0, 200.0], "notch_hz": 0, "hop_s": 16 / FS_HZ}
    return TrainConfig.model_validate({"stride": 1, "pipeline": pipeline, **changes})


def windows(n_people: int = 3, **changes: object) -> WindowSet:
    return collect([recording(person) for person in range(n_people)], LAYOUT, config(**changes))


def test_windows_are_those_that_a_live_run_scores() -> None:
    source = recording(0)
    found = collect([source], LAYOUT, config())
    frames = Preprocessor(found.spec).push(source.samples)
    newest = np.asarray([frame.index for frame in frames])
    first = newest - found.spec.window_samples + 1
    at = [marker.index for marker in source.markers]
    names = [marker.label for marker in source.markers]
    # scored with the very labels that training took, the live score is perfect: same windows, same truth, same order
    inside = [k for k in range(len(frames)) if any(segment.holds(first[k], newest[k]) for segment in source.segments())]
    assert len(found) == len(inside)
    score = score_windows(first[inside], newest[inside], found.label, at, names, found.gestures.labels)
    assert score.windows == len(found)
    assert score.accuracy == 1.0
    assert np.array_equal(found.maps, np.stack([frames[k].maps for k in inside]))
    assert found.gestures.labels == LABELS
    starts = np.asarray([source.segments()[trial].start for trial in found.trial])
    assert np.allclose(found.since_cue_s, (first[inside] - starts) / FS_HZ)


def frozen(source: Recording) -> Recording:
    """A quarter of it repeats one block, as a source does that is broken."""
    samples = source.samples.copy()  # type: ignore[attr-defined]
    at, block = len(samples) // 4, 64
    samples[at : 2 * at] = np.resize(samples[at : at + block], (at, samples.shape[1]))
    return replace(source, samples=samples)  # type: ignore[call-arg]


def test_what_live_use_refuses_is_not_learnt_from_and_said() -> None:
    whole, less = (collect([one], LAYOUT, config()) for one in (recording(0), frozen(recording(0))))
    assert not whole.notes
    assert 0.5 * len(whole) < len(less) < 0.9 * len(whole)
    assert less.notes[0].startswith(recording(0).name)
    assert sum(int(number) for number in re.findall(r"repeated \((\d+)\)", less.notes[0])) == len(whole) - len(less)
    frames = labelled_frames([frozen(recording(0))], less.spec, LABELS)
    assert len(frames.counted) == len(less)
    assert frames.refused.total() == len(whole) - len(less)
    source = recording(0)
    broken = source.samples.copy()
    for one in source.segments():
        if one.label == LABELS[1]:
            length = one.stop - one.start
            broken[one.start : one.stop] = np.resize(broken[one.start : one.start + 64], (length, broken.shape[1]))
    with pytest.raises(RecordingError, match=f"All windows of {LABELS[1]} are such as live use refuses.*repeated"):
        collect([replace(source, samples=broken)], LAYOUT, config())


def test_filters_begin_anew_behind_samples_that_are_lost_as_they_do_live() -> None:
    source, found = recording(0), config()
    spec = found.pipeline.spec(FS_HZ, LAYOUT)
    samples, gap = source.samples.copy(), slice(700, 741)  # it ends within a block
    samples[gap] = np.nan
    behind = replace(source, samples=samples[gap.stop :], n_samples=len(samples) - gap.stop, markers=())
    alone = {gap.stop + frame.index: frame.maps for frame in iter_frames(behind, spec)}
    kept: dict[int, np.ndarray] = {}
    lost: list[int] = []
    for window in live_windows(replace(source, samples=samples), Preprocessor(spec), samples=True, on_lost=lost.append):
        frame, x = window.frame, window.samples
        assert frame.index < gap.start or frame.index - spec.window_samples + 1 >= gap.stop
        if frame.index >= gap.stop:
            kept[frame.index] = frame.maps
            assert np.array_equal(frame.maps, alone[frame.index])
            assert x is not None
            np.testing.assert_allclose(LAYOUT.from_grid(frame.maps)[0], np.sqrt(np.square(x).mean(0)), rtol=1e-4)
    assert len(kept) > 100
    whole = len(list(iter_frames(source, spec)))
    assert sum(lost) == whole - len(list(iter_frames(replace(source, samples=samples), spec)))


def test_stride_thins_the_same_windows() -> None:
    every, third = windows(1), windows(1, stride=3)
    rows = {row.tobytes() for row in every.maps}
    assert all(row.tobytes() in rows for row in third.maps)
    assert len(every) / 3.5 < len(third) < len(every) / 2.5


def test_trials_and_people_are_numbered_across_recordings() -> None:
    found = windows(3)
    assert found.people == ("p0", "p1", "p2")
    for row in range(0, len(found), 17):
        trial = found.trials[found.trial[row]]
        assert trial.label == found.gestures.labels[found.label[row]]
        assert trial.person == found.people[found.person[row]]
    assert len(np.unique(found.trial)) == 3 * 9


def test_empty_segments_do_not_shift_the_numbering() -> None:
    source = recording(0)
    doubled = replace(source, markers=(Marker(0, "wrist_flexion"), *source.markers))  # one marker overruled at once
    found = collect([doubled], LAYOUT, config())
    assert {found.trials[t].label for t in found.trial[found.label == 0]} == {"rest"}
    assert len(found.trials) == len(source.markers)


def test_people_are_held_out_whole() -> None:
    found = windows(4)
    parts = split(found, ValidationConfig(people=0.25), seed=3)
    assert not set(found.person[parts.train]) & set(found.person[parts.valid])
    assert (parts.train ^ parts.valid).all()
    assert parts.train_people == 3
    assert parts.with_subject
    assert "1 of 4 people" in parts.protocol
    held = found.people[found.person[parts.valid][0]]
    assert held in parts.protocol
    again = split(found, ValidationConfig(people=0.25), seed=3)
    assert np.array_equal(parts.valid, again.valid)
    others = {tuple(np.unique(found.person[split(found, ValidationConfig(), seed).valid])) for seed in range(12)}
    assert len(others) > 1


def test_one_person_holds_out_trials_never_windows() -> None:
    found = windows(1)
    parts = split(found, ValidationConfig(), seed=0)
    assert not set(found.trial[parts.train]) & set(found.trial[parts.valid])
    assert set(found.label[parts.valid]) == set(found.label[parts.train]) == {0, 1, 2}
    assert not parts.with_subject
    assert "one person" in parts.protocol


def test_two_people_leave_one_to_train_on_and_no_subject_terms() -> None:
    assert not split(windows(2), ValidationConfig(), seed=0).with_subject


def test_a_gesture_recorded_once_is_validated_on_its_end_and_nothing_is_in_both_parts() -> None:
    found = collect([recording(0, repetitions=1)], LAYOUT, config())
    parts = split(found, ValidationConfig(), seed=0)
    assert "flatters: rest, wrist_flexion, wrist_extension" in parts.protocol
    for k in range(3):
        own = found.label == k
        apart = found.since_cue_s[own & parts.valid].min() - found.since_cue_s[own & parts.train].max()
        assert apart >= found.spec.window_s  # no sample is in a window of either part
    assert not (parts.train & parts.valid).any()
    assert not (parts.train | parts.valid).all()
    brief = collect([recording(0, repetitions=1, segment_s=0.35)], LAYOUT, config())
    with pytest.raises(RecordingError, match=r"once only, for .* too short .* record every gesture twice"):
        split(brief, ValidationConfig(), seed=0)


def test_a_label_only_held_out_people_made_is_refused() -> None:
    found = collect([recording(0, labels=LABELS), recording(1, labels=LABELS[:2])], LAYOUT, config())
    # one of the two is held out; where it is the first, wrist_extension cannot be learned
    held = {seed: int(np.random.default_rng([seed, 1]).permutation(2)[0]) for seed in range(20)}
    assert set(held.values()) == {0, 1}
    for seed, person in held.items():
        if person == 0:
            with pytest.raises(RecordingError, match="nobody is left to learn wrist_extension"):
                split(found, ValidationConfig(), seed)
        else:
            assert split(found, ValidationConfig(), seed).train_people == 1


@pytest.mark.parametrize(
    ("recordings", "error", "words"),
    [
        ([], RecordingError, "at least one recording"),
        ([recording(0, markers=False)], RecordingError, "no markers"),
        ([recording(0, labels=("rest",))], ConfigError, "at least two labels"),
        ([recording(0), recording(1, fs_hz=1024.0)], RecordingError, "one sampling rate"),
    ],
    ids=["nothing", "no markers", "one label", "two rates"],
)
def test_data_that_cannot_be_learned_from(recordings: list[Recording], error: type[HanddtError], words: str) -> None:
    with pytest.raises(error, match=words):
        collect(recordings, LAYOUT, config())


def test_wanted_gestures() -> None:
    found = windows(1, gestures=["rest", "wrist_extension"])
    assert found.gestures.labels == ("rest", "wrist_extension")
    assert len(found) < len(windows(1))
    with pytest.raises(ConfigError, match=r"hand_open.*it has rest, wrist_extension, wrist_flexion"):
        windows(1, gestures=["rest", "hand_open"])


def test_segments_too_short_for_a_window_are_refused() -> None:
    short = {"band_hz": [20.0, 200.0], "notch_hz": 0, "hop_s": 0.125, "window_s": 1.5}
    with pytest.raises(RecordingError, match=r"No window of 1\.5 s fits any segment of: rest, wrist"):
        windows(1, pipeline=short)


def test_filters_that_do_not_fit_the_rate_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"\[pipeline\] for data at 512 Hz.*half the sampling rate"):
        windows(1, pipeline={"band_hz": [20.0, 450.0]})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"optimizer": {}}, "unknown key 'optimizer'; did you mean 'optimiser'"),
        ({"loss": {"tripplet": 1.0}}, "unknown key 'loss.tripplet'; did you mean 'triplet'"),
        ({"pipeline": {"features": ["rms", "wavelength"]}}, "unknown feature 'wavelength'"),
        ({"loss": {"classify": 0.0}}, "classifier untrained"),
        ({"network": {"widths": [8, 0, 8]}}, "at least 1"),
    ],
)
def test_configuration_errors_name_the_key(values: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words.replace("[", r"\[")):
        TrainConfig.parse(values, what="mine.toml")


@pytest.mark.parametrize("name", ["virtual:0", "virtual:a:3", "virtual:0:0", "virtual:1:2:3:4:5"])
def test_virtual_people_are_named_rightly(name: str) -> None:
    with pytest.raises(ConfigError, match="virtual"):
        open_data([name], LAYOUT)


def test_virtual_people_are_opened_unread() -> None:
    data = open_data(["virtual:5:3:2:1"], LAYOUT)
    assert [(item.subject, item.session) for item in data.recordings] == [
        (f"virtual-5-{subject}", str(session)) for subject in (1, 2, 3) for session in (1, 2)
    ]
    assert data.virtual
    assert "3 virtual people" in data.description


def test_a_hyser_folder_opens_every_session_and_a_cohort_says_that_it_is_one(tmp_path: Path) -> None:
    trials = [(np.zeros((2048, 256), np.float32), code) for code in (6, 7)]
    for subject, session in ((2, 1), (10, 1), (10, 2)):
        write_session(session_folder(tmp_path, subject, session), trials)
    data = open_data([str(tmp_path)], ElectrodeLayout.from_toml(layout_path("hyser_16x16")))
    assert [(item.subject, item.session) for item in data.recordings] == [("02", "1"), ("10", "1"), ("10", "2")]
    assert not data.virtual
    (tmp_path / COHORT_NOTE).write_text("virtual people\n")
    assert open_data([str(tmp_path)], ElectrodeLayout.from_toml(layout_path("hyser_16x16"))).virtual


def cohort_folder(root: Path, seed: int) -> Path:
    """A cohort of two sessions, as far as its readers can tell."""
    what = {"gestures": ("wrist_flexion",), "kind": "dynamic", "repetitions": 1, "ragged": False}
    plan = CohortPlan.model_validate({"seed": seed, "subjects": 1, "sessions": 2, **what})
    root.mkdir()
    (root / COHORT_FILE).write_bytes(plan.to_json())
    for session in (1, 2):
        write_session(session_folder(root, 1, session), [(np.zeros((2048, 256), np.float32), 6)])
    return root


def test_reserved_seeds_are_not_trained_on_unless_one_insists(tmp_path: Path) -> None:
    grid = ElectrodeLayout.from_toml(layout_path("hyser_16x16"))
    cohort = cohort_folder(tmp_path / "cohort", RESERVED_SEED)
    inside = (cohort, cohort / "pr_dataset", session_folder(cohort, 1, 2))
    record = session_folder(cohort, 1, 2) / "dynamic_raw_sample1.hea"
    for name in (f"virtual:{RESERVED_SEED}:1", *map(str, inside), str(record)):
        with pytest.raises(ConfigError, match=rf"seed {RESERVED_SEED}, .*reserved.*--allow-reserved-seeds"):
            open_data([f"virtual:{RESERVED_SEED - 1}:1", name], grid)
        data = open_data([name], grid, allow_reserved_seeds=True)
        assert data.virtual
        assert f"seed {RESERVED_SEED}" in data.description  # the card will say so


def test_cohorts_of_other_seeds_are_trained_on(tmp_path: Path) -> None:
    grid = ElectrodeLayout.from_toml(layout_path("hyser_16x16"))
    data = open_data([str(cohort_folder(tmp_path / "cohort", RESERVED_SEED - 1))], grid)
    assert data.virtual
    assert data.description == "cohort (virtual people, seed 999, 2 sessions)"


def test_a_damaged_cohort_file_is_refused_not_passed_over(tmp_path: Path) -> None:
    cohort = cohort_folder(tmp_path / "cohort", RESERVED_SEED)
    for content, words in (("{", "cannot be read"), ('{"seed": 5}', "cohort.json")):
        (cohort / COHORT_FILE).write_text(content)
        with pytest.raises(RecordingError, match=words):
            open_data([str(cohort)], LAYOUT)


def test_a_missing_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="nothing here"):
        open_data([str(tmp_path / "absent.xdf")], LAYOUT)
