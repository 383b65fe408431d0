"""All terms of the loss on one batch, from latents that are computed once, without a Python loop.

Reconstruction + λ1 (triplet of patterns + triplet of subjects) + λ2 cross-reconstruction after Yuan et al. 2024 (J
NeuroEng Rehabil 21:233), and what may stand beside: a classifier's cross-entropy, a discriminator's verdict, a
contrastive loss, a subject adversary, a loss of one's own. A triplet loss is the mean over all anchors that have both
partners. Cross-reconstruction gathers two latents of the batch for each sample: one pass of the decoder, no encoding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from offline.config.loss import LossConfig
from offline.models.discriminator import Discriminator
from offline.models.encoded import Encoded
from offline.models.heads import TrainingHeads
from offline.models.own_classes import LossInputs, own_term
from offline.train.partners import Partners, Roles, Uniforms, draw, partners


class Decodes(Protocol):
    """What a loss needs of a network."""

    @property
    def occupied(self) -> Tensor:
        """(1, 1, H, W): 1 where an electrode sits."""
        ...

    def decode(self, pattern: Tensor, subject: Tensor | None) -> Tensor:
        """Standardised maps of latents."""
        ...


@dataclass(frozen=True)
class Losses:
    """One batch's terms.

    Attributes
    ----------
    total
        The weighted sum.
    terms
        Each term, unweighted, by name.
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
    net: Decodes,
    encoded: Encoded,
    gesture: Tensor,
    person: Tensor,
    config: LossConfig,
    uniforms: Uniforms,
    *,
    one_person: bool = False,
    complete: bool = False,
    progress: float = 0.0,
    cross_target: Tensor | None = None,
    discriminator: Discriminator | None = None,
    heads: TrainingHeads | None = None,
) -> Losses:
    """All terms of a batch; one whose weight is 0 is not computed.

    Parameters
    ----------
    gesture, person
        (N,) int64, where the latents are; of the people trained on, numbered from 0, where `heads` know them.
    uniforms
        Partners are drawn by these.
    one_person
        The training data hold one person: no subject triplets, no cross-reconstruction, no subject adversary (see
        `Roles.of`).
    complete
        Every sample is known to have both donors of the cross-reconstruction. Looking would wait for a card.
    progress
        Share of training that is over; for the subject adversary.
    cross_target
        (N, F, H, W) standardised maps that cross-reconstruction should give; None for the samples' own.
    discriminator
        Whose verdict is added; None for none.
    heads
        Needed by the contrastive loss, the subject adversary, an own loss, and where the network does not classify.
    """
    roles = Roles.of(gesture, person, one_person=one_person)
    terms: dict[str, Tensor] = {}
    weights: dict[str, float] = {}
    without: dict[str, Tensor] = {}

    def add(name: str, weight: float, term: Tensor) -> None:
        weights[name], terms[name] = weight, term

    made = None
    if config.reconstruct or discriminator is not None:
        made = net.decode(encoded.pattern, encoded.subject)
    if config.reconstruct:
        assert made is not None
        add("reconstruct", config.reconstruct, reconstruction_loss(made, encoded.target, net.occupied))
    if config.triplet:
        branches = {"triplet_pattern": (encoded.pattern, roles.pattern_near, roles.pattern_far)}
        if not one_person and encoded.subject is not None:
            branches["triplet_subject"] = (encoded.subject, roles.subject_near, roles.subject_far)
        for name, (latent, near, far) in branches.items():
            flat = latent.flatten(1).float()
            if config.normalise:
                flat = F.normalize(flat, dim=1)
            positive, negative = partners(config.mining, flat.detach(), roles.cell, near, far, uniforms)
            add(name, config.triplet, triplet_loss(flat, positive, negative, config.margin, normalise=False))
            without[name] = (~positive.and_(negative)).sum()
    if config.cross and not one_person:
        pattern_from, subject_from = draw(roles.pattern_near, uniforms), draw(roles.subject_near, uniforms)
        without["cross"] = (~pattern_from.and_(subject_from)).sum()
        term = cross_reconstruction_loss(net, encoded, pattern_from, subject_from, cross_target, complete=complete)
        if term is not None:
            add("cross", config.cross, term)
    if discriminator is not None:
        assert made is not None
        add("adversarial", config.adversarial, discriminator.verdict(made))
    if config.classify:
        logits = encoded.logits
        if logits is None:
            assert heads is not None
            logits = heads.gesture_logits(encoded.pattern)
        entropy = F.cross_entropy(logits.float(), gesture, label_smoothing=config.label_smoothing)
        add("classify", config.classify, entropy)
    if config.contrast:
        assert heads is not None
        projected = heads.projected(encoded.pattern).float()
        contrast = contrast_loss(projected, roles.pattern_near, roles.pattern_far, config.contrast_temperature)
        add("contrast", config.contrast, contrast)
    if config.subject_adversary and heads is not None and heads.person is not None:
        hidden = F.cross_entropy(heads.person_logits(encoded.pattern, progress).float(), person)
        add("subject_adversary", config.subject_adversary, hidden)
    if config.own and heads is not None and heads.own is not None:
        subject = None if one_person else encoded.subject
        inputs = LossInputs(encoded.pattern, subject, gesture, person, encoded.target)
        add("own", config.own_weight, own_term(heads.own, inputs))
    if not terms:  # cross-reconstruction alone, and nobody in this batch has partners
        return Losses(0.0 * encoded.pattern.sum(), {}, without, made)
    total = torch.stack([weights[name] * term.float() for name, term in terms.items()]).sum()
    return Losses(total, terms, without, made)


