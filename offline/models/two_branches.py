"""The network of every training: a pair of encoders (pattern, subject), and one decoder that needs both latents.

After Yuan et al. 2024 (J NeuroEng Rehabil 21:233): one encoder keeps what tells the gesture, the other what tells the
subject. Any grid H × W and any number of maps F will do.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from offline.config.network import NetworkConfig
from offline.models.decoders import Decoder
from offline.models.encoded import Encoded
from offline.models.encoder import Encoder
from offline.models.geometry import Geometry
from offline.models.own_classes import OwnEncoder, bridge
from offline.models.standardise import InputLayer, Standardiser
from rt_handdt.core.layout import ElectrodeLayout


class LevelSplit(nn.Module):
    """Standardised maps → each sample's maps less their mean, and these means as planes: (N, F, …) → (N, 2F, …).

    The mean is over all fields of the layout: the level of the sample, of which the encoder is told in each field.
    """

    occupied: Tensor

    def __init__(self, occupied: Tensor) -> None:
        super().__init__()
        self.register_buffer("occupied", occupied.clone(), persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        level = maps.sum((2, 3), keepdim=True) / self.occupied.sum()  # (N, F, 1, 1): maps are 0 in empty cells
        return torch.cat([(maps - level) * self.occupied, level * self.occupied], dim=1)


class TwoBranchNet(nn.Module):
    """Standardiser, a pair of encoders for each input, decoder.

    Parameters
    ----------
    standardiser
        Raw maps → standardised ones.
    inputs
        How the F maps divide into inputs, e.g. (256, 4).
    layout
        Gives H, W and which electrodes are neighbours.
    with_subject
        False for data of a single subject, where nothing tells subjects apart: no subject encoder then.
    """

    standardiser: Standardiser | InputLayer

    def __init__(
        self,
        standardiser: Standardiser | InputLayer,
        inputs: tuple[int, ...],
        layout: ElectrodeLayout,
        config: NetworkConfig,
        *,
        with_subject: bool = True,
    ) -> None:
        super().__init__()
        n_maps, branches = sum(inputs), 2 if with_subject else 1
        geometry = Geometry.whole(layout.shape) if config.grid == "whole" else Geometry.of(layout, config.strides)
        self.standardiser, self.inputs = standardiser, inputs
        self.split: nn.Module = LevelSplit(standardiser.occupied) if config.level_planes else nn.Identity()

        def encoder(size: int) -> Encoder | OwnEncoder:
            seen = size * (2 if config.level_planes else 1)
            return OwnEncoder(config, seen, layout) if config.encoder else Encoder(seen, geometry, config)

        self.pattern_encoders = nn.ModuleList(encoder(size) for size in inputs)
        self.subject_encoders = nn.ModuleList(encoder(size) for size in inputs if with_subject)
        one: tuple[int, ...] = self.pattern_encoders[0].latent_shape  # type: ignore[assignment]
        self.latent_shape = (one[0] * len(inputs), *one[1:])
        depth = config.widths[2] * len(inputs) * branches
        self.bridge = bridge((self.latent_shape[0] * branches, *one[1:]), (depth, *geometry.latent_shape))
        self.decoder = Decoder(depth, n_maps, geometry, config)
        self.with_level = config.amplitude_path

    @property
    def occupied(self) -> Tensor:
        """(1, 1, H, W): 1 where an electrode sits."""
        return self.standardiser.occupied

    @property
    def latent_size(self) -> int:
        """D: length of one flat latent."""
        return math.prod(self.latent_shape)

    @property
    def with_subject(self) -> bool:
        """Whether subjects are told apart."""
        return len(self.subject_encoders) > 0

    @property
    def encoders(self) -> list[Encoder]:
        """All encoders of ours, the pattern's first."""
        return [module for module in self.modules() if isinstance(module, Encoder)]

    def encode(self, standardised: Tensor, with_subject: bool = True, target: Tensor | None = None) -> Encoded:
        """Both latents of standardised maps (N, F, H, W); or the pattern's alone, at half the cost.

        `target` if the decoder should give back others.
        """
        parts = [self.split(part) for part in torch.split(standardised, list(self.inputs), dim=1)]
        pattern = self._latent(self.pattern_encoders, parts)
        subject: Tensor | None = None
        if self.with_subject:
            subject = self._latent(self.subject_encoders, parts) if with_subject else torch.zeros_like(pattern)
        return Encoded(standardised if target is None else target, pattern, subject)

    def pattern(self, maps: Tensor) -> Tensor:
        """The pattern latent (N, C, h, w) of raw maps."""
        parts = torch.split(self.standardiser(maps), list(self.inputs), dim=1)
        return self._latent(self.pattern_encoders, [self.split(part) for part in parts])

    def decode(self, pattern: Tensor, subject: Tensor | None) -> Tensor:
        """Standardised maps of a pattern latent and, where there is one, a subject latent (N, C, h, w)."""
        maps: Tensor = self.decoder(self.bridge(pattern if subject is None else torch.cat([pattern, subject], 1)))
        return maps

    def _latent(self, encoders: nn.ModuleList, parts: list[Tensor]) -> Tensor:
        made = []
        for encoder, part in zip(encoders, parts, strict=True):
            level = part.sum((2, 3)) / self.occupied.sum() if self.with_level else None  # 0 in empty cells
            made.append(encoder(part, level) if isinstance(encoder, Encoder) else encoder(part))
        return torch.cat(made, 1) if len(made) > 1 else made[0]
