"""Unsupervised adaptation: learning a subject while they use it, without being told what they do, and without harm.

Two things differ from arm to arm and from donning to donning: how strong each electrode's signal is and how much it
varies, and where in feature space each gesture lies. Both are learnt from the stream itself:

1. *Normalisation.* Mean and spread of each (log-compressed) feature of each electrode, beginning at those of the
   training people (`rt_handdt.core.scale`). A window is shown to the network as the average person would have shown it.
2. *Class means.* Within a person, windows of a gesture scatter little; between people, the gesture's mean moves.
   Training measures both (a two-covariance model, as in Brümmer & de Villiers 2010, for speakers). Here the class means
   of this subject are estimated by expectation-maximisation over windows that were kept of their movements, with the
   training people's as the prior and the network's own probabilities as evidence.

Everything is causal: a window is judged by what came before it. Labels do not enter here: who has labelled repetitions
calibrates (`rt_handdt.core.calibration`), and no adaptation outvotes that.

What keeps it from doing harm:

- Rest is known by its level (`rt_handdt.core.noise_floor`), whatever the network says, and is no movement.
- What is kept is balanced over gestures and contractions (`rt_handdt.core.memory`), and mean and spread over rest and
  gestures: neither a long hold nor a long rest takes them along.
- Windows unlike any movement or rest are bad signal, and nothing is learnt from them.
- The newest windows are judged by a frozen copy of the start as well; where that is the better one, everything learnt
  without labels is given up (`rt_handdt.core.guard`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rt_handdt.core.class_means import ClassMeans
from rt_handdt.core.guard import Guard
from rt_handdt.core.memory import Kept, Memory, Moments
from rt_handdt.core.noise_floor import NoiseFloor
from rt_handdt.core.person import AdapterSettings, PersonModel
from rt_handdt.core.scale import RunningScale
from rt_handdt.core.types import Float32, Float64, Posterior

#: The network: raw maps (N, F, H, W) → probabilities (N, K) and latents (N, D).
Predict = Callable[[Float32], tuple[Float32, Float32]]
#: Probability below which the network's word against a gesture is not believed further.
FLOOR = 1e-4
#: A prediction that comes back within so many windows learnt from still belongs to the same contraction.
PATIENCE = 16
#: Kept windows that are projected anew at each update, in turn.
PROJECTED = 48
#: Seconds from frame to frame where nothing else is said.
HOP_S = 1 / 64


@dataclass(frozen=True)
class _Start:
    """What a stream begins with: the training people, or the user's labels. Arrays are never written to."""

    mean: Float32
    spread: Float32
    means: ClassMeans


@dataclass(frozen=True)
class _Seen:
    """The window judged last."""

    kept: Kept
    raw: Float32
    given: Float64
    share: Float64
    distance: float


