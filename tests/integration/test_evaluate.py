"""``evaluate BUNDLE``: scores as live use would give them, beside LDA on the same windows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from offline.cli import app
from offline.config import TrainConfig
from offline.data.recordings import TrainingData
from offline.evaluate.bundle_run import evaluate_bundle
from offline.evaluate.frames import labelled_frames
from offline.evaluate.lda_baseline import LdaBaseline, two_maps
from offline.evaluate.scores import ADAPTING, CALIBRATED, LDA_ALL, LDA_TWO, ZERO_SHOT
from offline.evaluate.scoring import ScoredSession, score_sessions
from offline.train.window_run import train_bundle
from rt_handdt.cli.app import run_app
from rt_handdt.core.bundle import Bundle
from rt_handdt.core.metrics import score_windows
from rt_handdt.core.preprocess import iter_frames
from rt_handdt.core.recording import ArrayRecording
from rt_handdt.core.repetitions import first_repetitions, settled
from rt_handdt.errors import ConfigError, HanddtError, LayoutMismatch, RecordingError
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.infer.stream import StreamRecognizer
from rt_handdt.io.xdf import write_xdf
from tests.support import people
from tests.support.halves import CYCLE, halves
from tests.support.tiny import LABELS, tiny_bundle

QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def learner(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Learns its user."""
    settings = {
        "stride": 2,
        "threads": 1,
        "pipeline": {"band_hz": [20.0, 200.0], "notch_hz": 0, "hop_s": 16 / people.FS_HZ},
        "network": {"widths": [8, 8, 8]},
        "person": {"learn": True, "dims": 6, "adapter": {"every": 2, "refresh": 4}},
        "optimiser": {"epochs": 3, "batch": 32, "learning_rate": 5e-3},
    }
    data = TrainingData(tuple(people.recording(one) for one in range(4)), "synthetic people", True)
    out = tmp_path_factory.mktemp("models") / "learner"
    return train_bundle(data, people.LAYOUT, out, TrainConfig.model_validate(settings), QUIET)


def session(recording: ArrayRecording, calibration: Sequence[ArrayRecording] = ()) -> ScoredSession:
    return ScoredSession(recording.subject, recording.session, (recording,), tuple(calibration))


def test_zero_shot_is_the_score_of_a_live_run(bundle: Bundle) -> None:
    one = halves(swap=(2, 4), seed=1)
    found = score_sessions(Recognizer(bundle, "cpu"), [session(one)])
    frames = list(iter_frames(one, bundle.spec))
    index = np.asarray([frame.index for frame in frames])
    named = Recognizer(bundle, "cpu").predict_batch(np.stack([frame.maps for frame in frames]))[0].argmax(axis=1)
    at, labels = zip(*((marker.index, marker.label) for marker in one.markers), strict=True)
    wanted = score_windows(index - bundle.spec.window_samples + 1, index, named, at, labels, LABELS)
    assert 0.6 < wanted.accuracy < 0.9
    np.testing.assert_array_equal(found.subjects[0].confusions[ZERO_SHOT], wanted.confusion)
    assert found.subjects[0].windows == wanted.windows
    assert found.methods == (ZERO_SHOT, ADAPTING)  # nothing to calibrate with
    assert "learns nothing" in found.unavailable[ADAPTING]


