"""Random forest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper
from pydantic import Field, field_validator
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import RandomForestClassifier

from offline.bundle.writing import OPSET
from offline.classifiers.base import CalibratedClassifier, ClassifierSettings
from offline.classifiers.graph import HeadGraph
from offline.data.datasets import Int64
from rt_handdt.core.types import Float32

_FLOOR = 1e-3  # a vote of one tree in a thousand: keeps the logarithm of no vote finite


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


@dataclass(frozen=True)
class ForestHead:
    """A fitted forest; logits are logarithms of the trees' mean votes (plus one in a thousand)."""

    forest: RandomForestClassifier
    notes: tuple[str, ...] = ()

    def logits(self, z: Float32) -> Float32:
        """(N, \\*latent_shape) → (N, C)."""
        votes = self.forest.predict_proba(z.reshape(len(z), -1))
        return np.asarray(np.log(votes.astype(np.float32) + np.float32(_FLOOR)), dtype=np.float32)

    def write(self, graph: HeadGraph, z: str) -> str:
        """scikit-learn's trees as one ``TreeEnsembleClassifier`` (by skl2onnx), then the logarithm."""
        size = self.forest.n_features_in_
        model = convert_sklearn(
            self.forest,
            initial_types=[("x", FloatTensorType([None, size]))],
            options={"zipmap": False},
            target_opset={"": OPSET, "ai.onnx.ml": 3},
        )
        flat = graph.node("Flatten", z, axis=1)
        votes = graph.absorb(_compact(model), flat, "x", model.graph.output[1].name)
        return graph.node("Log", graph.node("Add", votes, np.asarray(_FLOOR, np.float32)))


class ForestClassifier(CalibratedClassifier):
    """Random forest (scikit-learn's), 1000 trees as published.

    Its graph grows with the leaves, at some 50 bytes each (``to_onnx().ByteSize()`` tells): 1000 trees on 960 trials
    take 9 MB. ``max_leaves`` and ``trees`` make it smaller.
    """

    name = "rf"
    Options = ForestSettings
    options: ForestSettings

    def _fit_head(self, z: Float32, y: Int64, groups: Int64 | None, seed: int, *, final: bool) -> ForestHead:
        trees = self.options.trees if final else min(self.options.trees, self.options.fold_trees)
        forest = RandomForestClassifier(
            n_estimators=trees,
            max_leaf_nodes=self.options.max_leaves or None,
            n_jobs=self.options.jobs,
            random_state=seed,
        )
        return ForestHead(forest.fit(z.reshape(len(z), -1), y))


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
