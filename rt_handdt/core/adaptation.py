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
from dataclasses import dataclass, fields
from io import BytesIO
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rt_handdt.config import Settings
from rt_handdt.core.types import Float32, Float64, Posterior
from rt_handdt.errors import BundleError, ConfigError

#: Probability below which the network's word against a gesture is not believed further.
FLOOR = 1e-4
#: Logarithm of the share that a taught window leaves to other gestures.
CERTAIN = -30.0
#: While so few windows are kept, all are projected anew at every update; later at every eighth.
FEW = 128


class AdapterSettings(Settings):
    """How fast a person is learnt.

    Attributes
    ----------
    every
        Of so many frames one is learnt from: neighbours share most of their samples.
    prior_windows
        How many windows the training people's mean and spread count as.
    horizon_windows
        Older windows than about so many are forgotten by mean and spread.
    memory
        Windows of movement kept for the centres.
    refresh
        Windows learnt from between two updates of the centres, and
    iterations
        steps of expectation-maximisation in each.
    weight
        What one window counts as evidence for a centre; windows of one contraction are no independent samples.
    temperature
        Of the likelihood: its dimensions are not independent either.
    trust
        Exponent of the network's probabilities as evidence.
    gate
        Windows that the network takes for rest with at least this probability are not learnt from.
    """

    every: int = Field(8, ge=1)
    prior_windows: float = Field(60.0, gt=0)
    horizon_windows: int = Field(4096, ge=1)
    memory: int = Field(1024, ge=1)
    refresh: int = Field(8, ge=1)
    iterations: int = Field(2, ge=1)
    weight: float = Field(0.05, gt=0, le=1)
    temperature: float = Field(0.1, gt=0, le=1)
    trust: float = Field(1.0, ge=0)
    gate: float = Field(0.5, gt=0, le=1)


