"""An encoder and a loss of one's own: the shipped example through both trainings, and what is said where it fails."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

from offline.cli import app
from offline.config import TrainConfig
from offline.config.method import MethodConfig
from offline.data.recordings import TrainingData
from offline.models.own_classes import try_encoder
from offline.sweep.conditions import resolve
from offline.sweep.study_config import read_study
from offline.train.method_training import MODEL, train_method
from offline.train.trained import TrainedMethod
from offline.train.window_run import train_bundle
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.errors import BundleError, ConfigError, HanddtError
from rt_handdt.infer.recognizer import Recognizer
from rt_handdt.io.hyser_layout import session_folder
from rt_handdt.io.hyser_writer import write_session
from tests.support.documents import ROOT
from tests.support.method_tables import method_table
from tests.support.people import FS_HZ, LAYOUT, recording

EXAMPLE = ROOT / "scripts" / "examples" / "own_encoder"
DATA = TrainingData(tuple(recording(person) for person in range(3)), "synthetic people", True)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The shipped files, to be changed at will."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "example"))


def test_the_example_becomes_a_bundle_that_the_live_program_runs(tmp_path: Path) -> None:
    said = io.StringIO()
    config = TrainConfig.from_toml(EXAMPLE / "my_training.toml").changed(
        ["threads=1", "pipeline.band_hz=[20.0, 200.0]", "pipeline.notch_hz=0", f"pipeline.hop_s={16 / FS_HZ}"], what="x"
    )
    bundle = train_bundle(DATA, LAYOUT, tmp_path / "mine", config, Console(file=said, width=200))
    recognizer = Recognizer(bundle, "cpu")
    found = recognizer.predict(np.full(bundle.spec.frame_shape, 20.0, np.float32))
    assert found.probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    assert bundle.manifest.latent_size == 2 * 16  # what the example's encoder gives
    settings = bundle.manifest.training.config
    assert settings["network"]["encoder"] == "my_module.py:MyEncoder"  # and no path of this machine
    assert settings["loss"]["own"] == "my_module.py:CentreLoss"


def test_a_run_with_own_classes_goes_on_to_the_bit_and_keeps_their_file(example: Path, tmp_path: Path) -> None:
    config = MethodConfig.from_toml(example / "my_method.toml").changed(
        ["threads=1", "checkpoint_every=1", "tensorboard=false", "loss.own=my_module:CentreLoss"], what="x"
    )
    config = config.located(example)
    table = method_table()
    whole = train_method(table, None, config, out=tmp_path / "whole")
    assert "own" in whole.epochs[-1].losses
    assert whole.epochs[-1].losses["total"] < whole.epochs[0].losses["total"]
    part = config.changed(["optimiser.epochs=1"], what="x")
    train_method(table, None, part, out=tmp_path / "part")
    again = train_method(table, None, config, out=tmp_path / "part", resume=True)
    assert again.epochs == whole.epochs
    for name, value in whole.net.state_dict().items():
        assert torch.equal(value, again.net.state_dict()[name]), name
    (example / "my_module.py").write_text("class MyEncoder: pass\n")  # of no use to what was trained before
    loaded = TrainedMethod.load(tmp_path / "whole" / MODEL)
    maps = torch.from_numpy(table.maps)
    assert torch.equal(loaded.net.eval()(maps).pattern, whole.net.eval()(maps).pattern)


def test_a_class_that_was_changed_is_another_run(example: Path, tmp_path: Path) -> None:
    config = MethodConfig.from_toml(example / "my_method.toml")
    config = config.changed(["threads=1", "optimiser.epochs=1", "tensorboard=false"], what="x")
    train_method(method_table(), None, config, out=tmp_path / "run")
    file = example / "my_module.py"
    file.write_text(file.read_text() + "\n# another\n")
    with pytest.raises(ConfigError, match="other settings"):
        train_method(method_table(), None, config, out=tmp_path / "run", resume=True)


HEAD = "import torch\nclass Mine(torch.nn.{}):\n    def __init__(self, n, layout): {}\n"


@pytest.mark.parametrize(
    ("name", "source", "said"),
    [
        ("gone:Mine", "", "put gone.py beside the configuration"),
        ("mine:Mine", "import nowhere_at_all\n", "install what it needs"),
        ("mine:Mine", "def f(:\n", "cannot be loaded.*SyntaxError"),
        ("mine:Mien", "class Mine: pass\n", "did you mean 'Mine'"),
        ("mine:Mine", "Mine = 3\n", "derived from torch.nn.Module; got int"),
        ("mine:Mine", HEAD.format("Module", "self.a.b"), "cannot be made as"),
        ("mine:Mine", HEAD.format("Linear", "super().__init__(3, 3)"), "does not take maps"),
        ("mine:Mine", HEAD.format("Flatten", "super().__init__(0)"), "must give finite latents"),
    ],
)
def test_what_is_wrong_with_an_encoder_is_one_sentence(name: str, source: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(source)
    (tmp_path / "own.toml").write_text(f'network = "{name}"\n')
    with pytest.raises(ConfigError, match=said):
        try_encoder(MethodConfig.from_toml(tmp_path / "own.toml").network, 2, LAYOUT, exported=False)


def test_an_encoder_that_cannot_be_exported_is_refused_before_training(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import torch\n"
        "class Mine(torch.nn.Module):\n"
        "    def __init__(self, n, layout): super().__init__()\n"
        "    def forward(self, x): return x.mean((2, 3)) if float(x.sum()) > 1 else x.amax((2, 3))\n"
    )
    (tmp_path / "own.toml").write_text('network = "mine:Mine"\n')
    with pytest.raises(BundleError, match="cannot be written as an ONNX graph"):
        try_encoder(MethodConfig.from_toml(tmp_path / "own.toml").network, 2, ElectrodeLayout.grid(2, 2), exported=True)


def test_settings_on_the_command_line(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    rng, codes = np.random.default_rng(0), (1, 2, 1, 2)
    for subject in (1, 2, 3):  # noise, quicker to make than people
        trials = ((code * rng.standard_normal((2048, 256)), code) for code in codes)
        write_session(session_folder(tmp_path / "data", subject, 1), trials)
    words = [
        "pipeline",
        "--data",
        str(tmp_path / "data"),
        "--gestures",
        "all",
        "--test-subjects",
        "1",
        "--classifiers",
        "lda",
        "--no-figures",
    ]
    words += ["--measure", "rms", "--bundle", "none", "--config", str(ROOT / "configs" / "method" / "smoke.toml")]
    words += ["--set", "loss.margin=0.5", "optimiser.epochs=1", "network.widths=[4, 4, 4]", "features.stretch_s=0.5"]
    done = CliRunner().invoke(app, [*words, "--out", str(folder), "--processes", "1"])
    assert done.exit_code == 0, (done.output, done.exception)
    settings = json.loads((folder / "run.json").read_text())["settings"]
    assert settings["method"]["loss"]["margin"] == 0.5
    assert settings["method"]["network"]["widths"] == [4, 4, 4]
    assert settings["features"]["stretch_s"] == 0.5
    wrong = CliRunner().invoke(app, [*words, "--set", "loss.margn=1", "--out", str(tmp_path / "other")])
    assert isinstance(wrong.exception, HanddtError)
    assert "did you mean 'margin'" in str(wrong.exception)


def test_settings_of_a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(EXAMPLE / "my_module.py", tmp_path)
    monkeypatch.chdir(tmp_path)
    changes = ["seeds=[3, 4]", "loss.margin=0.7", "full.optimiser.epochs=2", "network=my_module:MyEncoder"]
    study, root = read_study("study_ablation", data=("virtual:0:4",), changes=changes)
    assert study.seeds == (3, 4)
    trained = {one.name: resolve(one, root) for one in study.condition}
    assert {one.loss.margin for one in trained.values() if one is not None} == {0.7}
    assert trained["full"].optimiser.epochs == 2  # type: ignore[union-attr]
    assert trained["discriminator"].optimiser.epochs == 400  # type: ignore[union-attr]
    assert {one.own for one in trained.values() if one is not None} == {(f"{tmp_path / 'my_module.py'}:MyEncoder",)}
    assert trained["discriminator"].loss.adversarial == 0.05  # type: ignore[union-attr]
    with pytest.raises(ConfigError, match="unknown key"):
        resolve(read_study("study_ablation", data=("x",), changes=["loss.margn=1"])[0].condition[0], root)
