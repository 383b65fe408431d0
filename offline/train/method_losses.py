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

from offline.config.method import MethodLossConfig
from offline.models.discriminator import Discriminator
from offline.models.method_networks import Encoded, MethodNet
from offline.models.own_classes import LossInputs, own_term
from offline.train.triplets import Roles, partners
from offline.train.window_losses import Uniforms, draw, reconstruction_loss, triplet_loss


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
    uniforms: Uniforms,
    *,
    one_person: bool = False,
    complete: bool = False,
    cross_target: Tensor | None = None,
    discriminator: Discriminator | None = None,
    classifier: nn.Module | None = None,
    own: nn.Module | None = None,
) -> Losses:
    """All terms of a batch; one whose weight is 0 is not computed.

    Parameters
    ----------
    gesture, person
        (N,) int64, where the latents are.
    uniforms
        Partners are drawn by these.
    one_person
        The training data hold one person: no subject triplets, no cross-reconstruction (see `Roles.of`).
    complete
        Every sample is known to have both donors of the cross-reconstruction. Looking would wait for a card.
    cross_target
        (N, F, H, W) standardised maps that cross-reconstruction should give; None for the samples' own.
    discriminator
        Whose verdict is added; None for none.
    classifier
        (N, D) flat pattern latents → (N, K) logits; needed where `config.classify` is not 0.
    own
        A loss of one's own (`offline.models.own_classes`); None for none.
    """
    roles = Roles.of(gesture, person, one_person=one_person)
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
            positive, negative = partners(config.mining, flat.detach(), roles.cell, near, far, uniforms)
            weights[name] = config.triplet
            terms[name] = triplet_loss(flat, positive, negative, config.margin, normalise=False)
            without[name] = (~positive.and_(negative)).sum()
    if config.cross and not one_person:
        pattern_from, subject_from = draw(roles.pattern_near, uniforms), draw(roles.subject_near, uniforms)
        found = pattern_from.and_(subject_from)
        without["cross"] = (~found).sum()
        donors, target = (pattern_from.index, subject_from.index), encoded.target
        if cross_target is not None:
            target = cross_target
        if not complete and not bool(found.all()):  # else a gather for nothing
            rows = found.nonzero()[:, 0]
            donors, target = (donors[0][rows], donors[1][rows]), target[rows]
        if len(target):
            crossed = net.decode(encoded.pattern[donors[0]], encoded.subject[donors[1]])
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
        terms["classify"] = F.cross_entropy(logits, gesture)
    if own is not None:
        weights["own"] = config.own_weight
        subject = None if one_person else encoded.subject
        terms["own"] = own_term(own, LossInputs(encoded.pattern, subject, gesture, person, encoded.target))
    if not terms:  # cross-reconstruction alone, and nobody in this batch has partners
        return Losses(0.0 * encoded.pattern.sum(), {}, without, made)
    total = torch.stack([weights[name] * term.float() for name, term in terms.items()]).sum()
    return Losses(total, {name: term.detach() for name, term in terms.items()}, without, made)
