"""What the trained method makes of samples: latents and branch reconstructions, kept as plain arrays."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch

from offline.data.datasets import Int64
from offline.data.feature_table import FeatureTable
from offline.train.trained import TrainedMethod
from offline.train.validation import encoded_batches
from offline.util import written
from rt_handdt.core.types import Float32
from rt_handdt.errors import HanddtError

_FORMAT = "rt-handdt.latents/1"


@dataclass(frozen=True)
class Latents:
    """Latents of N samples, under the names the published method's own files use.

    Attributes
    ----------
    xp, xs
        (N, D) float32: pattern and subject latent. Always without dropout.
    yp, ys
        (N,) int64: gesture and person, as positions in `gestures` and `people`.
    recon_p, recon_s
        (N, F, H, W) float32, standardised units: the decoder's output for the pattern latent with a neutral subject
        latent, and for the subject latent with a neutral pattern latent. Neutral is the training people's mean, or
        zeros (``network.neutral``).
    trial, session
        (N,) int64, of the table.
    gestures, people
        What the positions mean.
    """

    xp: Float32
    xs: Float32
    yp: Int64
    ys: Int64
    recon_p: Float32
    recon_s: Float32
    trial: Int64
    session: Int64
    gestures: tuple[str, ...]
    people: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.yp)

    def save(self, path: str | Path) -> Path:
        """Write an ``.npz`` of plain arrays (no pickle), whole or not at all.

        Raises
        ------
        HanddtError
            If it cannot be written.
        """
        path = Path(path)
        values = {entry.name: np.asarray(getattr(self, entry.name)) for entry in fields(self)}
        with written(path) as part, part.open("wb") as file:
            np.savez(file, allow_pickle=False, format=np.array(_FORMAT), **values)
        return path

    @classmethod
    def load(cls, path: str | Path) -> Latents:
        """Read what `save` wrote.

        Raises
        ------
        HanddtError
            If the file is missing, damaged or of another kind.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                if str(file["format"]) != _FORMAT:
                    raise KeyError("format")
                values = {entry.name: file[entry.name] for entry in fields(cls)}
        except FileNotFoundError:
            raise HanddtError(f"{path}: there are no such latents; check the path.") from None
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as exc:
            raise HanddtError(f"{path}: is no readable file of latents ({exc}); encode again.") from None
        for name in ("gestures", "people"):
            values[name] = tuple(values[name].tolist())
        return cls(**values)


def encode(trained: TrainedMethod, table: FeatureTable) -> Latents:
    """Latents and branch reconstructions of all samples of a table, in its order.

    Raises
    ------
    ConfigError
        If the table's maps or layout are not those of the training.
    """
    trained.check(table)
    net, n = trained.net, len(table)
    xp, xs = (np.empty((n, net.latent_size), np.float32) for _ in range(2))
    recon_p, recon_s = (np.empty(table.maps.shape, np.float32) for _ in range(2))
    start = 0
    for encoded in encoded_batches(net, table):
        assert encoded.subject is not None
        rows = slice(start, start + len(encoded.pattern))
        xp[rows], xs[rows] = encoded.pattern.flatten(1).cpu().numpy(), encoded.subject.flatten(1).cpu().numpy()
        with torch.no_grad():
            recon_p[rows] = net.decode_pattern(encoded.pattern).cpu().numpy()
            recon_s[rows] = net.decode_subject(encoded.subject).cpu().numpy()
        start = rows.stop
    return Latents(
        xp,
        xs,
        table.label,
        table.person,
        recon_p,
        recon_s,
        table.trial,
        table.session,
        table.gestures.labels,
        table.people,
    )
