"""Three small networks on latents, flat (D,) or maps (C, h, w). They give logits."""

from __future__ import annotations

import math

from torch import Tensor, nn


def mlp(shape: tuple[int, ...], n_classes: int, hidden: int, dropout: float) -> nn.Module:
    """One hidden layer: D → hidden → K."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(math.prod(shape), hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, n_classes),
    )


def cnn(shape: tuple[int, ...], n_classes: int, channels: int, dropout: float) -> nn.Module:
    """Two convolutions, then a linear layer over all that is left.

    Maps (C, h, w): kernels 3×3, the second with stride 2 where the map is 4 cells or more. Anything else is taken as
    one long row: kernels of 7 with stride 4.
    """
    maps = len(shape) == 3
    channels_in, height, width = shape if maps else (1, 1, math.prod(shape))
    strides: tuple[tuple[int, int], ...]
    if maps:
        kernel, pad = (3, 3), (1, 1)
        strides = ((1, 1), (2 if height >= 4 else 1, 2 if width >= 4 else 1))
    else:
        kernel, pad, strides = (1, 7), (0, 3), ((1, 4), (1, 4))
    layers: list[nn.Module] = [] if maps else [nn.Unflatten(1, (1, 1, width))]
    if not maps and len(shape) > 1:
        layers.insert(0, nn.Flatten())
    for stride in strides:
        layers += [nn.Conv2d(channels_in, channels, kernel, stride=stride, padding=pad), nn.ReLU()]
        channels_in = channels
        height, width = -(-height // stride[0]), -(-width // stride[1])
    layers += [nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels * height * width, n_classes)]
    return nn.Sequential(*layers)


class Lstm(nn.Module):
    """One LSTM layer over a latent in pieces, the last state → K.

    Maps (C, h, w) are read cell by cell, row after row, C values each. Anything else is cut into `steps` pieces, the
    last one filled up with zeros.
    """

    def __init__(self, shape: tuple[int, ...], n_classes: int, hidden: int, dropout: float, steps: int) -> None:
        super().__init__()
        self.maps = len(shape) == 3
        self.size = shape[0] if self.maps else -(-math.prod(shape) // steps)
        self.missing = 0 if self.maps else -math.prod(shape) % self.size
        self.steps = -(-math.prod(shape) // self.size)
        self.lstm = nn.LSTM(self.size, hidden, batch_first=True)
        self.out = nn.Sequential(nn.Dropout(dropout), nn.Linear(hidden, n_classes))

    def forward(self, latent: Tensor) -> Tensor:
        """(N, \\*latent_shape) → (N, K)."""
        if self.maps:
            pieces = latent.flatten(2).transpose(1, 2)  # (N, h·w, C)
        else:
            pieces = nn.functional.pad(latent.flatten(1), (0, self.missing))
            pieces = pieces.reshape(-1, self.steps, self.size)
        states, _ = self.lstm(pieces)
        logits: Tensor = self.out(states[:, -1])
        return logits
