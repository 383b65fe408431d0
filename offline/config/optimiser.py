"""How weights are changed: optimiser, schedule, and how samples are dealt into batches."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rt_handdt.config import Settings


class OptimiserConfig(Settings):
    """Adam, its schedule, and the batches.

    Attributes
    ----------
    batch
        Samples in a batch, about.
    weight_decay, decoupled
        Taken from the weights themselves (AdamW), or added to the gradient, as published.
    schedule
        ``"cosine"``: a warm-up, then a cosine to zero. ``"steps"``: the rate is multiplied by `step_factor` after each
        `step_epochs` epochs.
    coverage
        Let each batch hold all gestures of each of its subjects, so that triplets find their partners.
    epoch_windows, balance
        Without `coverage`: samples drawn in an epoch at most, 0 for as many as there are; 0 draws them as often as
        their label occurs, 1 draws all labels equally often.
    patience
        Stop after so many epochs without a better one, where the best is kept; 0: never.
    discriminator_rate
        Learning rate of the discriminator (``loss.adversarial``).
    """

    epochs: int = Field(30, ge=1)
    batch: int = Field(256, ge=2)
    learning_rate: float = Field(2e-3, gt=0)
    weight_decay: float = Field(1e-2, ge=0)
    decoupled: bool = True
    schedule: Literal["cosine", "steps"] = "cosine"
    step_epochs: int = Field(200, ge=1)
    step_factor: float = Field(0.5, gt=0, le=1)
    coverage: bool = False
    epoch_windows: int = Field(0, ge=0)
    balance: float = Field(0.5, ge=0, le=1)
    patience: int = Field(10, ge=0)
    discriminator_rate: float = Field(2e-4, gt=0)


class WindowOptimiserConfig(OptimiserConfig):
    """As `OptimiserConfig`, of a training on windows.

    Attributes
    ----------
    keep
        ``"best"``: the epoch that recognizes the validation windows best. ``"last"``: run all epochs and keep the last;
        where few trials are held out, the best of many epochs is the luckiest one.
    pretrain_epochs
        Before the labelled epochs, so many in which encoders and decoder learn from the training windows without
        labels, giving back electrodes that were left out (`offline.train.pretraining`); with a schedule of their own.
    """

    keep: Literal["best", "last"] = "best"
    pretrain_epochs: int = Field(0, ge=0)


class MethodOptimiserConfig(OptimiserConfig):
    """As `OptimiserConfig`, with the published settings for defaults."""

    epochs: int = Field(400, ge=1)
    batch: int = Field(512, ge=2)
    weight_decay: float = Field(1e-4, ge=0)
    decoupled: bool = False
    schedule: Literal["cosine", "steps"] = "steps"
    coverage: bool = True
    balance: float = Field(0.0, ge=0, le=1)
    patience: int = Field(0, ge=0)
