"""Pattern encoders and a classifier's graph → one graph, as the live program wants it."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
import torch
from onnx import compose
from torch import Tensor, nn

from offline.bundle.writing import to_onnx
from offline.classifiers.graph import LATENT, PROBABILITIES
from rt_handdt.errors import BundleError

FEATURES = "features"
_FOR_HEAD = "latent_for_head"


class Encoders(nn.Module):
    """Raw maps (N, F, H, W) → the pattern latents of one run or several, side by side.

    Parameters
    ----------
    nets
        Each with a method ``pattern``.
    shape
        Of a joint latent, as the classifier wants it.
    """

    def __init__(self, nets: Sequence[nn.Module], shape: tuple[int, ...]) -> None:
        super().__init__()
        self.nets, self.shape = nn.ModuleList(nets).eval(), shape

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Flat (N, D), as the program gives it out; and shaped."""
        flat = torch.cat([net.pattern(maps).flatten(1) for net in self.nets], 1)  # type: ignore[operator]
        return flat, flat.reshape(-1, *self.shape)


def stack(encoders: Encoders, head: onnx.ModelProto, example: Tensor) -> onnx.ModelProto:
    """Join them: ``features`` → ``latent`` (batch, D) and ``probabilities`` (batch, K), what a `Recognizer` runs.

    Parameters
    ----------
    head
        What `CalibratedClassifier.to_onnx` gave: ``latent`` → ``probabilities``.
    example
        Raw maps of two samples at least.

    Raises
    ------
    BundleError
        If encoders and head do not fit together.
    """
    (taken,) = head.graph.input
    wanted = tuple(axis.dim_value for axis in taken.type.tensor_type.shape.dim)[1:]
    if wanted != encoders.shape:
        raise BundleError(
            f"The classifier was fitted to latents of shape {wanted}, the encoder gives {encoders.shape}; "
            "fit it to this encoder's latents."
        )
    below = onnx.load_model_from_string(to_onnx(encoders, example, FEATURES, [LATENT, _FOR_HEAD]))
    above = onnx.ModelProto()
    above.CopyFrom(head)
    del above.metadata_props[:]
    below.ir_version = above.ir_version = max(below.ir_version, above.ir_version)
    try:
        merged = compose.merge_models(
            below, above, [(_FOR_HEAD, LATENT)], outputs=[LATENT, PROBABILITIES], producer_name="rt-handdt"
        )
    except ValueError as exc:
        raise BundleError(
            f"Encoder and classifier cannot be joined ({exc}); fit the classifier with this version of the program."
        ) from None
    onnx.checker.check_model(merged, full_check=True)
    return merged
