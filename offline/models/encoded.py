"""A batch through the encoders."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Encoded:
    """What the encoders make of N samples.

    Attributes
    ----------
    target
        (N, F, H, W): the standardised maps that the decoder should give back.
    pattern
        (N, C, h, w): the latent; C = depth × inputs.
    subject
        The same; zeros where it was not asked for, None where there is one subject only and no encoder of it.
    logits
        (N, K), of a network that classifies; else None.
    """

    target: Tensor
    pattern: Tensor
    subject: Tensor | None
    logits: Tensor | None = None
