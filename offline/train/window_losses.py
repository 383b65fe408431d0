"""The terms of the loss, each without a Python loop, all from latents that were computed once.

Pairs are drawn within the batch: a (N, N) table of who may stand for whom, and one uniform draw from each row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from offline.config import LossConfig
from offline.models.heads import TrainingHeads
from offline.models.own_classes import LossInputs, own_term
from offline.models.window_networks import DisentanglingNet, Encoded


@dataclass(frozen=True)
class Partners:
    """For each of N windows the number of another one that stands in a wanted relation to it.

    Attributes
    ----------
    index
        (N,) int64; meaningless where `found` is False.
    found
        (N,) bool.
    """

    index: Tensor
    found: Tensor

    def and_(self, other: Partners) -> Tensor:
        """(N,) bool: windows that have both partners."""
        return self.found & other.found


#: Where (N, N) uniform numbers come from: a generator of the CPU, so that draws are the same on any device; or numbers
#: that were drawn before, table by table.
Uniforms = torch.Generator | Iterator[Tensor]


def draw(allowed: Tensor, uniforms: Uniforms) -> Partners:
    """One partner for each row, each allowed one equally likely.

    Parameters
    ----------
    allowed
        (N, N) bool: row n may be given column m.
    """
    if isinstance(uniforms, torch.Generator):
        scores = torch.rand(allowed.shape, generator=uniforms).to(allowed.device)
    else:
        scores = next(uniforms)
    return Partners(scores.masked_fill(~allowed, -1.0).argmax(1), allowed.any(1))


def hardest(latent: Tensor, allowed: Tensor, *, farthest: bool) -> Partners:
    """The allowed partner that is farthest in the latent (hard positives), or nearest (hard negatives)."""
    with torch.no_grad():
        distance = torch.cdist(latent, latent)
        scores = (distance if farthest else -distance).masked_fill(~allowed, -torch.inf)
    return Partners(scores.argmax(1), allowed.any(1))


@dataclass(frozen=True)
class Relations:
    """Who may stand for whom in a batch: three (N, N) tables.

    Attributes
    ----------
    same_gesture, same_person
        True where two windows share it.
    itself
        The diagonal.
    """

    same_gesture: Tensor
    same_person: Tensor
    itself: Tensor

    @classmethod
    def of(cls, gesture: Tensor, person: Tensor) -> Relations:
        """Tables for (N,) gesture and person numbers."""
        return cls(
            gesture[:, None] == gesture[None, :],
            person[:, None] == person[None, :],
            torch.eye(len(gesture), dtype=torch.bool, device=gesture.device),
        )

    @property
    def same_gesture_other_person(self) -> Tensor:
        """Positives of the pattern latent, and the pattern's donors in cross-reconstruction."""
        return self.same_gesture & ~self.same_person

    @property
    def other_gesture_same_person(self) -> Tensor:
        """Positives of the subject latent, and the subject's donors in cross-reconstruction."""
        return ~self.same_gesture & self.same_person


def triplet_loss(
    latent: Tensor, positive: Partners, negative: Partners, margin: float, *, normalise: bool = True
) -> Tensor:
    """Mean over the windows that have both partners of max(0, |a − p| − |a − n| + margin); 0 if none has.

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
    return _mean_where(F.relu(near - far + margin), positive.and_(negative))


def contrast_loss(projected: Tensor, positive: Tensor, negative: Tensor, temperature: float) -> Tensor:
    """Supervised contrastive loss (Khosla et al. 2020), mean over the windows that have a positive; 0 if none has.

    Of a window's similarities to its positives and negatives (cosine / temperature) the softmax is taken; its term is
    the mean of −log over the positives.

    Parameters
    ----------
    projected
        (N, P); compared by direction.
    positive, negative
        (N, N) bool: what each row is to lie near to, and far from. Windows that are neither, such as the same person's
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
    return _per_window(given, wanted, occupied).mean()


