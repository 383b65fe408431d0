"""Tells a sample's own maps from reconstructed ones; its verdict can be made part of the encoders' loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2


class Discriminator(nn.Sequential):
    """MLP F·H·W → 512 → 256 → 1 with LeakyReLU 0.2: (N, F, H, W) → (N,) logits, positive for real."""

    def __init__(self, n_values: int) -> None:
        super().__init__(
            nn.Flatten(),
            nn.Linear(n_values, 512),
            nn.LeakyReLU(SLOPE),
            nn.Linear(512, 256),
            nn.LeakyReLU(SLOPE),
            nn.Linear(256, 1),
            nn.Flatten(0),
        )

    def own_loss(self, real: Tensor, made: Tensor) -> Tensor:
        """Binary cross-entropy of telling the two apart; leaves whatever made `made` alone."""
        verdicts = torch.cat([self(real.detach()), self(made.detach())])
        truth = torch.cat([verdicts.new_ones(len(real)), verdicts.new_zeros(len(made))])
        return F.binary_cross_entropy_with_logits(verdicts, truth)

    def verdict(self, made: Tensor) -> Tensor:
        """Loss of whoever made `made`: low where it is taken for real. Its gradient reaches the maker."""
        logits = self(made)
        return F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
