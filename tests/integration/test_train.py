"""Training from end to end on small synthetic people: recordings → bundle → the live app's recognizer."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

from offline.bundle.card import Provenance
from offline.bundle.writing import to_onnx
from offline.cli import app
from offline.config import NetworkConfig, TrainConfig
from offline.data.datasets import collect
from offline.data.recordings import TrainingData
from offline.data.splits import split
from offline.models.window_networks import DisentanglingNet
from offline.train.window_export import export_bundle
from offline.train.window_run import train_bundle
from offline.train.window_training import Epoch, train
from rt_handdt.core.bundle import METADATA_KEY, load_bundle
from rt_handdt.core.feature import Rms, Zc
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.preprocess import Preprocessor, iter_frames
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.errors import BundleError, ConfigError, HanddtError
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.paths import layout_path, shipped
from tests.support.people import FS_HZ, LABELS, LAYOUT, recording

SETTINGS = {
    "stride": 2,
    "threads": 1,
    "pipeline": {"band_hz": [20.0, 200.0], "notch_hz": 0, "hop_s": 16 / FS_HZ},
    "network": {"widths": [8, 8, 8]},
    "augment": {"rotate_cells": 0.5, "level_db": 1.0, "gain_db": 1.0, "drop_channels": 0.1},
    "optimiser": {"epochs": 5, "batch": 32, "learning_rate": 5e-3},
}


def data(n_people: int) -> TrainingData:
    return TrainingData(tuple(recording(person) for person in range(n_people)), "synthetic people", True)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A bundle trained on three people (a fourth validates), and what was said meanwhile."""
    said = io.StringIO()
    out = tmp_path_factory.mktemp("models") / "synthetic"
    train_bundle(data(4), LAYOUT, out, TrainConfig.model_validate(SETTINGS), Console(file=said, width=200))
    return out, said.getvalue()


def test_a_bundle_recognizes_a_person_it_never_saw(trained: tuple[Path, str]) -> None:
    bundle = load_bundle(trained[0])
    recognizer = Recognizer(bundle, "cpu")
    stranger = recording(77)
    right = []
    for frame in iter_frames(stranger, bundle.spec):
        for segment in stranger.segments():
            if segment.holds(frame.index - bundle.spec.window_samples + 1, frame.index):
                answer = recognizer.predict(frame.maps).probabilities
                right.append(bundle.gestures.labels[int(answer.argmax())] == segment.label)
    assert len(right) > 100
    assert np.mean(right) > 0.9


def test_the_manifest_tells_where_it_comes_from(trained: tuple[Path, str]) -> None:
    manifest = load_bundle(trained[0]).manifest
    assert manifest.gestures == LABELS
    assert manifest.training.people == 3
    assert "1 of 4 people" in manifest.training.protocol
    assert TrainConfig.model_validate(manifest.training.config) == TrainConfig.model_validate(SETTINGS)
    assert 0.9 < manifest.scores["validation_accuracy"] <= 1.0
    assert 0.0 < manifest.decoder.rest_rms_uv < 4.0 < manifest.decoder.active_rms_uv < 40.0
    proto = onnx.load(str(trained[0] / "recognizer.onnx"))
    assert {item.key: item.value for item in proto.metadata_props} == {METADATA_KEY: manifest.identity_json()}
    assert {item.version for item in proto.opset_import if item.domain == ""} == {20}
    card = (trained[0] / "CARD.md").read_text(encoding="utf-8")
    assert "synthetic people" in card
    assert "simulated" in card
    assert "1 of 4 people" in card
    assert "4 people" in trained[1]
    assert "subject terms" not in trained[1]


