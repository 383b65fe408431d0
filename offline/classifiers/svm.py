"""Linear support vector machine: one against one, the votes softened into probabilities."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from pydantic import Field
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import SVC, LinearSVC

from offline.classifiers.base import CalibratedClassifier, ClassifierSettings, Head
from offline.classifiers.graph import HeadGraph
from offline.classifiers.linear import LinearHead
from offline.data.datasets import Int64
from rt_handdt.core.types import Float32


class SvmSettings(ClassifierSettings):
    """Options of the linear SVM.

    Attributes
    ----------
    c
        Weight of the margin's violations; scikit-learn's default.
    pairs
        One hyperplane for each pair of classes (scikit-learn's `SVC` with a linear kernel). Off: one for each class
        against the rest (`LinearSVC`, squared hinge), as in the method's public code; and for data of so many samples
        that the first takes too long.
    max_iterations
        Of the latter.
    """

    c: float = Field(1.0, gt=0)
    pairs: bool = True
    max_iterations: int = Field(2000, ge=1)


@dataclass(frozen=True)
class PairwiseHead:
    """Hyperplanes between pairs of classes, and their votes: logit_c = Σ over its pairs of tanh(margin).

    Hard votes (the sign instead of tanh), which are what `SVC.predict` counts, tie and know no degree.

    Attributes
    ----------
    margins
        (D) → (P): positive for the first class of a pair.
    votes
        (P, C): 1 for the first class of a pair, −1 for the second.
    """

    margins: LinearHead
    votes: Float32
    notes: tuple[str, ...] = ()

    def logits(self, z: Float32) -> Float32:
        """(N, \\*latent_shape) → (N, C)."""
        return np.asarray(np.tanh(self.margins.logits(z)) @ self.votes, dtype=np.float32)

    def write(self, graph: HeadGraph, z: str) -> str:
        """Gemm, tanh, MatMul."""
        return graph.node("MatMul", graph.node("Tanh", self.margins.write(graph, z)), self.votes)


class SvmClassifier(CalibratedClassifier):
    """Linear SVM, one against one: the hyperplanes are scikit-learn's, their votes are softened, over T, into logits.

    So it is `SVC(kernel="linear")` up to what is made of the pairs: `SVC.predict` counts hard votes, which give no
    probabilities, and live decisions, rejection and calibration need them. (Trials of 15 virtual people, five left out
    in turn, log features: soft votes 0.67 right, hard ones 0.66, the same label in 0.88; one against the rest 0.60.)
    Platt's sigmoid for each pair (one slope and offset each) would be 2 × 45 numbers for ten gestures; one temperature
    for all does with the few people that there are.
    """

    name = "svm"
    Options = SvmSettings
    options: SvmSettings

    def _fit_head(self, z: Float32, y: Int64, groups: Int64 | None, seed: int, *, final: bool) -> Head:
        flat = z.reshape(len(z), -1)
        return self._one_to_one(flat, y) if self.options.pairs else self._one_to_rest(flat, y, seed)

    def _one_to_one(self, flat: Float32, y: Int64) -> PairwiseHead:
        model = SVC(kernel="linear", C=self.options.c).fit(flat, y)
        pairs = list(combinations(range(len(model.classes_)), 2))
        votes = np.zeros((len(pairs), len(model.classes_)), np.float32)
        for number, (first, second) in enumerate(pairs):
            votes[number, first], votes[number, second] = 1, -1
        sign = -1 if len(pairs) == 1 else 1  # scikit-learn turns the only margin of two classes round
        weights, offsets = sign * model.coef_.T, sign * model.intercept_
        return PairwiseHead(LinearHead(weights.astype(np.float32), offsets.astype(np.float32)), votes)

    def _one_to_rest(self, flat: Float32, y: Int64, seed: int) -> LinearHead:
        # dual: the primal solver takes ten times as long where samples and elements are about as many
        model = LinearSVC(C=self.options.c, dual=True, random_state=seed, max_iter=self.options.max_iterations)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always", ConvergenceWarning)
            model.fit(flat, y)
        note = f"svm: not converged in {self.options.max_iterations} iterations; raise 'max_iterations' or lower 'c'."
        notes = (note,) if any(issubclass(warning.category, ConvergenceWarning) for warning in seen) else ()
        weights, offsets = model.coef_.T, np.atleast_1d(model.intercept_)
        if weights.shape[1] == 1:  # two classes have one margin
            weights, offsets = np.hstack([-weights, weights]) / 2, np.hstack([-offsets, offsets]) / 2
        return LinearHead.of(weights, offsets, notes)