def test_adapting_is_causal_and_begins_anew_with_each_session(learner: Bundle) -> None:
    recordings = [people.recording(number, repetitions=2) for number in (70, 71)]
    recognizer = Recognizer(learner, "cpu")
    found = score_sessions(recognizer, [session(one) for one in recordings])
    assert not found.unavailable
    for one, subject in zip(recordings, found.subjects, strict=True):
        frames = labelled_frames([one], learner.spec, learner.gestures.labels)
        stream = StreamRecognizer(recognizer)
        named = np.asarray([stream.step(maps).probabilities.argmax() for maps in frames.maps])
        rows = frames.counted
        assert subject.windows == len(rows)
        assert subject.confusions[ADAPTING].trace() == (named[rows] == frames.label[rows]).sum()
    # two files of one session are one stream: nothing is forgotten between them
    both = ScoredSession("p", "1", tuple(recordings))
    frames = labelled_frames(recordings, learner.spec, learner.gestures.labels)
    named = StreamRecognizer(recognizer).run(frames.maps).argmax(axis=1)
    confusion = score_sessions(recognizer, [both], [ADAPTING]).subjects[0].confusions[ADAPTING]
    assert confusion.trace() == (named == frames.label)[frames.counted].sum()


def test_the_calibration_is_cut_out_and_every_column_is_of_the_same_windows(learner: Bundle, tmp_path: Path) -> None:
    one = people.recording(72, repetitions=4)
    write_xdf(tmp_path / "sub-p72.xdf", one)
    result = evaluate_bundle(learner.path, [str(tmp_path)], repetitions=1, console=QUIET)
    (subject,) = result.found.subjects
    cut = first_repetitions([one], 1)
    spec, labels = learner.spec, learner.gestures.labels
    own, rest = labelled_frames(cut.first, spec, labels), labelled_frames(cut.rest, spec, labels)
    assert (subject.windows, subject.calibration_windows) == (len(rest.counted), len(own.counted))
    assert len({confusion.sum() for confusion in subject.confusions.values()}) == 1
    for method, maps in ((LDA_TWO, two_maps(spec)), (LDA_ALL, range(len(spec.map_features)))):
        named = LdaBaseline.fit(own, spec, maps).predict(rest.maps)
        right = (named == rest.label)[rest.counted].sum()
        assert subject.confusions[method].trace() == right
        assert right > 0.8 * subject.windows
    stream = StreamRecognizer(Recognizer(learner, "cpu"))
    stream.calibrate(cut.first[0])
    named = stream.run(rest.maps).argmax(axis=1)
    adapting = next(method for method in subject.confusions if method.key == "calibrated_adapting")
    assert subject.confusions[adapting].trace() == (named == rest.label)[rest.counted].sum()


def test_lda_is_blind_to_scale_and_to_electrodes_that_are_off(bundle: Bundle) -> None:
    spec, labels = bundle.spec, bundle.gestures.labels
    one, other = halves(seed=3), halves(seed=4)
    off = [recording.samples * np.r_[0.0, np.ones(7)].astype(np.float32) for recording in (one, other)]
    plain = LdaBaseline.fit(labelled_frames([one], spec, labels), spec, [0, 1])
    frames = labelled_frames([other], spec, labels)
    assert (plain.predict(frames.maps) == frames.label)[frames.counted].mean() > 0.95
    dead = [
        ArrayRecording("dead", 512.0, one.channels, one.n_samples, one.markers, samples=samples.astype(np.float32))
        for samples in off
    ]
    fitted = LdaBaseline.fit(labelled_frames(dead[:1], spec, labels), spec, [0, 1])
    frames = labelled_frames(dead[1:], spec, labels)
    assert (fitted.predict(frames.maps) == frames.label)[frames.counted].mean() > 0.95
    only = labelled_frames([halves(labels=("left",))], spec, labels)
    with pytest.raises(ConfigError, match="two labels or more"):
        LdaBaseline.fit(only, spec, [0, 1])


def test_settling_leaves_out_the_same_beginning_everywhere(bundle: Bundle, tmp_path: Path) -> None:
    one = halves("s", seed=5)
    write_xdf(tmp_path / "sub-s.xdf", one)
    late = evaluate_bundle(bundle.path, [str(tmp_path)], repetitions=1, settle_s=0.5, console=QUIET)
    (subject,) = late.found.subjects
    per_segment = len(labelled_frames([settled(halves(labels=("left",)), 0.5)], bundle.spec, LABELS).counted)
    assert subject.windows == 6 * per_segment
    assert subject.calibration_windows == 3 * per_segment
    assert "later than 0.5 s after its beginning" in late.protocol


