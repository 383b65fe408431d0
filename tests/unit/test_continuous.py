"""Continuous sessions: what is asked for, what lies on disk, and what becomes of movements of no class."""

from __future__ import annotations

import pickle
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import pyxdf

from offline.config import TrainConfig
from offline.data.datasets import collect
from offline.data.recordings import open_data
from rt_handdt.core.gestures import HYSER_GESTURES, REST
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.metrics import score_windows
from rt_handdt.core.recording import ArrayRecording, Marker
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.io.continuous_folder import continuous_file
from rt_handdt.io.xdf import read_xdf
from rt_handdt.io.xdf_session import read_session
from rt_handdt.io.xdf_writer import write_xdf
from rt_handdt.runtime.report import score_figures
from rt_handdt.sim.continuous import OTHER, changes, continuous_recording, continuous_script
from rt_handdt.sim.script import Cue, Script
from rt_handdt.sim.session import DEFAULT_GESTURES
from rt_handdt.sim.strategy import parts
from tests.support.people import LABELS, LAYOUT, recording

GRID = ElectrodeLayout.grid(1, 2)
FS = 512.0
SEEDS = range(40)


def script(seed: int, *more, **named) -> Script:
    return continuous_script(np.random.default_rng(seed), *more, **named)


def of_label(scripts: list[Script], label: str) -> list[Cue]:
    return [cue for one in scripts for cue in one.cues if cue.label == label]


# -- what is asked for -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [10.0, 45.0, 120.0, 230.0, 300.0])
def test_every_session_begins_and_ends_with_rest_and_has_long_ones(seconds: float) -> None:
    for seed in SEEDS:
        made = script(seed, seconds=seconds)
        assert made.seconds == pytest.approx(seconds, abs=1e-6)
        assert made.cues[0].label == made.cues[-1].label == REST
        labels = [cue.label for cue in made.cues]
        assert (REST, REST) not in set(pairwise(labels))
        rests = sorted(cue.seconds for cue in made.cues if cue.label == REST)
        longest = min(20.0, seconds / 4) - 1e-6
        assert len([rest for rest in rests if rest >= longest]) >= max(1, round(seconds / 150))


def test_a_session_has_what_life_has() -> None:
    scripts = [script(seed) for seed in SEEDS]
    held = [cue for one in scripts for cue in one.cues if cue.label not in (REST, OTHER)]
    others = of_label(scripts, OTHER)
    assert {cue.label for cue in held} == set(DEFAULT_GESTURES)
    assert 0.2 < len(others) / (len(others) + len(held)) < 0.3
    for cues, low, high in ((held, 1.0, 4.0), (others, 0.5, 4.0)):
        assert low <= min(cue.seconds for cue in cues) < low + 0.2
        assert high - 0.2 < max(cue.seconds for cue in cues) <= high
    levels = np.asarray([cue.level for cue in held])
    assert levels.min() < 0.55 < 1.45 < levels.max()
    assert ((levels >= 0.5) & (levels <= 1.5)).all()
    direct = [REST not in (before.label, after.label) for one in scripts for before, after in pairwise(one.cues)]
    assert 0.05 < np.mean(direct) < 0.15  # a fifth of the movements, which are about half of the cues
    # every gesture comes about as often as any other, in ever new order
    for one in scripts:
        counts = Counter(cue.label for cue in one.cues if cue.label in DEFAULT_GESTURES)
        assert max(counts.values()) - min(counts[label] for label in DEFAULT_GESTURES) <= 1
    assert len({tuple(cue.label for cue in one.cues) for one in scripts}) == len(scripts)