def test_golden_vectors_replay_through_pipeline_and_runtime(trained: tuple[Path, str]) -> None:
    bundle = load_bundle(trained[0])
    golden = bundle.golden()
    frames = Preprocessor(bundle.spec).push(golden["signal"])
    assert np.array_equal(np.stack([frame.maps for frame in frames]), golden["frames"])
    assert [frame.index for frame in frames] == golden["indices"].tolist()
    probabilities, latents = Recognizer(bundle, "cpu").predict_batch(golden["frames"])
    assert np.abs(probabilities - golden["probabilities"]).max() < 1e-5
    assert np.abs(latents - golden["latents"]).max() < 1e-4
    assert len(np.unique(golden["probabilities"].argmax(1))) > 1  # rest and a gesture: around a cue


@pytest.mark.parametrize("shape", [(16, 16), (3, 5)])
def test_onnx_equals_torch_for_any_batch(shape: tuple[int, int]) -> None:
    import onnxruntime

    spec = PipelineSpec(fs_hz=2048.0, layout=ElectrodeLayout.grid(*shape))
    torch.manual_seed(1)
    net = DisentanglingNet(spec, 4, NetworkConfig(widths=(6, 7, 8)), with_subject=True)
    maps = torch.rand(9, *spec.frame_shape) * 80
    net.standardiser.fit(maps.numpy())
    net.train()
    for _ in range(3):  # running statistics that are not the initial ones
        net(maps)
    net.eval()
    model = to_onnx(net, maps[:2], "features", ["probabilities", "latent"])
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    for n in (1, 9):
        probabilities, latent = session.run(["probabilities", "latent"], {"features": maps[:n].numpy()})
        with torch.no_grad():
            wanted, wanted_latent = net(maps[:n])
        assert np.abs(probabilities - wanted.numpy()).max() < 1e-5
        assert np.abs(latent - wanted_latent.numpy()).max() < 1e-5 * max(1.0, float(wanted_latent.abs().max()))


def test_one_person_says_that_the_subject_terms_are_off(tmp_path: Path) -> None:
    said = io.StringIO()
    settings = {**SETTINGS, "refit": True, "optimiser": {"epochs": 2, "batch": 32, "keep": "last"}}
    bundle = train_bundle(
        data(1), LAYOUT, tmp_path / "one", TrainConfig.model_validate(settings), Console(file=said, width=200)
    )
    assert "subject terms" in said.getvalue()
    assert "are off" in said.getvalue()
    card = (tmp_path / "one" / "CARD.md").read_text(encoding="utf-8")
    assert "subject terms" in card
    assert "trained once more" in card
    assert "set beforehand" in card
    assert bundle.manifest.training.people == 1
    assert "one person" in bundle.manifest.training.protocol
    assert Recognizer(bundle, "cpu").explain(np.zeros(bundle.manifest.latent_size)).shape == (1, *LAYOUT.shape)


def test_processes_share_the_recordings_and_change_nothing() -> None:
    config = TrainConfig.model_validate(SETTINGS)
    alone, shared = (collect(data(3).recordings, LAYOUT, config, workers=workers) for workers in (1, 2))
    assert np.array_equal(alone.maps, shared.maps)
    assert np.array_equal(alone.trial, shared.trial)
    assert np.array_equal(alone.person, shared.person)


def test_same_seed_same_network_other_seed_other_network() -> None:
    settings = {**SETTINGS, "optimiser": {"epochs": 2, "batch": 32}}

    def weights(seed: int) -> tuple[list[Epoch], torch.Tensor]:
        config = TrainConfig.model_validate({**settings, "seed": seed, "threads": 2})
        windows = collect(data(3).recordings, LAYOUT, config)
        done = train(windows, split(windows, config.validation, 0), config)
        return list(done.epochs), torch.cat([value.flatten().float() for value in done.net.state_dict().values()])

    torch.manual_seed(11)
    first_epochs, first = weights(0)
    torch.manual_seed(99)  # what the process drew before must not matter
    again_epochs, again = weights(0)
    assert first_epochs == again_epochs
    assert torch.equal(first, again)
    assert not torch.equal(first, weights(1)[1])


