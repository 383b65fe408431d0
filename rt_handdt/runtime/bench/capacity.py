"""How many channels, and how fast, this computer can filter and describe."""

from __future__ import annotations

import time

import numpy as np

from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.preprocess import Preprocessor
from rt_handdt.core.spec import PipelineSpec

#: Rows and columns of the grids that are tried.
GRIDS = ((4, 8), (8, 16), (16, 16), (16, 32), (32, 32))
#: Share of one core that a stream may take, so that the rest of a live run has its time.
SHARE = 0.5


def capacity(spec: PipelineSpec, seconds: float, network_ms: float) -> list[dict[str, float]]:
    """For each number of channels: the rate in Hz up to which one core holds it, network and all.

    The model's window, hop and features on grids of other sizes, its hop in samples kept; `network_ms` is what a window
    costs beside preprocessing, and does not grow with the number of channels here: a model has its own.

    Parameters
    ----------
    spec
        Of the model.
    seconds
        How long to measure in all.
    network_ms
        Of one window.

    Returns
    -------
    list of dict
        ``channels``, ``preprocessing_ms`` of a hop, ``rate_hz``.
    """
    found = []
    hop = spec.hop_samples
    for shape in GRIDS:
        grid = spec.model_copy(update={"layout": ElectrodeLayout.grid(*shape)})
        preprocessor = Preprocessor(grid)
        channels = grid.layout.n_channels
        samples = (50 * np.random.default_rng(0).standard_normal((hop, channels))).astype(np.float32)
        for _ in range(spec.window_samples // hop + 2):
            preprocessor.push(samples)
        took: list[float] = []
        until = time.perf_counter() + seconds / len(GRIDS)
        while not took or time.perf_counter() < until:
            began = time.perf_counter()
            preprocessor.push(samples)
            took.append(time.perf_counter() - began)
        hop_ms = 1e3 * float(np.percentile(took, 90))
        rate_hz = SHARE * hop / (1e-3 * (hop_ms + network_ms))
        found.append({"channels": channels, "preprocessing_ms": round(hop_ms, 4), "rate_hz": float(int(rate_hz))})
    return found
