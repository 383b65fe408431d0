"""A run of the pipeline becomes a bundle: the live road gives the posteriors that the run itself computed."""

from __future__ import annotations

import json
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from offline.bundle.writing import to_onnx
from offline.classifiers.base import CalibratedClassifier
from offline.classifiers.inputs import concatenate
from offline.classifiers.registry import CLASSIFIERS, make
from offline.cli import app
from offline.config.method import MethodConfig
from offline.features.build_table import build_table
from offline.features.feature_config import FeatureConfig
from offline.study import run_bundle as bundle_module
from offline.study.pipeline_run import run_pipeline
from offline.study.rejudged import evaluate_run
from offline.study.run_bundle import export_run, live_options
from offline.study.run_config import PipelineConfig
from offline.train.latents import Latents, encode
from offline.train.method_training import MODEL
from offline.train.trained import TrainedMethod
from rt_handdt.core.bundle import Bundle, load_bundle
from rt_handdt.core.gestures import REST
from rt_handdt.core.preprocess import Preprocessor, iter_frames
from rt_handdt.core.recording import ArrayRecording
from rt_handdt.errors import BundleError, ConfigError, HanddtError, RecordingError
from rt_handdt.infer.classifier import StreamClassifier
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.io.hyser import read_hyser
from rt_handdt.io.hyser_layout import session_folder
from rt_handdt.io.wfdb import read_wfdb
from rt_handdt.paths import shipped
from tests.support.noise_people import CODES, GESTURES, noise_people

METHOD = MethodConfig.from_toml(shipped("configs", "method", "smoke.toml")).model_copy(update={"keep": "last"})


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """3 people × 3 gestures × 2 trials."""
    return noise_people(tmp_path_factory.mktemp("export") / "people", {(k, 1): CODES * 2 for k in (1, 2, 3)})


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


def settings(data: Path, *, training_seed: int = 0, width: int = 8, **features) -> PipelineConfig:
    method = METHOD.model_copy(
        update={
            "seed": training_seed,
            "optimiser": METHOD.optimiser.model_copy(update={"epochs": 2}),
            "network": METHOD.network.model_copy(update={"widths": (16, 12, width)}),
        }
    )
    return PipelineConfig(
        data=(str(data),),
        test_subjects=("1",),
        valid_people=0,
        classifiers=("lda",),
        baselines=(),
        bundle="none",
        features=FeatureConfig(**features),
        method=method,
    )


def start(config: PipelineConfig, out: Path, cache: Path):
    return run_pipeline(config, out, cache=cache, processes=1, figures=False)


@pytest.fixture(scope="module")
def run(data, cache, tmp_path_factory) -> Path:
    """On trials, all time-domain; with its bundle."""
    out = tmp_path_factory.mktemp("runs") / "trials"
    start(settings(data).model_copy(update={"bundle": "lda"}), out, cache)
    return out


@pytest.fixture(scope="module")
def windows(data, cache, tmp_path_factory) -> Path:
    """On windows with rest, STFT and time-domain: 260 maps in two inputs; with its bundle."""
    out = tmp_path_factory.mktemp("runs") / "windows"
    config = settings(data, unit="window", measure="stft_td", gestures=(REST, *GESTURES), stride=24)
    start(config.model_copy(update={"bundle": None}), out, cache)
    return out


@pytest.fixture(scope="module")
def graphs() -> dict[str, bytes]:
    return {}


@pytest.fixture
def exported_once(graphs, monkeypatch) -> None:
    """The networks of one run give the same graphs each time; torch takes seconds to make them."""

    def remembered(module, example, given, wanted):
        name = type(module).__name__
        graphs[name] = graphs.get(name) or to_onnx(module, example, given, wanted)
        return graphs[name]

    monkeypatch.setattr(bundle_module, "to_onnx", remembered)


def replay(bundle: Bundle) -> None:
    """Golden vectors through pipeline and networks."""
    golden = bundle.golden()
    frames = Preprocessor(bundle.spec).push(golden["signal"])
    assert [frame.index for frame in frames] == golden["indices"].tolist()
    np.testing.assert_allclose(np.stack([frame.maps for frame in frames]), golden["frames"], rtol=1e-5, atol=1e-5)
    probabilities, latents = Recognizer(bundle, "cpu").predict_batch(golden["frames"])
    np.testing.assert_allclose(probabilities, golden["probabilities"], atol=1e-4)
    np.testing.assert_allclose(latents, golden["latents"], atol=1e-3)


