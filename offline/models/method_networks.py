"""The published networks: two encoders (pattern, subject) for each input, and one decoder that needs both latents.

After Yuan et al. 2024 (J NeuroEng Rehabil 21:233). Any grid H × W and any number of maps F will do: each convolution
halves the grid, rounding up, and the decoder's output is cropped. InstanceNorm is left out where a map has become one
single cell, since there it would leave zeros.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from offline.config.method import MethodNetworkConfig
from offline.models import fused
from offline.models.encoded import Encoded
from offline.models.own_classes import OwnEncoder, bridge
from offline.models.standardise import Standardiser
from rt_handdt.core.layout import ElectrodeLayout

SLOPE = 0.2  # of the encoders' LeakyReLUs, as published; the decoder's is a setting


def half(shape: tuple[int, int]) -> tuple[int, int]:
    """Grid after a convolution 3×3, stride 2, pad 1."""
    return -(-shape[0] // 2), -(-shape[1] // 2)


class Encoder(nn.Module):
    """3 × [conv 3×3, stride 2, pad 1 → dropout → InstanceNorm → LeakyReLU 0.2]: (N, F, H, W) → (N, C, ⌈H/8⌉, ⌈W/8⌉).

    Attributes
    ----------
    blocks
        What follows each convolution.
    rng
        Draws dropout on the CPU. Elsewhere torch's own generator does.
    fast
        Take the fused form on the CPU (same values to rounding).
    """

    def __init__(self, n_maps: int, shape: tuple[int, int], config: MethodNetworkConfig) -> None:
        super().__init__()
        convs, blocks, channels = [], [], n_maps
        for position, width in enumerate(config.widths):
            shape = half(shape)
            last = position == len(config.widths) - 1
            norm = config.norm and shape != (1, 1) and (config.final_norm or not last)
            convs.append(nn.Conv2d(channels, width, 3, stride=2, padding=1))
            blocks.append(fused.Block(config.dropout, norm, SLOPE))
            channels = width
        self.convs = nn.ModuleList(convs)
        self.blocks = tuple(blocks)
        self.level = nn.Linear(n_maps, channels) if config.amplitude_path else None
        self.rng: np.random.Generator | None = None
        self.fast = True

    def forward(self, maps: Tensor, level: Tensor | None = None) -> Tensor:
        """Latents (N, C, h, w) of maps; `level` (N, F) is each sample's mean over the electrodes."""
        if self.fast and maps.device.type == "cpu" and not torch.is_autocast_enabled("cpu"):
            rng = self._rng() if self.training else None
            weights = [(conv.weight, conv.bias) for conv in self.convs]
            latent = fused.encode(maps, weights, self.blocks, rng)  # type: ignore[arg-type]
        else:
            latent = self.plain(maps)
        if self.level is not None and level is not None:
            latent = latent + self.level(level)[:, :, None, None]
        return latent

    def plain(self, maps: Tensor) -> Tensor:
        """The same blocks, one torch operation after another."""
        for conv, block in zip(self.convs, self.blocks, strict=True):
            maps = nn.functional.dropout(conv(maps), block.dropout, self.training)
            if block.norm:
                maps = _instance_norm(maps)
            maps = nn.functional.leaky_relu(maps, block.slope)
        return maps

    def _rng(self) -> np.random.Generator:
        if self.rng is None:
            self.rng = np.random.Generator(np.random.SFC64(torch.initial_seed()))
        return self.rng


def _instance_norm(maps: Tensor) -> Tensor:
    if maps.is_cuda:  # the same; torch's kernel for planes of a few cells is 60 % of a step on an H200, this one 5 %
        return nn.functional.group_norm(maps, maps.shape[1], eps=fused.EPS)
    return nn.functional.instance_norm(maps, eps=fused.EPS)