def test_movements_of_no_class_are_of_no_class() -> None:
    others = of_label([script(seed) for seed in SEEDS], OTHER)
    kinds: Counter[str] = Counter()
    for cue in others:
        names = [name for name, _ in cue.mixture]
        assert 0.2 <= cue.level <= 1.5
        if len(names) > 1:
            assert set(names) <= set(DEFAULT_GESTURES)
            shares = [share for _, share in cue.mixture]
            assert max(shares) / min(shares) <= 1.6 + 1e-9  # none that leads, and so could be meant
            kinds["mixture"] += 1
        else:
            assert names[0] not in DEFAULT_GESTURES
            single = names[0].endswith("_extension") and len(parts(names[0])) == 1 and "wrist" not in names[0]
            kinds["finger" if single else "gesture"] += 1
        kinds["fidget"] += cue.level < 0.5 and cue.seconds <= 1.5
    assert all(kinds[kind] > 0.1 * len(others) for kind in ("mixture", "finger", "gesture", "fidget")), kinds


def test_a_mixture_is_never_another_gesture_under_a_false_name() -> None:
    scripts = [script(seed, HYSER_GESTURES) for seed in range(10)]
    classes = {frozenset(parts(gesture)) for gesture in HYSER_GESTURES}
    others = of_label(scripts, OTHER)
    assert len(others) > 50
    for cue in others:
        assert len(cue.mixture) > 1  # all 34 are gestures here, so only mixtures are left
        assert frozenset(part for name, _ in cue.mixture for part in parts(name)) not in classes