@pytest.mark.parametrize("optimiser", [{"patience": 2}, {"keep": "last", "pretrain_epochs": 1}])
def test_a_training_that_was_stopped_goes_on_to_the_bit(optimiser: dict[str, object], tmp_path: Path) -> None:
    loss = {"adversarial": 0.05, "contrast": 0.1, "subject_adversary": 0.1, "cross_target": "mean"}
    config = TrainConfig.model_validate(
        {**SETTINGS, "stride": 6, "loss": loss, "refit": True, "optimiser": {"epochs": 3, "batch": 32, **optimiser}}
    )
    windows = collect(data(3).recordings, LAYOUT, config)
    parts = split(windows, config.validation, 0)
    whole = train(windows, parts, config)
    for stop in (2, len(whole.epochs) + 1):  # in the second epoch, and in the first of the refit
        seen: list[int] = []

        def on_epoch(epoch: Epoch, stop: int = stop, seen: list[int] = seen) -> None:
            seen.append(epoch.number)
            if len(seen) == stop:
                raise KeyboardInterrupt

        folder = tmp_path / str(stop)
        with pytest.raises(KeyboardInterrupt):
            train(windows, parts, config, on_epoch, folder=folder)
        again: list[int] = []
        done = train(windows, parts, config, lambda epoch, again=again: again.append(epoch.number), folder=folder)  # type: ignore[misc]
        assert len(again) == len(whole.epochs) + whole.best - stop
        assert (done.epochs, done.best, done.pretraining) == (whole.epochs, whole.best, whole.pretraining)
        assert np.array_equal(done.counts, whole.counts)
        for name, value in whole.net.state_dict().items():
            assert torch.equal(value, done.net.state_dict()[name]), name
    other = train(windows, parts, config.model_copy(update={"seed": 3}), folder=folder)  # another run: begun anew
    assert len(other.epochs) > 1
    assert other.epochs[0] != whole.epochs[0]


def test_checkpoints_go_when_the_bundle_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = TrainConfig.model_validate({**SETTINGS, "optimiser": {"epochs": 2, "batch": 32}})
    said = io.StringIO()

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("offline.train.window_run.export_bundle", stopped)
        with pytest.raises(KeyboardInterrupt):
            train_bundle(data(2), LAYOUT, tmp_path / "mine", config, Console(file=said))
    assert (tmp_path / "mine.training" / "checkpoint.pt").exists()
    (tmp_path / "mine.training" / "notes.txt").write_text("mine")
    train_bundle(data(2), LAYOUT, tmp_path / "mine", config, Console(file=said))
    assert [path.name for path in (tmp_path / "mine.training").iterdir()] == ["notes.txt"]


def test_a_card_that_is_not_there_is_said() -> None:
    config = TrainConfig.model_validate({**SETTINGS, "device": "cuda"})
    windows = collect(data(2).recordings, LAYOUT, config)
    if torch.cuda.is_available():
        done = train(windows, split(windows, config.validation, 0), config)
        assert done.net.occupied.device.type == "cpu"  # what follows needs no card
    else:
        with pytest.raises(ConfigError, match="torch finds no GPU here"):
            train(windows, split(windows, config.validation, 0), config)


