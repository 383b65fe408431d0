"""A recording, played: speed, part, loop, pause, seek; and its decisions, recorded and made again."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from typer.testing import CliRunner

from rt_handdt.cli.main import app
from rt_handdt.cli.replay import _keys
from rt_handdt.core.bundle import Bundle
from rt_handdt.core.recording import ArrayRecording, Marker
from rt_handdt.core.types import Chunk, Float32, Float64
from rt_handdt.errors import ConfigError, RecordingError
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.io import replay as replay_module
from rt_handdt.io.description import StreamDescription
from rt_handdt.io.lsl import Finder, SignalOutlet
from rt_handdt.io.lsl.raw_inlet import RawInlet
from rt_handdt.io.recorded_decisions import read_decisions
from rt_handdt.io.replay import SEAM_S, Replayer
from rt_handdt.io.session_file import SessionFile
from rt_handdt.io.sources import open_recording
from rt_handdt.io.stream_kinds import RECORDED_DECISIONS
from rt_handdt.io.xdf import write_xdf
from rt_handdt.runtime.comparison import compare
from rt_handdt.runtime.connect import connect
from rt_handdt.runtime.engine import Engine
from rt_handdt.runtime.recorder import Recorder
from tests.support.limits import PATIENT
from tests.support.recorded_run import recorded_run
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


def test_a_stream_is_there_once_it_has_something_to_send(lsl: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A virtual person takes seconds to begin: a listener who finds the stream before would hear nothing."""
    order: list[str] = []

    class Slow(ArrayRecording):
        def blocks(self, block_samples: int = 4096) -> Iterator[Float32]:
            for block in super().blocks(block_samples):
                order.append("made")
                yield block

    def outlet(*given: Any, **more: Any) -> SignalOutlet:
        order.append("shown")
        return SignalOutlet(*given, **more)

    monkeypatch.setattr(replay_module, "SignalOutlet", outlet)
    one = recording("slow")
    slow = Slow(one.name, one.fs_hz, one.channels, one.n_samples, one.markers, samples=one.samples)
    replayer = Replayer(slow)
    assert order == ["made", "shown"]
    assert replayer.run().samples == one.n_samples


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


def gaps(heard: Heard, rate: float = SPEC.fs_hz) -> dict[int, int]:
    """How many samples are missing before which, told by stamps and counter alike."""
    by_stamps = np.diff(heard.stamps) * rate - 1
    missing = np.rint(by_stamps).astype(int)
    np.testing.assert_allclose(by_stamps, missing, atol=1e-3)
    np.testing.assert_array_equal(np.diff(heard.samples[:, -1]) - 1, missing)
    return {int(at) + 1: int(missing[at]) for at in np.flatnonzero(missing)}


def test_between_the_turns_of_a_loop_is_a_gap(lsl: None) -> None:
    one = recording("loop")
    heard = Heard(Replayer(one, loop=True, counter=True, last_s=0.5), seconds=1.25)
    np.testing.assert_array_equal(heard.samples[:, :-1], np.resize(one.samples[:256], (640, 8)))
    found = gaps(heard)
    assert list(found) == [256, 512]
    assert min(found.values()) > SEAM_S * SPEC.fs_hz
    assert [label for _, label in heard.marks] == ["rest"] * 3


def test_what_a_recording_has_lost_is_lost_again(lsl: None) -> None:
    one = recording("lost")
    one.samples[300:401] = np.nan
    one.samples[500, 0] = np.nan  # a single value is none
    heard = Heard(Replayer(one, counter=True))
    np.testing.assert_array_equal(heard.samples[:, :-1], np.delete(one.samples, range(300, 401), axis=0))
    assert gaps(heard) == {300: 101}


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
    assert [missing > 0.25 * SPEC.fs_hz for missing in gaps(heard).values()] == [True]  # all go on with the clock
    at = len(heard.samples) - (4096 - 3800)
    np.testing.assert_array_equal(heard.samples[at:, :-1], one.samples[3800:])
    np.testing.assert_array_equal(heard.samples[:at, :-1], one.samples[:at])
    assert replayer.position_s == 4096 / SPEC.fs_hz


