"""The networks: two encoders, a decoder, a classifier on the pattern latent.

After Yuan et al. 2024 (J NeuroEng Rehabil 21:233): one encoder keeps what tells the gesture, the other what tells the
person, and the decoder needs both to give the window back. Ours differ where the published ones lose something: the
maps are log-compressed and standardised inside the graph, the last convolution has no norm behind it, and a window's
overall level has planes of its own. Any grid H × W and any number of maps F will do; the convolutions respect which
electrodes are neighbours (`offline.models.geometry`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from offline.config import NetworkConfig
from offline.models.encoded import Encoded
from offline.models.fieldwise import Cut, Down, Inside, Latent, Paste, Up
from offline.models.geometry import Geometry
from offline.models.own_classes import OwnEncoder, bridge
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.population import amplitude_maps
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32
from rt_handdt.errors import ConfigError

SLOPE = 0.2  # of every LeakyReLU; as in the published encoders
FLOOR_SHARE = 0.02  # of a map's training median: keeps the logarithm of a silent electrode finite
MIN_SPREAD = 1e-3  # a cell whose training values never change is centred, not scaled


class InputLayer(nn.Module):
    """Raw features → standardised maps: amplitudes as logarithms, then each feature of each channel to mean 0, sd 1.

    It is part of the exported graph, so that a bundle holds its own normaliser.
    """

    amplitude: Tensor  # (1, F, 1, 1) bool: maps in µV, to be compressed; the others are counts
    occupied: Tensor  # (1, 1, H, W): 1 where an electrode sits
    floor: Tensor  # (1, F, 1, 1) µV
    mean: Tensor  # (1, F, H, W)
    scale: Tensor  # (1, F, H, W): 1 / standard deviation

    def __init__(self, amplitude: Sequence[bool], occupied: np.ndarray) -> None:
        super().__init__()
        n_maps, shape = len(amplitude), occupied.shape
        self.register_buffer("amplitude", torch.tensor(list(amplitude)).reshape(1, n_maps, 1, 1))
        self.register_buffer("occupied", torch.from_numpy(occupied.astype(np.float32)).reshape(1, 1, *shape))
        self.register_buffer("floor", torch.ones(1, n_maps, 1, 1))
        self.register_buffer("mean", torch.zeros(1, n_maps, *shape))
        self.register_buffer("scale", torch.ones(1, n_maps, *shape))

    @torch.no_grad()
    def fit(self, maps: Float32) -> None:
        """Take floor, mean and spread from training windows (N, F, H, W); the others are never looked at."""
        where = self.occupied[0, 0].bool()
        values = torch.from_numpy(maps)
        floors = [FLOOR_SHARE * float(values[:, f][:, where].median()) for f in range(values.shape[1])]
        self.floor.copy_(torch.tensor([floor if floor > 0 else 1.0 for floor in floors]).reshape(self.floor.shape))
        compressed = self._compress(values)
        self.mean.copy_(compressed.mean(0, keepdim=True))
        spread = compressed.std(0, keepdim=True)
        self.scale.copy_(torch.where(spread > MIN_SPREAD, 1.0 / spread.clamp_min(MIN_SPREAD), torch.ones_like(spread)))

    def _compress(self, maps: Tensor) -> Tensor:
        return torch.where(self.amplitude, torch.log(maps.clamp_min(0.0) + self.floor), maps)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, F, H, W) raw → (N, F, H, W) standardised, 0 in empty cells."""
        return (self._compress(maps) - self.mean) * self.scale * self.occupied


class LevelSplit(nn.Module):
    """Standardised maps → each window's maps less their mean, and these means as planes: (N, F, …) → (N, 2F, …).

    The mean is over all fields of the layout: the level of the window, of which the encoder is told in each field.
    """

    occupied: Tensor

    def __init__(self, occupied: Tensor) -> None:
        super().__init__()
        self.register_buffer("occupied", occupied.clone())

    def forward(self, maps: Tensor) -> Tensor:
        level = maps.sum((2, 3), keepdim=True) / self.occupied.sum()  # (N, F, 1, 1): maps are 0 in empty cells
        return torch.cat([(maps - level) * self.occupied, level * self.occupied], dim=1)


def _norm(kind: str, channels: int) -> nn.Module:
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "instance":
        return nn.InstanceNorm2d(channels, affine=True)
    return nn.Identity()


class Encoder(nn.Module):
    """3 × [conv 3×3 within each field → dropout → norm → LeakyReLU 0.2]: (N, F, H, W) → (N, widths[2], h, w)."""

    def __init__(self, in_maps: int, geometry: Geometry, config: NetworkConfig) -> None:
        super().__init__()
        self.latent_shape = (config.widths[2], *geometry.latent_shape)
        self.cut, self.latent = Cut(geometry), Latent(geometry)
        layers: list[nn.Module] = []
        channels = in_maps
        for layer, width in enumerate(config.widths):
            last = layer == len(config.widths) - 1
            layers += [
                Down(channels, width, geometry, layer),
                nn.Dropout(config.dropout),
                nn.Identity() if last else _norm(config.norm, width),
                nn.LeakyReLU(SLOPE),
                Inside(geometry, layer + 1),
            ]
            channels = width
        self.layers = nn.Sequential(*layers)

    def forward(self, maps: Tensor) -> Tensor:
        return self.latent.join(self.layers(self.cut(maps)))


