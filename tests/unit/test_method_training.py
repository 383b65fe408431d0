"""Training of the method: same seed, same numbers; a killed run resumed is the run that was not; odd data."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from offline.config.method import MethodConfig
from offline.models.encoder import Encoder
from offline.models.method_networks import MethodNet
from offline.study.run_config import PipelineConfig
from offline.study.run_folder import RunFolder
from offline.train.epoch import Epoch
from offline.train.latents import Latents, encode
from offline.train.method_log import read_log
from offline.train.method_training import fingerprint_of as fingerprint
from offline.train.method_training import train_method
from offline.train.trained import TrainedMethod
from rt_handdt.errors import ConfigError, HanddtError
from rt_handdt.paths import shipped
from tests.support.method_tables import method_table

ROOT = Path(__file__).resolve().parents[2]
SMALL: dict[str, Any] = {
    "keep": "knn",
    "validate_every": 1,
    "checkpoint_every": 2,
    "device": "cpu",
    "threads": 1,
    "network": {"widths": (8, 6, 5), "dropout": 0.2, "decoder": "orig"},
    "loss": {"mining": "random", "adversarial": 0.1, "cross_target": "mean"},
    "optimiser": {"epochs": 5, "batch": 20, "step_epochs": 2},
}
TRAIN, VALID = method_table(), method_table(people=2, first_person=5)


def config(**changes: Any) -> MethodConfig:
    values = {
        key: {**value, **changes.pop(key, {})} if isinstance(value, dict) else changes.pop(key, value)
        for key, value in SMALL.items()
    }
    return MethodConfig.parse({**values, **changes}, what="test")


def same(one: TrainedMethod, other: TrainedMethod) -> bool:
    state = other.net.state_dict()
    weights = all(torch.equal(value, state[name]) for name, value in one.net.state_dict().items())
    return weights and (one.epochs, one.best, one.notes) == (other.epochs, other.best, other.notes)


@pytest.fixture(scope="module")
def whole() -> TrainedMethod:
    return train_method(TRAIN, VALID, config())


def test_same_seed_same_numbers(whole: TrainedMethod) -> None:
    before = torch.get_rng_state()
    assert same(train_method(TRAIN, VALID, config()), whole)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.are_deterministic_algorithms_enabled()
    other = train_method(TRAIN, VALID, config(seed=1))
    assert not same(other, whole)


@pytest.mark.parametrize("stop", [3])  # the checkpoint is of epoch 2: epoch 3 is lost and done again
def test_a_killed_run_resumed_equals_one_that_was_not(stop: int, whole: TrainedMethod, tmp_path: Path) -> None:
    settings = config().model_dump(mode="json")
    killed = subprocess.run(
        [sys.executable, "-m", "tests.support.killed_training", str(tmp_path), str(stop), json.dumps(settings)],
        cwd=ROOT,
        timeout=100,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "method.pt").exists()
    seen: list[int] = []

    def note(epoch: Epoch) -> None:
        seen.append(epoch.number)

    again = train_method(TRAIN, VALID, config(), out=tmp_path, resume=True, on_epoch=note)
    assert seen == [3, 4, 5]
    assert same(again, whole)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4, 5]
    assert lines[-1]["loss/total"] == whole.epochs[-1].losses["total"]
    assert read_log(tmp_path / "log.jsonl") == whole.epochs
    assert same(TrainedMethod.load(tmp_path / "method.pt"), whole)
    # Done already: nothing is trained again.
    seen.clear()
    assert same(train_method(TRAIN, VALID, config(), out=tmp_path, resume=True, on_epoch=note), whole)
    assert not seen
    with pytest.raises(ConfigError, match="other settings or data"):
        train_method(TRAIN, VALID, config(seed=2), out=tmp_path, resume=True)
    with pytest.raises(ConfigError, match=r"beyond 'optimiser.epochs' = 4"):
        train_method(TRAIN, VALID, config(optimiser={"epochs": 4}), out=tmp_path, resume=True)
    longer = train_method(TRAIN, VALID, config(optimiser={"epochs": 6}), out=tmp_path, resume=True)
    assert longer.epochs[:5] == whole.epochs
    (tmp_path / "checkpoint.pt").write_bytes(b"half of it")
    with pytest.raises(HanddtError, match="no readable checkpoint"):
        train_method(TRAIN, VALID, config(), out=tmp_path, resume=True)


def test_it_learns_and_the_latents_tell(tmp_path: Path) -> None:
    settings = config(
        network={"decoder": "vae", "dropout": 0.1, "widths": (24, 16, 12)},
        optimiser={"epochs": 40, "step_epochs": 30},
        loss={"adversarial": 0.0, "normalise": True},
        validate_every=10,
    )
    trained = train_method(TRAIN, VALID, settings)
    assert trained.epochs[-1].losses["reconstruct"] < 0.7 * trained.epochs[0].losses["reconstruct"]
    assert trained.epochs[-1].losses["triplet_pattern"] < 0.5 * trained.epochs[0].losses["triplet_pattern"]
    assert trained.epochs[trained.best - 1].valid["knn"] == max(epoch.valid.get("knn", 0) for epoch in trained.epochs)
    assert trained.epochs[trained.best - 1].valid["knn"] > 0.8  # chance: 1/3
    assert [epoch.rate for epoch in trained.epochs[29:31]] == [2e-3, 1e-3]

    found = encode(trained, TRAIN)
    again = encode(trained, TRAIN)
    np.testing.assert_array_equal(found.xp, again.xp)  # no dropout left
    np.testing.assert_array_equal(found.yp, TRAIN.label)
    np.testing.assert_array_equal(found.ys, TRAIN.person)
    assert found.recon_p.shape == found.recon_s.shape == TRAIN.maps.shape

    def spread(values: np.ndarray, by: np.ndarray) -> float:
        """Variance between groups as a share of all."""
        flat = values.reshape(len(values), -1)
        means = np.stack([flat[by == one].mean(0) for one in np.unique(by)])
        return float(means.var(0).sum() / flat.var(0).sum())

    assert spread(found.xp, found.yp) > 2 * spread(found.xp, found.ys)
    assert spread(found.xs, found.ys) > 2 * spread(found.xs, found.yp)
    assert spread(found.recon_p, found.yp) > 2 * spread(found.recon_p, found.ys)
    assert spread(found.recon_s, found.ys) > 2 * spread(found.recon_s, found.yp)

    path = found.save(tmp_path / "latents" / "train.npz")
    loaded = Latents.load(path)
    for entry in dataclasses.fields(Latents):
        np.testing.assert_array_equal(getattr(loaded, entry.name), getattr(found, entry.name))
    assert loaded.people == TRAIN.people
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(HanddtError, match="no readable file of latents"):
        Latents.load(path)
    with pytest.raises(ConfigError, match="layout must be those"):
        encode(trained, method_table(shape=(5, 6)))


PLAIN = {"reconstruct": 0.0, "triplet": 0.0, "cross": 0.0, "adversarial": 0.0, "classify": 1.0}


def test_a_plain_encoder_learns_from_labels_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Classification alone: neither decoder nor subject encoder is run or moved in training, and that is said."""
    encodings: list[str] = []
    real = Encoder.forward

    def counted(self: Encoder, *args: Any) -> torch.Tensor:
        encodings.append("training" if self.training else "looking")
        return real(self, *args)

    monkeypatch.setattr(Encoder, "forward", counted)
    monkeypatch.setattr(MethodNet, "decode", None)
    begun = train_method(TRAIN, None, config(loss=PLAIN, keep="last", optimiser={"epochs": 1}))
    assert encodings.count("training") == 2  # two batches, one encoder each
    settings = config(loss=PLAIN, validate_every=10, optimiser={"epochs": 40, "step_epochs": 30})
    trained = train_method(TRAIN, VALID, settings)
    assert set(trained.epochs[0].losses) == {"classify", "total"}
    assert trained.epochs[-1].losses["classify"] < 0.5 * trained.epochs[0].losses["classify"]
    assert trained.epochs[trained.best - 1].valid["knn"] > 0.8  # chance: 1/3
    assert trained.epochs[-1].valid["loss"] < np.log(3)  # a guess's
    assert [note.split(":")[0] for note in trained.notes] == [
        "No loss trains the decoder",
        "No loss trains the subject encoder",
    ]
    for name, value in trained.net.state_dict().items():
        untouched = name.startswith(("subject_encoders", "decoder", "standardiser"))
        assert torch.equal(value, begun.net.state_dict()[name]) == untouched or name.startswith("mean_"), name
        assert "classif" not in name  # thrown away


