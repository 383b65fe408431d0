"""The contrastive loss and the subject adversary: by hand, in their signs, and in training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from offline.config import LossConfig, NetworkConfig, TrainConfig
from offline.data.datasets import WindowSet, collect
from offline.data.splits import Split, split
from offline.models.encoded import Encoded
from offline.models.heads import TrainingHeads, ramp, reversed_gradient
from offline.models.window_networks import DisentanglingNet
from offline.train.losses import contrast_loss, losses
from offline.train.partners import Roles
from offline.train.window_training import Trained, train
from rt_handdt.errors import ConfigError
from tests.support.people import FS_HZ, LAYOUT, recording

GESTURE = torch.tensor([0, 0, 1, 1, 2, 0, 1, 2, 2, 0])
PERSON = torch.tensor([0, 1, 0, 1, 0, 2, 2, 2, 1, 0])
SETTINGS = {
    "stride": 4,
    "threads": 1,
    "pipeline": {"band_hz": [20.0, 200.0], "notch_hz": 0, "hop_s": 16 / FS_HZ},
    "network": {"widths": [6, 7, 8], "dropout": 0.2},
    "augment": {"rotate_cells": 0.5, "drop_channels": 0.1},
    "optimiser": {"epochs": 2, "batch": 16, "keep": "last", "learning_rate": 5e-3},
}


@pytest.fixture(scope="module")
def windows() -> WindowSet:
    return collect([recording(person) for person in range(4)], LAYOUT, TrainConfig.model_validate(SETTINGS))


def trained(windows: WindowSet, *, one_person: bool = False, epochs: int = 2, **loss: float) -> Trained:
    optimiser = {**SETTINGS["optimiser"], "epochs": epochs}
    config = TrainConfig.model_validate({**SETTINGS, "optimiser": optimiser, "loss": loss})
    parts = split(windows, config.validation, 0)
    if one_person:
        first = windows.person == windows.person[parts.train][0]
        parts = Split(first, parts.valid, "one", 1)
    return train(windows, parts, config)


def weights(done: Trained) -> dict[str, torch.Tensor]:
    return done.net.state_dict()


def same(a: Trained, b: Trained) -> bool:
    return list(weights(a)) == list(weights(b)) and all(torch.equal(weights(a)[k], weights(b)[k]) for k in weights(a))


def small() -> tuple[DisentanglingNet, Encoded]:
    torch.manual_seed(3)
    spec = TrainConfig.model_validate(SETTINGS).pipeline.spec(FS_HZ, LAYOUT)
    net = DisentanglingNet(spec, 3, NetworkConfig(widths=(4, 5, 6), dropout=0.0), with_subject=True).eval()
    return net, net.encode(net.standardiser(torch.rand(len(GESTURE), *spec.frame_shape) * 50))


def total_of(net: DisentanglingNet, encoded: Encoded, *more: Any, progress: float = 0.0) -> dict[str, torch.Tensor]:
    found = losses(net, encoded, *more[:-1], heads=more[-1], progress=progress)
    return {**found.terms, "total": found.total}


def test_contrast_by_hand() -> None:
    """Four windows in the plane: window 2 has no positive, windows 0 and 3 are one person's and no pair."""
    latent = torch.tensor([[2.0, 0.0], [0.0, 5.0], [-1.0, 0.0], [3.0, 0.0]])
    gesture, person = torch.tensor([0, 0, 1, 0]), torch.tensor([0, 1, 1, 0])
    roles = Roles.of(gesture, person)
    found = contrast_loss(latent, roles.pattern_near, roles.pattern_far, 0.5)
    # cosines: 0·1 = 0, 0·2 = -1, 1·2 = 0, 1·3 = 0; divided by 0.5. Windows 0 and 3 have one direction.
    anchor_0 = math.log(math.exp(0.0) + math.exp(-2.0))  # one positive (1) at 0, one negative (2) at -2
    anchor_1 = math.log(3.0)  # two positives and one negative, all at 0
    assert float(found) == pytest.approx((2 * anchor_0 + anchor_1) / 3, abs=1e-6)


