"""What a run of the method may be told: one frozen value, read from TOML (see ``configs/method``)."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from offline.config.foundation import TrainingConfig
from offline.config.loss import LossConfig
from offline.config.optimiser import MethodOptimiserConfig
from offline.config.own_names import OwnEncoder


class MethodNetworkConfig(OwnEncoder):
    """The networks. The defaults are the published ones.

    Attributes
    ----------
    widths
        Channels after each of the encoders' three convolutions; the last is also the depth of each latent.
    dropout, decoder_dropout
        In the encoders and in the decoder ``"orig"`` (``"vae"`` has none).
    decoder
        ``"vae"``: transposed convolutions with BatchNorm. ``"orig"``: nearest upsampling and convolutions.
    decoder_slope
        Of the decoder's LeakyReLUs. None: as in the authors' code, 0.01 (torch's default) in ``"vae"``, 0.2 in
        ``"orig"``. The encoders' and the discriminator's is 0.2 there, and always here.
    norm
        InstanceNorm in the encoders' blocks. It makes them blind to the contraction level.
    final_norm
        Also behind the last convolution, where it leaves each small map with mean 0 and variance 1.
    amplitude_path
        Lead each sample's mean over the electrodes past the norms, and add a linear function of it to the latents.
    log_input
        Take logarithms of features that are never negative on the training people, before standardising.
    multi_input
        A pair of encoders for each of the table's inputs (STFT, time domain), latents concatenated; off: one pair.
    neutral
        What stands in for the other latent when one branch alone is decoded: the training people's mean, or zeros.
    """

    widths: tuple[int, int, int] = (512, 256, 128)
    dropout: float = Field(0.1, ge=0, lt=1)
    decoder: Literal["vae", "orig"] = "vae"
    decoder_dropout: float = Field(0.2, ge=0, lt=1)
    decoder_slope: float | None = Field(None, ge=0, lt=1)
    norm: bool = True
    final_norm: bool = True
    amplitude_path: bool = False
    log_input: bool = False
    multi_input: bool = True
    neutral: Literal["mean", "zero"] = "mean"

    @model_validator(mode="after")
    def _of_ours(self) -> Self:
        if self.encoder and self.amplitude_path:
            raise ValueError(
                "'amplitude_path' leads past the norms of our encoder; leave it out with one of your own, which "
                "sees the level in the maps"
            )
        return self

    @property
    def slope(self) -> float:
        """`decoder_slope`, resolved."""
        if self.decoder_slope is not None:
            return self.decoder_slope
        return 0.01 if self.decoder == "vae" else 0.2

    @field_validator("widths")
    @classmethod
    def _positive(cls, value: tuple[int, int, int]) -> tuple[int, int, int]:
        if min(value) < 1:
            raise ValueError("a width must be at least 1")
        return value


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
