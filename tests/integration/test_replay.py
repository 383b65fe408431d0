"""A recording, played: speed, part, loop, pause, seek; and its decisions, recorded and made again."""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rt_handdt.core.bundle import Bundle
from rt_handdt.core.recording import ArrayRecording, Marker
from rt_handdt.core.types import Float64
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.io.lsl import Finder
from rt_handdt.io.lsl.raw_inlet import RawInlet
from rt_handdt.io.recorded_decisions import read_decisions
from rt_handdt.io.replay import Replayer
from rt_handdt.io.sources import open_recording
from rt_handdt.io.xdf import write_xdf
from rt_handdt.runtime.comparison import compare
from rt_handdt.runtime.connect import connect
from rt_handdt.runtime.engine import Engine
from rt_handdt.runtime.recorder import Recorder
from tests.support.limits import PATIENT
from tests.support.sinks import about, until
from tests.support.tiny import noise, tiny_bundle, tiny_spec

SPEC = tiny_spec()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny", SPEC)


def recording(name: str, n: int = 1024) -> ArrayRecording:
    """Rest, then "left"; the first channel counts."""
    samples = noise(SPEC, n, 1.0)
    rising = np.clip((np.arange(n) - n // 2) / 128, 0, 1)
    samples[:, [0, 1, 4, 5]] += rising[:, None] * noise(SPEC, n, 30.0, seed=1)[:, [0, 1, 4, 5]]
    marks = (Marker(0, "rest"), Marker(n // 2, "left"))
    return ArrayRecording(name, SPEC.fs_hz, SPEC.layout.channels, n, marks, samples=samples.astype(np.float32))


class Heard:
    """A replay that is listened to until it ends."""

    def __init__(self, replayer: Replayer, during: Any = None, seconds: float | None = None) -> None:
        self.stamps: list[float] = []
        self.values: list[list[float]] = []
        self.marks: list[tuple[float, str]] = []
        self.stop = threading.Event()
        name = replayer.outlet.name
        both: dict[str, RawInlet] = {}

        def found() -> bool:
            for one in finder.look():
                if one.description.name in (name, f"{name}_markers") and one.description.name not in both:
                    both[one.description.name] = RawInlet(one)
            return len(both) == 2

        finder = Finder()
        until(found)
        signal, markers = both[name], both[f"{name}_markers"]
        self.description = signal.description
        thread = threading.Thread(target=lambda: setattr(self, "result", replayer.run(stop=self.stop, seconds=seconds)))
        assert replayer.wait_for_listener(60.0)
        thread.start()
        done = False
        while True:
            over = not thread.is_alive()
            stamps, values = signal.read()
            self.stamps += stamps.tolist()
            self.values += values.tolist() if len(stamps) else []
            marked, texts = markers.read()
            self.marks += [(float(at), text[0]) for at, text in zip(marked, texts, strict=True)]
            if during is not None and not done:
                done = during(self)
            if over and not len(stamps) and len(self.stamps) >= self.result.samples:  # type: ignore[attr-defined]
                break
        thread.join()
        signal.close()
        markers.close()

    @property
    def samples(self) -> Float64:
        return np.asarray(self.values, np.float64)


def test_at_its_own_speed_it_is_the_recording(lsl: None) -> None:
    one = recording("own")
    heard = Heard(Replayer(one))
    np.testing.assert_array_equal(heard.samples, one.samples)
    np.testing.assert_allclose(np.diff(heard.stamps), 1 / SPEC.fs_hz, atol=1e-9)
    first = heard.stamps[0]
    assert [label for _, label in heard.marks] == ["rest", "left"]
    np.testing.assert_allclose([at - first for at, _ in heard.marks], [0.0, 512 / SPEC.fs_hz], atol=1e-9)


@pytest.mark.parametrize("speed", [0.5, 4.0])
def test_at_another_speed_rate_stamps_and_description_are_true(lsl: None, speed: float) -> None:
    one = recording(f"speed {speed:g}")
    heard = Heard(Replayer(one, speed=speed, last_s=1.0))
    assert (heard.description.fs_hz, heard.description.speed) == (SPEC.fs_hz * speed, speed)
    np.testing.assert_array_equal(heard.samples, one.samples[:512])
    np.testing.assert_allclose(np.diff(heard.stamps), 1 / (SPEC.fs_hz * speed), atol=1e-9)


def test_a_part_begins_with_the_cue_in_force(lsl: None) -> None:
    one = recording("part")
    heard = Heard(Replayer(one, first_s=600 / SPEC.fs_hz, last_s=900 / SPEC.fs_hz))
    np.testing.assert_array_equal(heard.samples, one.samples[600:900])
    assert heard.marks == [(heard.stamps[0], "left")]


def test_a_loop_goes_on_in_time_and_count(lsl: None) -> None:
    one = recording("loop")
    heard = Heard(Replayer(one, loop=True, counter=True, last_s=0.5), seconds=1.25)
    np.testing.assert_array_equal(heard.samples[:, :-1], np.resize(one.samples[:256], (640, 8)))
    assert heard.samples[:, -1].tolist() == list(range(640))
    np.testing.assert_allclose(np.diff(heard.stamps), 1 / SPEC.fs_hz, atol=1e-9)
    assert [label for _, label in heard.marks] == ["rest"] * 3


def test_pause_and_seek(lsl: None) -> None:
    one = recording("seek", 4096)
    replayer = Replayer(one, counter=True)

    def during(heard: Heard) -> bool:
        if len(heard.stamps) < 64:
            return False
        replayer.pause()
        assert replayer.paused
        threading.Event().wait(0.3)
        replayer.seek(3800 / SPEC.fs_hz)
        replayer.play()
        return True

    heard = Heard(replayer, during)
    gap = int(np.diff(heard.stamps).argmax())
    assert np.diff(heard.stamps)[gap] > 0.25  # the stamps go on with the clock
    at = len(heard.samples) - (4096 - 3800)
    np.testing.assert_array_equal(heard.samples[at:, :-1], one.samples[3800:])
    np.testing.assert_array_equal(heard.samples[:at, :-1], one.samples[:at])
    assert heard.samples[:, -1].tolist() == list(range(len(heard.samples)))
    assert replayer.position_s == 4096 / SPEC.fs_hz


def test_as_fast_as_possible_is_faster_and_its_stamps_end_now(lsl: None) -> None:
    from rt_handdt.io.lsl import clock

    one = recording("fast", 8192)
    began = clock()
    heard = Heard(Replayer(one, speed=math.inf))
    np.testing.assert_array_equal(heard.samples, one.samples)
    np.testing.assert_allclose(np.diff(heard.stamps), 1 / SPEC.fs_hz, atol=1e-9)
    assert heard.description.fs_hz == SPEC.fs_hz
    assert began - 0.1 <= heard.stamps[-1] <= clock()


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        ({"speed": 0.0}, "0.25 to 8; got 0"),
        ({"speed": 9.0}, "0.25 to 8; got 9"),
        ({"first_s": 99.0}, "2.0 s long; got 99 s"),
        ({"first_s": 1.0, "last_s": 0.5}, "must come after --from"),
        ({"loop": True, "speed": math.inf}, "have no end"),
    ],
)
def test_what_cannot_be_played_is_one_sentence(lsl: None, asked: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        Replayer(recording("no"), **asked)


def live(bundle: Bundle, path: Path, *, learn: bool, speed: float = 1.0) -> Path:
    """A live run over a replay, recorded."""
    one = recording(f"live {learn} {speed:g}", 2048)
    replayer = Replayer(one, counter=True, speed=speed)
    connection = connect(SPEC, one.name, timeout_s=20.0)
    classifier = StreamClassifier(bundle, learn=learn)
    recorder = Recorder(path, about(labels=classifier.labels, states=("connecting", "running", "stopped")))
    recorder.start()
    recorder.open(connection.inlet.describe())
    engine = Engine(classifier, connection, limits=PATIENT, tap=recorder)
    engine.start()
    try:
        assert replayer.wait_for_listener(60.0)
        replayer.run()
        until(lambda: engine.samples_received == 2048)
        until(lambda: len(engine.log) == 121)
    finally:
        engine.stop()
    assert engine.samples_lost == 0
    if engine.has_markers:
        assert engine.score().accuracy > 0.9
    return path


@pytest.mark.parametrize(("learn", "speed"), [(True, 1.0), (False, 2.0)])
def test_a_recorded_session_is_decided_the_same_again(
    bundle: Bundle, lsl: None, tmp_path: Path, learn: bool, speed: float
) -> None:
    path = live(bundle, tmp_path / "a.xdf", learn=learn, speed=speed)
    if speed != 1.0:  # what is recorded of a replay has its rate
        assert open_recording(path).fs_hz == SPEC.fs_hz * speed
        return
    found = compare(StreamClassifier(bundle, learn=learn), path)
    assert (found.windows, found.same, found.alike, found.first) == (121, 121, 121, None)
    assert "All 121 recorded decisions" in found.sentence()
    told = read_decisions(path)
    assert told is not None
    again = live_again(bundle, path, told.name)
    assert again.decided.sum() == 121
    first = int(told.index[told.decided][0])
    np.testing.assert_array_equal(
        again.index[again.decided] - again.index[again.decided][0], told.index[told.decided] - first
    )
    np.testing.assert_allclose(again.probabilities[again.decided], told.probabilities[told.decided], atol=1e-6)


def live_again(bundle: Bundle, path: Path, name: str) -> Any:
    """A live run over the replay of a recorded session, recorded with what was decided then."""
    one = open_recording(path)
    decisions = read_decisions(path)
    replayer = Replayer(one, name="again", counter=True, decisions=decisions)
    connection = connect(SPEC, "again", timeout_s=20.0)
    finder = Finder()
    until(lambda: any(heard.description.name == f"{name} (recorded)" for heard in finder.look()))
    out = path.with_name("again.xdf")
    classifier = StreamClassifier(bundle)
    recorder = Recorder(out, about(labels=classifier.labels, states=("connecting", "running", "stopped")))
    recorder.start()
    recorder.open(connection.inlet.describe())
    engine = Engine(classifier, connection, limits=PATIENT, tap=recorder)
    engine.start()
    try:
        assert replayer.wait_for_listener(60.0)
        replayer.run()
        until(lambda: len(engine.log) == 121)
    finally:
        engine.stop()
    return read_decisions(out)


def test_a_comparison_needs_decisions_of_the_same_labels(bundle: Bundle, tmp_path: Path) -> None:
    write_xdf(tmp_path / "plain.xdf", recording("plain"))
    with pytest.raises(RecordingError, match="holds no decisions"):
        compare(StreamClassifier(bundle), tmp_path / "plain.xdf")
    assert read_decisions(tmp_path / "plain.xdf") is None
