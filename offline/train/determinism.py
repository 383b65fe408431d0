"""The device of a training, and the same numbers for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from offline.config.foundation import TrainingConfig
from rt_handdt.errors import ConfigError


@contextmanager
def deterministic(config: TrainingConfig) -> Iterator[torch.device]:
    """Chosen device and fixed order of sums for a while, then torch's global state as it was.

    Tests and notebooks share that state. On a CPU the same seed gives the same numbers.

    Raises
    ------
    ConfigError
        If the configuration wants a GPU and there is none.
    """
    has_gpu = torch.cuda.is_available()
    if config.device == "cuda" and not has_gpu:
        raise ConfigError('\'device\' = "cuda": torch finds no GPU here; use "auto" or "cpu".')
    device = torch.device("cuda" if has_gpu and config.device != "cpu" else "cpu")
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.set_num_threads(config.threads)
    # Some GPU kernels (reflection padding backwards) have no deterministic form and would be refused. On a CPU the
    # gradient of latent[index] adds in whatever order the threads come, unless told not to.
    torch.use_deterministic_algorithms(device.type == "cpu")
    # Nothing here reads memory before it is written; filling it costs a tenth of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield device
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict)
        torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
