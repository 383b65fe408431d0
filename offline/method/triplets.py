"""Who is whose positive and negative: for each sample of a batch one partner, without a loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from offline.losses import Partners, Relations, draw, hardest

Mining = Literal["first", "random", "hard"]


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
        """Tables for (N,) gesture and person numbers, on the CPU.

        With one person alone no sample has a positive of another person; any other sample of the gesture takes that
        part then.
        """
        relations = Relations.of(gesture, person)
        near = relations.same_gesture & ~relations.itself if one_person else relations.same_gesture_other_person
        return cls(
            relations.same_gesture & relations.same_person,
            near,
            ~relations.same_gesture,
            relations.other_gesture_same_person,
            ~relations.same_person,
        )


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
    mining: Mining, latent: Tensor, cell: Tensor, near: Tensor, far: Tensor, generator: torch.Generator
) -> tuple[Partners, Partners]:
    """A positive and a negative for each sample.

    Parameters
    ----------
    latent
        (N, D), looked at by ``"hard"`` only.
    cell, near, far
        (N, N) bool on the CPU (see `Roles`).
    generator
        Of the CPU, drawn from by ``"random"`` only: the same draws on any device.
    """
    if mining == "hard":
        device = latent.device
        return hardest(latent, near.to(device), farthest=True), hardest(latent, far.to(device), farthest=False)
    if mining == "random":
        found = draw(near, generator), draw(far, generator)
    else:
        found = first(cell, near), first(cell, far)
    return on(found[0], latent.device), on(found[1], latent.device)


def on(found: Partners, device: torch.device) -> Partners:
    """The partners where the latents are."""
    return Partners(found.index.to(device), found.found.to(device))