def test_a_network_that_is_not_the_exported_one_is_noticed(
    trained: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TrainConfig.model_validate({**SETTINGS, "seed": 5, "optimiser": {"epochs": 1}})
    windows = collect(data(2).recordings, LAYOUT, config)
    parts = split(windows, config.validation, 0)
    done = train(windows, parts, config)

    def another(module: torch.nn.Module, example: torch.Tensor, given: str, wanted: list[str]) -> bytes:
        """Graphs of the right shape with another network's weights."""
        return (trained[0] / ("recognizer.onnx" if given == "features" else "explainer.onnx")).read_bytes()

    monkeypatch.setattr("offline.train.window_export.to_onnx", another)
    with pytest.raises(BundleError, match="differ from the trained network"):
        export_bundle(tmp_path / "x", done, windows, parts, config, Provenance("none", True), recording(0))


def test_divergence_is_an_error_not_a_bundle() -> None:
    config = TrainConfig.model_validate({**SETTINGS, "optimiser": {"epochs": 3, "batch": 32, "learning_rate": 1e12}})
    windows = collect(data(2).recordings, LAYOUT, config)
    with pytest.raises(HanddtError, match="learning_rate"):
        train(windows, split(windows, config.validation, 0), config)


def test_a_folder_that_is_no_bundle_is_refused_before_training(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("do not overwrite")
    with pytest.raises(BundleError, match="not a bundle"):
        train_bundle(data(2), LAYOUT, tmp_path, TrainConfig.model_validate(SETTINGS), Console(file=io.StringIO()))


def test_thresholds_of_features_can_be_set() -> None:
    config = TrainConfig.model_validate({"pipeline": {"features": ["rms", {"name": "zc", "threshold_uv": 5.0}]}})
    features = config.pipeline.spec(2048.0, LAYOUT).features
    assert features == (Rms(), Zc(threshold_uv=5.0))
    with pytest.raises(ConfigError, match="unknown feature 'rmss'"):
        TrainConfig.parse({"pipeline": {"features": ["rmss"]}}, what="it")


@pytest.mark.parametrize("path", sorted(shipped("configs", "train").glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_configurations_load(path: Path) -> None:
    config = TrainConfig.from_toml(path)
    grid, fs_hz = ("flexemg_16x4", 1000.0) if path.stem == "flexemg" else ("hyser_16x16", 2048.0)
    spec = config.pipeline.spec(fs_hz, ElectrodeLayout.from_toml(layout_path(grid)))
    assert spec.window_samples == round(0.25 * fs_hz)


def test_command_line_takes_several_paths_and_names_what_is_wrong(tmp_path: Path) -> None:
    missing = [str(tmp_path / "a.xdf"), str(tmp_path / "b.xdf")]
    result = CliRunner().invoke(
        app, ["train", "--data", *missing, "--layout", "hyser_16x16", "--out", str(tmp_path / "out")]
    )
    assert isinstance(result.exception, HanddtError)
    assert "a.xdf" in str(result.exception)
    bad = tmp_path / "bad.toml"
    bad.write_text("sede = 1\n")
    result = CliRunner().invoke(
        app, ["train", "--data", missing[0], "--layout", "hyser_16x16", "--out", str(tmp_path), "--config", str(bad)]
    )
    assert "did you mean 'seed'" in str(result.exception)
    help_text = CliRunner().invoke(app, ["train", "--help"]).output
    assert "Example:" in help_text


def test_a_bundle_tells_nothing_of_the_machine_that_wrote_it(trained: tuple[Path, str]) -> None:
    for path in trained[0].iterdir():
        assert str(Path(__file__).parents[2]).encode() not in path.read_bytes(), path.name


def test_where_one_person_validates_others_are_asked_too_whether_a_bundle_adapts(tmp_path: Path) -> None:
    said = io.StringIO()
    person = {"learn": True, "dims": 4, "temperatures": [], "settle_s": 0.0}
    config = TrainConfig.model_validate(
        {**SETTINGS, "person": person, "optimiser": {**SETTINGS["optimiser"], "epochs": 2}}
    )
    bundle = train_bundle(data(4), LAYOUT, tmp_path / "out", config, Console(file=said, width=2000))
    (told,) = (line for line in said.getvalue().splitlines() if line.startswith("Unsupervised adaptation is "))
    assert told.count("(trained on)") == 3
    assert "in the mean of 4 people" in told
    assert told in (bundle.path / "CARD.md").read_text(encoding="utf-8")
    assert ("is in the bundle" in told) is (bundle.manifest.adaptation is not None)