def test_contrast_equals_a_loop() -> None:
    latent = torch.randn(len(GESTURE), 5, generator=torch.Generator().manual_seed(0))
    roles = Roles.of(GESTURE, PERSON)
    found = contrast_loss(latent, roles.pattern_near, roles.pattern_far, 0.1)
    unit = [row / row.norm() for row in latent]
    terms = []
    for i in range(len(GESTURE)):
        near = [j for j in range(len(GESTURE)) if GESTURE[i] == GESTURE[j] and PERSON[i] != PERSON[j]]
        far = [j for j in range(len(GESTURE)) if GESTURE[i] != GESTURE[j]]
        total = sum(math.exp(float(unit[i] @ unit[j]) / 0.1) for j in near + far)
        terms.append(np.mean([math.log(total) - float(unit[i] @ unit[j]) / 0.1 for j in near]))
    assert float(found) == pytest.approx(float(np.mean(terms)), rel=1e-5)


def test_contrast_without_positives_is_zero_and_has_a_gradient() -> None:
    latent = torch.randn(4, 3, requires_grad=True)
    none = torch.zeros(4, 4, dtype=torch.bool)
    loss = contrast_loss(latent, none, ~none, 0.1)
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert latent.grad is not None
    assert bool((latent.grad == 0).all())


def test_contrast_draws_a_gesture_together_and_leaves_the_own_persons_windows_alone() -> None:
    latent = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, -1.0], [1.0, 0.1]], requires_grad=True)
    roles = Roles.of(torch.tensor([0, 0, 1, 0]), torch.tensor([0, 1, 0, 0]))
    positive = roles.pattern_near
    positive[1:] = False  # window 0 is the only anchor
    contrast_loss(latent, positive, roles.pattern_far, 0.5).backward()
    assert latent.grad is not None
    step = -latent.grad
    anchor = latent.detach()[0]
    assert float(step[1] @ anchor) > 0
    assert float(step[2] @ anchor) < 0
    assert bool((step[3] == 0).all())


