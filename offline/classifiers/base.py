"""What all classifiers have in common: checked input, standardised; out-of-fold calibration; an ONNX graph.

A kind of classifier only says how a `Head` is fitted: something that gives a logit to each class, in numpy and as
nodes of a graph.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt
import onnx
from pydantic import Field
from scipy.special import softmax

from offline.classifiers.calibration import fit_temperature
from offline.classifiers.folds import held_out
from offline.classifiers.graph import HeadGraph
from offline.classifiers.inputs import Samples, Standardiser, checked_latents, checked_samples
from offline.data.datasets import Int64, Mask
from rt_handdt.config import Settings
from rt_handdt.core.types import Float32, Float64
from rt_handdt.errors import HanddtError


class Head(Protocol):
    """A fitted model of C classes on standardised latents."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What did not go as it should, one sentence each."""
        ...

    def logits(self, z: Float32) -> npt.NDArray[np.floating[Any]]:
        """(N, \\*latent_shape) → (N, C)."""
        ...

    def write(self, graph: HeadGraph, z: str) -> str:
        """Add nodes that compute the logits from `z`; returns their name."""
        ...


class ClassifierSettings(Settings):
    """Options that every classifier takes.

    Attributes
    ----------
    standardise
        Scale each element of the latent to mean 0 and sd 1 over the training samples.
    calibrate
        Fit a temperature to out-of-fold predictions; off: leave it at 1.
    folds
        Parts that the training people (or trials) are held out in.
    """

    standardise: bool = True
    calibrate: bool = True
    folds: int = Field(5, ge=2)


@dataclass(frozen=True)
class Calibration:
    """How the probabilities of a fitted classifier were calibrated.

    Attributes
    ----------
    temperature
        What logits are divided by.
    n
        Out-of-fold predictions it was fitted to.
    note
        Why it was not fitted, if so.
    """

    temperature: float
    n: int
    note: str = ""

    @classmethod
    def fit(cls, logits: Float64, y: Int64) -> Calibration:
        """Fit to out-of-fold logits (N, C), −inf for what a fold's model did not know; NaN rows were never held out.

        Samples of a class that their fold did not know are left out: no temperature can mend those.
        """
        usable = np.isfinite(logits[np.arange(len(y)), y])
        if not usable.any():
            return cls(1.0, 0, note="no label has samples in two groups, so none can be held out; not calibrated")
        return cls(fit_temperature(logits[usable], y[usable]), int(usable.sum()))


@dataclass(frozen=True)
class Fitted:
    """All that `CalibratedClassifier.fit` leaves behind.

    Attributes
    ----------
    shape
        Of one latent.
    classes
        (C,) labels that occurred in training; the others get probability 0.
    n_labels
        K.
    """

    shape: tuple[int, ...]
    classes: Int64
    n_labels: int
    standardiser: Standardiser | None
    head: Head
    calibration: Calibration


