"""The network that learns from windows and goes live as it is: `TwoBranchNet`, with a classifier of the pattern."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from offline.config.network import NetworkConfig
from offline.models.encoded import Encoded
from offline.models.geometry import Geometry
from offline.models.standardise import InputLayer
from offline.models.two_branches import TwoBranchNet
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.population import amplitude_maps
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.errors import ConfigError


class DisentanglingNet(TwoBranchNet):
    """Everything that is trained on windows.

    Parameters
    ----------
    spec
        Gives F, H, W and which maps are amplitudes.
    n_labels
        K, classes of the classifier.
    config
        Sizes.
    with_subject
        False for data of a single person: no subject encoder then, since nothing tells people apart.
    """

    standardiser: InputLayer

    def __init__(self, spec: PipelineSpec, n_labels: int, config: NetworkConfig, *, with_subject: bool) -> None:
        if not fits_norm(config, spec.layout):
            raise ConfigError(f'{instance_misfit(spec.layout)}; use "batch".')
        inputs = InputLayer(amplitude_maps(spec), np.asarray(spec.layout.occupied))
        super().__init__(inputs, (spec.n_maps,), spec.layout, config, with_subject=with_subject)
        self.classifier = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(self.latent_size, n_labels))

    def encode(self, standardised: Tensor, with_subject: bool = True, target: Tensor | None = None) -> Encoded:
        """Latents and logits of standardised maps (N, F, H, W); see `TwoBranchNet.encode`."""
        encoded = super().encode(standardised, with_subject, target)
        return replace(encoded, logits=self.classifier(encoded.pattern.flatten(1)))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Raw features (N, F, H, W) → probabilities (N, K) and the pattern latent (N, D): the live graph."""
        pattern = self.pattern(features).flatten(1)
        return torch.softmax(self.classifier(pattern), dim=1), pattern


def fits_norm(config: NetworkConfig, layout: ElectrodeLayout) -> bool:
    """Whether a layout is large enough for the norm."""
    free = config.norm != "instance" or config.encoder or config.grid == "whole"
    return bool(free or Geometry.of(layout, config.strides).fits_instance_norm)


def instance_misfit(layout: ElectrodeLayout) -> str:
    """That a layout is too small for instance norm, as the beginning of a sentence."""
    height, width = layout.shape
    return (
        f"'network.norm': instance norm needs two cells or more behind each layer but the last; '{layout.name}' is "
        f"{height}x{width}"
    )
