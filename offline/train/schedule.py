"""How long an epoch is, and how the learning rate moves through training."""

from __future__ import annotations

import math
from collections.abc import Callable

from offline.config import OptimiserConfig

WARM_UP_SHARE = 0.1  # of all steps


def epoch_size(n_rows: int, config: OptimiserConfig) -> tuple[int, int]:
    """Windows and steps of one epoch."""
    windows = min(n_rows, config.epoch_windows) if config.epoch_windows else n_rows
    return windows, max(1, windows // config.batch)


def learning_rate(n_steps: int) -> Callable[[int], float]:
    """Step → share of the learning rate: a warm-up in equal steps, then a cosine to zero."""
    warm_up = max(1, round(WARM_UP_SHARE * n_steps))

    def factor(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm_up) / max(1, n_steps - warm_up))))

    return factor
