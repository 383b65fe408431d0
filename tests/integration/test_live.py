"""Real LSL on loopback: replay in one thread or process, the engine in this one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rt_handdt.core.bundle import Bundle
from rt_handdt.core.preprocess import iter_frames
from rt_handdt.core.recording import ArrayRecording, Marker
from rt_handdt.core.types import Decision
from rt_handdt.errors import LayoutMismatch, StreamError
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.io.lsl import SignalInlet, SignalOutlet, clock
from rt_handdt.io.replay import Replayer
from rt_handdt.runtime.connect import connect
from rt_handdt.runtime.engine import Engine
from rt_handdt.runtime.limits import LiveLimits
from rt_handdt.runtime.reconnect import Reconnector
from rt_handdt.runtime.report import run_report
from rt_handdt.runtime.source_choice import SourceChoice
from rt_handdt.runtime.status import State
from tests.support.limits import PATIENT
from tests.support.tiny import LABELS, noise, tiny_bundle, tiny_spec

pytestmark = pytest.mark.usefixtures("lsl")
SPEC = tiny_spec()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny", SPEC)


def session(name: str, segment_s: float = 1.0) -> ArrayRecording:
    """Rest, left, rest, right: as loud as the labels say."""
    n = round(segment_s * SPEC.fs_hz)
    samples = noise(SPEC, 4 * n, 1.0)
    loud = noise(SPEC, 4 * n, 30.0, seed=1) - 20_000.0
    samples[n : 2 * n, [0, 1, 4, 5]] += loud[n : 2 * n, [0, 1, 4, 5]]
    samples[3 * n :, [2, 3, 6, 7]] += loud[3 * n :, [2, 3, 6, 7]]
    markers = tuple(Marker(k * n, label) for k, label in enumerate(("rest", "left", "rest", "right")))
    return ArrayRecording(name, SPEC.fs_hz, SPEC.layout.channels, 4 * n, markers, samples=samples)


def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


class Playing:
    """A replay on a thread, begun when somebody listens."""

    def __init__(self, recording: ArrayRecording, *, counter: bool = False) -> None:
        self.replayer = Replayer(recording, layout=SPEC.layout, counter=counter)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._play, name="replay-test")

    def _play(self) -> None:
        if self.replayer.wait_for_listener(10.0):
            self.result = self.replayer.run(stop=self.stop)

    def __enter__(self) -> Playing:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()


def test_live_equals_offline_and_loses_nothing(bundle: Bundle) -> None:
    recording = session("parity")
    recognizer = Recognizer(bundle)
    with Playing(recording, counter=True) as playing:
        engine = Engine(StreamClassifier(bundle), connect(SPEC, "parity"), explain=True, limits=PATIENT)
        engine.start()
        try:
            until(lambda: engine.samples_received >= recording.n_samples or engine.error is not None)
            shot = engine.snapshot([0, 7])
        finally:
            engine.stop()
        engine.raise_error()
        playing.thread.join()

    assert (engine.samples_received, engine.samples_lost, engine.gaps) == (recording.n_samples, 0, 0)
    offline = list(iter_frames(recording, SPEC))
    probabilities, _ = recognizer.predict_batch(np.stack([frame.maps for frame in offline]))
    table = engine.log.table()
    assert table.index.tolist() == [frame.index for frame in offline]
    np.testing.assert_allclose(table.probabilities, probabilities, atol=1e-6)

    report = run_report(engine)
    assert report["samples"]["expected"] == recording.n_samples
    assert report["samples"]["loss_method"] == "counter"
    assert report["windows"]["decided"] == report["windows"]["given"] == len(offline)
    assert report["stream"]["channels"] == SPEC.layout.n_channels
    score = report["score"]
    # segments of 512 samples: (512 − 128) / 16 + 1 windows lie wholly inside each
    assert score["windows"] == 4 * 25
    assert score["accuracy"] > 0.97
    assert np.asarray(score["confusion"]).sum() == score["windows"]
    latency = report["latency_ms"]["push_to_decision"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] <= latency["max"]
    assert report["latency_ms"]["compute"]["p50"] < latency["p50"]

    assert shot.labels == LABELS
    assert shot.truth == "right"
    assert shot.rms_grid is not None
    assert shot.rms_grid[:, 2:].mean() > 5 * shot.rms_grid[:, :2].mean()
    assert shot.pattern_grid is not None
    assert shot.traces is not None
    assert shot.traces.shape[1] == 2


def test_replay_stamps_never_lead_the_clock() -> None:
    recording = session("stamps", segment_s=0.25)
    ahead = []
    with Playing(recording):
        inlet = SignalInlet("stamps", timeout_s=5.0)
        got: list[np.ndarray] = []
        times: list[float] = []
        while sum(map(len, got)) < recording.n_samples:
            for chunk in inlet.read(16, 0.5):
                ahead.append(chunk.times_s[-1] + inlet.clock_correction_s - clock())
                got.append(chunk.samples)
                times.extend(chunk.times_s.tolist())
        inlet.close()
    # the correction of a clock against itself is off by microseconds
    assert max(ahead) < 5e-4
    np.testing.assert_array_equal(np.concatenate(got), recording.samples)
    np.testing.assert_allclose(np.diff(times), 1 / SPEC.fs_hz, atol=1e-7)


@pytest.mark.parametrize("counter", [True, False])
def test_a_gap_is_counted_and_resets_the_windows(bundle: Bundle, counter: bool) -> None:
    n, lost = 2 * int(SPEC.fs_hz), 37
    samples = noise(SPEC, n + lost + n, 1.0)
    outlet = SignalOutlet(f"gap-{counter}", SPEC.layout.channels, SPEC.fs_hz)
    if counter:
        outlet = SignalOutlet(f"gap-{counter}-c", SPEC.layout.channels, SPEC.fs_hz, counter=True)
    engine = Engine(StreamClassifier(bundle), connect(SPEC, outlet.name), limits=PATIENT)
    engine.start()
    try:
        start = clock() - 10.0
        for first in [*range(0, n, 16), *range(n + lost, len(samples), 16)]:
            if first == n + lost and counter:
                outlet._sent += lost  # the amplifier counted them, the line lost them
            block = samples[first : first + 16]
            outlet.push(block, start + (first + len(block) - 1) / SPEC.fs_hz)
        until(lambda: engine.samples_received == len(samples) - lost or engine.error is not None)
    finally:
        engine.stop()
    engine.raise_error()
    assert (engine.gaps, engine.samples_lost) == (1, lost)
    index = engine.log.table().index
    # before the gap as always; after it a whole new window is needed, and the count has gone on over the gap
    assert engine.bridged == 0
    assert index[index < n].tolist() == list(range(127, n, 16))
    assert index[index >= n].tolist() == list(range(n + lost + 127, n + lost + n, 16))


def test_a_stalled_stream_has_no_signal_and_rests_then_comes_back(bundle: Bundle) -> None:
    outlet = SignalOutlet("stall", SPEC.layout.channels, SPEC.fs_hz)
    loud = noise(SPEC, 512, 1.0)
    loud[:, [0, 1, 4, 5]] += noise(SPEC, 512, 30.0, seed=1)[:, [0, 1, 4, 5]] - 20_000.0
    loud[100:103, 2] = np.nan
    told: list[Decision] = []
    limits = LiveLimits(max_age_s=600.0, silence_s=1.0, no_decision_s=600.0)
    engine = Engine(
        StreamClassifier(bundle),
        connect(SPEC, "stall"),
        on_decision=told.append,
        limits=limits,
    )
    engine.start()
    try:
        outlet.push(loud, clock())
        until(lambda: engine.state == State.NO_SIGNAL)
        assert len(engine.log) == 25
        assert told[24].label == "left"
        assert not told[24].reason
        assert run_report(engine)["samples"]["missing_values"] == 3
        shot = engine.snapshot()
        assert shot.decision is not None
        assert (shot.decision.label, shot.decision.level, shot.decision.reason) == ("rest", 0.0, "no_signal")
        assert (shot.state, shot.code) == ("no_signal", "no_signal")
        assert "No samples" in shot.message
        assert [(one.label, one.reason) for one in told[25:]] == [("rest", "no_signal")]
        outlet.push(loud, clock())
        until(lambda: len(told) > 26)
        assert not told[26].reason
    finally:
        engine.stop()
    engine.raise_error()
    assert told[-1].reason == "stopped"
    assert run_report(engine)["states"].keys() >= {"connecting", "running", "no_signal"}


def test_the_pattern_shown_is_that_of_the_gesture_decided_and_dark_at_rest(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "shared", SPEC, shared=True)
    outlet = SignalOutlet("patterns", SPEC.layout.channels, SPEC.fs_hz)
    left, quiet = noise(SPEC, 512, 1.0), noise(SPEC, 1024, 0.5)
    left[:, [0, 1, 4, 5]] += noise(SPEC, 512, 30.0, seed=1)[:, [0, 1, 4, 5]] - 20_000.0
    engine = Engine(
        StreamClassifier(bundle),
        connect(SPEC, "patterns"),
        explain=True,
        limits=LiveLimits(max_age_s=600.0, silence_s=1.0, no_decision_s=600.0),
    )
    assert engine.shared_pattern
    engine.start()

    def pattern() -> np.ndarray:
        grid = engine.snapshot().pattern_grid
        return np.zeros(SPEC.layout.shape) if grid is None else grid

    def decided(label: str) -> bool:
        decision = engine.snapshot().decision
        return decision is not None and decision.label == label

    try:
        outlet.push(left, clock())
        until(lambda: decided("left") and pattern()[:, :2].min() > 0.5)
        assert pattern()[:, 2:].max() == 0.0
        outlet.push(quiet, clock())
        until(lambda: decided("rest") and pattern().max() < 0.05)
        outlet.push(left, clock())
        until(lambda: pattern()[:, :2].min() > 0.5)
        # whatever was shown last, the hand now rests
        until(lambda: engine.state == State.NO_SIGNAL and pattern().max() == 0.0)
    finally:
        engine.stop()
    engine.raise_error()


def test_a_lost_stream_is_visible_and_a_new_source_is_taken_up(bundle: Bundle) -> None:
    recording = session("comeback", segment_s=0.3)
    engine: Engine | None = None
    try:
        with Playing(recording) as playing:
            connection = connect(SPEC, "comeback")
            engine = Engine(
                StreamClassifier(bundle),
                connection,
                reconnect=Reconnector(SPEC, SourceChoice("comeback"), connection),
            )
            engine.start()
            playing.thread.join()
            until(lambda: engine is not None and engine.samples_received == recording.n_samples)
        del playing
        until(lambda: engine is not None and engine.state == "lost")
        assert "Waiting" in engine.snapshot().message
        decision = engine.snapshot().decision
        assert decision is not None
        assert decision.label == "rest"
        with Playing(recording):
            until(lambda: engine is not None and engine.samples_received == 2 * recording.n_samples, 15.0)
        assert engine.reconnections == 1
        assert engine.gaps == 1
    finally:
        if engine is not None:
            engine.stop()
    engine.raise_error()


def test_a_worker_that_breaks_is_seen(bundle: Bundle) -> None:
    def broken(decision: object) -> None:
        raise RuntimeError("the hand fell off")

    outlet = SignalOutlet("broken", SPEC.layout.channels, SPEC.fs_hz)
    engine = Engine(StreamClassifier(bundle), connect(SPEC, "broken"), on_decision=broken)
    engine.start()
    try:
        outlet.push(noise(SPEC, 256, 1.0), clock())
        until(lambda: engine.error is not None)
        assert engine.state == "failed"
        assert "the hand fell off" in engine.snapshot().message
    finally:
        engine.stop()
    with pytest.raises(RuntimeError, match="the hand fell off"):
        engine.raise_error()


def test_streams_that_do_not_fit_are_refused_in_one_sentence() -> None:
    names = SPEC.layout.channels
    cases = {
        "few": (SignalOutlet("few", names[:5], 512.0), "3 of the layout's names are missing"),
        "slow": (SignalOutlet("slow", names, 500.0), "runs at 500 Hz"),
        "degrees": (SignalOutlet("degrees", names, 512.0, unit="celsius"), "'celsius'"),
        "others": (SignalOutlet("others", [f"A{k}" for k in range(8)], 512.0), "--by-position"),
    }
    for name, (_, text) in cases.items():
        with pytest.raises(LayoutMismatch, match=text):
            connect(SPEC, name)
    taken = connect(SPEC, SourceChoice("others", by_position=True))
    assert taken.order.tolist() == list(range(8))
    taken.close()
    with pytest.raises(StreamError, match="No LSL stream called 'nowhere'"):
        connect(SPEC, "nowhere", timeout_s=0.3)


def test_channels_are_put_in_order_and_scaled(tmp_path: Path) -> None:
    shuffled = tuple(reversed(SPEC.layout.channels))
    outlet = SignalOutlet("shuffled", shuffled, SPEC.fs_hz, unit="millivolts")
    assert outlet.name == "shuffled"
    connection = connect(SPEC, "shuffled")
    assert connection.order.tolist() == list(range(7, -1, -1))
    assert connection.to_uv.tolist() == [1000.0] * 8
    connection.close()
