"""Who is whose positive and negative: for each sample of a batch one partner, without a loop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from offline.data.datasets import Int64

Mining = Literal["first", "random", "hard"]
#: Where (N, N) uniform numbers come from: a generator of the CPU, so that draws are the same on any device; or numbers
#: that were drawn before, table by table.
Uniforms = torch.Generator | Iterator[Tensor]


@dataclass(frozen=True)
class Partners:
    """For each of N samples the number of another one that stands in a wanted relation to it.

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
        """(N,) bool: samples that have both partners."""
        return self.found & other.found


@dataclass(frozen=True)
class Roles:
    """Which samples may play which part, (N, N) bool each.

    Attributes
    ----------
    cell
        Same gesture, same person, itself included.
    pattern_near, subject_near
        Positives: the same gesture of other people; other gestures of the same person. They are also the donors of
        the cross-reconstruction.
    pattern_far, subject_far
        Negatives: other gestures, of whomever; other people, doing whatever.
    """

    cell: Tensor
    pattern_near: Tensor
    pattern_far: Tensor
    subject_near: Tensor
    subject_far: Tensor

    @classmethod
    def of(cls, gesture: Tensor, person: Tensor, *, one_person: bool = False) -> Roles:
        """Tables for (N,) gesture and person numbers, where these are.

        With one person alone no sample has a positive of another person; any other sample of the gesture takes that
        part then.
        """
        same_gesture, same_person = gesture[:, None] == gesture[None, :], person[:, None] == person[None, :]
        others = ~torch.eye(len(gesture), dtype=torch.bool, device=gesture.device) if one_person else ~same_person
        return cls(
            same_gesture & same_person, same_gesture & others, ~same_gesture, ~same_gesture & same_person, ~same_person
        )


def complete(gesture: Int64, person: Int64) -> bool:
    """Whether each of (N,) samples has both donors of the cross-reconstruction among the others (see `Roles`)."""
    _, of_gesture = np.unique(gesture, return_inverse=True)
    _, of_person = np.unique(person, return_inverse=True)
    counts = np.zeros((of_gesture.max() + 1, of_person.max() + 1), np.int64)
    np.add.at(counts, (of_gesture, of_person), 1)
    others = (counts.sum(1, keepdims=True) > counts) & (counts.sum(0) > counts)
    return bool(others[counts > 0].all())


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


def first(cell: Tensor, allowed: Tensor) -> Partners:
    """Pair in batch order: the r-th sample of a gesture and person with the r-th it may be paired with.

    An anchor goes without a partner where there are fewer than r of them: for each gesture and person, the first N of
    anchors and partners are used, N the smaller of their numbers.

    Parameters
    ----------
    cell, allowed
        (N, N) bool.
    """
    rank = cell.tril(-1).sum(1, keepdim=True)  # how many of the same cell come before
    reached = allowed.cumsum(1) > rank
    return Partners(reached.to(torch.uint8).argmax(1), reached[:, -1])


def partners(
    mining: Mining, latent: Tensor, cell: Tensor, near: Tensor, far: Tensor, uniforms: Uniforms
) -> tuple[Partners, Partners]:
    """A positive and a negative for each sample.

    Parameters
    ----------
    latent
        (N, D), looked at by ``"hard"`` only.
    cell, near, far
        (N, N) bool (see `Roles`).
    uniforms
        Taken from by ``"random"`` only.
    """
    if mining == "hard":
        return hardest(latent, near, farthest=True), hardest(latent, far, farthest=False)
    if mining == "random":
        return draw(near, uniforms), draw(far, uniforms)
    return first(cell, near), first(cell, far)