def classifier(folder: Path, name: str):
    """As the run fits it."""
    train = Latents.load(folder / "latents" / "train.npz")
    shape = TrainedMethod.load(folder / "training" / MODEL).net.latent_shape
    x = train.xp.reshape(len(train), *shape)
    return make(name).fit(x, train.yp, train.ys, seed=0, n_labels=len(train.gestures)), shape


@pytest.mark.usefixtures("exported_once")
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_classifier_goes_live_with_the_posteriors_of_the_run(name, run, data, cache, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        if name == "lda":  # the run has evaluated it: that one is exported, and none fitted again
            patched.setattr(CalibratedClassifier, "fit", None)
        bundle = export_run(run, tmp_path / name, classifier=name, cache=cache, processes=1)
    replay(bundle)
    spec = bundle.spec
    assert (spec.window_samples, spec.hop_samples, spec.map_names) == (1024, 32, ("rms", "wl", "zc", "ssc"))
    assert bundle.gestures.labels == GESTURES
    test = Latents.load(run / "latents" / "test.npz")
    head, shape = classifier(run, name)
    wanted = head.probabilities(test.xp.reshape(len(test), *shape))
    table = build_table([data], FeatureConfig(), cache=cache, processes=1)
    table = table.select(table.person == 0)
    recognizer = Recognizer(bundle, "cpu")
    probabilities, latents = recognizer.predict_batch(table.maps)
    votes = 2e-2 if name == "rf" else 1e-5  # a tree's threshold may lie between two roundings
    np.testing.assert_allclose(latents, test.xp, atol=1e-4)
    np.testing.assert_allclose(probabilities, wanted, atol=max(votes, 1e-4))
    exact = 0
    for trial in range(len(test)):
        # a trial played live ends with the window that the run measured
        samples = read_wfdb(session_folder(data, 1, 1) / f"dynamic_raw_sample{trial + 1}.hea")
        # Tables of whole trials know nothing of bad electrodes, which these people of noise seem to have.
        frame = Preprocessor(spec, quality=None).push(np.concatenate(list(samples.blocks())))[-1]
        assert frame.index == 2047
        np.testing.assert_allclose(frame.maps[:2], table.maps[trial, :2], rtol=1e-4)
        off = np.abs(frame.maps[2:] - table.maps[trial, 2:])
        assert off.sum() <= 4  # a sample that lies on zero to rounding may be counted or not
        if not off.any():
            exact += 1
            answer = recognizer.predict(frame.maps)
            np.testing.assert_allclose(answer.latent, test.xp[trial], atol=1e-4)
            np.testing.assert_allclose(answer.probabilities, wanted[trial], atol=max(votes, 1e-4))
    assert exact >= 4
    right = probabilities.argmax(axis=1) == test.yp
    assert np.mean(right) == pytest.approx(bundle.manifest.scores["test_accuracy"], abs=1e-4)
    recon = recognizer.explain(test.xp[0])
    np.testing.assert_allclose(recon, test.recon_p[0], atol=1e-3)
    assert sum(path.stat().st_size for path in bundle.path.iterdir()) < 16e6


def test_windows_with_rest_give_the_same_live_and_offline(windows, data, cache):
    bundle = load_bundle(windows / "bundle")
    assert bundle.manifest.name == "windows"
    replay(bundle)
    spec = bundle.spec
    assert spec.frame_shape == (260, 16, 16)
    assert (spec.window_samples, spec.hop_samples) == (512, 32)
    decoder = bundle.manifest.decoder
    assert 2 < decoder.rest_rms_uv < 8 < 20 < decoder.active_rms_uv
    assert decoder.gate_ratio == 0.8  # rest is a class: the gate overrules far below only
    config = FeatureConfig(unit="window", measure="stft_td", gestures=(REST, *GESTURES), stride=24)
    table = build_table([data], config, cache=cache, processes=1)
    own = table.select(table.person == 0)
    trained = TrainedMethod.load(windows / "training" / MODEL)
    head, shape = classifier(windows, "lda")
    latents = encode(trained, own)
    wanted = head.probabilities(latents.xp.reshape(len(own), *shape))
    recording = read_hyser(session_folder(data, 1, 1))
    assert bundle.gestures.labels == own.gestures.labels
    recognizer, found = Recognizer(bundle, "cpu"), []
    for number, frame in enumerate(iter_frames(recording, spec)):
        inside = any(one.holds(frame.index - 511, frame.index) for one in recording.segments())
        if number % 24 == 0 and inside:
            found.append(recognizer.predict(frame.maps))
    assert len(found) == len(own) > 20
    np.testing.assert_allclose(np.stack([one.latent for one in found]), latents.xp, atol=1e-3)
    np.testing.assert_allclose(np.stack([one.probabilities for one in found]), wanted, atol=1e-3)


@pytest.mark.usefixtures("lsl")
def test_a_stream_on_loopback_gives_the_offline_posteriors(windows, data):
    from rt_handdt.io.replay import Replayer
    from rt_handdt.runtime.connect import connect
    from rt_handdt.runtime.engine import Engine
    from tests.support.limits import PATIENT

    bundle = load_bundle(windows / "bundle")
    joined = read_hyser(session_folder(data, 1, 1))
    samples = np.concatenate(list(joined.blocks()))[:4096]
    recording = ArrayRecording("exported", joined.fs_hz, joined.channels, len(samples), samples=samples)
    recognizer = Recognizer(bundle, "cpu")
    replayer, stop = Replayer(recording, layout=bundle.spec.layout, counter=True), threading.Event()
    thread = threading.Thread(
        target=lambda: replayer.wait_for_listener(10.0) and replayer.run(stop=stop), name="replay-test"
    )
    thread.start()
    try:
        engine = Engine(
            StreamClassifier(bundle),
            connect(bundle.spec, "exported"),
            explain=True,
            limits=PATIENT,
        )
        engine.start()
        deadline = time.monotonic() + 20
        while engine.samples_received < len(samples) and engine.error is None and time.monotonic() < deadline:
            time.sleep(0.02)
        shot = engine.snapshot()
        engine.stop()
        engine.raise_error()
    finally:
        stop.set()
        thread.join()
    assert (engine.samples_received, engine.samples_lost) == (len(samples), 0)
    # People of noise: some of it is no EMG, live as offline.
    offline = [frame for frame in iter_frames(recording, bundle.spec) if frame.fault is None]
    wanted, latents = recognizer.predict_batch(np.stack([frame.maps for frame in offline]))
    log = engine.log.table()
    assert log.index.tolist() == [frame.index for frame in offline]
    np.testing.assert_allclose(log.probabilities, wanted, atol=1e-5)
    # what the window paints of 260 maps is the pattern's RMS, not one of 256 spectral lines
    rms = np.stack([recognizer.explain(latent)[256] for latent in latents])
    assert bundle.spec.map_names[256] == "rms"
    assert shot.pattern_grid is not None
    assert np.abs(rms - shot.pattern_grid).max(axis=(1, 2)).min() < 1e-5


def test_the_run_s_folder_holds_the_bundle_and_the_card_says_what_it_means(run):
    bundle = load_bundle(run / "bundle")
    manifest = bundle.manifest
    found = json.loads((run / "metrics.json").read_text())["results"][0]
    assert manifest.scores["test_accuracy"] == pytest.approx(found["accuracy"], abs=1e-4)
    assert manifest.scores["test_ece"] == pytest.approx(found["ece"], abs=1e-4)
    assert (manifest.name, manifest.training.people) == ("trials", 2)
    assert manifest.training.config["run"]["data"] == ["people"]  # no path of this machine
    decoder = manifest.decoder
    gate = decoder.gate_ratio * decoder.rest_rms_uv
    assert gate == pytest.approx(np.sqrt(decoder.rest_rms_uv * decoder.active_rms_uv))
    card = (run / "bundle" / "CARD.md").read_text()
    for sentence in (
        "500 ms windows every 15.625 ms",
        "2 people, 12 trials; seed 0",
        "lda on the pattern latent",
        "It has learnt from the last 0.5 s of each trial only",
        f"It knows no rest. Windows whose RMS (mean over the electrodes) is below {gate:.3g} µV",
        "| 6 |",
    ):
        assert sentence in card


def test_runs_are_joined_in_a_bundle_and_judged_together(run, data, cache, tmp_path):
    other = tmp_path / "other"
    start(settings(data, training_seed=1, width=6), other, cache)
    done = CliRunner().invoke(
        app,
        [
            *("export", str(run), "--with", str(other), "--classifier", "lda", "--name", "both"),
            *("--out", str(tmp_path / "joint"), "--cache", str(cache), "--processes", "1"),
        ],
    )
    assert done.exit_code == 0, (done.output, done.exception)
    assert "Wrote" in done.stdout
    bundle = load_bundle(tmp_path / "joint")
    replay(bundle)
    assert bundle.manifest.name == "both"
    parts = [
        [Latents.load(folder / "latents" / f"{part}.npz") for folder in (run, other)] for part in ("train", "test")
    ]
    assert bundle.manifest.latent_size == (8 + 6) * 4
    train, test = (concatenate([one.xp.reshape(len(one), -1, 2, 2) for one in several]) for several in parts)
    head = make("lda").fit(train, parts[0][0].yp, parts[0][0].ys, seed=0, n_labels=3)
    wanted = head.probabilities(test)
    recognizer = Recognizer(bundle, "cpu")
    table = build_table([data], FeatureConfig(), cache=cache, processes=1)
    probabilities, latents = recognizer.predict_batch(table.maps[table.person == 0])
    np.testing.assert_allclose(latents, test.reshape(len(test), -1), atol=1e-3)
    np.testing.assert_allclose(probabilities, wanted, atol=1e-3)
    # the pattern component is the first run's, from its part of the latent
    np.testing.assert_allclose(recognizer.explain(latents[0]), parts[1][0].recon_p[0], atol=1e-3)

    judged = evaluate_run(run, ("lda",), others=(other,))
    assert "latents of 2 runs side by side" in judged.heading
    written = json.loads((run / "evaluate_test_pattern_joined_2.json").read_text())["results"]
    assert written[0]["accuracy"] == pytest.approx((wanted.argmax(axis=1) == parts[1][0].yp).mean())
    done = CliRunner().invoke(
        app, ["evaluate", str(run), "--with", str(other), "--on", "train", "--latent", "subject", "--classifier", "knn"]
    )
    assert done.exit_code == 0, (done.output, done.exception)
    assert (run / "evaluate_train_subject_joined_2.json").exists()


def test_runs_that_do_not_belong_together_are_refused(run, windows, data, cache, tmp_path):
    with pytest.raises(ConfigError, match="differ in features; join runs of the same data"):
        export_run(run, tmp_path / "a", others=(windows,), cache=cache)
    with pytest.raises(ConfigError, match="each run may be named once"):
        export_run(run, tmp_path / "a", others=(run,), cache=cache)
    seeded = tmp_path / "seeded"
    shutil.copytree(run, seeded, ignore=shutil.ignore_patterns("bundle"))
    path = seeded / "latents" / "train.npz"
    latents = Latents.load(path)
    replace(latents, yp=latents.yp[::-1].copy()).save(path)
    with pytest.raises(ConfigError, match=r"not the same train samples .* differ in gestures\); .* --training-seed"):
        evaluate_run(run, ("lda",), others=(seeded,))
    assert not (tmp_path / "a").exists()


def test_what_cannot_go_live_is_said(run, data, cache, tmp_path):
    zero = start(settings(data, measure="rms", phase="zero"), tmp_path / "zero", cache)
    with pytest.raises(ConfigError, match="filters forward and backward, which no live stream can do"):
        export_run(zero.folder.path, tmp_path / "a", cache=cache)
    classical = settings(data, measure="rms,mnf").model_copy(update={"bundle": None})
    noted = start(classical, tmp_path / "classical", cache)
    assert any(
        "No bundle for live use was written. The measure 'rms,mnf' holds classical" in one for one in noted.notes
    )
    assert not (tmp_path / "classical" / "bundle").exists()
    assert "No bundle" in (tmp_path / "classical" / "metrics.json").read_text()
    with pytest.raises(ConfigError, match="did you mean 'lda'"):
        export_run(run, tmp_path / "a", classifier="ldaa", cache=cache)
    with pytest.raises(ConfigError, match="did you mean 'lda'"):
        start(settings(data).model_copy(update={"bundle": "ldaa"}), tmp_path / "b", cache)
    with pytest.raises(HanddtError, match="is not there; give the folder of a finished"):
        export_run(tmp_path, tmp_path / "a", cache=cache)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    with pytest.raises(BundleError, match="is not a bundle"):
        export_run(run, tmp_path / "mine", cache=cache)
    settings_file = zero.folder.settings
    moved = settings_file.read_text().replace(str(data), str(tmp_path / "moved")).replace('"zero"', '"causal"')
    settings_file.write_text(moved)
    with pytest.raises(RecordingError, match="the run was trained on are needed for a bundle"):
        export_run(zero.folder.path, tmp_path / "a", cache=cache)
    assert not (tmp_path / "a").exists()


def test_large_classifiers_are_made_small_for_live_use():
    assert live_options("knn", 960, 512) == live_options("rf", 400, 512) == live_options("svm", 10**6, 512) == {}
    assert live_options("knn", 100_000, 512) == {"keep": 3072}
    assert live_options("rf", 100_000, 512) == {"max_leaves": 125}


def test_the_export_command_has_an_example():
    done = CliRunner().invoke(app, ["export", "--help"])
    assert done.exit_code == 0
    assert "handdt-offline export run" in " ".join(done.stdout.split())