class Decoder(nn.Module):
    """Both latents → standardised maps: (N, C, ⌈H/8⌉, ⌈W/8⌉) → (N, F, H, W), what is beyond the grid cut off.

    ``"vae"``: 3 × transposed conv 3×3, stride 2 (→ 128 → 64 → F), BatchNorm and LeakyReLU 0.01 between, then tanh and a
    1×1 conv. ``"orig"``: 3 × [nearest upsampling → reflection pad → conv 3×3 → dropout → LeakyReLU 0.2 except last].
    """

    def __init__(self, channels: int, n_maps: int, shape: tuple[int, int], config: MethodNetworkConfig) -> None:
        super().__init__()
        self.shape = shape
        wide = config.widths[2]
        layers: list[nn.Module] = []
        for position, width in enumerate((wide, max(1, wide // 2), n_maps)):
            last = position == 2
            if config.decoder == "vae":
                layers.append(nn.ConvTranspose2d(channels, width, 3, stride=2, padding=1, output_padding=1))
                layers += [nn.Tanh(), nn.Conv2d(width, width, 1)] if last else [nn.BatchNorm2d(width)]
            else:
                layers += [nn.Upsample(scale_factor=2), nn.ReflectionPad2d(1), nn.Conv2d(channels, width, 3)]
                layers.append(nn.Dropout(config.decoder_dropout))
            if not last:
                layers.append(nn.LeakyReLU(config.slope))
            channels = width
        self.layers = nn.Sequential(*layers)

    def forward(self, latents: Tensor) -> Tensor:
        maps: Tensor = self.layers(latents)  # (N, F, 8⌈H/8⌉, 8⌈W/8⌉)
        return maps[:, :, : self.shape[0], : self.shape[1]]


class MethodNet(nn.Module):
    """Standardiser, a pair of encoders for each input, decoder.

    Parameters
    ----------
    inputs
        How the F maps divide into inputs, e.g. (256, 4).
    layout
        Gives H, W and which cells hold an electrode.

    Attributes
    ----------
    mean_pattern, mean_subject
        (1, C, h, w): means over the training people, to stand in for a latent that is left out.
    """

    mean_pattern: Tensor
    mean_subject: Tensor

    def __init__(self, inputs: tuple[int, ...], layout: ElectrodeLayout, config: MethodNetworkConfig) -> None:
        super().__init__()
        shape = (layout.shape[0], layout.shape[1])
        n_maps = sum(inputs)
        self.inputs = inputs if config.multi_input else (n_maps,)
        self.standardiser = Standardiser(n_maps, np.asarray(layout.occupied), log=config.log_input)

        def encoder(size: int) -> Encoder | OwnEncoder:
            return OwnEncoder(config, size, layout) if config.encoder else Encoder(size, shape, config)

        self.pattern_encoders = nn.ModuleList(encoder(size) for size in self.inputs)
        self.subject_encoders = nn.ModuleList(encoder(size) for size in self.inputs)
        depth, grid = 2 * config.widths[2] * len(self.inputs), half(half(half(shape)))
        one: tuple[int, int, int] = (config.widths[2], *grid)
        if isinstance(self.pattern_encoders[0], OwnEncoder):
            one = self.pattern_encoders[0].latent_shape
        self.latent_shape = (one[0] * len(self.inputs), *one[1:])
        self.bridge = bridge((2 * self.latent_shape[0], *one[1:]), (depth, *grid))
        self.decoder = Decoder(depth, n_maps, shape, config)
        self.neutral = config.neutral
        self.with_level = config.amplitude_path
        self.register_buffer("mean_pattern", torch.zeros(1, *self.latent_shape))
        self.register_buffer("mean_subject", torch.zeros(1, *self.latent_shape))

    @property
    def occupied(self) -> Tensor:
        """(1, 1, H, W): 1 where an electrode sits."""
        return self.standardiser.occupied

    @property
    def latent_size(self) -> int:
        """D: length of one flat latent."""
        return int(np.prod(self.latent_shape))

    @property
    def encoders(self) -> list[Encoder]:
        """All encoders of ours, the pattern's first."""
        every = (*self.pattern_encoders, *self.subject_encoders)
        return [encoder for encoder in every if isinstance(encoder, Encoder)]

    def encode(self, standardised: Tensor, with_subject: bool = True, target: Tensor | None = None) -> Encoded:
        """Both latents of standardised maps (N, F, H, W); or the pattern's alone, at half the cost.

        `target` if the decoder should give back others.
        """
        parts = torch.split(standardised, list(self.inputs), dim=1)
        levels: list[Tensor | None] = [None] * len(parts)
        if self.with_level:
            levels = [part.sum((2, 3)) / self.occupied.sum() for part in parts]  # maps are 0 in empty cells
        made = [
            torch.cat(
                [
                    encoder(part, level) if isinstance(encoder, Encoder) else encoder(part)
                    for encoder, part, level in zip(encoders, parts, levels, strict=True)
                ],
                1,
            )
            for encoders in (self.pattern_encoders, *((self.subject_encoders,) if with_subject else ()))
        ]
        return Encoded(
            standardised if target is None else target, made[0], made[1] if with_subject else torch.zeros_like(made[0])
        )

    def decode(self, pattern: Tensor, subject: Tensor | None) -> Tensor:
        """Standardised maps of a pattern latent and a subject latent (N, C, h, w)."""
        assert subject is not None
        maps: Tensor = self.decoder(self.bridge(torch.cat([pattern, subject], 1)))
        return maps

    def decode_pattern(self, pattern: Tensor) -> Tensor:
        """The pattern's branch alone: what a sample would look like in a neutral person."""
        neutral = self.mean_subject if self.neutral == "mean" else torch.zeros_like(self.mean_subject)
        return self.decode(pattern, neutral.expand_as(pattern))

    def decode_subject(self, subject: Tensor) -> Tensor:
        """The subject's branch alone: what a person adds to a neutral gesture."""
        neutral = self.mean_pattern if self.neutral == "mean" else torch.zeros_like(self.mean_pattern)
        return self.decode(neutral.expand_as(subject), subject)

    def forward(self, maps: Tensor) -> Encoded:
        """Both latents of raw maps (N, F, H, W)."""
        return self.encode(self.standardiser(maps))
