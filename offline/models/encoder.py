"""The encoder: three convolutions, each followed by dropout, norm and LeakyReLU."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from offline.config.network import NetworkConfig
from offline.models import fused
from offline.models.fieldwise import Cut, Inside, Latent, down
from offline.models.geometry import Geometry

SLOPE = 0.2  # of the LeakyReLUs, as published


class Encoder(nn.Module):
    """3 × [conv 3×3 → dropout → norm → LeakyReLU 0.2]: (N, F, H, W) → (N, widths[2], h, w).

    Attributes
    ----------
    blocks
        What follows each convolution, where the fused form may be taken; else None.
    rng
        Draws dropout in the fused form. Elsewhere torch's own generator does.
    fast
        Take the fused form where there is one, on the CPU (same values to rounding).
    """

    def __init__(self, n_maps: int, geometry: Geometry, config: NetworkConfig) -> None:
        super().__init__()
        self.latent_shape = (config.widths[2], *geometry.latent_shape)
        self.cut, self.latent = Cut(geometry), Latent(geometry)
        self.dropout = config.dropout
        wraps, convs, norms, channels = [], [], [], n_maps
        for layer, width in enumerate(config.widths):
            wrap, conv = down(channels, width, geometry, layer)
            last = layer == len(config.widths) - 1
            cells = int(geometry.inside[layer + 1].sum())
            wraps.append(wrap)
            convs.append(conv)
            norms.append(nn.Identity() if last and not config.final_norm else _norm(config, width, cells))
            channels = width
        self.wraps, self.convs, self.norms = nn.ModuleList(wraps), nn.ModuleList(convs), nn.ModuleList(norms)
        self.insides = nn.ModuleList(Inside(geometry, layer + 1) for layer in range(len(convs)))
        self.level = nn.Linear(n_maps, channels) if config.amplitude_path else None
        self.blocks: tuple[fused.Block, ...] | None = None
        if geometry.halves_all and all(isinstance(norm, nn.Identity | InstanceNorm) for norm in norms):
            self.blocks = tuple(fused.Block(config.dropout, isinstance(norm, InstanceNorm), SLOPE) for norm in norms)
        self.rng: np.random.Generator | None = None
        self.fast = True

    def forward(self, maps: Tensor, level: Tensor | None = None) -> Tensor:
        """Latents (N, C, h, w) of maps; `level` (N, F) is each sample's mean over the electrodes."""
        here = maps.device.type == "cpu" and not torch.is_autocast_enabled("cpu") and not torch.compiler.is_compiling()
        latent = self.fused(maps, self.blocks) if self.blocks and self.fast and here else self.plain(maps)
        if self.level is not None and level is not None:
            latent = latent + self.level(level)[:, :, None, None]
        return latent

    def fused(self, maps: Tensor, blocks: tuple[fused.Block, ...]) -> Tensor:
        """All blocks as one step."""
        if self.training and self.rng is None:
            self.rng = np.random.Generator(np.random.SFC64(torch.initial_seed()))
        weights = [(conv.weight, conv.bias) for conv in self.convs]
        return fused.encode(maps, weights, blocks, self.rng if self.training else None)  # type: ignore[arg-type]

    def plain(self, maps: Tensor) -> Tensor:
        """The same blocks, one torch operation after another."""
        maps = self.cut(maps)
        for wrap, conv, norm, inside in zip(self.wraps, self.convs, self.norms, self.insides, strict=True):
            maps = nn.functional.dropout(conv(wrap(maps)), self.dropout, self.training)
            maps = inside(nn.functional.leaky_relu(norm(maps), SLOPE))
        return self.latent.join(maps)


class InstanceNorm(nn.Module):
    """Instance norm that learns nothing."""

    def forward(self, maps: Tensor) -> Tensor:
        if maps.is_cuda:  # torch's kernel for planes of a few cells is 60 % of a step on an H200, this one 5 %
            return nn.functional.group_norm(maps, maps.shape[1], eps=fused.EPS)
        return nn.functional.instance_norm(maps, eps=fused.EPS)


def _norm(config: NetworkConfig, channels: int, cells: int) -> nn.Module:
    if config.norm == "batch":
        return nn.BatchNorm2d(channels)
    if config.norm == "instance" and config.norm_learns:
        return nn.InstanceNorm2d(channels, affine=True)
    # where a map has become one single cell, instance norm would leave zeros
    return InstanceNorm() if config.norm == "instance" and cells > 1 else nn.Identity()