class CalibratedClassifier(ABC):
    """Base of all classifiers.

    Parameters
    ----------
    **options
        Fields of the class's `Options`.

    Raises
    ------
    ConfigError
        If an option is unknown or out of range.
    """

    name: str
    Options: ClassVar[type[ClassifierSettings]] = ClassifierSettings

    def __init__(self, **options: Any) -> None:
        self.options = self.Options.parse(options, what=f"classifier '{self.name}'")
        self._fitted: Fitted | None = None

    def fit(
        self, x: npt.ArrayLike, y: npt.ArrayLike, groups: npt.ArrayLike | None = None, *, seed: int, n_labels: int
    ) -> Self:
        """Learn, and calibrate by training samples held out in whole groups.

        Parameters
        ----------
        x
            (N, \\*latent_shape), flat or maps.
        y
            (N,) labels, 0..`n_labels` − 1. Labels that do not occur get probability 0 later.
        groups
            (N,) the person of each sample, or its trial where there is one person; None: each sample stands alone,
            right for trial-level samples of one person only.
        seed
            Of the folds and of all that is random in learning.
        n_labels
            K.

        Raises
        ------
        HanddtError
            If the data cannot be learnt from; the message says why.
        """
        samples = checked_samples(x, y, groups, n_labels, self.name)
        folds = held_out(samples, self.options.folds, seed) if self.options.calibrate else []
        standardiser, head, held_logits = self._learn(samples, folds, seed)
        if self.options.calibrate:
            calibration = Calibration.fit(held_logits, samples.y)
        else:
            calibration = Calibration(1.0, 0, note="not asked for")
        self._fitted = Fitted(samples.x.shape[1:], samples.classes, n_labels, standardiser, head, calibration)
        return self

    @property
    def fitted(self) -> Fitted:
        """What was learnt.

        Raises
        ------
        HanddtError
            Before `fit`.
        """
        if self._fitted is None:
            raise HanddtError(f"{self.name}: has not learnt anything yet; call 'fit' first.")
        return self._fitted

    @property
    def calibration(self) -> Calibration:
        """How it was calibrated."""
        return self.fitted.calibration

    @property
    def notes(self) -> tuple[str, ...]:
        """What did not go as it should, one sentence each."""
        note = self.calibration.note
        own = (f"{self.name}: {note}.",) if note and self.options.calibrate else ()
        return own + self.fitted.head.notes

    def probabilities(self, x: npt.ArrayLike) -> Float32:
        """Calibrated probabilities: (N, \\*latent_shape) → (N, K) float32.

        Raises
        ------
        HanddtError
            If the shape is not that of the training, or a value is not finite.
        """
        fitted = self.fitted
        z = checked_latents(x, self.name, fitted.shape)
        if fitted.standardiser is not None:
            z = fitted.standardiser(z)
        out = np.zeros((len(z), fitted.n_labels), np.float32)
        if len(z):
            out[:, fitted.classes] = softmax(fitted.head.logits(z) / fitted.calibration.temperature, axis=1)
        return out

    def to_onnx(self) -> onnx.ModelProto:
        """The same as a graph: ``latent`` (batch, \\*latent_shape) → ``probabilities`` (batch, K), opset 20.

        Raises
        ------
        HanddtError
            If the graph would be larger than is good for a live program (see the class).
        """
        fitted = self.fitted
        graph = HeadGraph(fitted.shape)
        logits = fitted.head.write(graph, graph.standardise(fitted.standardiser))
        return graph.finish(logits, fitted.calibration.temperature, fitted.classes, fitted.n_labels)

    @abstractmethod
    def _fit_head(self, z: Float32, y: Int64, groups: Int64 | None, seed: int, *, final: bool) -> Head:
        """Fit to standardised samples with classes 0..C−1, all of which occur; `final` unless it is a fold's."""

    def _learn(self, samples: Samples, folds: Sequence[Mask], seed: int) -> tuple[Standardiser | None, Head, Float64]:
        """Fit to all samples and, fold by fold, to what is not held out; returns the (N, C) out-of-fold logits too."""
        held_logits = empty_logits(samples)
        for held in folds:
            known, y = np.unique(samples.y[~held], return_inverse=True)
            groups = None if samples.groups is None else samples.groups[~held]
            scaler = self._standardiser(samples.x[~held])
            head = self._fit_head(_scaled(samples.x[~held], scaler), y, groups, seed, final=False)
            rows = np.flatnonzero(held)
            held_logits[rows] = -np.inf
            held_logits[np.ix_(rows, known)] = head.logits(_scaled(samples.x[held], scaler))
        scaler = self._standardiser(samples.x)
        head = self._fit_head(_scaled(samples.x, scaler), samples.y, samples.groups, seed, final=True)
        return scaler, head, held_logits

    def _standardiser(self, x: Float32) -> Standardiser | None:
        return Standardiser.fit(x) if self.options.standardise else None


def empty_logits(samples: Samples) -> Float64:
    """(N, C) of NaN: no sample was held out yet."""
    return np.full((len(samples.y), len(samples.classes)), np.nan)


def _scaled(x: Float32, standardiser: Standardiser | None) -> Float32:
    return x if standardiser is None else standardiser(x)
