"""The method's losses as the public release is described to compute them: loops over gestures × people, six encodings.

Written from that description (it encodes the batch once for the forward pass, and both partners of every sample with
both encoders for the cross-reconstruction; triplets are gathered for one gesture and person after another), to be
compared with: same values, and how much longer they take. Of the networks it takes the weights; what has none is said
here again: the decoder's (``"vae"``) LeakyReLUs are torch's plain ones there, with a slope of 0.01, all others 0.2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from offline.config.method import MethodLossConfig
from offline.models.encoder import Encoder
from offline.models.method_networks import MethodNet
from offline.train.partners import Roles, draw


def released_losses(
    net: MethodNet,
    target: Tensor,
    gesture: Tensor,
    person: Tensor,
    config: MethodLossConfig,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """All terms and their ``"total"`` for standardised maps (N, F, H, W); one input, dense grid, several people."""
    pattern_encoder, subject_encoder = net.encoders
    pattern, subject = _run(pattern_encoder, target), _run(subject_encoder, target)
    made = _decode(net, pattern, subject)
    reconstruct = F.mse_loss(made, target)

    triplet_pattern, triplet_subject = [], []
    flat_pattern, flat_subject = pattern.flatten(1), subject.flatten(1)
    for i in gesture.unique().tolist():
        for j in person.unique().tolist():
            anchors = torch.nonzero((gesture == i) & (person == j)).flatten()
            for rows, near, far, latent in (
                (triplet_pattern, (gesture == i) & (person != j), gesture != i, flat_pattern),
                (triplet_subject, (gesture != i) & (person == j), person != j, flat_subject),
            ):
                positives, negatives = torch.nonzero(near).flatten(), torch.nonzero(far).flatten()
                n = min(len(anchors), len(positives), len(negatives))
                if n:
                    a, p, q = latent[anchors[:n]], latent[positives[:n]], latent[negatives[:n]]
                    rows.append(F.triplet_margin_loss(a, p, q, margin=config.margin, reduction="none"))

    # Which samples cross is drawn as ours is, so that the values can be compared.
    roles = Roles.of(gesture, person)
    one, other = draw(roles.pattern_near, generator), draw(roles.subject_near, generator)
    rows_kept = torch.nonzero(one.found & other.found).flatten()
    first, second = target[one.index[rows_kept]], target[other.index[rows_kept]]
    crossed_pattern, _ = _run(pattern_encoder, first), _run(subject_encoder, first)
    _, crossed_subject = _run(pattern_encoder, second), _run(subject_encoder, second)
    cross = F.mse_loss(_decode(net, crossed_pattern, crossed_subject), target[rows_kept])

    terms = {
        "reconstruct": reconstruct,
        "triplet_pattern": torch.cat(triplet_pattern).mean(),
        "triplet_subject": torch.cat(triplet_subject).mean(),
        "cross": cross,
    }
    terms["total"] = (
        config.reconstruct * reconstruct
        + config.triplet * (terms["triplet_pattern"] + terms["triplet_subject"])
        + config.cross * cross
    )
    return terms


def _run(encoder: Encoder, maps: Tensor) -> Tensor:
    for conv, block in zip(encoder.convs, encoder.blocks, strict=True):
        maps = F.leaky_relu(F.instance_norm(F.dropout(conv(maps), block.dropout, encoder.training)), 0.2)
    return maps


def _decode(net: MethodNet, pattern: Tensor, subject: Tensor) -> Tensor:
    maps = torch.cat([pattern, subject], 1)
    for layer in net.decoder.layers:
        maps = F.leaky_relu(maps) if isinstance(layer, nn.LeakyReLU) else layer(maps)
    return maps
