"""A trained network over recordings as a live run goes through them: window by window, learning the person."""

from __future__ import annotations

import numpy as np
import torch

from offline.datasets import Int64, WindowSet
from offline.person import donnings
from offline.training import Trained
from rt_handdt.core.adaptation import AdapterSettings, PersonAdapter
from rt_handdt.core.types import Float32, Posterior


def adapted_probabilities(
    trained: Trained, windows: WindowSet, rows: Int64, settings: AdapterSettings, *, stride: int
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

    Raises
    ------
    ValueError
        If the network was trained without 'person.learn'.
    """
    if trained.person is None:
        raise ValueError("this network learns no person; train with 'person.learn' = true")
    net = trained.net.eval()
    alone = np.empty((len(rows), len(windows.gestures)), np.float32)
    adapted = np.empty_like(alone)

    @torch.no_grad()
    def predict(maps: Float32) -> Posterior:
        probabilities, latent = net(torch.from_numpy(maps[None]))
        return Posterior(probabilities[0].numpy(), latent[0].numpy())

    group = donnings(windows)[rows]
    for one in np.unique(group):
        adapter = PersonAdapter(trained.person, settings, windows.gestures.rest_index, stride=stride)
        for at in np.flatnonzero(group == one):
            seen: list[Posterior] = []

            def noted(maps: Float32, seen: list[Posterior] = seen) -> Posterior:
                seen.append(predict(maps))
                return seen[0]

            adapted[at] = adapter.step(windows.maps[rows[at]], noted).probabilities
            alone[at] = seen[0].probabilities
    return alone, adapted