def test_the_reversed_gradient_is_reversed_and_the_ramp_rises() -> None:
    values = torch.tensor([1.0, -2.0, 0.5], requires_grad=True)
    out = reversed_gradient(values, 0.25)
    assert torch.equal(out, values)
    (out * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [-0.25, -0.5, -0.75]
    assert ramp(0.0) == 0.0
    assert ramp(0.1) == pytest.approx(2 / (1 + math.exp(-1)) - 1)
    assert 0.9999 < ramp(1.0) < 1.0


def test_the_adversarys_encoder_climbs_what_its_classifier_descends() -> None:
    net, encoded = small()
    config = LossConfig(reconstruct=0, triplet=0, cross=0, subject_adversary=0.5)
    heads = TrainingHeads(net.latent_shape, 3, 3, config, 0)
    terms = total_of(net, encoded, GESTURE, PERSON, config, torch.Generator(), heads, progress=0.3)
    assert set(terms) == {"classify", "subject_adversary", "total"}
    assert heads.person is not None
    assert heads.projection is None
    plain = F.cross_entropy(heads.person(encoded.pattern.flatten(1)), PERSON)
    values = {name: float(term.detach()) for name, term in terms.items()}
    assert values["subject_adversary"] == pytest.approx(plain.item(), rel=1e-6)
    assert values["total"] == pytest.approx(values["classify"] + 0.5 * plain.item(), rel=1e-6)
    encoder, head = list(net.pattern_encoders.parameters()), list(heads.person.parameters())
    found = torch.autograd.grad(terms["subject_adversary"], encoder + head, retain_graph=True)
    wanted = torch.autograd.grad(plain, encoder + head)
    for one, other in zip(found[: len(encoder)], wanted[: len(encoder)], strict=True):
        assert torch.allclose(one, -ramp(0.3) * other, atol=1e-7)
        assert float(other.abs().max()) > 0
    for one, other in zip(found[len(encoder) :], wanted[len(encoder) :], strict=True):
        assert torch.allclose(one, other, atol=1e-7)


def test_contrast_reaches_the_encoder_and_counts_by_its_weight() -> None:
    net, encoded = small()
    config = LossConfig(reconstruct=0, triplet=0, cross=0, contrast=0.5)
    heads = TrainingHeads(net.latent_shape, 3, 3, config, 0)
    terms = total_of(net, encoded, GESTURE, PERSON, config, torch.Generator(), heads)
    assert set(terms) == {"classify", "contrast", "total"}
    assert heads.person is None
    values = {name: float(term.detach()) for name, term in terms.items()}
    assert values["total"] == pytest.approx(values["classify"] + 0.5 * values["contrast"], rel=1e-6)
    terms["contrast"].backward()
    for parameter in (*net.pattern_encoders.parameters(), *heads.parameters()):
        assert parameter.grad is not None
        assert float(parameter.grad.abs().max()) > 0
    assert all(parameter.grad is None for parameter in net.classifier.parameters())


def test_heads_take_no_random_numbers_from_the_training() -> None:
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    config = LossConfig(contrast=1.0, subject_adversary=1.0)
    one, again, other = (TrainingHeads((12,), 3, 3, config, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), wanted)
    first = [next(iter(heads.parameters())) for heads in (one, again, other)]
    assert torch.equal(first[0], first[1])
    assert not torch.equal(first[0], first[2])
    assert not list(TrainingHeads((12,), 3, 3, LossConfig(), 1).parameters())


def test_switched_off_training_is_the_same_to_the_bit(windows: WindowSet) -> None:
    plain = trained(windows)
    # a weight that vanishes beside the other terms: all else, every random draw among it, is as without
    faint = trained(windows, contrast=1e-30, subject_adversary=1e-30)
    assert same(plain, faint)
    assert {"contrast", "subject_adversary"} <= set(faint.epochs[0].losses)
    assert not {"contrast", "subject_adversary"} & set(plain.epochs[0].losses)
    assert same(plain, trained(windows, contrast_temperature=0.7))


def test_both_change_the_network_repeatably_and_stay_out_of_it(windows: WindowSet) -> None:
    plain, one, again = (
        trained(windows),
        *(trained(windows, contrast=0.5, subject_adversary=0.3) for _ in range(2)),
    )
    assert same(one, again)
    assert one.epochs == again.epochs
    assert not same(plain, one)
    assert list(weights(one)) == list(weights(plain))  # neither head is part of what is kept
    encoder = [name for name in weights(one) if name.startswith("pattern") and name.endswith("weight")]
    assert len(encoder) >= 3
    assert not any(torch.equal(weights(one)[name], weights(plain)[name]) for name in encoder)


def test_contrast_falls_in_training(windows: WindowSet) -> None:
    done = trained(windows, epochs=6, contrast=1.0, reconstruct=0, triplet=0, cross=0)
    assert done.epochs[-1].losses["contrast"] < 0.8 * done.epochs[0].losses["contrast"]


def test_one_person_has_no_adversary_and_its_other_windows_for_contrast(windows: WindowSet) -> None:
    plain = trained(windows, one_person=True)
    assert same(plain, trained(windows, one_person=True, subject_adversary=1.0))
    both = trained(windows, one_person=True, subject_adversary=1.0, contrast=0.5)
    assert "subject_adversary" not in both.epochs[0].losses
    assert both.epochs[0].losses["contrast"] > 0
    assert not same(plain, both)


@pytest.mark.parametrize(
    ("loss", "named"), [({"contrast": -0.1}, "contrast"), ({"contrast_temperature": 0}, "contrast_temperature")]
)
def test_weights_below_zero_are_refused(loss: dict[str, float], named: str) -> None:
    with pytest.raises(ConfigError, match=f"loss.{named}"):
        TrainConfig.parse({"loss": loss}, what="it")