def test_as_fast_as_possible_is_faster_and_its_stamps_end_now(lsl: None) -> None:
    from rt_handdt.io.lsl import clock

    one = recording("fast", 8192)
    began = clock()
    heard = Heard(Replayer(one, speed=math.inf))
    np.testing.assert_array_equal(heard.samples, one.samples)
    np.testing.assert_allclose(np.diff(heard.stamps), 1 / SPEC.fs_hz, atol=1e-9)
    assert heard.description.fs_hz == SPEC.fs_hz
    with pytest.raises(ConfigError, match="cannot be moved"):
        Replayer(one, name="faster", speed=math.inf).seek(0.0)
    assert began - 0.1 <= heard.stamps[-1] <= clock()


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        ({"speed": 0.0}, "0.25 to 8; got 0"),
        ({"speed": 9.0}, "0.25 to 8; got 9"),
        ({"first_s": 99.0}, "2.0 s long; got 99 s"),
        ({"first_s": 1.0, "last_s": 0.5}, "must come after --from"),
        ({"loop": True, "speed": math.inf}, "have no end"),
        ({"speed": math.nan}, "0.25 to 8; got nan"),
        ({"first_s": math.nan}, "--from: must be a second"),
        ({"last_s": math.inf}, "--to: must be a second"),
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
    assert open_recording(path).fs_hz == SPEC.fs_hz  # also what was recorded of a faster replay
    found = compare(StreamClassifier(bundle, learn=learn), path)
    assert (found.windows, found.same, found.alike, found.first) == (121, 121, 121, None)
    assert "All 121 recorded decisions" in found.sentence()
    if speed != 1.0:
        return
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
    recorded = f"{name} (recorded)"
    until(lambda: recorded in [heard.description.name for heard in finder.look()])
    (sent,) = [RawInlet(heard) for heard in finder.look() if heard.description.name == recorded]
    assert sent.description.kind == RECORDED_DECISIONS  # nobody takes them for commands
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
        rows: list[Any] = []
        until(lambda: rows.extend(sent.read()[1]) or len(rows) >= decisions.decided.sum())  # type: ignore[union-attr]
    finally:
        engine.stop()
        sent.close()
    again = read_decisions(out)
    assert again is not None
    # The ends of windows are those of the replay: decisions of then and now can be put side by side.
    ends = np.asarray(rows)[:, [label for label, _, _ in again.columns].index("window_end")]
    live = again.column("window_end")[again.decided]
    np.testing.assert_allclose(ends[np.isfinite(ends)][: len(live)], live, atol=0.5 / SPEC.fs_hz)
    return again


def test_a_comparison_needs_decisions_of_the_same_labels(bundle: Bundle, tmp_path: Path) -> None:
    write_xdf(tmp_path / "plain.xdf", recording("plain"))
    with pytest.raises(RecordingError, match="holds no decisions"):
        compare(StreamClassifier(bundle), tmp_path / "plain.xdf")
    assert read_decisions(tmp_path / "plain.xdf") is None


def test_every_turn_of_a_loop_is_decided_alike(bundle: Bundle, lsl: None) -> None:
    one = recording("turns", 1024)
    replayer = Replayer(one, loop=True)
    connection = connect(SPEC, one.name, timeout_s=20.0)
    engine = Engine(StreamClassifier(bundle, learn=False), connection, limits=PATIENT)
    stop = threading.Event()
    thread = threading.Thread(target=lambda: replayer.run(stop=stop))
    engine.start()
    try:
        assert replayer.wait_for_listener(60.0)
        thread.start()
        until(lambda: len(engine.log) >= 2 * 57 + 1)
    finally:
        stop.set()
        thread.join()
        engine.stop()
    probabilities = engine.log.table().probabilities[: 2 * 57]
    np.testing.assert_allclose(probabilities[:57], probabilities[57:], atol=1e-6)