def test_the_classifier_is_resumed_too(tmp_path: Path) -> None:
    settings = config(loss={"classify": 0.5})
    whole = train_method(TRAIN, VALID, settings)
    assert {"classify", "reconstruct", "cross", "adversarial"} < set(whole.epochs[0].losses)
    train_method(TRAIN, VALID, config(loss={"classify": 0.5}, optimiser={"epochs": 3}), out=tmp_path)
    content = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert content["heads"]["gesture.weight"].shape == (3, whole.net.latent_size)
    assert same(train_method(TRAIN, VALID, settings, out=tmp_path, resume=True), whole)


def test_without_a_classifier_nothing_is_different(whole: TrainedMethod, tmp_path: Path) -> None:
    assert same(train_method(TRAIN, VALID, config(loss={"classify": 0.0}), out=tmp_path), whole)
    content = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert not content["heads"]
    older = config().model_dump(mode="json")
    del older["loss"]["classify"]  # as settings were before there was one
    assert MethodConfig.parse(older, what="test") == config()
    other = train_method(TRAIN, VALID, config(loss={"classify": 1.0}))
    assert not same(other, whole)


def test_files_of_before_the_decoders_slope_was_a_setting_keep_theirs(tmp_path: Path) -> None:
    old = {"widths": (8, 6, 5), "decoder": "vae", "decoder_slope": 0.2}
    settings = config(network=old)
    trained = train_method(TRAIN, VALID, settings, out=tmp_path)
    path = tmp_path / "method.pt"
    content = torch.load(path, weights_only=True)
    about = json.loads(content["about"])
    del about["config"]["network"]["decoder_slope"]  # as it was written
    torch.save({**content, "about": json.dumps(about)}, path)
    assert same(TrainedMethod.load(path), trained)
    again = TrainedMethod.load(path)
    assert again.config == settings
    np.testing.assert_array_equal(encode(again, VALID).recon_p, encode(trained, VALID).recon_p)
    today = config(network={**old, "decoder_slope": None})
    with pytest.raises(ConfigError, match="other settings or data"):
        train_method(TRAIN, VALID, today, out=tmp_path, resume=True)
    assert not same(train_method(TRAIN, VALID, today), trained)
    # In "orig" the slope is what it was.
    assert fingerprint(config(), (TRAIN,)) == fingerprint(config(network={"decoder_slope": 0.2}), (TRAIN,))


