"""A subject's own mean and spread of each feature of each electrode, balanced over rest and gestures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rt_handdt.core.memory import Moments
from rt_handdt.core.person import AdapterSettings, PersonModel
from rt_handdt.core.types import Float32

#: A spread is at least this share of the training people's: a dead electrode is not blown up to noise.
LEAST_SPREAD = 0.05


class RunningScale:
    """Mean and spread of a subject's compressed maps so far; those of the training people at the start.

    Training takes both over whole sessions, in which rest and each gesture have their parts. A live stream may begin
    with a minute of rest, or hold one gesture as long; so rest and each gesture are measured apart and joined in those
    parts. From rest alone nothing is concluded.

    Attributes
    ----------
    mean, spread
        (F, H, W), as of the last `update`.
    """

    def __init__(self, model: PersonModel, settings: AdapterSettings, *, knows_rest: bool) -> None:
        self._model, self._settings, self._knows_rest = model, settings, knows_rest
        self._rest = Moments.none(model.mean.shape)
        self.mean, self.spread = model.mean, model.spread

    def away(self, compressed: Float32) -> Float32:
        """Compressed maps (…, F, H, W) less the training people's mean."""
        return np.asarray(compressed - self._model.mean, np.float32)

    def watch_rest(self, compressed: Float32) -> None:
        """Take a window of rest, (F, H, W) compressed."""
        self._rest.add(self.away(compressed), 1.0 - 1.0 / self._settings.horizon_windows)

    def update(self, gestures: Mapping[int, Moments]) -> None:
        """Let what was seen count.

        Parameters
        ----------
        gestures
            Moments of each gesture that was seen; one that was seen more often than `gesture_windows` counts as that.
        """
        if not gestures:
            return
        model, settings, rest = self._model, self._settings, self._rest
        part = {key: min(one.count, settings.gesture_windows) / one.count for key, one in gestures.items()}
        n = sum(part[key] * one.count for key, one in gestures.items())
        total = sum(part[key] * one.total for key, one in gestures.items()) / n
        squares = sum(part[key] * one.squares for key, one in gestures.items()) / n
        if self._knows_rest:
            share = model.rest_share
            known = min(1.0, rest.count / settings.rest_windows)
            n *= known / (1.0 - share)
            if rest.count:
                total = share * rest.total / rest.count + (1.0 - share) * total
                squares = share * rest.squares / rest.count + (1.0 - share) * squares
        prior = settings.prior_windows
        shift = n * total / (prior + n)
        variance = (prior * np.square(model.spread, dtype=np.float64) + n * squares) / (prior + n) - shift**2
        self.mean = (model.mean + shift).astype(np.float32)
        self.spread = np.sqrt(np.maximum(variance, (LEAST_SPREAD * model.spread) ** 2)).astype(np.float32)

    def become(self, mean: Float32, spread: Float32) -> None:
        """Be of this mean and spread until the next `update`; gestures are handed over anew then, rest is kept."""
        self.mean, self.spread = mean, spread

    def normal(self, compressed: Float32) -> Float32:
        """(…, F, H, W) compressed → normalised."""
        return np.asarray((compressed - self.mean) / self.spread, np.float32)
