"""What one epoch of a training came to."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch.

    Attributes
    ----------
    losses
        Mean of each term over the batches, unweighted, and ``"total"``, weighted.
    without
        For each term with partners, how many samples found none.
    rate
        Learning rate.
    valid
        Scores of the validation samples; empty in epochs that were not validated. Of windows ``"accuracy"`` and
        ``"balanced_accuracy"``; of trials ``"knn"`` (balanced accuracy of the nearest training sample's gesture) and
        ``"loss"``.
    """

    number: int
    losses: dict[str, float]
    without: dict[str, int]
    rate: float
    valid: dict[str, float] = field(default_factory=dict)

    @property
    def balanced_accuracy(self) -> float:
        """Of the validation windows; NaN where they were not looked at."""
        return self.valid.get("balanced_accuracy", math.nan)

    def flat(self) -> dict[str, float]:
        """All values under one name each, for a log."""
        out = {f"loss/{name}": value for name, value in self.losses.items()}
        out |= {f"without/{name}": float(value) for name, value in self.without.items()}
        out |= {f"valid/{name}": value for name, value in self.valid.items()}
        return out | {"rate": self.rate}