def test_chances_can_be_taken_away() -> None:
    plain = script(3, direct=0.0, unknown=0.0)
    assert OTHER not in {cue.label for cue in plain.cues}
    assert [cue.label == REST for cue in plain.cues] == [k % 2 == 0 for k in range(len(plain.cues))]
    assert script(3).cues == script(3).cues != script(4).cues


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"gestures": ()}, "at least one gesture"),
        ({"gestures": ("hand_opne",)}, "did you mean 'hand_open'"),
        ({"gestures": (REST, "hand_open")}, "Rest comes between"),
        ({"seconds": 9.0}, "at least 10 s; got 9 s"),
        ({"seconds": float("nan")}, "at least 10 s"),
        ({"seconds": float("inf")}, "at least 10 s"),
        ({"unknown": 1.5}, "movement that is no gesture must lie between 0 and 1; got 1.5"),
    ],
)
def test_senseless_sessions_are_refused(options: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        script(0, **options)


# -- the recording ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def short():
    return continuous_recording(3, 2, 2, minutes=0.5, layout=GRID, fs_hz=FS)


def test_markers_say_what_the_hand_does(short) -> None:
    assert (short.subject, short.session, short.n_samples) == ("virtual-3-2", "2", 30 * FS)
    labels = [marker.label for marker in short.markers]
    assert labels[0] == labels[-1] == REST
    assert OTHER in labels
    assert all(before != after for before, after in pairwise(labels))
    cued = continuous_recording(3, 2, 2, minutes=0.5, layout=GRID, fs_hz=FS, markers="cue")
    assert [marker.label for marker in cued.markers] == labels
    late = [(a.index - b.index) / FS for a, b in zip(short.markers[1:], cued.markers[1:], strict=True)]
    assert min(late) >= 0.09  # the reaction; rest comes later still, when the muscles have relaxed
    assert max(late) <= 0.8


def test_the_signal_moves_with_the_markers_and_each_day_is_another(short, written: Path) -> None:
    signal = read_xdf(written).samples
    assert signal.shape == (short.n_samples, 2)
    again = next(iter(short.blocks(777)))
    assert np.array_equal(signal[:777], again)
    quiet = signal - signal.mean(axis=0)
    power = {
        rests: np.mean(
            [
                np.abs(np.diff(quiet[s.start : s.stop], axis=0)).mean()
                for s in short.segments()
                if (s.label == REST) == rests
            ]
        )
        for rests in (True, False)
    }
    assert power[False] > 1.5 * power[True]
    other_day = continuous_recording(3, 2, 1, minutes=0.5, layout=GRID, fs_hz=FS)
    assert [m.label for m in other_day.markers] != [m.label for m in short.markers]


# -- on disk ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(short, tmp_path_factory) -> Path:
    path = continuous_file(tmp_path_factory.mktemp("cohort"), 2, 2)
    path.parent.mkdir()
    write_xdf(path, short, start_s=17.0, cues=changes(short.script.markers(FS)))
    return path


def test_both_readers_agree(written: Path, short) -> None:
    piecewise, whole = read_session(written), read_xdf(written)
    assert piecewise.markers == whole.markers == short.markers  # the movements, not the cues
    assert piecewise.cues == changes(short.script.markers(FS))
    for name in ("name", "fs_hz", "channels", "n_samples", "unit"):
        assert getattr(piecewise, name) == getattr(whole, name) == getattr(short, name)
    assert (piecewise.subject, piecewise.session) == ("virtual-3-2", "2")
    assert pickle.loads(pickle.dumps(piecewise)) == piecewise  # as training hands it to its processes
    for size in (100, 512, 4096, 10**6):
        blocks = list(piecewise.blocks(size))
        assert {len(block) for block in blocks[:-1]} <= {size}
        np.testing.assert_array_equal(np.concatenate(blocks), whole.samples)


def test_other_programs_find_two_streams_of_text(written: Path) -> None:
    streams, _ = pyxdf.load_xdf(written, select_streams=[{"channel_format": "string"}])
    assert {stream["info"]["type"][0]: stream["info"]["name"][0].rsplit("_", 1)[1] for stream in streams} == {
        "Markers": "markers",
        "Cues": "cues",
    }


def test_a_session_without_markers_or_cues_is_read(tmp_path: Path) -> None:
    plain = ArrayRecording("arm", FS, ("a", "b"), 1000, samples=np.ones((1000, 2), np.float32))
    write_xdf(tmp_path / "a.xdf", plain)
    read = read_session(tmp_path / "a.xdf")
    assert (read.markers, read.cues, read.subject, read.session) == ((), (), "unknown", "1")


def damaged(written: Path, what: str) -> bytes:
    whole = written.read_bytes()
    if what == "cut":
        return whole[: len(whole) // 2]
    if what == "end":
        return whole.replace(b"<sample_count>15360<", b"<sample_count>15361<")
    if what == "unit":
        return whole.replace(b"<unit>microvolts</unit>", b"<unit>millivolts</unit>", 1)
    at = whole.index(b"\x08", len(whole) // 2)
    while whole[at + 17] != 8:  # a stamp: 8, time, two values, and the next
        at = whole.index(b"\x08", at + 1)
    return whole[: at + 1] + b"\0" * 8 + whole[at + 9 :]


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("cut", "is not a session as .*cut short"),
        ("end", "it holds 15360 samples, but its end says 15361"),
        ("unit", "in microvolts"),
        ("time", "not evenly spaced"),
    ],
)
def test_damaged_sessions_are_refused(written: Path, tmp_path: Path, what: str, says: str) -> None:
    path = tmp_path / "a.xdf"
    path.write_bytes(damaged(written, what))
    with pytest.raises(RecordingError, match=says):
        list(read_session(path).blocks())


def test_files_of_other_programs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="No such file"):
        read_session(tmp_path / "none.xdf")
    (tmp_path / "a.xdf").write_bytes(b"PK")
    with pytest.raises(RecordingError, match=r"does not begin with 'XDF:'.*not called 'continuous'"):
        read_session(tmp_path / "a.xdf")


def test_a_write_that_fails_leaves_no_part_behind(tmp_path: Path, written: Path, monkeypatch) -> None:
    read = read_session(written)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rt_handdt.io.xdf_file.XdfFile.texts", full)  # after all samples
    with pytest.raises(OSError, match="No space"):
        write_xdf(tmp_path / "a.xdf", read)
    assert list(tmp_path.iterdir()) == []


# -- movements of no class, in training and scoring --------------------------------------------------------------------


def config(**changes: object) -> TrainConfig:
    pipeline = {"band_hz": [20.0, 200.0], "notch_hz": 0, "hop_s": 16 / 512}
    return TrainConfig.model_validate({"stride": 1, "pipeline": pipeline, **changes})


