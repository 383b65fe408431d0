"""What has shifted since the calibration: one common displacement of all gestures, learnt without labels.

Skin dries, sweat comes, sleeves slide: log features of all gestures move together, by more than windows of a gesture
scatter. How gestures lie to one another was said by labels and stays. Each gesture's windows say how far they lie from
where it was calibrated, the newest few of each gesture count, all gestures alike, and a displacement of zero counts as
prior; so neither a long rest nor a long hold can take the others along.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from rt_handdt.config import Settings
from rt_handdt.core.types import Float32, Float64


class DriftSettings(Settings):
    """How fast a displacement is followed, and when it is not.

    Attributes
    ----------
    every
        Of so many windows one is learnt from: neighbours share most of their samples.
    prior_windows
        How many windows a displacement of zero counts as, for each repetition of the calibration: what moved between
        these is known of already.
    memory
        Windows of each gesture that count, the newest ones.
    agreement
        A window counts for the gesture that the mean of about so many windows says, by its own probability of it: in a
        long hold, the few that look like another gesture would otherwise come to count as much as that one's own.
    bound
        Largest displacement of a feature, in spreads of the calibration.
    typical
        Windows whose squared distance to the nearest gesture is more than so many times what was usual in the
        calibration are not learnt from: other movements, bad electrodes, an empty sleeve.
    newest
        Windows over which the displacement must explain what came better than none would, or it is dropped.
    """

    every: int = Field(4, ge=1)
    prior_windows: float = Field(400.0, gt=0)
    memory: float = Field(100.0, ge=1)
    agreement: float = Field(16.0, ge=1)
    bound: float = Field(1.5, gt=0)
    typical: float = Field(4.0, gt=0)
    newest: float = Field(1000.0, ge=1)


class Drift:
    """The displacement so far. One object a stream; not thread-safe.

    Parameters
    ----------
    centres
        (K, D): where each gesture's windows lay in the calibration, log features.
    spread
        (D,): of each feature in the calibration.
    settings
        See there.

    Attributes
    ----------
    displacement
        (D,) float32; 0 at first.
    dropped
        How often it was dropped because none explained the stream better.
    learnt
        Windows learnt from since the last reset.
    """

    def __init__(self, centres: Float64, spread: Float64, settings: DriftSettings) -> None:
        self._centres, self._bound, self.settings = centres, settings.bound * spread, settings
        self.dropped = 0
        self.reset()

    def reset(self) -> None:
        """Back to the calibration."""
        self.learnt = 0
        self._seen = 0
        self._count = np.zeros(len(self._centres))
        self._sum = np.zeros_like(self._centres)
        self._lead = 0.0
        self._recent = np.zeros(len(self._centres))
        self.displacement: Float32 = np.zeros(self._centres.shape[1], np.float32)

    def due(self) -> bool:
        """Count the next window, and say whether it is one to learn from."""
        self._seen += 1
        return (self._seen - 1) % self.settings.every == 0

    def watch(self, values: Float32, share: Float64, lead: float) -> None:
        """Learn from a window.

        Parameters
        ----------
        values
            (D,) log features, as they came.
        share
            (K,) probabilities of the gestures.
        lead
            By how much the displacement explains this window better than none, in log density.
        """
        self._lead += (float(np.clip(lead, -10.0, 10.0)) - self._lead) / self.settings.newest
        if self._lead < -0.5:  # a window's density is lower by half a unit on average: this is no drift
            self.reset()
            self.dropped += 1
            return
        self._recent += (share - self._recent) / self.settings.agreement
        gesture = int(self._recent.argmax())
        weight = float(share[gesture])
        self.learnt += 1
        keep = 1.0 - weight / self.settings.memory if self._count[gesture] > self.settings.memory else 1.0
        self._count[gesture] = self._count[gesture] * keep + weight
        self._sum[gesture] = self._sum[gesture] * keep + weight * (values - self._centres[gesture])
        mean = self._sum.sum(axis=0) / (self.settings.prior_windows + self._count.sum())
        self.displacement = np.clip(mean, -self._bound, self._bound).astype(np.float32)