@dataclass(frozen=True)
class PersonModel:
    """What training says of people: the average one, and how they differ.

    Attributes
    ----------
    amplitude
        (F,) bool: maps whose logarithm is taken.
    floor
        (F,) added before it, in the map's unit.
    mean, spread
        (F, H, W): of the compressed maps, over the training people.
    occupied
        (H, W) bool: cells that hold an electrode.
    projection, offset
        (F · electrodes, d) and (d,): normalised maps → the space of the centres, where the scatter of a person's
        gesture is 1 in each direction.
    centres
        (G, d) of the gestures, over the training people.
    between
        (d,) variance of the centres from person to person.
    gestures
        (G,) their positions among the K labels; rest is none of them.
    """

    amplitude: npt.NDArray[np.bool_]
    floor: Float32
    mean: Float32
    spread: Float32
    occupied: npt.NDArray[np.bool_]
    projection: Float32
    offset: Float64
    centres: Float64
    between: Float64
    gestures: npt.NDArray[np.int64]

    def compress(self, maps: Float32) -> Float32:
        """Raw maps (…, F, H, W) → logarithms where they are amplitudes."""
        shape = (-1, 1, 1)
        floor, amplitude = self.floor.reshape(shape), self.amplitude.reshape(shape)
        logarithm = np.log(np.maximum(maps, 0.0) + np.where(amplitude, floor, 1.0))
        return np.asarray(np.where(amplitude, logarithm, maps), np.float32)

    def as_average(self, normal: Float32) -> Float32:
        """Normalised maps (…, F, H, W) → the raw maps that the average person would have shown."""
        values = self.mean + self.spread * normal
        shape = (-1, 1, 1)
        floor, amplitude = self.floor.reshape(shape), self.amplitude.reshape(shape)
        raw = np.where(amplitude, np.exp(np.where(amplitude, values, 0.0)) - floor, values)
        return np.asarray(raw * self.occupied, np.float32)

    def project(self, normal: Float32) -> Float64:
        """Normalised maps (N, F, H, W) → (N, d)."""
        flat = normal[:, :, self.occupied].reshape(len(normal), -1)
        return np.asarray(flat @ self.projection - self.offset, np.float64)

    def to_bytes(self) -> bytes:
        """As ``.npz``, without pickle."""
        buffer = BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **{one.name: getattr(self, one.name) for one in fields(self)})
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises
        ------
        BundleError
            If something is missing, or shapes do not fit together.
        """
        try:
            with np.load(BytesIO(content), allow_pickle=False) as data:
                model = cls(**{one.name: data[one.name] for one in fields(cls)})
        except (KeyError, ValueError, OSError) as exc:
            raise BundleError(f"person.npz cannot be read ({exc}); export the bundle again.") from None
        n_maps, cells, d = len(model.floor), int(model.occupied.sum()), model.projection.shape[1]
        wanted = {
            "mean": (n_maps, *model.occupied.shape),
            "spread": (n_maps, *model.occupied.shape),
            "projection": (n_maps * cells, d),
            "centres": (len(model.gestures), d),
            "between": (d,),
        }
        for name, shape in wanted.items():
            found = getattr(model, name).shape
            if found != shape:
                raise BundleError(f"person.npz: '{name}' must have the shape {shape}; got {found}; export it again.")
        return model


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
        self.reset()

    def reset(self) -> None:
        """Forget the person: somebody else is at the electrodes, or they were moved."""
        model = self.model
        self._count = self._learnt = self._updates = 0
        self._seen = 0.0
        self._sum = np.zeros(model.mean.shape)
        self._squares = np.zeros(model.mean.shape)
        self._mean, self._spread = model.mean, model.spread
        size = self.settings.memory
        self._maps: deque[Float32] = deque(maxlen=size)
        self._points: deque[Float64] = deque(maxlen=size)
        self._evidence: deque[Float64] = deque(maxlen=size)
        self._taught: list[tuple[Float32, Float64]] = []
        self._taught_points = np.zeros((0, len(model.between)))
        self._centres = model.centres
        self._doubt = np.tile(model.between, (len(model.centres), 1))

    @property
    def learnt(self) -> int:
        """Windows learnt from since the last reset, rest included."""
        return self._learnt

    def step(self, maps: Float32, predict: Callable[[Float32], Posterior]) -> Posterior:
        """Recognize one frame, and learn from it.

        Parameters
        ----------
        maps
            (F, H, W) raw, of the next window.
        predict
            The network: raw maps (F, H, W) → posterior.

        Returns
        -------
        Posterior
            The network's latent, and probabilities after this person's centres.
        """
        compressed = self.model.compress(maps)
        normal = (compressed - self._mean) / self._spread
        posterior = predict(self.model.as_average(normal))
        given = posterior.probabilities.astype(np.float64)
        point = self.model.project(normal[None])[0]
        evidence = self._evidence_of(given)
        likely = self._likelihood(point[None])[0]
        share = _softmax((self.settings.temperature * likely + evidence)[None])[0]
        out = given.copy()
        out[self.model.gestures] = share * given[self.model.gestures].sum()
        if self._count % self._every == 0:
            self._learn(compressed, point, evidence, given)
        self._count += 1
        return Posterior(out.astype(np.float32), posterior.latent)

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
        compressed = self.model.compress(maps)
        self._watch(compressed)
        found = np.flatnonzero(self.model.gestures == label)
        if len(found):
            evidence = np.full(len(self.model.gestures), CERTAIN)
            evidence[found[0]] = 0.0
            self._taught.append((compressed, evidence))
        elif label != self._rest:
            raise ConfigError(f"Label number {label} is none of the model's gestures; teach one that it knows.")

    def update(self) -> None:
        """Estimate the centres anew from all that is kept; `step` does so by itself now and then."""
        self._mean, self._spread = self._statistics()
        self._project()
        self._estimate()

    # -- learning ----------------------------------------------------------------------------------------------

    def _learn(self, compressed: Float32, point: Float64, evidence: Float64, given: Float64) -> None:
        settings = self.settings
        self._watch(compressed)
        self._learnt += 1
        if self._rest is None or given[self._rest] < settings.gate:
            self._maps.append(compressed)
            self._points.append(point)
            self._evidence.append(evidence)
        if self._learnt % settings.refresh == 0:
            self._updates += 1
            self._mean, self._spread = self._statistics()
            # Points are those of the mean and spread of their time; anew for all costs milliseconds, so seldom.
            if len(self._maps) <= FEW or self._updates % 8 == 0:
                self._project()
            self._estimate()

    def _watch(self, compressed: Float32) -> None:
        away = compressed - self.model.mean
        keep = 1.0 - 1.0 / self.settings.horizon_windows
        self._seen = self._seen * keep + 1.0
        self._sum = self._sum * keep + away
        self._squares = self._squares * keep + away * away

    def _statistics(self) -> tuple[Float32, Float32]:
        prior = self.settings.prior_windows
        n = prior + self._seen
        shift = self._sum / n
        variance = (prior * np.square(self.model.spread, dtype=np.float64) + self._squares) / n - shift**2
        mean = self.model.mean + shift
        return mean.astype(np.float32), np.sqrt(np.maximum(variance, 1e-6)).astype(np.float32)

    def _project(self) -> None:
        if self._maps:
            normal = (np.stack(self._maps) - self._mean) / self._spread
            self._points = deque(self.model.project(normal), maxlen=self.settings.memory)
        if self._taught:
            normal = (np.stack([maps for maps, _ in self._taught]) - self._mean) / self._spread
            self._taught_points = self.model.project(normal)

    def _estimate(self) -> None:
        """Maximum a posteriori centres, and how uncertain they remain."""
        points = [*self._points, *self._taught_points]
        if not points:
            return
        x = np.stack(points)
        evidence = np.stack([*self._evidence, *(known for _, known in self._taught[: len(self._taught_points)])])
        model, settings = self.model, self.settings
        for _ in range(settings.iterations):
            share = _softmax(settings.temperature * self._likelihood(x) + evidence)
            certainty = 1.0 / model.between + settings.weight * share.sum(axis=0)[:, None]
            self._centres = (model.centres / model.between + settings.weight * share.T @ x) / certainty
            self._doubt = 1.0 / certainty

    def _likelihood(self, points: Float64) -> Float64:
        """Log density of points (N, d) under each gesture (N, G), but for a constant."""
        precision = 1.0 / (1.0 + self._doubt)
        square = np.square(points) @ precision.T - 2.0 * points @ (self._centres * precision).T
        constant = (np.square(self._centres) * precision).sum(axis=1) - np.log(precision).sum(axis=1)
        return np.asarray(-0.5 * (square + constant))

    def _evidence_of(self, probabilities: Float64) -> Float64:
        own = probabilities[self.model.gestures]
        share = own / max(float(own.sum()), 1e-12)
        return np.asarray(self.settings.trust * np.log(np.maximum(share, FLOOR)))


def _softmax(scores: Float64) -> Float64:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
