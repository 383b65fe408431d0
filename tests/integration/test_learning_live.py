"""A bundle that learns its user: trained, exported, and live over LSL the same as offline."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from offline.config import TrainConfig
from offline.datasets import collect
from offline.person import as_average, donnings, reference
from offline.run import _with_calibration, train_bundle
from offline.sources import TrainingData
from offline.splits import Split, split
from offline.training import train
from rt_handdt.core.bundle import Bundle, load_bundle
from rt_handdt.core.preprocess import iter_frames
from rt_handdt.core.recording import ArrayRecording
from rt_handdt.errors import BundleError, ConfigError
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.infer.stream import StreamRecognizer
from rt_handdt.io.replay import Replayer
from rt_handdt.runtime.connect import connect
from rt_handdt.runtime.engine import Engine
from rt_handdt.runtime.report import run_report
from tests.support.people import FS_HZ, LABELS, LAYOUT, recording

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
    average = reference(train(windows, parts, quick).net.inputs)
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
        samples=3.0 * np.concatenate(list(stranger.blocks())),
    )
    recognizer = Recognizer(bundle, "cpu")
    replayer = Replayer(stranger, layout=LAYOUT, counter=True)
    thread = threading.Thread(target=lambda: replayer.wait_for_listener(10.0) and replayer.run())
    thread.start()
    engine = Engine(recognizer, connect(bundle.spec, "stranger"))
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
    assert learnt_s == pytest.approx(len(maps) * bundle.spec.hop_samples / FS_HZ, abs=0.1)


def test_a_model_that_learns_nothing_says_so(bundle: Bundle, tmp_path: Path) -> None:
    people = TrainingData(tuple(recording(person) for person in range(2)), "synthetic people", True)
    plain = {name: value for name, value in SETTINGS.items() if name != "person"}
    other = train_bundle(people, LAYOUT, tmp_path / "plain", TrainConfig.model_validate(plain), Console(quiet=True))
    assert other.person() is None
    assert not (other.path / "person.npz").exists()
    assert StreamRecognizer(Recognizer(other, "cpu")).adapter is None


def test_calibration_is_always_trained_on_and_never_held_out() -> None:
    config = TrainConfig.model_validate(SETTINGS)
    for own in (recording(2, repetitions=1), recording(3, repetitions=1)):  # a known person; a new one
        first = [recording(person) for person in range(3)]
        own = ArrayRecording(
            "own",
            own.fs_hz,
            own.channels,
            own.n_samples,
            own.markers,
            subject=own.subject,
            samples=np.concatenate(list(own.blocks())),
        )
        windows = collect([*first, own], LAYOUT, config)
        for seed in range(4):
            parts = split(windows, config.validation, seed, frozenset(["own"]))
            assert parts.often is not None
            assert not (parts.valid & parts.often).any()
            assert parts.often.sum() == sum(windows.trials[k].recording == "own" for k in windows.trial)
            user = np.unique(windows.person[parts.often])
            assert not np.isin(windows.person[parts.valid], user).any()
            assert "3 trials of calibration" in parts.protocol
    data = TrainingData((recording(0),), "one", True)
    with pytest.raises(ConfigError, match="among the training data too"):
        _with_calibration(data, data, ["p0.xdf"])


def test_a_labelled_repetition_is_learnt_before_going_live(bundle: Bundle, tmp_path: Path) -> None:
    own = recording(55, repetitions=1)
    maps = np.stack([frame.maps for frame in iter_frames(recording(55), bundle.spec)])
    recognizer = Recognizer(bundle, "cpu")
    taught, stranger = StreamRecognizer(recognizer), StreamRecognizer(recognizer)
    assert taught.calibrate(own) > 50
    assert np.abs(taught.judge(maps[0]).probabilities - stranger.judge(maps[0]).probabilities).max() > 0
    taught.reset()
    assert np.array_equal(taught.judge(maps[0]).probabilities, stranger.judge(maps[0]).probabilities)
    with pytest.raises(ConfigError, match=r"no window of 0\.25 s lies inside"):
        stranger.calibrate(recording(55, labels=("hand_open", "hand_close")))
    with pytest.raises(ConfigError, match="learns nothing live"):
        StreamRecognizer(recognizer, learn=False).calibrate(own)