def cross_reconstruction_loss(
    net: DisentanglingNet, encoded: Encoded, pattern_from: Partners, subject_from: Partners
) -> Tensor:
    """Give a window back from two others: its gesture by another person, its person at another gesture.

    The latents are those of the batch, already computed; the only new work is one pass of the decoder.
    """
    assert encoded.subject is not None
    found = pattern_from.and_(subject_from)
    if not bool(found.any()):
        return encoded.pattern.sum() * 0.0
    rows = found.nonzero()[:, 0]
    made = net.decode(encoded.pattern[pattern_from.index[rows]], encoded.subject[subject_from.index[rows]])
    return reconstruction_loss(made, encoded.target[rows], net.inputs.occupied)


def total_loss(
    net: DisentanglingNet,
    encoded: Encoded,
    gesture: Tensor,
    person: Tensor,
    config: LossConfig,
    generator: torch.Generator,
    heads: TrainingHeads | None = None,
    progress: float = 0.0,
) -> dict[str, Tensor]:
    """All terms of one batch, unweighted, and under ``"total"`` their weighted sum.

    Parameters
    ----------
    gesture, person
        (N,) int64; of the people trained on, numbered from 0, where `heads` tell them apart.
    heads
        Needed by the contrastive loss, the subject adversary and an own loss.
    progress
        Share of training that is over; for the subject adversary.

    Notes
    -----
    Where the network has no subject encoder (one person), the subject's triplets, the cross-reconstruction and the
    subject adversary are off, and any other window of the gesture is a positive of the pattern's triplets and of the
    contrastive loss.
    """
    relations = Relations.of(gesture, person)
    other_gesture = ~relations.same_gesture
    near_pattern = (
        relations.same_gesture_other_person if net.with_subject else relations.same_gesture & ~relations.itself
    )
    terms = {"classify": F.cross_entropy(encoded.logits, gesture, label_smoothing=config.label_smoothing)}
    weights = {"classify": config.classify}

    def triplets(latent: Tensor, near: Tensor, far: Tensor) -> Tensor:
        flat = latent.flatten(1)
        if config.mining == "hard":
            unit = F.normalize(flat, dim=1) if config.normalise else flat
            partners = hardest(unit, near, farthest=True), hardest(unit, far, farthest=False)
        else:
            partners = draw(near, generator), draw(far, generator)
        return triplet_loss(flat, *partners, config.margin, normalise=config.normalise)

    if config.triplet:
        terms["triplet_pattern"] = triplets(encoded.pattern, near_pattern, other_gesture)
        weights["triplet_pattern"] = config.triplet
        if encoded.subject is not None:
            terms["triplet_subject"] = triplets(
                encoded.subject, relations.other_gesture_same_person, ~relations.same_person
            )
            weights["triplet_subject"] = config.triplet
    if config.reconstruct:
        made = net.decode(encoded.pattern, encoded.subject)
        terms["reconstruct"] = reconstruction_loss(made, encoded.target, net.inputs.occupied)
        weights["reconstruct"] = config.reconstruct
    if config.cross and encoded.subject is not None:
        pattern_from = draw(relations.same_gesture_other_person, generator)
        subject_from = draw(relations.other_gesture_same_person, generator)
        terms["cross"] = cross_reconstruction_loss(net, encoded, pattern_from, subject_from)
        weights["cross"] = config.cross
    if config.contrast:
        assert heads is not None
        projected = heads.projected(encoded.pattern)
        terms["contrast"] = contrast_loss(projected, near_pattern, other_gesture, config.contrast_temperature)
        weights["contrast"] = config.contrast
    if config.subject_adversary:
        assert heads is not None
        if heads.person is not None:
            terms["subject_adversary"] = F.cross_entropy(heads.person_logits(encoded.pattern, progress), person)
            weights["subject_adversary"] = config.subject_adversary
    if config.own:
        assert heads is not None
        if heads.own is not None:
            inputs = LossInputs(encoded.pattern, encoded.subject, gesture, person, encoded.target)
            terms["own"] = own_term(heads.own, inputs)
            weights["own"] = config.own_weight
    terms["total"] = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
    return terms


def _per_window(given: Tensor, wanted: Tensor, occupied: Tensor) -> Tensor:
    return (((given - wanted) ** 2) * occupied).sum((1, 2, 3)) / (occupied.sum() * given.shape[1])


def _mean_where(values: Tensor, found: Tensor) -> Tensor:
    return (values * found).sum() / found.sum().clamp_min(1)