def test_calibration_recordings_belong_to_the_subject_of_their_name(bundle: Bundle, tmp_path: Path) -> None:
    for subject in ("a", "b"):
        write_xdf(tmp_path / f"sub-{subject}_ses-2_use.xdf", halves(subject, seed=6))
    write_xdf(tmp_path / "sub-a_ses-1_own.xdf", halves("a", CYCLE * 2, seed=7))
    scored = [str(tmp_path / f"sub-{subject}_ses-2_use.xdf") for subject in ("a", "b")]
    own = str(tmp_path / "sub-a_ses-1_own.xdf")
    result = evaluate_bundle(bundle.path, scored, calibration=[own], console=QUIET)
    assert [one.subject for one in result.found.subjects] == ["a"]
    assert any(
        "subject b session 2 was left out: --calibration has no recording" in note for note in result.found.notes
    )
    assert result.found.subjects[0].windows > result.found.subjects[0].calibration_windows > 0
    halved = evaluate_bundle(bundle.path, scored[:1], calibration=[own], repetitions=1, console=QUIET)
    assert 2 * halved.found.subjects[0].calibration_windows == result.found.subjects[0].calibration_windows
    with pytest.raises(ConfigError, match="no recording of subject b"):
        evaluate_bundle(bundle.path, scored[1:], calibration=[own], console=QUIET)
    with pytest.raises(ConfigError, match="is scored and to calibrate with at once"):
        evaluate_bundle(bundle.path, [own], calibration=[own], console=QUIET)


def test_what_cannot_be_scored_is_said_and_left_out_while_others_remain(bundle: Bundle, tmp_path: Path) -> None:
    good = halves("good", seed=8)
    bad = {
        "rate": (halves("rate", fs_hz=1024.0), LayoutMismatch, "made for 512 Hz, but the recording has 1024 Hz"),
        "silent": (halves("silent", markers=False), RecordingError, "has no markers"),
        "foreign": (halves("foreign", ("up", "down")), RecordingError, r"none of the bundle's labels .* up, down"),
        "once": (halves("once", CYCLE), ConfigError, "nothing follows the calibration"),
        "short": (halves("short", CYCLE * 3, seconds=0.2), RecordingError, "no window of 0.25 s lies inside"),
    }
    write_xdf(tmp_path / "sub-good.xdf", good)
    for name, (recording, error, words) in bad.items():
        path = tmp_path / f"sub-{name}.xdf"
        write_xdf(path, recording)
        cut = 1 if name == "once" else None
        with pytest.raises(error, match=words):
            evaluate_bundle(bundle.path, [str(path)], repetitions=cut, console=QUIET)
    found = evaluate_bundle(bundle.path, [str(tmp_path)], repetitions=1, console=QUIET).found
    assert [one.subject for one in found.subjects] == ["good"]
    for name in bad:
        assert sum(f"subject {name} session 1 was left out" in note for note in found.notes) == 1
    with pytest.raises(HanddtError, match=r"Nor can any of the 1 other sessions"):
        evaluate_bundle(bundle.path, [str(tmp_path / f"sub-{one}.xdf") for one in ("rate", "foreign")], console=QUIET)


def test_labels_that_one_side_lacks_are_counted_and_said(bundle: Bundle) -> None:
    one = halves(labels=("rest", "left", "wave", "left"), seed=9)
    found = score_sessions(Recognizer(bundle, "cpu"), [session(one)])
    windows = len(labelled_frames([halves(labels=("left",))], bundle.spec, LABELS).counted)
    assert any(note.endswith(f"which count nowhere: wave ({windows}).") for note in found.notes)
    assert any(note.startswith("Nobody has a window of right to score") for note in found.notes)


