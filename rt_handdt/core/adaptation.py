"""Learning a person while they use it, without being told what they do.

Two things differ from arm to arm and from donning to donning: how strong each electrode's signal is and how much it
varies, and where in feature space each gesture lies. Both are learnt from the stream itself:

1. *Normalisation.* Running mean and spread of each (log-compressed) feature of each electrode, beginning at those of
   the training people. A window is shown to the network as the average person would have shown it.
2. *Centres.* Within a person, windows of a gesture scatter little; between people, the gesture's centre moves. Training
   measures both (a two-covariance model, as in Brümmer & de Villiers 2010, for speakers). Here the centres of this
   person are estimated by expectation-maximisation over the newest windows that the network does not take for rest,
   with the training people's centres as the prior and the network's own probabilities as evidence.

Everything is causal: a window is judged by what came before it. What windows of a known gesture say (`teach`) enters
the same way, with certainty.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rt_handdt.core.person import AdapterSettings, PersonModel, RunningScale
from rt_handdt.core.types import Float32, Float64, Posterior
from rt_handdt.errors import ConfigError

#: The network: raw maps (N, F, H, W) → probabilities (N, K) and latents (N, D).
Predict = Callable[[Float32], tuple[Float32, Float32]]
#: Probability below which the network's word against a gesture is not believed further.
FLOOR = 1e-4
#: Logarithm of the share that a taught window leaves to other gestures.
CERTAIN = -30.0
#: While so few windows are kept, all are projected anew at every update; later at every eighth.
FEW = 128


@dataclass
class _Kept:
    """One window of movement that the centres rest on.

    Attributes
    ----------
    maps
        (F, H, W) compressed.
    point
        (d,) where it lies, under mean and spread of some moment not long ago.
    evidence
        (G,) log shares of the gestures.
    weight
        How probably it is a movement at all.
    """

    maps: Float32
    point: Float64
    evidence: Float64
    weight: float


class PersonAdapter:
    """The person at the electrodes now, as far as known. One object a stream; not thread-safe.

    Parameters
    ----------
    model, settings
        Of the bundle.
    rest
        Position of rest among the K labels; None if the model knows none, and every window is a movement.
    stride
        Frames of the full stream for each call of `step`, where some are left out.
    """

    def __init__(
        self, model: PersonModel, settings: AdapterSettings, rest: int | None = None, *, stride: int = 1
    ) -> None:
        self.model, self.settings, self._rest = model, settings, rest
        self._every = max(1, settings.every // stride)
        self._rehearsed = settings.rehearse * stride
        self.reset()

    def reset(self) -> None:
        """Forget the person: somebody else is at the electrodes, or they were moved."""
        model = self.model
        self._count = self._learnt = self._updates = self._next = 0
        self._scale = RunningScale(model, self.settings)
        self._kept: deque[_Kept] = deque(maxlen=self.settings.memory)
        self._taught: list[_Kept] = []
        self._seen: _Kept | None = None
        self._centres = model.centres
        self._doubt = np.tile(model.between, (len(model.centres), 1))

    @property
    def learnt(self) -> int:
        """Windows learnt from since the last reset, rest included."""
        return self._learnt

    def step(self, maps: Float32, predict: Predict) -> Posterior:
        """Recognize one frame, and learn from it.

        Parameters
        ----------
        maps
            (F, H, W) raw, of the next window.
        predict
            The network: raw maps (N, F, H, W) → probabilities (N, K) and latents (N, D).

        Returns
        -------
        Posterior
            The network's latent, and probabilities after this person's centres.
        """
        posterior = self.judge(maps, predict)
        self.learn(predict)
        return posterior

    def judge(self, maps: Float32, predict: Predict) -> Posterior:
        """The first half of `step`: recognize a frame by what is known."""
        compressed = self.model.compress(maps)
        normal = self._scale.normal(compressed)
        probabilities, latents = predict(self.model.as_average(normal)[None])
        given = probabilities[0].astype(np.float64)
        point = self.model.project(normal[None])[0]
        evidence = self._evidence(given)
        weight = 1.0 if self._rest is None else 1.0 - float(given[self._rest])
        self._seen = _Kept(compressed, point, evidence, weight)
        if not self.settings.temperature:
            return Posterior(probabilities[0], latents[0])
        share = _softmax(self.settings.temperature * self._likelihood(point[None]) + evidence)[0]
        given[self.model.gestures] = share * given[self.model.gestures].sum()
        return Posterior(given.astype(np.float32), latents[0])

    def learn(self, predict: Predict) -> None:
        """The second half: learn from the frame judged last, which may be done once its decision is out."""
        seen, self._seen = self._seen, None
        if seen is None:
            return
        if self.settings.temperature:
            self._rehearse(predict)
        self._count += 1
        if (self._count - 1) % self._every:
            return
        self._scale.watch(seen.maps)
        self._learnt += 1
        if self.settings.temperature and seen.weight > 1.0 - self.settings.gate:
            self._kept.append(seen)
        if self._learnt % self.settings.refresh == 0:
            self._updates += 1
            self._scale.update()
            # Points are those of the mean and spread of their time; anew for all costs milliseconds, so seldom.
            if len(self._kept) <= FEW or self._updates % 8 == 0:
                self._project()
            self._estimate()

    def teach(self, maps: Float32, label: int) -> None:
        """Learn from a window whose label is known (a calibration repetition).

        Parameters
        ----------
        maps
            (F, H, W) raw.
        label
            Position among the K labels. Rest teaches mean and spread only.

        Raises
        ------
        ConfigError
            If the label is none of the model's.
        """
        found = np.flatnonzero(self.model.gestures == label)
        if not len(found) and label != self._rest:
            raise ConfigError(f"Label number {label} is none of the model's gestures; teach one that it knows.")
        compressed = self.model.compress(maps)
        self._scale.watch(compressed)
        if len(found):
            evidence = np.full(len(self.model.gestures), CERTAIN)
            evidence[found[0]] = 0.0
            self._taught.append(_Kept(compressed, np.zeros(len(self.model.between)), evidence, 1.0))

    def update(self) -> None:
        """Estimate the centres anew from all that is kept; `step` does so by itself now and then."""
        self._scale.update()
        self._project()
        self._estimate()

    # -- learning ----------------------------------------------------------------------------------------------

    def _rehearse(self, predict: Predict) -> None:
        """Ask the network about old windows again, as they look by what is known now: one after the other."""
        count = min(self._rehearsed, len(self._kept))
        if not count:
            return
        chosen = [self._kept[(self._next + k) % len(self._kept)] for k in range(count)]
        self._next = (self._next + count) % len(self._kept)
        maps = self._scale.normal(np.stack([kept.maps for kept in chosen]))
        for kept, given in zip(chosen, predict(self.model.as_average(maps))[0].astype(np.float64), strict=True):
            kept.evidence = self._evidence(given)
            kept.weight = 1.0 if self._rest is None else 1.0 - float(given[self._rest])

    def _project(self) -> None:
        everything = [*self._kept, *self._taught]
        if everything:
            points = self.model.project(self._scale.normal(np.stack([kept.maps for kept in everything])))
            for kept, point in zip(everything, points, strict=True):
                kept.point = point

    def _estimate(self) -> None:
        """Maximum a posteriori centres, and how uncertain they remain."""
        everything = [*self._kept, *self._taught]
        if not everything:
            return
        x = np.stack([kept.point for kept in everything])
        evidence = np.stack([kept.evidence for kept in everything])
        model, settings = self.model, self.settings
        weight = settings.weight * np.array([kept.weight for kept in everything])[:, None]
        for _ in range(settings.iterations):
            share = weight * _softmax(settings.temperature * self._likelihood(x) + evidence)
            certainty = 1.0 / model.between + share.sum(axis=0)[:, None]
            self._centres = (model.centres / model.between + share.T @ x) / certainty
            self._doubt = 1.0 / certainty

    def _likelihood(self, points: Float64) -> Float64:
        """Log density of points (N, d) under each gesture (N, G), but for a constant."""
        precision = 1.0 / (1.0 + self._doubt)
        square = np.square(points) @ precision.T - 2.0 * points @ (self._centres * precision).T
        constant = (np.square(self._centres) * precision).sum(axis=1) - np.log(precision).sum(axis=1)
        return np.asarray(-0.5 * (square + constant))

    def _evidence(self, probabilities: Float64) -> Float64:
        own = probabilities[self.model.gestures]
        share = own / max(float(own.sum()), 1e-12)
        return np.asarray(self.settings.trust * np.log(np.maximum(share, FLOOR)))


def _softmax(scores: Float64) -> Float64:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
