"""What training windows show of each gesture in all subjects alike, and the graph that paints it from a latent."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

from offline.data.datasets import Mask, WindowSet
from offline.models.window_networks import DisentanglingNet
from offline.train.person import donnings
from rt_handdt.core.pattern import PatternSettings, SharedPatterns, subject_patterns
from rt_handdt.core.population import amplitude_maps
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32


def shared_patterns(windows: WindowSet, rows: Mask, settings: PatternSettings) -> SharedPatterns:
    """The patterns of the windows' gestures.

    Parameters
    ----------
    windows
        As the pipeline gives them, not normalised.
    rows
        (N,) bool: windows that may be learnt from. Each subject and session counts the same.
    """
    group, gestures = donnings(windows), windows.gestures
    subjects = []
    for one in np.unique(group[rows]):
        own = rows & (group == one)  # one at a time: the maps of all may fill the memory
        amplitude = strength(windows.maps[own], windows.spec)
        subjects.append(subject_patterns(amplitude, windows.label[own], len(gestures), gestures.rest_index))
    return SharedPatterns.of(np.stack(subjects), settings)


def strength(maps: Float32, spec: PipelineSpec) -> Float32:
    """How strong the signal is at each electrode: maps (N, F, H, W) → (N, H, W), in the chosen feature's unit.

    That feature is RMS where there is one, else the first that is an amplitude, else the first; of several maps of it
    the root mean square is taken.
    """
    labels = [feature.label for feature in spec.map_features]
    amplitudes = [label for label, yes in zip(labels, amplitude_maps(spec), strict=True) if yes]
    chosen = "rms" if "rms" in labels else (amplitudes or labels)[0]
    own = maps[:, [k for k, label in enumerate(labels) if label == chosen]]
    if own.shape[1] == 1:
        return np.abs(own[:, 0])
    return np.asarray(np.sqrt(np.square(own).mean(axis=1)), np.float32)


class PatternHead(nn.Module):
    """Pattern latent (N, D) → its picture (N, 1, H, W), and the patterns (K, H, W) that it is blended of.

    The network's own classifier says how probable each gesture is by this latent; the rest is
    `rt_handdt.core.pattern.SharedPatterns.blend` as a graph. No weight is trained: a decoder that was (a hidden layer,
    squared error to the gestures' patterns) painted unseen subjects less alike.
    """

    patterns: Tensor

    def __init__(self, net: DisentanglingNet, shared: SharedPatterns) -> None:
        super().__init__()
        self.classifier = copy.deepcopy(net.classifier).eval()
        self.settings = shared.settings
        self.register_buffer("patterns", torch.from_numpy(shared.patterns))

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        weights = torch.softmax(self.classifier(latent), dim=1)  # (N, K)
        mixed = weights @ self.patterns.flatten(1)  # (N, H·W)
        shape = (-1, 1, *self.patterns.shape[1:])
        return torch.relu(mixed).pow(self.settings.sharpness).reshape(shape), self.patterns
