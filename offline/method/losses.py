"""The method's losses on one batch, from latents that are computed once.

Total = reconstruction + λ1 (triplet_p + triplet_s) + λ2 cross-reconstruction (+ the discriminator's verdict), after
Yuan et al. 2024; and, for comparison, a classifier's cross-entropy. A triplet loss is the mean over all anchors that
have both partners. Cross-reconstruction gathers two latents of the batch for each sample, so it costs one pass of the
decoder and no encoding.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from offline.losses import draw, reconstruction_loss, triplet_loss
from offline.method.config import MethodLossConfig
from offline.method.discriminator import Discriminator
from offline.method.networks import Encoded, MethodNet
from offline.method.triplets import Roles, on, partners


@dataclass(frozen=True)
class Losses:
    """One batch's terms.

    Attributes
    ----------
    total
        The weighted sum.
    terms
        Each term, unweighted and detached, by name.
    without
        For each term with partners, how many samples had none.
    made
        (N, F, H, W): the reconstruction; None where no term looks at it.
    """

    total: Tensor
    terms: dict[str, Tensor]
    without: dict[str, Tensor]
    made: Tensor | None


def losses(
    net: MethodNet,
    encoded: Encoded,
    gesture: Tensor,
    person: Tensor,
    config: MethodLossConfig,
    generator: torch.Generator,
    *,
    one_person: bool = False,
    cross_target: Tensor | None = None,
    discriminator: Discriminator | None = None,
    classifier: nn.Module | None = None,
) -> Losses:
    """All terms of a batch; one whose weight is 0 is not computed.

    Parameters
    ----------
    gesture, person
        (N,) int64, on the CPU.
    generator
        Of the CPU: draws partners.
    one_person
        The training data hold one person: no subject triplets, no cross-reconstruction (see `Roles.of`).
    cross_target
        (N, F, H, W) standardised maps that cross-reconstruction should give; None for the samples' own.
    discriminator
        Whose verdict is added; None for none.
    classifier
        (N, D) flat pattern latents → (N, K) logits; needed where `config.classify` is not 0.
    """
    roles = Roles.of(gesture, person, one_person=one_person)
    device = encoded.pattern.device
    terms: dict[str, Tensor] = {}
    weights: dict[str, float] = {}
    without: dict[str, Tensor] = {}
    made = None
    if config.reconstruct or discriminator is not None:
        made = net.decode(encoded.pattern, encoded.subject)
    if config.reconstruct:
        assert made is not None
        weights["reconstruct"] = config.reconstruct
        terms["reconstruct"] = reconstruction_loss(made, encoded.target, net.occupied)
    if config.triplet:
        branches = {"triplet_pattern": (encoded.pattern, roles.pattern_near, roles.pattern_far)}
        if not one_person:
            branches["triplet_subject"] = (encoded.subject, roles.subject_near, roles.subject_far)
        for name, (latent, near, far) in branches.items():
            flat = latent.flatten(1).float()
            if config.normalise:
                flat = F.normalize(flat, dim=1)
            positive, negative = partners(config.mining, flat.detach(), roles.cell, near, far, generator)
            weights[name] = config.triplet
            terms[name] = triplet_loss(flat, positive, negative, config.margin, normalise=False)
            without[name] = (~positive.and_(negative)).sum()
    if config.cross and not one_person:
        pattern_from, subject_from = draw(roles.pattern_near, generator), draw(roles.subject_near, generator)
        rows = pattern_from.and_(subject_from).nonzero()[:, 0]
        without["cross"] = torch.tensor(len(gesture) - len(rows))
        if len(rows):
            target = encoded.target if cross_target is None else cross_target
            if len(rows) < len(gesture):  # else a gather for nothing
                target = target[rows.to(device)]
            pattern_from, subject_from = on(pattern_from, device), on(subject_from, device)
            rows = rows.to(device)
            crossed = net.decode(encoded.pattern[pattern_from.index[rows]], encoded.subject[subject_from.index[rows]])
            weights["cross"] = config.cross
            terms["cross"] = reconstruction_loss(crossed, target, net.occupied)
    if discriminator is not None:
        assert made is not None
        weights["adversarial"] = config.adversarial
        terms["adversarial"] = discriminator.verdict(made)
    if config.classify:
        assert classifier is not None
        weights["classify"] = config.classify
        logits = classifier(encoded.pattern.flatten(1)).float()
        terms["classify"] = F.cross_entropy(logits, gesture.to(device))
    if not terms:  # cross-reconstruction alone, and nobody in this batch has partners
        return Losses(0.0 * encoded.pattern.sum(), {}, without, made)
    total = torch.stack([weights[name] * term.float() for name, term in terms.items()]).sum()
    return Losses(total, {name: term.detach() for name, term in terms.items()}, without, made)