def test_a_source_that_was_started_anew_goes_on_in_its_stream(tmp_path: Path) -> None:
    described = StreamDescription("amp", "EMG", "", "amp", "uid-1", 1000.0, 3, "float32", ("E1", "E2", "E3"))
    file = SessionFile(tmp_path / "a.xdf", described, None)
    for begun_s, uid in ((100.0, "uid-1"), (101.0, "uid-2")):
        file.source(replace(described, uid=uid))
        times = begun_s + np.arange(500) / 1000
        file.signal(Chunk(np.ones((500, 3), np.float32), times, 0, 0.0, times))
    file.file.close()
    found = open_recording(tmp_path / "a.xdf")  # not two streams, of which one would have to be chosen
    assert found.n_samples == 1500
    assert any("500 samples lost" in note for note in found.notes)


def test_a_run_that_lost_samples_is_decided_the_same_again(bundle: Bundle, tmp_path: Path) -> None:
    one = recording("holes", 2048)
    one.samples[500:520] = np.nan  # bridged
    one.samples[1203:1300] = np.nan  # not
    found = compare(StreamClassifier(bundle), recorded_run(tmp_path / "holes.xdf", bundle, one))
    assert (found.same, found.alike, found.missing) == (found.windows,) * 2 + (0,)
    assert found.windows == 1 + (1203 - 128) // 16 + 1 + (2048 - 1300 - 128) // 16


def test_a_recording_begun_within_a_run_finds_its_windows(bundle: Bundle, tmp_path: Path) -> None:
    one = recording("late", 2048)
    part = recorded_run(tmp_path / "late.xdf", bundle, one, first=300)
    found = compare(StreamClassifier(bundle), part)
    # Its first windows rest on samples from before the file; all others are found.
    assert found.missing == 128 // 16
    assert found.same == found.windows - found.missing
    assert f"{found.missing} do not come up again" in found.sentence()


def test_what_differs_is_said_with_place_and_label(bundle: Bundle, tmp_path: Path) -> None:
    path = recorded_run(tmp_path / "wrong.xdf", bundle, recording("wrong", 1024), wrong=slice(3, 7))
    found = compare(StreamClassifier(bundle), path)
    assert (found.windows - found.same, found.by_label["right"]) == (4, (4, 0))
    assert found.first == pytest.approx((127 + 3 * 16) / SPEC.fs_hz)
    assert "right 0 of 4" in found.sentence()


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (["--compare", "models/default", "--loop"], "leave out --loop"),
        (["--no-learn"], "belong to --compare"),
        (["--as-fast-as-possible", "--speed", "2"], "contradict"),
    ],
)
def test_options_that_contradict_are_one_sentence(lsl: None, tmp_path: Path, given: list[str], match: str) -> None:
    write_xdf(tmp_path / "plain.xdf", recording("plain"))
    result = CliRunner().invoke(app, ["replay", str(tmp_path / "plain.xdf"), *given])
    assert isinstance(result.exception, ConfigError)
    assert match in str(result.exception)


def test_keys_pause_and_move(monkeypatch: pytest.MonkeyPatch) -> None:
    class Player:
        position_s, paused, speed = 20.0, False, 1.0
        moved: ClassVar[list[float]] = []

        def pause(self) -> None:
            self.paused = True

        def seek(self, position_s: float) -> None:
            self.moved.append(position_s)

    master, slave = os.openpty()
    monkeypatch.setattr("sys.stdin", os.fdopen(slave))
    player, stop = Player(), threading.Event()
    with _keys(player, stop, lambda paused: None):  # type: ignore[arg-type]
        os.write(master, b" \x1b[C\x1b[C\x1bODq")
        until(stop.is_set)
    assert player.paused
    assert player.moved == [25.0, 25.0, 15.0]