def test_the_command_prints_one_table_and_writes_json(bundle: Bundle, tmp_path: Path) -> None:
    for number, subject in enumerate("ab"):
        write_xdf(tmp_path / f"sub-{subject}.xdf", halves(subject, swap=(5,) if number else (), seed=number))
    out = tmp_path / "scores.json"
    words = ["evaluate", str(bundle.path), "--data", str(tmp_path), "--repetitions", "1", "--out", str(out)]
    run = CliRunner().invoke(app, words, catch_exceptions=False)
    assert run.exit_code == 0
    saved = json.loads(out.read_text())
    assert saved["schema"] == "rt-handdt.evaluation/1"
    assert saved["bundle"]["fingerprint"] == bundle.fingerprint
    assert saved["data"] == f"{tmp_path.name} (2 recordings)"
    assert [one["subject"] for one in saved["people"]] == ["a", "b"]
    scores = [one["scores"]["zero_shot"]["accuracy"] for one in saved["people"]]
    assert saved["summary"]["zero_shot"]["accuracy"]["mean"] == pytest.approx(np.mean(scores))
    assert saved["summary"]["zero_shot"]["accuracy"]["sd"] == pytest.approx(np.std(scores, ddof=1))
    assert scores[0] > scores[1]
    for one in saved["people"]:
        counts = np.asarray(one["scores"]["lda_all"]["confusion"])
        assert counts.sum() == one["windows"]
        assert one["scores"]["lda_all"]["accuracy"] == pytest.approx(counts.trace() / counts.sum())
    lines = run.output.splitlines()
    for one in saved["people"]:
        (line,) = [line for line in lines if line.split()[:2] == [one["subject"], str(one["windows"])]]
        assert f"{one['scores']['zero_shot']['accuracy']:.3f}" in line
        assert f"{one['scores']['lda_two']['balanced_accuracy']:.3f}" in line
    assert saved["people"][0]["scores"]["adapting"] is None
    assert "no column 'adapting': the bundle learns nothing" in run.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["BUNDLE"], "say with --data which recordings"),
        (["BUNDLE", "--data", "x", "--on", "test"], "--on: is for a run of 'pipeline'"),
        (["EMPTY", "--data", "x", "--repetitions", "1"], "--data, --repetitions: is for a bundle"),
        (["RUN", "--data", "x"], "its bundle is"),
        (["EMPTY"], "holds neither a bundle (manifest.json) nor a finished run"),
        (["BUNDLE", "--data", "DATA", "--out", "nowhere/x.json"], "the folder 'nowhere' does not exist"),
        (["BUNDLE", "--data", "DATA", "--repetitions", "4"], "fewer of rest (3), left (3), right (3)"),
    ],
)
def test_wrong_commands_get_one_sentence(
    bundle: Bundle,
    tmp_path: Path,
    words: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "run" / "bundle").mkdir(parents=True)
    (tmp_path / "run" / "bundle" / "manifest.json").write_text("{}")
    write_xdf(tmp_path / "data.xdf", halves())
    places = {
        "BUNDLE": str(bundle.path),
        "EMPTY": str(tmp_path / "empty"),
        "RUN": str(tmp_path / "run"),
        "DATA": str(tmp_path / "data.xdf"),
    }
    monkeypatch.setattr("sys.argv", ["handdt-offline", "evaluate", *(places.get(word, word) for word in words)])
    with pytest.raises(SystemExit) as left:
        run_app(app)
    assert left.value.code == 2
    error = " ".join(capsys.readouterr().err.split())
    assert said in error
    assert "Traceback" not in error


def test_calibrating_a_bundle_that_learns_nothing_is_scored_or_said(bundle: Bundle) -> None:
    one = halves(seed=10)
    cut = first_repetitions([one], 1)
    found = score_sessions(Recognizer(bundle, "cpu"), [ScoredSession("a", "1", cut.rest, cut.first)])
    assert (CALIBRATED in found.unavailable) != (CALIBRATED in found.subjects[0].confusions)
