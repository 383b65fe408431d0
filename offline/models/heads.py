"""What only training needs beside the network: trained with it, never exported."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from offline.config import LossConfig
from offline.models.encoder import SLOPE
from offline.models.own_classes import own_loss

HIDDEN = 128
PROJECTED = 64


class TrainingHeads(nn.Module):
    """Projection for the contrastive loss, classifier of people and of gestures, own loss; None where not wanted.

    Parameters
    ----------
    latent_shape
        Of the pattern latent, (C, h, w); D values in all.
    n_gestures
        Labels.
    people
        Number of people trained on; with one there is nobody to tell apart, and no classifier.
    seed
        Of the first weights. They are drawn apart from the process's random numbers, so that a network trained with
        heads begins like one trained without.
    classifies
        Whether the network brings no classifier of gestures of its own.
    """

    def __init__(
        self,
        latent_shape: tuple[int, ...],
        n_gestures: int,
        people: int,
        config: LossConfig,
        seed: int,
        *,
        classifies: bool = False,
    ) -> None:
        super().__init__()
        latent_size = math.prod(latent_shape)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.projection = _head(latent_size, PROJECTED) if config.contrast else None
            self.person = _head(latent_size, people) if config.subject_adversary and people > 1 else None
            self.gesture = nn.Linear(latent_size, n_gestures) if classifies else None
            self.own = own_loss(config, n_gestures, people, latent_shape)

    def projected(self, pattern: Tensor) -> Tensor:
        """Pattern latents (N, …) → (N, 64), not yet normalised: what the contrastive loss compares."""
        assert self.projection is not None
        made: Tensor = self.projection(F.normalize(pattern.flatten(1), dim=1))
        return made

    def gesture_logits(self, pattern: Tensor) -> Tensor:
        """Pattern latents (N, …) → (N, K), of a linear classifier that learns along and is thrown away."""
        assert self.gesture is not None
        made: Tensor = self.gesture(pattern.flatten(1))
        return made

    def person_logits(self, pattern: Tensor, progress: float) -> Tensor:
        """Pattern latents (N, …) → (N, people); what flows back into the latents has its sign reversed.

        The classifier learns to tell people apart and the encoder, behind the reversal, to leave nothing to tell them
        by (Ganin & Lempitsky 2015).

        Parameters
        ----------
        progress
            Share of training that is over. The reversed gradient grows with it (`ramp`): at first the classifier
            knows nothing that would be worth hiding from it.
        """
        assert self.person is not None
        logits: Tensor = self.person(reversed_gradient(pattern.flatten(1), ramp(progress)))
        return logits


def ramp(progress: float) -> float:
    """From 0 at the beginning of training to nearly 1 at its end: 2 / (1 + exp(−10 p)) − 1."""
    return 2.0 / (1.0 + math.exp(-10.0 * progress)) - 1.0


def reversed_gradient(values: Tensor, strength: float) -> Tensor:
    """The values themselves; their gradient is multiplied by −`strength`."""
    out: Tensor = _Reversal.apply(values, strength)  # type: ignore[no-untyped-call]
    return out


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * gradients[0], None


def _head(size: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(size, HIDDEN), nn.LeakyReLU(SLOPE), nn.Linear(HIDDEN, out))