def test_other_is_learned_only_where_it_is_asked_for() -> None:
    people = [recording(0, labels=(*LABELS, OTHER)), recording(1, labels=LABELS)]
    plain = collect([recording(0), recording(1)], LAYOUT, config())
    found = collect(people, LAYOUT, config())
    assert found.gestures.labels == plain.gestures.labels == LABELS
    assert {found.trials[trial].label for trial in found.trial} == set(LABELS)
    asked = collect(people, LAYOUT, config(gestures=[*LABELS, OTHER]))
    assert asked.gestures.labels == (*LABELS, OTHER)
    assert (asked.label == 3).sum() > 30
    with pytest.raises(ConfigError, match="there is only 'rest'"):
        collect([recording(0, labels=(REST, OTHER))], LAYOUT, config())


def test_training_says_how_much_it_leaves_out(tmp_path: Path, written: Path, short) -> None:
    for subject in (1, 2):
        path = continuous_file(tmp_path, subject, 2)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(written.read_bytes())
    data = open_data([str(tmp_path)], GRID)
    assert "2 continuous sessions" in data.description
    others = [segment for segment in short.segments() if segment.label == OTHER]
    (note,) = [note for one in data.recordings for note in one.notes]
    assert note.startswith(f"{2 * len(others)} movements of the data (")
    assert "unless the configuration names 'other'" in note
    assert open_data([str(path)], GRID).recordings[0].subject == "virtual-3-2"


def test_score_counts_movements_of_no_class_apart() -> None:
    #            rest            fist    other         rest
    at, labels = [0, 6, 9, 13], [REST, "fist", OTHER, REST]
    newest = np.arange(16)
    #            0  1  2  3  4  5 | 6  7  8 | 9 10 11 12 | 13 14 15
    predicted = [0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0]
    score = score_windows(newest, newest, predicted, at, labels, (REST, "fist"))
    assert (score.windows, score.ignored, score.ignored_active) == (12, 4, 2)
    assert score.confusion.tolist() == [[4, 5], [0, 3]]  # of rest and fist alone
    # 1–2, 4, and 13–14, which is a new segment although the hand was active just before
    assert (score.rest_windows, score.false_activations) == (9, 3)
    without_rest = score_windows(newest, newest, predicted, at, labels, ("left", "fist"))
    assert (without_rest.rest_windows, without_rest.false_activations) == (0, 0)
    assert without_rest.ignored_active == without_rest.ignored == 13


def test_windows_that_touch_two_segments_start_nothing() -> None:
    newest = np.arange(2, 12)
    score = score_windows(
        newest - 2, newest, [0, 0, 0, 1, 1, 1, 1, 1, 1, 1], [0, 6, 9], [REST, "fist", REST], (REST, "fist")
    )
    # at rest: 2–5, of which 5 is active; 11, active
    assert (score.rest_windows, score.false_activations) == (5, 2)
    assert Marker(0, REST) == changes((Marker(0, REST), Marker(5, REST)))[0]


def test_the_report_of_a_run_says_so() -> None:
    # 720 windows at rest, one each 16 samples at 512 Hz: 22.5 s
    newest = np.arange(722)
    predicted = np.zeros(722, int)
    predicted[[100, 101, 300]] = 1  # two false activations
    predicted[720] = 1
    score = score_windows(newest, newest, predicted, [0, 720], [REST, OTHER], (REST, "fist"))
    said = score_figures(score, 16 / FS)
    assert (said["windows"], said["ignored"], said["ignored_active_share"]) == (720, 2, 0.5)
    assert said["rest_minutes"] == 0.375
    assert said["false_activations_per_minute"] == pytest.approx(2 / 0.375, abs=1e-6)
    score = score_windows([], [], [], [], [], (REST, "fist"))
    said = score_figures(score, 16 / FS)
    assert said["ignored_active_share"] is said["false_activations_per_minute"] is None