def test_a_run_begun_before_the_decoders_slope_was_a_setting_is_another_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)

    def run(**network: Any) -> PipelineConfig:
        return PipelineConfig(data=("people",), test_subjects=("1",), method=config(network=network))

    for decoder, another in (("vae", True), ("orig", False)):
        folder.note(run(decoder=decoder))
        content = json.loads(folder.settings.read_text())
        del content["settings"]["method"]["network"]["decoder_slope"]
        folder.settings.write_text(json.dumps(content))
        assert folder.read().method.network.slope == 0.2
        if another:
            with pytest.raises(ConfigError, match="they differ in method"):
                folder.check(run(decoder=decoder))
            folder.check(run(decoder=decoder, decoder_slope=0.2))
        else:
            folder.check(run(decoder=decoder))


def test_losses_without_anything_to_learn_from_are_refused() -> None:
    with pytest.raises(ConfigError, match="are all 0: nothing would be learnt"):
        config(loss={**PLAIN, "classify": 0.0})
    crossed = config(keep="last", loss={**PLAIN, "classify": 0.0, "cross": 1.0}, optimiser={"epochs": 1})
    with pytest.raises(ConfigError, match="needs samples of at least 2 people; got 1"):
        train_method(method_table(people=1), None, crossed)
    # two people who share no gesture: cross-reconstruction alone finds no partners, and learns nothing, quietly counted
    table = method_table(people=2, gestures=4)
    apart = table.select((table.label < 2) == (table.person == 0))
    found = train_method(apart, None, crossed)
    assert found.epochs[0].losses == {"total": 0.0}
    assert any(note.startswith(f"cross: {len(apart)} samples in 1 epochs") for note in found.notes)


