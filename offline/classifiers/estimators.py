"""Nearest neighbours, linear SVM, random forest and shrinkage LDA: scikit-learn's, their graphs by skl2onnx."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper
from pydantic import Field, field_validator
from scipy.linalg import LinAlgError
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from offline.bundle.writing import OPSET
from offline.classifiers.base import CalibratedClassifier, ClassifierSettings
from offline.classifiers.graph import HeadGraph
from offline.classifiers.shrinkage import ShrinkageLda
from offline.data.datasets import Int64
from rt_handdt.core.types import Float32
from rt_handdt.errors import ConfigError

#: A live graph of neighbours holds their samples; beyond this it grows slow to load and to run.
LIMIT_BYTES = 16 * 2**20
_FLOOR = 1e-3  # a vote in a thousand: keeps the logarithm of no vote finite


@dataclass(frozen=True)
class EstimatorHead:
    """A fitted classifier of scikit-learn.

    Logits are its decision function (one margin, of two classes, once with each sign), or the logarithms of its
    probabilities, plus one in a thousand, where it has none.
    """

    model: Any
    notes: tuple[str, ...] = ()

    @property
    def _votes(self) -> bool:
        return not hasattr(self.model, "decision_function")

    def logits(self, z: Float32) -> Float32:
        """(N, \\*latent_shape) → (N, C)."""
        flat = z.reshape(len(z), -1)
        if self._votes:
            votes = np.asarray(self.model.predict_proba(flat), np.float32)
            return np.asarray(np.log(votes + np.float32(_FLOOR)), np.float32)
        scores = np.asarray(self.model.decision_function(flat), np.float32)
        return np.stack([-scores, scores], axis=1) if scores.ndim == 1 else scores

    def write(self, graph: HeadGraph, z: str) -> str:
        """What skl2onnx makes of it."""
        options: dict[str, Any] = {"zipmap": False}
        if not self._votes:
            options["raw_scores"] = True
        if isinstance(self.model, KNeighborsClassifier):
            options["optim"] = "cdist"  # the loop that is written otherwise takes twenty times as long
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # the converter's, of attributes that it asks for in vain
            model = convert_sklearn(
                self.model,
                initial_types=[("x", FloatTensorType([None, self.model.n_features_in_]))],
                options=options,
                target_opset={"": OPSET, "ai.onnx.ml": 3},
            )
        if isinstance(self.model, RandomForestClassifier):
            model = _compact(model)
        scores = graph.absorb(model, graph.node("Flatten", z, axis=1), "x", model.graph.output[1].name)
        return graph.node("Log", graph.node("Add", scores, np.asarray(_FLOOR, np.float32))) if self._votes else scores


class KnnSettings(ClassifierSettings):
    """Options of the nearest neighbours.

    Attributes
    ----------
    neighbours
        1 as published, or how many vote.
    keep
        At most so many training samples are kept, drawn at random, the labels evenly; 0 for all.
    """

    neighbours: int = Field(1, ge=1)
    keep: int = Field(0, ge=0)


class KnnClassifier(CalibratedClassifier):
    """k nearest neighbours by Euclidean distance between standardised latents.

    One neighbour knows no degree: the calibration gives all its answers the same probability, as often as they are
    right. Several do. The graph holds the samples and is refused above 16 MiB (8192 latents of 512); `keep` helps.
    """

    name = "knn"
    Options = KnnSettings
    options: KnnSettings

    def _fit_head(self, z: Float32, y: Int64, groups: Int64 | None, seed: int, *, final: bool) -> EstimatorHead:
        flat, labels = z.reshape(len(z), -1), y
        if 0 < self.options.keep < len(y):
            shuffled = np.random.default_rng([seed, 4]).permutation(len(y))
            each = max(1, self.options.keep // (int(y.max()) + 1))
            kept = np.sort(np.concatenate([shuffled[y[shuffled] == k][:each] for k in np.unique(y)]))
            flat, labels = flat[kept], y[kept]
        k = min(self.options.neighbours, len(labels))
        notes: tuple[str, ...] = ()
        if k < self.options.neighbours:
            notes = (f"knn: only {k} training samples are there for {self.options.neighbours} neighbours; all vote.",)
        return EstimatorHead(KNeighborsClassifier(k, algorithm="brute").fit(flat, labels), notes)

    def to_onnx(self) -> onnx.ModelProto:
        """As `CalibratedClassifier.to_onnx`.

        Raises
        ------
        ConfigError
            If the samples take more than `LIMIT_BYTES`.
        """
        head = self.fitted.head
        assert isinstance(head, EstimatorHead)
        count, size = head.model.n_samples_fit_, head.model.n_features_in_
        if 4 * count * size > LIMIT_BYTES:
            raise ConfigError(
                f"knn: the graph may hold {LIMIT_BYTES} bytes of training samples; these {count} take "
                f"{4 * count * size}; fit with keep={LIMIT_BYTES // (4 * size)} or fewer."
            )
        return super().to_onnx()


class SvmSettings(ClassifierSettings):
    """Options of the linear SVM: the weight of the margin's violations."""

    c: float = Field(1.0, gt=0)


