"""The decoder: latents → standardised maps."""

from __future__ import annotations

from torch import Tensor, nn

from offline.config.network import NetworkConfig
from offline.models.fieldwise import Inside, Latent, Paste, Up
from offline.models.geometry import Geometry


class Decoder(nn.Module):
    """Both latents → standardised maps: (N, C, h, w) → (N, F, H, W), what is beyond the grid cut off.

    ``"fields"``: 3 × transposed conv 3×3 within each field, BatchNorm and LeakyReLU between, then a 1×1 conv.
    ``"vae"``: 3 × transposed conv 3×3, stride 2 (→ 128 → 64 → F), BatchNorm and LeakyReLU between; tanh, 1×1 conv.
    ``"orig"``: 3 × [nearest upsampling → reflection pad → conv 3×3 → dropout → LeakyReLU except last].
    """

    def __init__(self, channels: int, n_maps: int, geometry: Geometry, config: NetworkConfig) -> None:
        super().__init__()
        self.size = geometry.sizes[0]
        self.latent, self.paste = Latent(geometry), Paste(geometry)
        made = {"fields": _fields, "vae": _vae, "orig": _orig}[config.decoder](channels, n_maps, geometry, config)
        self.layers = nn.Sequential(*made)

    def forward(self, latents: Tensor) -> Tensor:
        height, width = self.size
        maps: Tensor = self.paste(self.layers(self.latent.part(latents))[:, :, :height, :width])
        return maps


def _fields(channels: int, n_maps: int, geometry: Geometry, config: NetworkConfig) -> list[nn.Module]:
    wide, narrow = config.widths[1], config.widths[0]
    thin = max(n_maps, narrow // 4)  # at full resolution each channel costs most
    return [
        Up(channels, wide, geometry, 2),
        nn.BatchNorm2d(wide),
        nn.LeakyReLU(config.slope),
        Inside(geometry, 2),
        Up(wide, narrow, geometry, 1),
        nn.BatchNorm2d(narrow),
        nn.LeakyReLU(config.slope),
        Inside(geometry, 1),
        Up(narrow, thin, geometry, 0),
        nn.LeakyReLU(config.slope),
        nn.Conv2d(thin, n_maps, 1),  # no tanh: standardised log-amplitudes are not bounded by one
    ]


def _vae(channels: int, n_maps: int, geometry: Geometry, config: NetworkConfig) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for width in (wide := config.widths[2], max(1, wide // 2)):
        layers.append(nn.ConvTranspose2d(channels, width, 3, stride=2, padding=1, output_padding=1))
        layers += [nn.BatchNorm2d(width), nn.LeakyReLU(config.slope)]
        channels = width
    layers.append(nn.ConvTranspose2d(channels, n_maps, 3, stride=2, padding=1, output_padding=1))
    return [*layers, nn.Tanh(), nn.Conv2d(n_maps, n_maps, 1)]


def _orig(channels: int, n_maps: int, geometry: Geometry, config: NetworkConfig) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for width in (wide := config.widths[2], max(1, wide // 2), n_maps):
        layers += [nn.Upsample(scale_factor=2), nn.ReflectionPad2d(1), nn.Conv2d(channels, width, 3)]
        layers += [nn.Dropout(config.decoder_dropout), nn.LeakyReLU(config.slope)]
        channels = width
    return layers[:-1]