def test_test_samples_do_not_touch_each_other() -> None:
    trained = train_method(TRAIN, None, config(keep="last", optimiser={"epochs": 1}))
    alone = encode(trained, VALID.select(np.arange(len(VALID)) == 4))
    np.testing.assert_allclose(alone.xp[0], encode(trained, VALID).xp[4], rtol=1e-3, atol=1e-4)


def test_one_person_one_repetition_and_a_missing_gesture() -> None:
    alone = train_method(method_table(people=1), None, config(keep="last", optimiser={"epochs": 2}))
    assert alone.notes[0].startswith("One person: no subject triplets")
    assert set(alone.epochs[0].losses) == {"reconstruct", "triplet_pattern", "adversarial", "total", "discriminator"}
    table = method_table(repetitions=1)
    gap = table.select(~((table.label == 1) & (table.person == 2)))
    found = train_method(gap, VALID, config(optimiser={"epochs": 2}, keep="loss"))
    assert "1 of 9 gestures × people have no sample; batches go without them." in found.notes
    assert "8 of 9 gestures × people have one sample only." in found.notes
    # Gesture 1 is left with two people: its samples still have partners, all others too.
    assert not any(found.epochs[0].without.values())
    lone = method_table(people=2).select(~((method_table(people=2).label == 1) & (method_table(people=2).person == 1)))
    counted = train_method(lone, None, config(keep="last", optimiser={"epochs": 2}))
    assert counted.epochs[0].without["triplet_pattern"] == 4
    assert any(note.startswith("triplet_pattern: 8 samples in 2 epochs") for note in counted.notes)


@pytest.mark.parametrize(
    ("changes", "train", "valid", "says"),
    [
        ({}, TRAIN.select(TRAIN.label == 0), VALID, "at least 2 gestures"),
        ({}, TRAIN.select(TRAIN.label > 9), VALID, "got 0 samples"),
        ({}, TRAIN, None, "chooses by validation people"),
        ({}, TRAIN, VALID.select(VALID.label > 9), "got 0 samples"),
        ({}, TRAIN, method_table(inputs=(3,)), "maps must be those of the training table"),
        ({}, TRAIN, method_table(gestures=2), "training table's gestures"),
        ({"device": "cuda"}, TRAIN, VALID, "torch finds no GPU"),
    ],
)
def test_what_cannot_be_trained(changes: dict[str, Any], train: Any, valid: Any, says: str) -> None:
    if changes.get("device") == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(ConfigError, match=says):
        train_method(train, valid, config(**changes))


def test_a_full_disk_is_said_and_the_old_checkpoint_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_method(TRAIN, None, config(keep="last", optimiser={"epochs": 2}), out=tmp_path)
    old = (tmp_path / "checkpoint.pt").read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("offline.train.checkpoint.torch.save", full)
    with pytest.raises(HanddtError, match="No space left on device"):
        train_method(TRAIN, None, config(keep="last", optimiser={"epochs": 4}), out=tmp_path, resume=True)
    assert (tmp_path / "checkpoint.pt").read_bytes() == old
    assert not list(tmp_path.glob("*.part"))


def test_divergence_is_said() -> None:
    with pytest.raises(HanddtError, match=r"lower 'optimiser.learning_rate'"):
        train_method(TRAIN, None, config(keep="last", optimiser={"learning_rate": 1e30}))


@pytest.mark.parametrize("name", ["faithful", "smoke"])
def test_shipped_settings(name: str) -> None:
    settings = MethodConfig.from_toml(shipped("configs", "method", f"{name}.toml"))
    if name == "faithful":
        assert settings == MethodConfig()  # the defaults are the published recipe
    else:
        trained = train_method(
            method_table(inputs=(2, 1)), VALID_TWO, settings.model_copy(update={"device": "cpu", "threads": 1})
        )
        assert len(trained.epochs) == settings.optimiser.epochs
        assert trained.net.latent_size == 16


VALID_TWO = method_table(inputs=(2, 1), people=2, first_person=5)


def test_reduced_precision_and_log_inputs_run() -> None:
    settings = config(
        keep="last", bf16=True, network={"log_input": True, "amplitude_path": True}, optimiser={"epochs": 1}
    )
    trained = train_method(TRAIN, None, settings)
    assert np.isfinite(encode(trained, VALID).xp).all()