class PersonAdapter:
    """The subject at the electrodes now, as far as known. One object a stream; not thread-safe.

    Parameters
    ----------
    model, settings
        Of the bundle.
    rest
        Position of rest among the K labels; None if the model knows none, and every window is a movement.
    stride
        Frames of the full stream for each call of `step`, where some are left out.
    hop_s
        From one frame of the full stream to the next.

    Attributes
    ----------
    rollbacks
        How often what was learnt was given up since the last reset, because the start was better.
    """

    def __init__(
        self,
        model: PersonModel,
        settings: AdapterSettings,
        rest: int | None = None,
        *,
        stride: int = 1,
        hop_s: float = HOP_S,
    ) -> None:
        self.model, self.settings, self._rest = model, settings, rest
        self._every = max(1, settings.every // stride)
        self._rehearsed = settings.rehearse * stride
        amplitudes = np.flatnonzero(model.amplitude)
        self._map = int(amplitudes[0]) if len(amplitudes) else None
        self._electrodes = int(model.occupied.sum())
        loudest = 0.0
        if self._map is not None:
            # Rest is the quieter part of a session: a stream that begins louder than this begins in a contraction.
            loudest = float(np.exp((model.mean - model.spread)[self._map][model.occupied]).mean())
        self._floor = NoiseFloor(settings.floor, hop_s * stride, loudest)
        self._guard = Guard(settings.check_windows, settings.check_margin)
        self._seen: _Seen | None = None
        self._prior = ClassMeans(model.centres, np.tile(model.between, (len(model.centres), 1)))
        self.reset()

    def reset(self) -> None:
        """Reset the subject: somebody else is at the electrodes, or they were moved."""
        model = self.model
        self._count = self._learnt = self._refused = self.rollbacks = 0
        self._plausible = True
        self._floor.reset()
        self._scale = self._new_scale()
        self._start = _Start(model.mean, model.spread, self._prior)
        self._give_up()

    @property
    def learnt(self) -> int:
        """Windows learnt from since the last reset, rest included."""
        return self._learnt

    @property
    def refused(self) -> int:
        """Windows that would have been learnt from, had they not been bad signal."""
        return self._refused

    @property
    def quiet(self) -> bool:
        """Whether the window judged last is at the level of rest. False where no feature map is an amplitude."""
        return self._map is not None and self._floor.quiet

    @property
    def plausible(self) -> bool:
        """Whether the window judged last looks like a muscle's signal."""
        return self._plausible

    @property
    def mean(self) -> Float32:
        """(F, H, W) of the subject's compressed maps, by which windows are normalised now; do not write to it."""
        return self._scale.mean

    @property
    def spread(self) -> Float32:
        """(F, H, W), likewise."""
        return self._scale.spread

    def normal(self, maps: Float32) -> Float32:
        """Raw maps (…, F, H, W) → compressed and normalised by what is known of the subject now."""
        return self._scale.normal(self.model.compress(maps))

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
            The network's latent, and probabilities after this subject's class means.
        """
        posterior = self.judge(maps, predict)
        self.learn(predict)
        return posterior

    def judge(self, maps: Float32, predict: Predict) -> Posterior:
        """The first half of `step`: recognize a frame by what is known."""
        compressed, point, given, latent, score, distance = self._look(maps, predict)
        evidence = self._evidence(given)
        weight = 1.0 if self._rest is None else 1.0 - float(given[self._rest])
        self._plausible = float(distance[0]) < self.settings.implausible
        if self._map is not None:
            resting = self._plausible and weight <= 1.0 - self.settings.gate
            self._floor.step(float(maps[self._map].sum()) / self._electrodes, resting=resting)  # empty cells are 0
        share = _softmax(self.settings.temperature * score + evidence)[0]
        self._seen = _Seen(Kept(compressed, point, evidence, weight), maps, given, share, float(distance[0]))
        out = given
        if self.settings.temperature:
            out = given.copy()
            out[self.model.gestures] = share * given[self.model.gestures].sum()
        if self.quiet and self._rest is not None and out[self._rest] < self.settings.quiet_rest:
            others = 1.0 - out[self._rest]
            out = out * ((1.0 - self.settings.quiet_rest) / others)
            out[self._rest] = self.settings.quiet_rest
        return Posterior(out.astype(np.float32), latent)

    def warm(self, maps: Float32, predict: Predict) -> None:
        """Compute what `judge` does, for nothing: the next window's then finds code and numbers in the caches."""
        self._look(maps, predict)

    def _look(self, maps: Float32, predict: Predict) -> tuple[Float32, Float64, Float64, Float32, Float64, Float64]:
        compressed = self.model.compress(maps)
        normal = self._scale.normal(compressed)
        probabilities, latents = predict(self.model.as_average(normal)[None])
        point = self.model.project(normal[None])[0]
        score, distance = self._means.compare(point[None])
        return compressed, point, probabilities[0].astype(np.float64), latents[0], score, distance

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
        if not self._good(seen):
            self._refused += 1
            return
        rest = self.quiet or (self._map is None and seen.kept.weight <= 1.0 - self.settings.gate)
        if rest:
            self._memory.rest()
            if self._rest is not None:
                self._scale.watch_rest(seen.kept.maps)
        elif seen.kept.weight > 1.0 - self.settings.gate:
            self._memory.add(seen.kept, self._scale.away(seen.kept.maps), int(seen.share.argmax()))
        else:  # the network says rest, the level does not: it is neither for certain
            return
        self._learnt += 1
        self._check(seen, rest, predict)
        if self._learnt % self.settings.refresh == 0:
            self._refresh()

    def update(self) -> None:
        """Estimate everything anew from all that is kept; `step` does so by itself now and then."""
        self._scale.update(self._moments())
        self._project(self._memory.windows)
        self._estimate()

    # -- learning ----------------------------------------------------------------------------------------------

    def _new_scale(self) -> RunningScale:
        return RunningScale(self.model, self.settings, knows_rest=self._rest is not None)

    def _give_up(self) -> None:
        """Be what the start was."""
        settings, model = self.settings, self.model
        self._seen = None
        self._next = self._turn = 0
        self._memory = Memory(len(model.centres), settings.memory, settings.contraction_windows, PATIENCE)
        self._scale.become(self._start.mean, self._start.spread)
        self._means = self._start.means
        self._guard.reset()

    def _good(self, seen: _Seen) -> bool:
        """Whether a window looks like a muscle's signal, by what is known of the subject or by the start."""
        if seen.distance < self.settings.implausible:
            return True
        start = self._start
        point = self.model.project(((seen.kept.maps - start.mean) / start.spread)[None])
        return float(start.means.compare(point)[1][0]) < self.settings.implausible

    def _check(self, seen: _Seen, rest: bool, predict: Predict) -> None:
        """Compare what was learnt with the start on this window."""
        if self._rest is not None or not rest:
            learnt, start = (
                self._sure(given, share, rest)
                for given, share in ((seen.given, seen.share), self._by_start(seen.kept.maps, predict))
            )
            self._guard.see("rest" if rest else "movement", learnt, start)
        if self._guard.worse:
            self.rollbacks += 1
            self._give_up()

    def _by_start(self, compressed: Float32, predict: Predict) -> tuple[Float64, Float64]:
        """The network's probabilities (K,), and the gestures' shares (G,), of a window as the start sees it."""
        start = self._start
        normal = np.asarray((compressed - start.mean) / start.spread, np.float32)
        given = predict(self.model.as_average(normal)[None])[0][0].astype(np.float64)
        score, _ = start.means.compare(self.model.project(normal[None]))
        return given, _softmax(self.settings.temperature * score + self._evidence(given))[0]

    def _sure(self, given: Float64, share: Float64, rest: bool) -> float:
        """Probability of rest where the level is that of rest, else of the likeliest gesture."""
        if rest and self._rest is not None:
            return float(given[self._rest])
        return float(share.max() * given[self.model.gestures].sum())

    def _rehearse(self, predict: Predict) -> None:
        """Ask the network about old windows again, as they look by what is known now: one after the other."""
        windows = self._memory.windows
        count = min(self._rehearsed, len(windows))
        if not count:
            return
        chosen = [windows[(self._next + k) % len(windows)] for k in range(count)]
        self._next = (self._next + count) % len(windows)
        normal = self._scale.normal(np.stack([kept.maps for kept in chosen]))
        for kept, given in zip(chosen, predict(self.model.as_average(normal))[0], strict=True):
            kept.evidence = self._evidence(given.astype(np.float64))
            kept.weight = 1.0 if self._rest is None else 1.0 - float(given[self._rest])

    def _refresh(self) -> None:
        """Mean and spread, and the class means, by all that is kept."""
        self._scale.update(self._moments())
        # Points are those of the mean and spread of their time; anew for all at once costs tens of milliseconds.
        windows = self._memory.windows
        count = min(PROJECTED, len(windows))
        self._project([windows[(self._turn + k) % len(windows)] for k in range(count)])
        self._turn = (self._turn + count) % max(len(windows), 1)
        self._estimate()

    def _project(self, some: list[Kept]) -> None:
        if some:
            points = self.model.project(self._scale.normal(np.stack([kept.maps for kept in some])))
            for kept, point in zip(some, points, strict=True):
                kept.point = point

    def _moments(self) -> dict[int, Moments]:
        """Of each gesture that was seen."""
        return dict(self._memory.moments())

    def _estimate(self) -> None:
        """Maximum a posteriori class means, and how uncertain they remain."""
        windows, model, settings = self._memory.windows, self.model, self.settings
        if not windows or not settings.temperature:
            return
        x = np.stack([kept.point for kept in windows])
        evidence = np.stack([kept.evidence for kept in windows])
        weight = settings.weight * np.array([kept.weight for kept in windows])[:, None]
        for _ in range(settings.iterations):
            score, _ = self._means.compare(x)
            share = weight * _softmax(settings.temperature * score + evidence)
            certainty = 1.0 / model.between + share.sum(axis=0)[:, None]
            self._means = ClassMeans((model.centres / model.between + share.T @ x) / certainty, 1.0 / certainty)

    def _evidence(self, probabilities: Float64) -> Float64:
        own = probabilities[self.model.gestures]
        share = own / max(float(own.sum()), 1e-12)
        return np.asarray(self.settings.trust * np.log(np.maximum(share, FLOOR)))


def _softmax(scores: Float64) -> Float64:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
