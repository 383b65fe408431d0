"""The networks: encoders, decoder, and what the encoders are shown."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from offline.config.own_names import OwnEncoder

#: (rows, columns) of each of the encoders' three convolutions, or chosen by the size of the grid.
Strides = Literal["auto"] | tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


class NetworkConfig(OwnEncoder):
    """Sizes and forms of the networks.

    Attributes
    ----------
    widths
        Channels after each of the encoders' three convolutions; the last is also the depth of each latent.
    dropout, decoder_dropout
        In the encoders and before the classifier; in the decoder ``"orig"``.
    grid
        ``"fields"``: electrodes are convolved with their true neighbours, array by array, and round a closed limb.
        ``"whole"``: over the grid as it is drawn, halved by each convolution, as published.
    strides
        With ``"fields"``: (rows, columns) of each convolution, 1 or 2, for example ``[[2, 2], [2, 1], [1, 1]]``.
        ``"auto"``: halve the grid while it has 16 cells or more, an axis less than half as long as the other left
        alone; so 16×16 becomes 2×2, and a ring of ten electrodes keeps all ten.
    norm
        ``"batch"``, ``"instance"`` (the published choice; blind to contraction level) or ``"none"``.
    norm_learns
        Instance norm learns a scale and an offset for each channel; published: no.
    final_norm
        Also behind the last convolution, as published. On a 2×2 map instance norm leaves little but noise.
    level_planes
        Give the encoders each sample's own mean as planes of their own and take it out of the maps, so that
        shape and level can be weighed apart.
    amplitude_path
        Lead each sample's mean over the electrodes past the norms, and add a linear function of it to the latents.
    decoder
        ``"fields"``: transposed convolutions over the grid as the encoders see it. For ``grid = "whole"`` also
        ``"vae"``: transposed convolutions with BatchNorm and tanh, and ``"orig"``: nearest upsampling and convolutions.
    decoder_slope
        Of the decoder's LeakyReLUs. None: 0.2; in ``"vae"`` 0.01 (torch's default), as in the authors' code. The
        encoders' and the discriminator's is 0.2 there, and always here.
    """

    widths: tuple[int, int, int] = (64, 128, 128)
    dropout: float = Field(0.1, ge=0, lt=1)
    grid: Literal["fields", "whole"] = "fields"
    strides: Strides = "auto"
    norm: Literal["batch", "instance", "none"] = "batch"
    norm_learns: bool = True
    final_norm: bool = False
    level_planes: bool = True
    amplitude_path: bool = False
    decoder: Literal["fields", "vae", "orig"] = "fields"
    decoder_dropout: float = Field(0.2, ge=0, lt=1)
    decoder_slope: float | None = Field(None, ge=0, lt=1)

    @property
    def slope(self) -> float:
        """`decoder_slope`, resolved."""
        if self.decoder_slope is not None:
            return self.decoder_slope
        return 0.01 if self.decoder == "vae" else 0.2

    @field_validator("strides")
    @classmethod
    def _one_or_two(cls, value: Strides) -> Strides:
        if value != "auto" and not all(step in (1, 2) for pair in value for step in pair):
            raise ValueError("a stride must be 1 or 2")
        return value

    @field_validator("widths")
    @classmethod
    def _positive(cls, value: tuple[int, int, int]) -> tuple[int, int, int]:
        if min(value) < 1:
            raise ValueError("a width must be at least 1")
        return value

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.encoder and self.amplitude_path:
            raise ValueError(
                "'amplitude_path' leads past the norms of our encoder; leave it out with one of your own, which "
                "sees the level in the maps"
            )
        if self.decoder != "fields" and self.grid != "whole":
            raise ValueError(f'decoder = "{self.decoder}" gives back the whole grid; say grid = "whole" with it')
        if self.strides != "auto" and self.grid == "whole":
            raise ValueError("'strides' are for grid = \"fields\"; the whole grid is halved by each convolution")
        return self


class MethodNetworkConfig(NetworkConfig):
    """As `NetworkConfig`, with the published choices for defaults, and what goes with a table of several inputs.

    Attributes
    ----------
    log_input
        Take logarithms of features that are never negative on the training people, before standardising.
    multi_input
        A pair of encoders for each of the table's inputs (STFT, time domain), latents concatenated; off: one pair.
    neutral
        What stands in for the other latent when one branch alone is decoded: the training people's mean, or zeros.
    """

    widths: tuple[int, int, int] = (512, 256, 128)
    grid: Literal["fields", "whole"] = "whole"
    norm: Literal["batch", "instance", "none"] = "instance"
    norm_learns: bool = False
    final_norm: bool = True
    level_planes: bool = False
    decoder: Literal["fields", "vae", "orig"] = "vae"
    log_input: bool = False
    multi_input: bool = True
    neutral: Literal["mean", "zero"] = "mean"

    @field_validator("norm", mode="before")
    @classmethod
    def _said_before(cls, value: Any) -> Any:
        return {True: "instance", False: "none"}.get(value, value) if isinstance(value, bool) else value
