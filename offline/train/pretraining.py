"""Before the labels: encoders and decoder learn from training windows alone, by filling in what was left out."""

from __future__ import annotations

import numpy as np
import torch

from offline.config import TrainConfig
from offline.data.datasets import Int64, WindowSet
from offline.models.window_networks import DisentanglingNet
from offline.train.augment import Augmenter
from offline.train.losses import reconstruction_loss
from offline.train.schedule import epoch_size, learning_rate
from rt_handdt.errors import HanddtError

#: Share of the electrodes that the encoders are not shown.
MASKED = 0.3


def pretrain(net: DisentanglingNet, windows: WindowSet, rows: Int64, config: TrainConfig) -> tuple[float, ...]:
    """Train encoders and decoder in place to give whole maps back from maps with electrodes masked.

    Parameters
    ----------
    net
        With its input layer fitted.
    rows
        Training windows; their labels and people are never looked at.

    Returns
    -------
    tuple of float
        Mean squared error of each of the ``optimiser.pretrain_epochs`` epochs, over the cells that hold an electrode.

    Raises
    ------
    HanddtError
        If the loss stops being a number.

    Notes
    -----
    Windows are moved and scaled as in training (`offline.train.augment`). Optimiser, schedule and random draws are
    its own.
    """
    settings = config.optimiser
    rng = np.random.default_rng([config.seed, 3])
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    masked = config.augment.model_copy(update={"drop_channels": MASKED})
    augment = Augmenter(masked, windows.spec.layout, net.standardiser.amplitude, generator)
    optimiser = torch.optim.AdamW(net.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    per_epoch, steps = epoch_size(len(rows), settings)
    schedule = learning_rate(steps * settings.pretrain_epochs)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, schedule)
    errors: list[float] = []
    device = net.occupied.device
    net.train()
    for _ in range(settings.pretrain_epochs):
        total = 0.0
        for batch in np.array_split(rng.permutation(rows)[:per_epoch], steps):
            clean = net.standardiser(augment.move(torch.from_numpy(windows.maps[batch]).to(device)))
            encoded = net.encode(augment.drop(clean), target=clean)
            made = net.decode(encoded.pattern, encoded.subject)
            error = reconstruction_loss(made, clean, net.standardiser.occupied)
            if not bool(torch.isfinite(error)):
                raise HanddtError(
                    "Pretraining diverged: its loss is no longer a number; lower 'optimiser.learning_rate', or set "
                    "'optimiser.pretrain_epochs' to 0."
                )
            optimiser.zero_grad(set_to_none=True)
            error.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            scheduler.step()
            total += float(error.detach()) / steps
        errors.append(total)
    return tuple(errors)
