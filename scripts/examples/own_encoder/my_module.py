"""An encoder and a loss of one's own, for `handdt-offline train` and `pipeline`: see my_training.toml beside it."""

import math

import torch
from torch import nn


class MyEncoder(nn.Module):
    """Each electrode is a token: one layer of self-attention over the grid instead of convolutions.

    Parameters
    ----------
    n_maps
        F: feature maps that it is given.
    layout
        The electrode grid; ``layout.shape`` is (H, W).
    width, heads
        Options, from ``[network] encoder_options``.
    """

    def __init__(self, n_maps, layout, width=16, heads=2):
        super().__init__()
        height, across = layout.shape
        self.tokens = nn.Conv2d(n_maps, width, 1)
        self.place = nn.Parameter(0.1 * torch.randn(1, height * across, width))
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm = nn.LayerNorm(width)

    def forward(self, maps):  # (N, F, H, W), standardised
        tokens = self.tokens(maps).flatten(2).transpose(1, 2) + self.place  # (N, H·W, width)
        tokens = self.norm(tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0])
        return torch.cat([tokens.mean(1), tokens.amax(1)], 1)  # (N, 2·width): any (N, C), (N, C, L) or (N, C, h, w)


class CentreLoss(nn.Module):
    """Mean squared distance of each latent to its gesture's centre, which is learnt along (Wen et al. 2016)."""

    def __init__(self, n_gestures, n_people, latent_shape):
        super().__init__()
        self.centres = nn.Embedding(n_gestures, math.prod(latent_shape))

    def forward(self, batch):  # pattern, subject, gesture, person, target of N samples
        return (batch.pattern.flatten(1) - self.centres(batch.gesture)).square().mean()
