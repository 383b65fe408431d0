"""A trained network over recordings as a live run goes through them: window by window, learning the person."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from offline.datasets import Int64, WindowSet
from offline.networks import DisentanglingNet
from offline.person import donnings
from rt_handdt.core.adaptation import AdapterSettings, PersonAdapter, PersonModel
from rt_handdt.core.types import Float32, Posterior


def adapted_probabilities(
    net: DisentanglingNet,
    person: PersonModel,
    windows: WindowSet,
    rows: Int64,
    settings: AdapterSettings,
    *,
    stride: int,
) -> tuple[Float32, Float32]:
    """Probabilities of windows in their order, causally, each person and session beginning as a stranger.

    Parameters
    ----------
    rows
        (N,) ascending: positions among the windows, raw maps.
    stride
        Frames of the live stream for each window.

    Returns
    -------
    alone, adapted
        (N, K): of the network, which sees windows as the average person would have shown them; and after the person's
        own centres.
    """
    net.eval()
    alone = np.empty((len(rows), len(windows.gestures)), np.float32)

    @torch.no_grad()
    def predict(maps: Float32) -> Posterior:
        probabilities, latent = net(torch.from_numpy(maps[None]))
        return Posterior(probabilities[0].numpy(), latent[0].numpy())

    last = -1

    def noted(at: int, maps: Float32) -> Posterior:
        nonlocal last
        posterior = predict(maps)
        if at != last:  # what follows for the same window are rehearsals of older ones
            alone[at], last = posterior.probabilities, at
        return posterior

    return alone, _through(noted, person, windows, rows, settings, stride)


def readapted(
    alone: Float32, person: PersonModel, windows: WindowSet, rows: Int64, settings: AdapterSettings, *, stride: int
) -> Float32:
    """The second result of `adapted_probabilities` under other settings, from the first, without the network.

    What the network says depends on the person's mean and spread alone, so those settings must be the same. Nothing is
    rehearsed.
    """
    settings = settings.model_copy(update={"rehearse": 0})
    nothing = np.zeros(0, np.float32)
    return _through(lambda at, _: Posterior(alone[at], nothing), person, windows, rows, settings, stride)


def _through(
    predict: Callable[[int, Float32], Posterior],
    person: PersonModel,
    windows: WindowSet,
    rows: Int64,
    settings: AdapterSettings,
    stride: int,
) -> Float32:
    out = np.empty((len(rows), len(windows.gestures)), np.float32)
    group = donnings(windows)[rows]
    for one in np.unique(group):
        adapter = PersonAdapter(person, settings, windows.gestures.rest_index, stride=stride)
        for at in np.flatnonzero(group == one):
            out[at] = adapter.step(windows.maps[rows[at]], partial(predict, int(at))).probabilities
    return out
