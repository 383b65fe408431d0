"""Input standardisation: each feature of each electrode to mean 0 and sd 1 over the training people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from rt_handdt.core.types import Float32
from rt_handdt.errors import RecordingError

FLOOR_SHARE = 0.02  # of a feature's training mean (of a map's median): keeps the logarithm of a silent electrode finite
MIN_SPREAD = (
    1e-4  # of a feature's spread over all electrodes: one that never changes in training says nothing: it is put to 0
)
LEAST_SPREAD = 1e-3  # of log amplitudes: a cell whose training values never change is centred, not scaled
CHUNK = 2048  # samples read at once: a table may be larger than memory


class Scaled(nn.Module):
    """Raw maps (N, F, H, W) → standardised ones, with statistics that travel with the model; 0 in empty cells."""

    occupied: Tensor  # (1, 1, H, W) float: 1 where an electrode sits
    floor: Tensor  # (1, F, 1, 1)
    mean: Tensor  # (1, F, H, W)
    scale: Tensor  # (1, F, H, W): 1 / standard deviation

    def __init__(self, n_maps: int, occupied: np.ndarray) -> None:
        super().__init__()
        shape = occupied.shape
        self.register_buffer("occupied", torch.from_numpy(occupied.astype(np.float32)).reshape(1, 1, *shape))
        self.register_buffer("floor", torch.ones(1, n_maps, 1, 1))
        self.register_buffer("mean", torch.zeros(1, n_maps, *shape))
        self.register_buffer("scale", torch.ones(1, n_maps, *shape))

    def _compress(self, maps: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, maps: Tensor) -> Tensor:
        """(N, F, H, W) raw → (N, F, H, W) standardised."""
        return (self._compress(maps) - self.mean) * self.scale * self.occupied


class Standardiser(Scaled):
    """Of a table of trials, whatever its features are.

    Test samples are scaled by the training people's statistics, as in the authors' code; their own are never taken.

    Parameters
    ----------
    n_maps
        F.
    occupied
        (H, W) bool: cells that hold an electrode.
    log
        Take logarithms first, of the features that are nowhere negative in training.
    """

    logged: Tensor  # (1, F, 1, 1) bool

    def __init__(self, n_maps: int, occupied: np.ndarray, *, log: bool) -> None:
        super().__init__(n_maps, occupied)
        self.log = log
        self.register_buffer("logged", torch.zeros(1, n_maps, 1, 1, dtype=torch.bool))

    def fit(self, maps: Float32) -> None:
        """Take the statistics of training maps (N, F, H, W), reading them chunk by chunk in float64.

        Raises
        ------
        RecordingError
            If a map holds NaN or infinity.
        """
        where = self.occupied[0, 0].bool().numpy()
        n = len(maps)
        if self.log:
            low, total = np.full(maps.shape[1], np.inf), np.zeros(maps.shape[1])
            for start in range(0, n, CHUNK):
                values = np.asarray(maps[start : start + CHUNK])[:, :, where]
                low, total = np.minimum(low, values.min((0, 2))), total + values.sum((0, 2), dtype=np.float64)
            floor = FLOOR_SHARE * total / (n * where.sum())
            logged = (low >= 0) & (floor > 0)
            self.logged.copy_(torch.from_numpy(logged).reshape(self.logged.shape))
            self.floor.copy_(torch.from_numpy(np.where(logged, floor, 1.0)).reshape(self.floor.shape))
        first = self._compressed(maps[:CHUNK]).mean(0)  # a shift, so that the squares below lose no digits
        total, squares = np.zeros_like(first), np.zeros_like(first)
        for start in range(0, n, CHUNK):
            values = self._compressed(maps[start : start + CHUNK]) - first
            total += values.sum(0)
            squares += np.square(values).sum(0)
        if not np.isfinite(squares).all():
            raise RecordingError(
                "The training maps hold values that are not numbers; repair or leave out those channels or trials."
            )
        spread = np.sqrt(np.maximum(squares / n - np.square(total / n), 0.0))
        floor = MIN_SPREAD * np.sqrt(np.square(spread[:, where]).mean(1))[:, None, None]
        scale = np.where(spread > floor, 1.0 / np.maximum(spread, np.finfo(np.float32).tiny), 0.0)
        self.mean.copy_(torch.from_numpy(first + total / n)[None])
        self.scale.copy_(torch.from_numpy(scale)[None])

    def _compressed(self, maps: Float32) -> np.ndarray:
        values = torch.from_numpy(np.array(maps, np.float64))  # a copy: a memory map may be read-only
        return self._compress(values).numpy()

    def _compress(self, maps: Tensor) -> Tensor:
        if not self.log:
            return maps
        floor = self.floor.to(maps.dtype)
        return torch.where(self.logged, torch.log(torch.where(self.logged, maps, floor).clamp_min(0.0) + floor), maps)


class InputLayer(Scaled):
    """Of live windows: amplitudes as logarithms, counts as they are.

    It is part of the exported graph, so that a bundle holds its own normaliser.
    """

    amplitude: Tensor  # (1, F, 1, 1) bool: maps in µV, to be compressed; the others are counts. The floor is in µV

    def __init__(self, amplitude: Sequence[bool], occupied: np.ndarray) -> None:
        super().__init__(len(amplitude), occupied)
        self.register_buffer("amplitude", torch.tensor(list(amplitude)).reshape(1, -1, 1, 1))

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
        self.scale.copy_(
            torch.where(spread > LEAST_SPREAD, 1.0 / spread.clamp_min(LEAST_SPREAD), torch.ones_like(spread))
        )

    def _compress(self, maps: Tensor) -> Tensor:
        return torch.where(self.amplitude, torch.log(maps.clamp_min(0.0) + self.floor), maps)
