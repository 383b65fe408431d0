"""The network that learns from a table of trials: `TwoBranchNet`, whose branches can be decoded one at a time."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from offline.config.network import MethodNetworkConfig
from offline.models.encoded import Encoded
from offline.models.standardise import Standardiser
from offline.models.two_branches import TwoBranchNet
from rt_handdt.core.layout import ElectrodeLayout


class MethodNet(TwoBranchNet):
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

    standardiser: Standardiser
    mean_pattern: Tensor
    mean_subject: Tensor

    def __init__(self, inputs: tuple[int, ...], layout: ElectrodeLayout, config: MethodNetworkConfig) -> None:
        n_maps = sum(inputs)
        standardiser = Standardiser(n_maps, np.asarray(layout.occupied), log=config.log_input)
        super().__init__(standardiser, inputs if config.multi_input else (n_maps,), layout, config)
        self.neutral = config.neutral
        self.register_buffer("mean_pattern", torch.zeros(1, *self.latent_shape))
        self.register_buffer("mean_subject", torch.zeros(1, *self.latent_shape))

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
