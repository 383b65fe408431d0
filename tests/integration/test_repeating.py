"""A recording says how it was decided, so that it can be decided again without being told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import rt_handdt as hd
from rt_handdt.cli.main import app
from rt_handdt.core.recording import ArrayRecording, Marker
from rt_handdt.core.run_setup import CALIBRATION
from rt_handdt.core.types import Chunk
from rt_handdt.errors import RecordingError
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.io.description import StreamDescription
from rt_handdt.io.lsl import clock
from rt_handdt.io.session_file import SessionFile
from rt_handdt.io.xdf import write_xdf
from rt_handdt.runtime.building import build_engine
from rt_handdt.runtime.comparison import Comparison, compare_run, open_told
from rt_handdt.runtime.connect import connect_source
from rt_handdt.runtime.limits import LiveLimits
from rt_handdt.runtime.repeating import Asked, recorded_setup, repeated
from rt_handdt.runtime.reviewing import review
from rt_handdt.runtime.scoring import score_session
from rt_handdt.runtime.source_choice import SourceChoice
from tests.support.sinks import about, message, until
from tests.support.tiny import noise, tiny_bundle, tiny_spec
from tests.support.two_dof import cues
from tests.support.two_dof import signal as moved

SPEC = tiny_spec()
NAMES = SPEC.layout.channels
N = 3072
#: Where the source waits until the test has asked for something.
HELD = 1600


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> hd.Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny", SPEC)


def signal_uv(seed: int = 0) -> np.ndarray:
    """Rest, left, rest, right, rest, each as long; electrode E3 is always loud, so that a run without it differs."""
    samples = noise(SPEC, N, 1.0, seed)
    for first, where in ((N // 5, [0, 1, 4, 5]), (3 * N // 5, [2, 3, 6, 7])):
        n = N // 5
        samples[first : first + n, where] += noise(SPEC, n, 9.0, seed + 1)[:, where] - 20_000.0
    samples[:, 2] += 3 * (noise(SPEC, N, 1.0, seed + 2)[:, 2] - 20_000.0)
    return samples.astype(np.float32)


def recording(name: str) -> ArrayRecording:
    marks = [Marker(k * N // 5, label) for k, label in enumerate(("rest", "left", "rest", "right", "rest"))]
    return ArrayRecording(name, SPEC.fs_hz, NAMES, N, tuple(marks), samples=signal_uv(seed=7))


class Held:
    """A source whose samples are there at once, but for a wait in the middle until it is let go."""

    def __init__(self, samples: np.ndarray, names: tuple[str, ...] = NAMES, unit: str = "uV") -> None:
        units = (unit,) * len(names) if unit else ()
        self._said = StreamDescription(
            "held [/red]", "EMG", "", "held", "", SPEC.fs_hz, len(names), "float32", names, units
        )
        self._samples, self._sent, self.go = samples.astype(np.float32), 0, threading.Event()
        self._begun_s = clock() - len(samples) / SPEC.fs_hz

    def describe(self) -> StreamDescription:
        return self._said

    def read(self, n_samples: int, timeout_s: float) -> list[Chunk]:
        if self._sent == HELD and not self.go.wait(timeout_s):
            return []
        block = self._samples[self._sent : self._sent + 16]
        times_s = self._begun_s + (self._sent + np.arange(len(block))) / SPEC.fs_hz
        self._sent += 16
        if not len(block):
            raise hd.StreamError("It is over.")
        return [Chunk(block, times_s, 0, 0.0, times_s)]

    def close(self) -> None:
        pass


def run(
    path: Path, classifier: StreamClassifier, source: Held, meanwhile: Callable[[Any], None] = lambda engine: None
) -> Path:
    """Record a run; in its middle something is asked for."""
    with hd.LiveEngine(classifier, source, max_age_s=60.0, silence_s=60.0, record=path) as engine:
        inner = engine._engine
        assert inner is not None
        until(lambda: inner.samples_received >= HELD and len(inner.log))
        meanwhile(inner)
        source.go.set()
        until(lambda: engine.status.state == "lost")
    return path


def again(path: Path, bundle: hd.Bundle, asked: Asked = Asked()) -> tuple[Comparison, list[str]]:
    one, told = open_told(path)
    classifier, notes = repeated(bundle, told, asked)
    return compare_run(classifier, one, told), notes


def equal(found: Comparison) -> bool:
    return found.windows > 100 and found.alike == found.same == found.windows and found.largest_level < 1e-5


def test_what_a_run_was_begun_with_and_asked_for_is_done_again(bundle: hd.Bundle, lsl: None, tmp_path: Path) -> None:
    changes = ["smoothing=majority", "smoothing_s=0.1", "when_rejected=rest", "reject_below=0.7"]
    classifier = StreamClassifier(bundle, bad=["E8"], post_processing=changes)
    report = classifier.calibrate(recording("own"))
    profile = classifier.profile(report, rest_rms_uv=1.0, active_rms_uv={"left": 7.0, "right": 21.0})
    profile.save(tmp_path / "profile")
    classifier.use(profile)

    def meanwhile(engine: Any) -> None:
        engine.set_bad(["E3", "E8"])
        engine.forget_person()
        labels = ("rest", "left", "rest", "right", "rest")
        engine._tap.markers([(source._begun_s + k * N / 5 / SPEC.fs_hz, label) for k, label in enumerate(labels)])

    source = Held(signal_uv())
    path = run(tmp_path / "run.xdf", classifier, source, meanwhile)
    found, notes = again(path, bundle)
    assert equal(found), found
    assert notes == []
    one, told = open_told(path)
    setup = recorded_setup(told)
    assert setup is not None
    assert (setup.model, setup.fingerprint, setup.learn, setup.bad) == ("tiny", bundle.fingerprint, True, ("E8",))
    assert setup.post_processing == classifier.post_processing
    assert setup.level_spans_uv == {"left": 6.0, "right": 20.0}
    assert [(change.sample, change.bad) for change in told.changes if change.bad] == [(HELD, ("E3", "E8"))]
    assert sum(change.reset_subject for change in told.changes) == 1

    # each of it counts: without it, the run is another
    for lacking in (
        replace(told, setup=""),
        replace(told, files={}),
        replace(told, changes=tuple(change for change in told.changes if change.reset_subject)),
    ):
        assert not equal(compare_run(repeated(bundle, lacking)[0], one, lacking))
    at: list[int] = []
    counting, _ = repeated(bundle, told)
    counting.reset_subject = lambda: at.append(1)  # type: ignore[method-assign]
    assert equal(compare_run(counting, one, told))
    assert len(at) == 1
    assert "does not hold with what" in " ".join(repeated(bundle, replace(told, files={}))[1])
    given, notes = repeated(bundle, replace(told, files={}), Asked(profile=tmp_path / "profile"))
    assert (equal(compare_run(given, one, told)), notes) == (True, [])
    write_xdf(tmp_path / "other.xdf", recording("other"))
    for asked, word in (
        (Asked(learn=False), "learning"),
        (Asked(post_processing=("reject_below=0.6",)), "post-processing"),
        (Asked(calibration=str(tmp_path / "other.xdf")), "calibration"),
    ):
        found, notes = again(path, bundle, asked)
        assert notes == [f"Otherwise than in the run, as it is asked for: {word}."]
        assert asked.learn is not None or not equal(found)
    result = CliRunner().invoke(app, ["replay", str(path), "--compare", str(bundle.path)])
    assert (result.exit_code, f"All {found.windows}" in result.stdout) == (0, True), result.output

    score = ["score", str(path), "--bundle", str(bundle.path), "--json", str(tmp_path / "scored.json")]
    assert CliRunner().invoke(app, score).exit_code == 0
    (scored,) = json.loads((tmp_path / "scored.json").read_text())["sessions"]
    wanted = score_session(repeated(bundle, told)[0], one, changes=told.changes).model.to_dict()
    assert scored["as_it_was_decided"]
    assert scored["model"] == json.loads(json.dumps(wanted))
    assert CliRunner().invoke(app, [*score, "--anew"]).exit_code == 0
    (scored,) = json.loads((tmp_path / "scored.json").read_text())["sessions"]
    assert (scored["as_it_was_decided"], scored["model"] == json.loads(json.dumps(wanted))) == (False, False)
    found_review = review(path, bundle.path)
    assert found_review is not None
    by = f"Decided by tiny ({bundle.fingerprint}, {setup.provider})"
    assert f"{by}, learning the subject, calibrated, without E8." in found_review.notes
    shown = " ".join(CliRunner().invoke(app, ["inspect", str(path)], terminal_width=200).stdout.split())
    assert f"decisions {found.windows} ('rt_handdt'). Decided by tiny" in shown


def test_a_run_without_learning_whose_electrodes_had_no_names(bundle: hd.Bundle, lsl: None, tmp_path: Path) -> None:
    classifier = StreamClassifier(bundle, learn=False)
    classifier.calibrate(recording("own"))
    source = Held(signal_uv()[:, ::-1] / 1000, names=tuple("abcdefgh"), unit="")
    source.go.set()
    choice = SourceChoice(columns=tuple(range(7, -1, -1)), unit="mV")
    limits = LiveLimits(max_age_s=60.0, silence_s=60.0)
    engine = build_engine(
        classifier,
        lambda: (connect_source(SPEC, source, choice), None),
        hub=None,
        record=tmp_path / "run.xdf",
        say=print,
        limits=limits,
    )
    engine.start()
    until(lambda: engine.status.state == "lost")
    engine.stop()
    found, notes = again(tmp_path / "run.xdf", bundle)
    assert equal(found), found
    assert notes == []
    _, notes = again(tmp_path / "run.xdf", bundle, Asked(learn=True))
    assert notes == ["Otherwise than in the run, as it is asked for: learning."]


def test_velocities_come_again(bundle: hd.Bundle, lsl: None, tmp_path: Path) -> None:
    classifier = StreamClassifier(bundle)
    classifier.calibrate_velocities(cues())
    slow = np.sin(np.arange(N) / 200)
    source = Held(moved(np.stack([slow, -slow], axis=1)))
    source.go.set()
    path = run(tmp_path / "run.xdf", classifier, source)
    _, told = open_told(path)
    assert np.abs(told.column("v_open_close")).max() > 0.3
    assert equal(again(path, bundle)[0])
    without, _ = repeated(bundle, replace(told, files={}))
    assert without.dofs == ()


def test_what_cannot_be_known_is_said(bundle: hd.Bundle, lsl: None, tmp_path: Path) -> None:
    classifier = StreamClassifier(bundle)
    classifier.calibrate(recording("own"))
    classifier.push(signal_uv()[:1024])  # it was in use before
    source = Held(signal_uv())
    source.go.set()
    path = run(tmp_path / "run.xdf", classifier, source)
    _, told = open_told(path)
    assert "had seen 2.0 s of signal before the run" in " ".join(repeated(bundle, told)[1])
    other = tiny_bundle(tmp_path / "other", SPEC, shared=True)
    one, notes = repeated(other, told)
    assert "The run was decided by the model 'tiny'" in " ".join(notes)
    assert one.reader.calibrated is None  # it was another model's
    broken = replace(told, files=told.files | {CALIBRATION: b"x"})
    assert repeated(bundle, broken)[0].reader.calibrated is None
    with pytest.raises(RecordingError, match=r"post_processing\.smoothing.*newer program"):
        repeated(bundle, replace(told, setup=told.setup.replace('"exponential"', '"psychic"')))


def test_a_run_without_a_sample_is_one_sentence(tmp_path: Path) -> None:
    """The engine told rest while the stream was open and silent: there are decisions, and no signal."""
    said = StreamDescription("mute", "EMG", "", "mute", "", SPEC.fs_hz, len(NAMES), "float32", NAMES)
    file = SessionFile(tmp_path / "run.xdf", said, about(labels=("rest", "left", "right")))
    file.told(message(label="rest", labels=("rest", "left", "right"), probabilities=(1.0, 0.0, 0.0)))
    file.file.close()
    for asked in (
        ["replay"],
        ["replay", "--compare", "default"],
        ["inspect"],
        ["review", "--save", str(tmp_path / "a.svg")],
    ):
        result = CliRunner().invoke(app, [asked[0], str(tmp_path / "run.xdf"), *asked[1:]])
        assert isinstance(result.exception, RecordingError)
        assert "holds 0 samples" in str(result.exception)
