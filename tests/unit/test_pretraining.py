"""Pretraining without labels: it learns to fill in electrodes, looks at training windows only, and can be repeated."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from rich.console import Console

from offline.config import TrainConfig
from offline.data.datasets import WindowSet, collect
from offline.data.recordings import TrainingData
from offline.data.splits import Split, split
from offline.models.window_networks import DisentanglingNet
from offline.train.losses import reconstruction_loss
from offline.train.pretraining import pretrain
from offline.train.window_run import train_bundle
from offline.train.window_training import train
from rt_handdt.errors import ConfigError, HanddtError
from tests.support.people import FS_HZ, LAYOUT, recording

BARE = {"reconstruct": 0, "triplet": 0, "cross": 0}  # as in configs/train_best.toml


def config(pretrain_epochs: int, **optimiser: object) -> TrainConfig:
    settings = {"epochs": 1, "batch": 16, "keep": "last", "learning_rate": 5e-3, "pretrain_epochs": pretrain_epochs}
    return TrainConfig.model_validate(
        {
            "stride": 4,
            "threads": 1,
            "pipeline": {"band_hz": [20.0, 200.0], "notch_hz": 0, "hop_s": 16 / FS_HZ},
            "network": {"widths": [8, 8, 8]},
            "augment": {"level_db": 1.0},
            "loss": BARE,
            "optimiser": settings | optimiser,
        }
    )


@pytest.fixture(scope="module")
def windows() -> WindowSet:
    return collect([recording(person) for person in range(3)], LAYOUT, config(0))


@pytest.fixture(scope="module")
def parts(windows: WindowSet) -> Split:
    return split(windows, config(0).validation, 0)


def fresh(windows: WindowSet, rows: np.ndarray, *, with_subject: bool = True) -> DisentanglingNet:
    torch.manual_seed(1)
    net = DisentanglingNet(windows.spec, 3, config(0).network, with_subject=with_subject)
    net.standardiser.fit(windows.maps[rows])
    return net


def filled_in(net: DisentanglingNet, windows: WindowSet, rows: np.ndarray) -> float:
    """Error over the electrodes that were not shown."""
    net.eval()
    with torch.no_grad():
        clean = net.standardiser(torch.from_numpy(windows.maps[rows]))
        keep = torch.rand((len(rows), 1, *LAYOUT.shape), generator=torch.Generator().manual_seed(2)) >= 0.3
        encoded = net.encode(clean * keep)
        made = net.decode(encoded.pattern, encoded.subject)
        hidden = ~keep.expand_as(clean)
        return float(((made - clean) ** 2)[hidden].mean() / (clean**2)[hidden].mean())


@pytest.mark.parametrize("with_subject", [True, False])
def test_the_error_falls_also_on_a_person_never_seen(windows: WindowSet, parts: Split, with_subject: bool) -> None:
    rows, others = np.flatnonzero(parts.train), np.flatnonzero(parts.valid)
    net = fresh(windows, rows, with_subject=with_subject)
    before = filled_in(net, windows, others)
    errors = pretrain(net, windows, rows, config(20))
    assert len(errors) == 20
    assert errors[-1] < 0.7 * errors[0]
    assert filled_in(net, windows, others) < 0.7 * min(1.0, before)  # 1: what the training mean would give


def test_neither_labels_nor_people_nor_validation_windows_matter(windows: WindowSet, parts: Split) -> None:
    rows = np.flatnonzero(parts.train)

    def state(given: WindowSet) -> torch.Tensor:
        net = fresh(windows, rows)
        pretrain(net, given, rows, config(2))
        return torch.cat([value.flatten().float() for value in net.state_dict().values()])

    maps = windows.maps.copy()
    maps[parts.valid] = np.nan
    hidden = replace(windows, maps=maps, label=np.zeros_like(windows.label), person=np.zeros_like(windows.person))
    found = state(windows)
    assert torch.equal(found, state(hidden))
    assert torch.isfinite(found).all()


def test_three_in_ten_electrodes_are_hidden_in_all_maps_and_drawn_anew(windows: WindowSet, parts: Split) -> None:
    rows = np.flatnonzero(parts.train)
    net = fresh(windows, rows)
    hidden: list[torch.Tensor] = []
    net.split.register_forward_pre_hook(lambda module, given: hidden.append(given[0] == 0))
    pretrain(net, windows, rows, config(4))
    found = torch.cat(hidden)
    assert torch.equal(found.any(1), found.all(1))
    assert float(found.float().mean()) == pytest.approx(0.3, abs=0.03)
    assert len(torch.unique(found[:, 0].flatten(1), dim=0)) > 0.8 * len(found)


def test_training_goes_on_from_it_and_is_repeatable(windows: WindowSet, parts: Split) -> None:
    plain, one, again = (train(windows, parts, config(n)) for n in (0, 4, 4))
    assert plain.pretraining == ()
    assert len(one.pretraining) == 4
    assert one.pretraining == again.pretraining
    assert one.epochs == again.epochs
    states = [done.net.state_dict() for done in (plain, one, again)]
    assert all(torch.equal(states[1][name], states[2][name]) for name in states[1])
    assert list(states[0]) == list(states[1])
    # reconstruct = 0: no labelled epoch moves the decoder, so what it gives back was learnt before
    rows = np.flatnonzero(parts.train)
    inputs = torch.from_numpy(windows.maps[rows])
    errors = []
    for done in (plain, one):
        with torch.no_grad():
            clean = done.net.standardiser(inputs)
            encoded = done.net.encode(clean)
            made = done.net.decode(encoded.pattern, encoded.subject)
            errors.append(float(reconstruction_loss(made, clean, done.net.standardiser.occupied)))
    assert errors[1] < 0.9 * errors[0]


def test_divergence_is_named(windows: WindowSet, parts: Split) -> None:
    with pytest.raises(HanddtError, match="Pretraining diverged"):
        train(windows, parts, config(5, learning_rate=1e12))
    with pytest.raises(ConfigError, match=r"optimiser\.pretrain_epochs"):
        TrainConfig.parse({"optimiser": {"pretrain_epochs": -1}}, what="it")


def test_a_bundle_of_all_options_holds_the_network_alone(tmp_path: Path) -> None:
    said = io.StringIO()
    people = TrainingData(tuple(recording(person) for person in range(3)), "synthetic people", True)
    plain = config(0)
    loss = plain.loss.model_copy(update={"contrast": 0.5, "subject_adversary": 0.1})
    for name, settings in (("plain", plain), ("all", config(2).model_copy(update={"loss": loss}))):
        train_bundle(people, LAYOUT, tmp_path / name, settings, Console(file=said, width=200))
    assert said.getvalue().count("Pretraining without labels: reconstruction error") == 1
    graphs = [onnx.load(str(tmp_path / name / "recognizer.onnx")).graph for name in ("plain", "all")]
    shapes = [sorted(tuple(one.dims) for one in graph.initializer) for graph in graphs]
    assert shapes[0] == shapes[1]
    files = [sorted(path.name for path in (tmp_path / name).iterdir()) for name in ("plain", "all")]
    assert files[0] == files[1]
