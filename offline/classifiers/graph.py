"""ONNX graphs, node by node: what every classifier's graph begins and ends with."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from offline.bundle.writing import OPSET
from offline.classifiers.inputs import Standardiser

IR_VERSION = 10  # as torch writes it for this opset
LATENT, PROBABILITIES = "latent", "probabilities"
_PREFIX = "head_"


class HeadGraph:
    """A graph from ``latent`` (batch, \\*shape) to ``probabilities`` (batch, K), written from front to back."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._opsets = {"": OPSET}

    def constant(self, value: np.ndarray) -> str:
        """Add a constant; returns its name."""
        name = f"{_PREFIX}c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, op: str, *inputs: str | np.ndarray, **attributes: Any) -> str:
        """Add a node with one output, whose name it returns; arrays among its inputs become constants."""
        given = [self.constant(value) if isinstance(value, np.ndarray) else value for value in inputs]
        made = f"{_PREFIX}n{len(self._nodes)}"
        self._nodes.append(helper.make_node(op, given, [made], **attributes))
        return made

    def standardise(self, standardiser: Standardiser | None) -> str:
        """The input, standardised; with the same two float32 operations as `Standardiser` itself."""
        if standardiser is None:
            return LATENT
        centred = self.node("Sub", LATENT, standardiser.mean[None])
        return self.node("Mul", centred, standardiser.scale[None])

    def absorb(self, model: onnx.ModelProto, x: str, given: str, wanted: str) -> str:
        """Take in another model's nodes, `x` going in at `given`; returns the name of what comes out at `wanted`."""
        prefix = f"{_PREFIX}m{len(self._nodes)}_"
        inner = onnx.compose.add_prefix(model, prefix).graph
        self._nodes.append(helper.make_node("Identity", [x], [prefix + given]))
        self._nodes += inner.node
        self._constants += inner.initializer
        for opset in model.opset_import:
            self._opsets[opset.domain] = max(opset.version, self._opsets.get(opset.domain, 1))
        return prefix + wanted

    def finish(self, logits: str, temperature: float, classes: np.ndarray, n_labels: int) -> onnx.ModelProto:
        """Softmax of logits (batch, C) over a temperature, spread over all K labels, checked."""
        cooled = self.node("Mul", logits, np.asarray(1.0 / temperature, np.float32))
        out = self.node("Softmax", cooled, axis=1)
        if len(classes) < n_labels:
            out = self.node("MatMul", out, np.eye(n_labels, dtype=np.float32)[classes])
        self._nodes.append(helper.make_node("Identity", [out], [PROBABILITIES]))
        graph = helper.make_graph(
            self._needed(),
            "classifier",
            [helper.make_tensor_value_info(LATENT, TensorProto.FLOAT, ["batch", *self.shape])],
            [helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, ["batch", n_labels])],
        )
        used = {name for node in graph.node for name in node.input}
        graph.initializer.extend(value for value in self._constants if value.name in used)
        domains = {node.domain for node in graph.node} | {""}
        opsets = [helper.make_opsetid(domain, self._opsets[domain]) for domain in sorted(domains)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="rt-handdt")
        onnx.checker.check_model(model, full_check=True)
        return model

    def _needed(self) -> list[onnx.NodeProto]:
        """The nodes that the probabilities depend on, in order."""
        wanted, kept = {PROBABILITIES}, []
        for node in reversed(self._nodes):
            if wanted & set(node.output):
                kept.append(node)
                wanted |= set(node.input)
        return kept[::-1]
