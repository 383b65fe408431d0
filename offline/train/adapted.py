"""A trained network over recordings as a live run goes through them: window by window, learning the person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from offline.data.datasets import Int64, WindowSet
from offline.models.window_networks import DisentanglingNet
from offline.train.person import donnings
from rt_handdt.core.adaptation import PersonAdapter
from rt_handdt.core.person import AdapterSettings, PersonModel
from rt_handdt.core.types import Float32

EVAL_BATCH = 1024


@contextmanager
def _one_thread() -> Iterator[None]:
    """For a window or eight at a time: handing over to a second thread costs more than it wins."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@_one_thread()
def adapted_probabilities(
    net: DisentanglingNet,
    person: PersonModel,
    windows: WindowSet,
    rows: Int64,
    settings: AdapterSettings,
    *,
    stride: int,
    again: bool = False,
) -> tuple[Float32, Float32, Float32 | None]:
    """Probabilities of windows in their order, causally, each person and session beginning as a stranger.

    Parameters
    ----------
    rows
        (N,) ascending: positions among the windows, raw maps.
    stride
        Frames of the live stream for each window.
    again
        Also judge each person's windows a second time, by what all of them, unlabelled, have taught; not causal.

    Returns
    -------
    alone, adapted, session
        (N, K): of the network, which sees windows as the average person would have shown them; after the person's own
        centres; and the second time, None unless wanted.
    """
    net.eval()
    alone = np.empty((len(rows), len(windows.gestures)), np.float32)

    @torch.no_grad()
    def predict(maps: Float32) -> tuple[Float32, Float32]:
        probabilities, latents = net(torch.from_numpy(maps))
        return probabilities.numpy(), latents.numpy()

    adapted = np.empty_like(alone)
    session = np.empty_like(alone) if again else None
    group = donnings(windows)[rows]
    hop_s = windows.spec.hop_samples / windows.spec.fs_hz
    for one in np.unique(group):
        adapter = PersonAdapter(person, settings, windows.gestures.rest_index, stride=stride, hop_s=hop_s)
        for at in np.flatnonzero(group == one):
            said: list[Float32] = []

            def noted(maps: Float32, said: list[Float32] = said) -> tuple[Float32, Float32]:
                both = predict(maps)
                said.append(both[0])
                return both

            adapted[at] = adapter.step(windows.maps[rows[at]], noted).probabilities
            alone[at] = said[0][0]  # what follows are rehearsals of older windows
        if session is not None:
            adapter.update()
            for at in np.flatnonzero(group == one):
                session[at] = adapter.judge(windows.maps[rows[at]], predict).probabilities
    return alone, adapted, session


@torch.no_grad()
def posteriors(net: DisentanglingNet, windows: WindowSet, rows: Int64) -> Float32:
    """Probabilities (N, K) of the given windows."""
    net.eval()
    found = [
        net(torch.from_numpy(windows.maps[rows[start : start + EVAL_BATCH]]).to(net.occupied.device))[0].cpu().numpy()
        for start in range(0, len(rows), EVAL_BATCH)
    ]
    return np.concatenate(found) if found else np.zeros((0, len(windows.gestures)), np.float32)