def triplet_loss(
    latent: Tensor, positive: Partners, negative: Partners, margin: float, *, normalise: bool = True
) -> Tensor:
    """Mean over the samples that have both partners of max(0, |a − p| − |a − n| + margin); 0 if none has.

    Parameters
    ----------
    latent
        (N, D).
    normalise
        Compare directions (unit latents) instead of the latents themselves.
    """
    if normalise:
        latent = F.normalize(latent, dim=1)
    near = (latent - latent[positive.index] + 1e-6).norm(dim=1)  # 1e-6: the norm has no gradient at 0
    far = (latent - latent[negative.index] + 1e-6).norm(dim=1)
    found = positive.and_(negative)
    return (F.relu(near - far + margin) * found).sum() / found.sum().clamp_min(1)


def contrast_loss(projected: Tensor, positive: Tensor, negative: Tensor, temperature: float) -> Tensor:
    """Supervised contrastive loss (Khosla et al. 2020), mean over the samples that have a positive; 0 if none has.

    Of a sample's similarities to its positives and negatives (cosine / temperature) the softmax is taken; its term is
    the mean of −log over the positives.

    Parameters
    ----------
    projected
        (N, P); compared by direction.
    positive, negative
        (N, N) bool: what each row is to lie near to, and far from. Samples that are neither, such as the same person's
        of the same gesture, are neither drawn near nor pushed away.
    """
    rows = positive.any(1).nonzero()[:, 0]
    if not len(rows):
        return projected.sum() * 0.0
    unit = F.normalize(projected, dim=1)
    similarity = unit[rows] @ unit.T / temperature
    near = positive[rows]
    total = similarity.masked_fill(~(near | negative[rows]), -torch.inf).logsumexp(1, keepdim=True)
    return (((total - similarity) * near).sum(1) / near.sum(1)).mean()


def reconstruction_loss(given: Tensor, wanted: Tensor, occupied: Tensor) -> Tensor:
    """Mean squared error over the cells that hold an electrode. Shapes (N, F, H, W) and (1, 1, H, W)."""
    return ((((given - wanted) ** 2) * occupied).sum((1, 2, 3)) / (occupied.sum() * given.shape[1])).mean()


def cross_reconstruction_loss(
    net: Decodes,
    encoded: Encoded,
    pattern_from: Partners,
    subject_from: Partners,
    target: Tensor | None = None,
    *,
    complete: bool = False,
) -> Tensor | None:
    """Give a sample back from two others: its gesture by another person, its person at another gesture.

    The latents are those of the batch, already computed; the only new work is one pass of the decoder. None where no
    sample has both; `target` and `complete` are as in `losses`.
    """
    assert encoded.subject is not None
    donors, target = (pattern_from.index, subject_from.index), encoded.target if target is None else target
    found = pattern_from.and_(subject_from)
    if not complete and not bool(found.all()):  # else a gather for nothing
        rows = found.nonzero()[:, 0]
        donors, target = (donors[0][rows], donors[1][rows]), target[rows]
    if not len(target):
        return None
    return reconstruction_loss(net.decode(encoded.pattern[donors[0]], encoded.subject[donors[1]]), target, net.occupied)
