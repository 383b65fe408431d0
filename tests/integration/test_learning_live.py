"""A bundle that learns its user: trained, exported, and live over LSL the same as offline."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from offline.config import TrainConfig
from offline.data.datasets import collect
from offline.data.recordings import TrainingData, open_data
from offline.data.splits import Split
from offline.train.person import as_average, donnings, reference
from offline.train.window_run import train_bundle
from offline.train.window_training import train
from rt_handdt.core.bundle import Bundle, load_bundle
from rt_handdt.core.preprocess import iter_frames
from rt_handdt.core.recording import ArrayRecording, Marker
from rt_handdt.errors import BundleError, ConfigError, LayoutMismatch, RecordingError
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.infer.stream import StreamRecognizer
from rt_handdt.io.replay import Replayer
from rt_handdt.io.sources import open_recording
from rt_handdt.io.xdf import write_xdf
from rt_handdt.runtime.connect import connect
from rt_handdt.runtime.engine import Engine
from rt_handdt.runtime.report import run_report
from tests.support.limits import PATIENT
from tests.support.people import FS_HZ, LABELS, LAYOUT, recording
from tests.support.tiny import noise, tiny_bundle

SETTINGS = {
    "stride": 2,
    "threads": 1,
    "pipeline": {"band_hz": [20.0, 200.0], "notch_hz": 0, "hop_s": 16 / FS_HZ},
    "network": {"widths": [8, 8, 8]},
    "person": {"learn": True, "dims": 6, "adapter": {"every": 2, "refresh": 4}},
    "optimiser": {"epochs": 4, "batch": 32, "learning_rate": 5e-3},
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    out = tmp_path_factory.mktemp("models") / "learning"
    people = TrainingData(tuple(recording(person) for person in range(4)), "synthetic people", True)
    return train_bundle(people, LAYOUT, out, TrainConfig.model_validate(SETTINGS), Console(quiet=True))


def test_the_bundle_says_and_holds_what_it_learns_by(bundle: Bundle) -> None:
    manifest, model = bundle.manifest, bundle.person()
    assert manifest.adaptation is not None
    assert manifest.adaptation.every == 2
    assert model is not None
    assert [LABELS[k] for k in model.gestures] == ["wrist_flexion", "wrist_extension"]
    assert model.projection.shape == (4 * LAYOUT.n_channels, 6)
    assert 0.9 < manifest.scores["validation_adapted_accuracy"] <= 1.0
    assert "model learns its user" in bundle.file("CARD.md").decode()
    content = (bundle.path / "person.npz").read_bytes()
    (bundle.path / "person.npz").write_bytes(content[:-1] + b"?")
    with pytest.raises(BundleError, match=r"person\.npz: was changed"):
        load_bundle(bundle.path)
    (bundle.path / "person.npz").write_bytes(content)


def test_windows_are_shown_as_the_average_persons() -> None:
    """Each donning's own mean and spread are gone; what the network is fed has the average person's."""
    config = TrainConfig.model_validate(SETTINGS)
    windows = collect([recording(person) for person in range(3)], LAYOUT, config)
    parts = Split(np.ones(len(windows), bool), np.zeros(len(windows), bool), "none", 3)
    quick = config.model_copy(update={"optimiser": config.optimiser.model_copy(update={"epochs": 1, "keep": "last"})})
    average = reference(train(windows, parts, quick).net.standardiser)
    shown = as_average(windows, average)
    group = donnings(windows)
    assert len(np.unique(group)) == 3
    for one in range(3):
        normal = (average.compress(shown.maps[group == one]) - average.mean) / average.spread
        assert normal.mean(axis=0) == pytest.approx(0.0, abs=0.02)
        assert normal.std(axis=0) == pytest.approx(1.0, abs=0.02)
        raw = (average.compress(windows.maps[group == one]) - average.mean) / average.spread
        assert np.abs(raw.mean(axis=0)).max() > 0.2


@pytest.mark.usefixtures("lsl")
def test_live_learns_what_offline_learns(bundle: Bundle) -> None:
    stranger = recording(77, repetitions=2)
    stranger = ArrayRecording(
        "stranger",
        stranger.fs_hz,
        stranger.channels,
        stranger.n_samples,
        stranger.markers,
        samples=1.5 * np.concatenate(list(stranger.blocks())),
    )
    recognizer = Recognizer(bundle, "cpu")
    replayer = Replayer(stranger, layout=LAYOUT, counter=True)
    thread = threading.Thread(target=lambda: replayer.wait_for_listener(10.0) and replayer.run())
    thread.start()
    engine = Engine(StreamClassifier(bundle), connect(bundle.spec, "stranger"), limits=PATIENT)
    engine.start()
    try:
        deadline = time.monotonic() + 20.0
        while engine.samples_received < stranger.n_samples and engine.error is None:
            assert time.monotonic() < deadline, "waited too long"
            time.sleep(0.02)
    finally:
        engine.stop()
        thread.join()
    engine.raise_error()
    maps = np.stack([frame.maps for frame in iter_frames(stranger, bundle.spec)])
    table = engine.log.table()
    assert engine.samples_lost == 0
    np.testing.assert_allclose(table.probabilities, StreamRecognizer(recognizer).run(maps), atol=1e-6)
    alone = StreamRecognizer(recognizer, learn=False).run(maps)
    np.testing.assert_allclose(alone, recognizer.predict_batch(maps)[0], atol=0)
    assert np.abs(table.probabilities - alone).max() > 0.05  # it did learn something
    learnt_s = run_report(engine)["learnt_s"]
    seconds = len(maps) * bundle.spec.hop_samples / FS_HZ
    assert 0.3 * seconds < learnt_s <= seconds + 0.1  # onsets and what looks like no movement teach nothing


def test_a_model_that_learns_nothing_says_so(bundle: Bundle, tmp_path: Path) -> None:
    people = TrainingData(tuple(recording(person) for person in range(2)), "synthetic people", True)
    plain = {name: value for name, value in SETTINGS.items() if name != "person"}
    other = train_bundle(people, LAYOUT, tmp_path / "plain", TrainConfig.model_validate(plain), Console(quiet=True))
    assert other.person() is None
    assert not (other.path / "person.npz").exists()
    assert StreamRecognizer(Recognizer(other, "cpu")).adapter is None


def test_training_with_a_calibration_ships_the_calibrated_classifier(bundle: Bundle, tmp_path: Path) -> None:
    """The network learns nothing from it, and live is what a calibration before the stream makes of the same bundle."""
    people = TrainingData(tuple(recording(person) for person in range(4)), "synthetic people", True)
    own = tmp_path / "sub-55_own.xdf"
    write_xdf(own, recording(55, repetitions=2))
    config = TrainConfig.model_validate(SETTINGS)
    both = train_bundle(people, LAYOUT, tmp_path / "both", config, Console(quiet=True), calibration=[str(own)])
    assert both.manifest.calibrated_with is not None
    assert "sub-55_own" in both.manifest.calibrated_with
    maps = np.stack([frame.maps for frame in iter_frames(recording(55), bundle.spec)])
    shipped, fitted = (StreamRecognizer(Recognizer(one, "cpu")) for one in (both, bundle))
    assert fitted.calibrated is None
    fitted.calibrate(open_recording(own))
    np.testing.assert_allclose(shipped.run(maps), fitted.run(maps), atol=2e-3)
    content = (both.path / "calibration.npz").read_bytes()
    (both.path / "calibration.npz").write_bytes(content[:-1] + b"?")
    with pytest.raises(BundleError, match=r"calibration\.npz: was changed"):
        load_bundle(both.path)
    with pytest.raises(ConfigError, match="among the training data too"):
        train_bundle(
            open_data([str(own)], LAYOUT),
            LAYOUT,
            tmp_path / "twice",
            config,
            Console(quiet=True),
            calibration=[str(own)],
        )


def test_one_repetition_is_enough_to_train_on(tmp_path: Path) -> None:
    once = TrainingData((recording(3, repetitions=1, segment_s=3.0),), "one repetition", True)
    settings = {**SETTINGS, "person": {"learn": False}}
    made = train_bundle(once, LAYOUT, tmp_path / "once", TrainConfig.model_validate(settings), Console(quiet=True))
    assert (
        "validated on the end of that repetition, which flatters: rest, wrist_flexion"
        in made.manifest.training.protocol
    )
    assert made.manifest.scores["validation_windows"] >= 3
    short = TrainingData((recording(3, repetitions=1, segment_s=0.4),), "one short repetition", True)
    with pytest.raises(RecordingError, match=r"was recorded once only, for 0\.38 s, too short"):
        train_bundle(short, LAYOUT, tmp_path / "short", TrainConfig.model_validate(settings), Console(quiet=True))


@pytest.mark.parametrize("learn", [True, False])
def test_a_labelled_repetition_is_learnt_before_going_live(bundle: Bundle, learn: bool) -> None:
    own = recording(55, repetitions=1)
    later = recording(55, repetitions=3)
    maps = np.stack([frame.maps for frame in iter_frames(later, bundle.spec)])
    recognizer = Recognizer(bundle, "cpu")
    taught, stranger = StreamRecognizer(recognizer, learn=learn), StreamRecognizer(recognizer, learn=learn)
    report = taught.calibrate(own)
    assert report.labels == LABELS
    assert report.repetitions == 1
    assert report.windows > 50
    assert "halves of the one repetition" in report.sentences()[0]
    first = taught.judge(maps[0]).probabilities
    assert np.abs(first - stranger.judge(maps[0]).probabilities).max() > 0
    taught.run(maps)
    taught.reset()  # what was labelled stays
    np.testing.assert_array_equal(taught.judge(maps[0]).probabilities, first)
    with pytest.raises(RecordingError, match=r"needs two or more of the model's labels .* found none.*hand_open"):
        stranger.calibrate(recording(55, labels=("hand_open", "hand_close")))
    with pytest.raises(LayoutMismatch, match="resample the recording"):
        stranger.calibrate(recording(55, fs_hz=500.0))
    assert stranger.calibrated is None


def test_every_bundle_can_be_calibrated(tmp_path: Path) -> None:
    """One made by hand, that knows nothing of people: the repetitions say which half is which, the network is wrong."""
    made = tiny_bundle(tmp_path / "tiny")
    spec = made.spec
    n = round(3 * spec.fs_hz)
    half = np.tile([1.0, 1.0, 0.2, 0.2], 2)
    pieces = [
        noise(spec, n, 1.0, 1) - 20_000,
        (noise(spec, n, 30.0, 2) - 20_000) * half[::-1],
        (noise(spec, n, 30.0, 3) - 20_000) * half,
    ]
    samples = np.concatenate(pieces).astype(np.float32)
    markers = tuple(
        Marker(k * n, label) for k, label in enumerate(("rest", "left", "right"))
    )  # left and right exchanged
    own = ArrayRecording("own", spec.fs_hz, spec.layout.channels, len(samples), markers, samples=samples)
    reader = StreamRecognizer(Recognizer(made, "cpu"))
    frames = list(iter_frames(own, spec))
    before = reader.run(np.stack([frame.maps for frame in frames])).argmax(axis=1)
    reader.calibrate(own)
    after = reader.run(np.stack([frame.maps for frame in frames])).argmax(axis=1)
    inside = [k for k, frame in enumerate(frames) if n + 200 < frame.index < 2 * n]
    assert (before[inside] == 2).all()
    assert (after[inside] == 1).all()


def test_windows_judged_at_once_are_judged_as_one_by_one(bundle: Bundle) -> None:
    maps = np.stack([frame.maps for frame in iter_frames(recording(55), bundle.spec)])
    reader = StreamRecognizer(Recognizer(bundle, "cpu"), learn=False)
    reader.calibrate(recording(55, repetitions=1))
    np.testing.assert_allclose(reader.run(maps), [reader.step(one).probabilities for one in maps], atol=1e-5)


@pytest.mark.parametrize("calibrate", [False, True])
def test_warming_up_leaves_no_trace(bundle: Bundle, calibrate: bool) -> None:
    maps = np.stack([frame.maps for frame in iter_frames(recording(55), bundle.spec)])
    warmed, other = (StreamRecognizer(Recognizer(bundle, "cpu")) for _ in range(2))
    if calibrate:
        for reader in (warmed, other):
            reader.calibrate(recording(55, repetitions=1))
    for k, one in enumerate(maps):
        warmed.warm(maps[-1 - k])
        np.testing.assert_array_equal(warmed.step(one).probabilities, other.step(one).probabilities)
