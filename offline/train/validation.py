"""How well the method does on people it is not trained on, while it is trained."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from offline.config.method import MethodConfig
from offline.data.feature_table import FeatureTable
from offline.models.encoded import Encoded
from offline.models.method_networks import MethodNet
from offline.train.batches import Batches
from offline.train.losses import losses
from offline.train.step import Stepper
from rt_handdt.core.metrics import balanced_accuracy, confusion

BATCH = 512


def encoded_batches(net: MethodNet, table: FeatureTable) -> Iterator[Encoded]:
    """All samples through the encoders, in order, without dropout and without gradients."""
    net.eval()
    device = net.mean_pattern.device
    for start in range(0, len(table), BATCH):
        with torch.no_grad():
            maps = torch.from_numpy(np.array(table.maps[start : start + BATCH])).to(device)
            yield net(maps)


def mean_latents(net: MethodNet, table: FeatureTable) -> tuple[Tensor, Tensor]:
    """Mean pattern and mean subject latent (1, C, h, w) of a table."""
    sums = [torch.zeros_like(net.mean_pattern), torch.zeros_like(net.mean_subject)]
    for encoded in encoded_batches(net, table):
        sums[0] += encoded.pattern.sum(0, keepdim=True)
        assert encoded.subject is not None
        sums[1] += encoded.subject.sum(0, keepdim=True)
    return sums[0] / len(table), sums[1] / len(table)


def validate(stepper: Stepper, train: FeatureTable, valid: FeatureTable, config: MethodConfig) -> dict[str, float]:
    """Scores on the validation people, with all random draws their own (the training's stay where they were).

    Returns
    -------
    dict
        ``"knn"``: balanced accuracy of naming each sample's gesture after the training sample with the nearest
        pattern latent. ``"loss"``: the weighted loss, without the discriminator's verdict and an own loss, which
        know the training people alone.
    """
    net = stepper.net
    assert isinstance(net, MethodNet)
    gallery = torch.cat([encoded.pattern.flatten(1) for encoded in encoded_batches(net, train)])
    named = []
    for encoded in encoded_batches(net, valid):
        nearest = torch.cdist(encoded.pattern.flatten(1), gallery).argmin(1)
        named.append(train.label[nearest.cpu().numpy()])
    counts = confusion(valid.label, np.concatenate(named), len(valid.gestures))
    return {"knn": float(balanced_accuracy(counts)), "loss": _loss(stepper, valid, config)}


@torch.no_grad()
def _loss(stepper: Stepper, valid: FeatureTable, config: MethodConfig) -> float:
    net = stepper.net.eval()
    assert isinstance(net, MethodNet)
    generator = torch.Generator().manual_seed(config.seed)
    device = net.mean_pattern.device
    one_person = len(np.unique(valid.person)) == 1
    total, n = 0.0, 0
    batches = Batches(valid.label, valid.person, config.optimiser.batch, coverage=config.optimiser.coverage)
    for rows in batches.epoch(np.random.default_rng(config.seed)):
        label, person = (torch.from_numpy(of[rows]).to(device) for of in (valid.label, valid.person))
        encoded = net(torch.from_numpy(np.ascontiguousarray(valid.maps[rows])).to(device))
        found = losses(
            net,
            encoded,
            label,
            person,
            config.loss.of_anybody,
            generator,
            one_person=one_person,
            heads=stepper.heads,
        )
        total, n = total + float(found.total) * len(rows), n + len(rows)
    return total / n