class SvmClassifier(CalibratedClassifier):
    """Linear SVM, one against one (`SVC`): its votes, ties broken by margins, over a temperature."""

    name = "svm"
    Options = SvmSettings
    options: SvmSettings

    def _fit_head(self, z: Float32, y: Int64, groups: Int64 | None, seed: int, *, final: bool) -> EstimatorHead:
        return EstimatorHead(SVC(kernel="linear", C=self.options.c).fit(z.reshape(len(z), -1), y))


class ForestSettings(ClassifierSettings):
    """Options of the forest.

    Attributes
    ----------
    standardise
        Off: trees do not see it, and the graph is exact without.
    trees
        1000 as published.
    fold_trees
        Trees of the forests that only serve to calibrate, at most: votes of 200 are close to those of 1000, and five
        folds would otherwise take five times as long as the forest itself.
    max_leaves
        Of a tree; 0 for as many as it takes (as published). The graph's size goes with the number of leaves.
    jobs
        Processor cores.
    """

    standardise: bool = False
    trees: int = Field(1000, ge=1)
    fold_trees: int = Field(200, ge=1)
    max_leaves: int = Field(0, ge=0)
    jobs: int = Field(1, ge=1)

    @field_validator("max_leaves")
    @classmethod
    def _splits(cls, value: int) -> int:
        if value == 1:
            raise ValueError("a tree of one leaf tells nothing apart; give 2 or more, or 0 for no limit")
        return value


class ForestClassifier(CalibratedClassifier):
    """Random forest, 1000 trees as published.

    Its graph grows with the leaves, at some 50 bytes each (``to_onnx().ByteSize()`` tells): 1000 trees on 960 trials
    take 9 MB. ``max_leaves`` and ``trees`` make it smaller.
    """

    name = "rf"
    Options = ForestSettings
    options: ForestSettings

    def _fit_head(self, z: Float32, y: Int64, groups: Int64 | None, seed: int, *, final: bool) -> EstimatorHead:
        forest = RandomForestClassifier(
            n_estimators=self.options.trees if final else min(self.options.trees, self.options.fold_trees),
            max_leaf_nodes=self.options.max_leaves or None,
            n_jobs=self.options.jobs,
            random_state=seed,
        )
        return EstimatorHead(forest.fit(z.reshape(len(z), -1), y))


class LdaClassifier(CalibratedClassifier):
    """Gaussian classes with one common covariance, shrunk after Ledoit & Wolf 2004 (`ShrinkageLda`).

    Priors are the training samples' shares. Where no class varies at all (one sample each), the nearest one is taken.
    """

    name = "lda"

    def _fit_head(self, z: Float32, y: Int64, groups: Int64 | None, seed: int, *, final: bool) -> EstimatorHead:
        flat = z.reshape(len(z), -1)
        try:
            found = ShrinkageLda.fit(flat.astype(np.float64), y)
            if not (np.isfinite(found.weights).all() and np.isfinite(found.offsets).all()):
                raise LinAlgError
        except LinAlgError:
            note = "lda: the samples of a label do not vary; the nearest sample is used instead."
            return EstimatorHead(KNeighborsClassifier(1, algorithm="brute").fit(flat, y), (note,))
        model = LinearDiscriminantAnalysis()
        # What all classes share softmax does not see, and float32 has more digits without it.
        weights, offsets = found.weights.T - found.weights.mean(axis=1), found.offsets - found.offsets.mean()
        if len(found.classes) == 2:  # scikit-learn has one margin of two classes
            weights, offsets = weights[1:], offsets[1:]
        model.classes_, model.n_features_in_ = found.classes, flat.shape[1]
        model.coef_, model.intercept_ = weights, offsets
        return EstimatorHead(model)


def _compact(model: onnx.ModelProto) -> onnx.ModelProto:
    """Leave out what says nothing: votes of 0 (nine of ten in a full-grown tree), hit rates, missing-value marks."""
    small = onnx.ModelProto()
    small.CopyFrom(model)
    (trees,) = (node for node in small.graph.node if node.op_type == "TreeEnsembleClassifier")
    values = {attribute.name: helper.get_attribute_value(attribute) for attribute in trees.attribute}
    cast = np.flatnonzero(np.asarray(values["class_weights"]))
    for name in ("class_ids", "class_nodeids", "class_treeids", "class_weights"):
        values[name] = np.asarray(values[name])[cast].tolist()
    for name in ("nodes_hitrates", "nodes_missing_value_tracks_true"):
        values.pop(name, None)
    del trees.attribute[:]
    trees.attribute.extend(helper.make_attribute(name, value) for name, value in sorted(values.items()))
    return small
