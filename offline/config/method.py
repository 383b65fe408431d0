"""What a run of the method may be told: one frozen value, read from TOML (see ``configs/method``)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from offline.config.foundation import TrainingConfig
from offline.config.loss import LossConfig
from offline.config.network import MethodNetworkConfig
from offline.config.optimiser import MethodOptimiserConfig


class MethodLossConfig(LossConfig):
    """As `LossConfig`, with the published weights and pairs for defaults."""

    classify: float = Field(0.0, ge=0)
    normalise: bool = False
    mining: Literal["first", "random", "hard"] = "first"


class MethodConfig(TrainingConfig):
    """All of a run but its data.

    Attributes
    ----------
    keep
        ``"last"``: the last epoch, as published. ``"knn"``: the epoch whose pattern latents let the nearest training
        sample name the validation people's gestures best. ``"loss"``: the epoch with the lowest loss on them.
    validate_every, checkpoint_every
        Epochs between two; the last epoch always has both.
    tensorboard
        Also write event files, where tensorboard is installed; ``log.jsonl`` is written always.
    """

    keep: Literal["last", "knn", "loss"] = "last"
    validate_every: int = Field(10, ge=1)
    checkpoint_every: int = Field(20, ge=1)
    tensorboard: bool = True
    network: MethodNetworkConfig = MethodNetworkConfig()
    loss: MethodLossConfig = MethodLossConfig()
    optimiser: MethodOptimiserConfig = MethodOptimiserConfig()


def as_written(values: Any) -> Any:
    """Settings that a run has written down, with what an older one left unsaid, as they were meant.

    Before `decoder_slope` was a setting, it was 0.2 in either decoder; the default of ``"vae"`` is another today.
    """
    network = values.get("network") if isinstance(values, dict) else None
    if not isinstance(network, dict) or network.get("decoder") != "vae":
        return values
    return {**values, "network": {"decoder_slope": 0.2, **network}}