class Decoder(nn.Module):
    """Latents → standardised maps (N, F, H, W), by three transposed convolutions within each field."""

    def __init__(self, in_channels: int, n_maps: int, geometry: Geometry, config: NetworkConfig) -> None:
        super().__init__()
        wide, narrow = config.widths[1], config.widths[0]
        thin = max(n_maps, narrow // 4)  # at full resolution each channel costs most
        self.latent, self.paste = Latent(geometry), Paste(geometry)
        self.layers = nn.Sequential(
            Up(in_channels, wide, geometry, 2),
            nn.BatchNorm2d(wide),
            nn.LeakyReLU(SLOPE),
            Inside(geometry, 2),
            Up(wide, narrow, geometry, 1),
            nn.BatchNorm2d(narrow),
            nn.LeakyReLU(SLOPE),
            Inside(geometry, 1),
            Up(narrow, thin, geometry, 0),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(thin, n_maps, 1),  # no tanh: standardised log-amplitudes are not bounded by one
        )

    def forward(self, latents: Tensor) -> Tensor:
        maps: Tensor = self.paste(self.layers(self.latent.part(latents)))
        return maps


class DisentanglingNet(nn.Module):
    """Everything that is trained.

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

    def __init__(self, spec: PipelineSpec, n_labels: int, config: NetworkConfig, *, with_subject: bool) -> None:
        super().__init__()
        n_maps = spec.n_maps
        geometry = Geometry.of(spec.layout, config.strides)
        if config.norm == "instance" and not config.encoder and not geometry.fits_instance_norm:
            raise ConfigError(f'{instance_misfit(spec.layout)}; use "batch".')
        occupied = np.asarray(spec.layout.occupied)
        self.config = config
        self.standardiser = InputLayer(amplitude_maps(spec), occupied)
        self.split: nn.Module = LevelSplit(self.standardiser.occupied) if config.level_planes else nn.Identity()
        in_maps = n_maps * (2 if config.level_planes else 1)
        depth, both = config.widths[2], 2 if with_subject else 1

        def encoder() -> Encoder | OwnEncoder:
            return OwnEncoder(config, in_maps, spec.layout) if config.encoder else Encoder(in_maps, geometry, config)

        self.pattern_encoder = encoder()
        self.subject_encoder = encoder() if with_subject else None
        self.latent_shape = self.pattern_encoder.latent_shape
        given = (self.latent_shape[0] * both, *self.latent_shape[1:])
        self.bridge = bridge(given, (depth * both, *geometry.latent_shape))
        self.decoder = Decoder(depth * both, n_maps, geometry, config)
        self.classifier = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(self.latent_size, n_labels))

    @property
    def latent_size(self) -> int:
        """D: length of the flat pattern latent."""
        return int(np.prod(self.latent_shape))

    @property
    def occupied(self) -> Tensor:
        """(1, 1, H, W): 1 where an electrode sits."""
        return self.standardiser.occupied

    @property
    def with_subject(self) -> bool:
        """Whether people are told apart."""
        return self.subject_encoder is not None

    def encode(self, standardised: Tensor, with_subject: bool = True, target: Tensor | None = None) -> Encoded:
        """Latents and logits of standardised maps (N, F, H, W); `target` if the decoder should give back others.

        The subject's latent comes along whether or not it is asked for.
        """
        planes = self.split(standardised)
        pattern = self.pattern_encoder(planes)
        subject = self.subject_encoder(planes) if self.subject_encoder is not None else None
        logits = self.classifier(pattern.flatten(1))
        return Encoded(standardised if target is None else target, pattern, subject, logits)

    def decode(self, pattern: Tensor, subject: Tensor | None) -> Tensor:
        """Standardised maps from a pattern latent and, where there is one, a subject latent."""
        maps: Tensor = self.decoder(self.bridge(pattern if subject is None else torch.cat([pattern, subject], dim=1)))
        return maps

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Raw features (N, F, H, W) → probabilities (N, K) and the pattern latent (N, D): the live graph."""
        pattern = self.pattern_encoder(self.split(self.standardiser(features))).flatten(1)
        return torch.softmax(self.classifier(pattern), dim=1), pattern


def instance_misfit(layout: ElectrodeLayout) -> str:
    """That a layout is too small for instance norm, as the beginning of a sentence."""
    height, width = layout.shape
    return (
        f"'network.norm': instance norm needs two cells or more behind each layer but the last; '{layout.name}' is "
        f"{height}x{width}"
    )
