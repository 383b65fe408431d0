"""An encoder's graph and a classifier's graph → one graph, as the live program wants it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper
from onnx.utils import Extractor

from offline.classifiers.graph import LATENT, PROBABILITIES
from rt_handdt.errors import BundleError

FEATURES = "features"
_FOR_HEAD = "latent_for_head"


def stack(encoder: onnx.ModelProto | Sequence[onnx.ModelProto], head: onnx.ModelProto) -> onnx.ModelProto:
    """Join them: ``features`` → ``probabilities`` (batch, K) and ``latent`` (batch, D), what a `Recognizer` runs.

    Parameters
    ----------
    encoder
        A graph with the input ``features`` and an output ``latent`` of any shape; what else it puts out (a classifier
        of its own) is cut off, and so is its metadata. Several, of runs whose latents were concatenated for the
        classifier, read the same features.
    head
        What `CalibratedClassifier.to_onnx` gave: ``latent`` → ``probabilities``.

    Raises
    ------
    BundleError
        If names, sizes or opsets do not fit.
    """
    encoders = [encoder] if isinstance(encoder, onnx.ModelProto) else list(encoder)
    joint = _side_by_side([_latent_only(model) for model in encoders])
    wanted = _shape(head.graph.input, LATENT, "classifier's input")
    found = _shape(joint.graph.output, LATENT, "encoder's output")
    if math.prod(wanted) != math.prod(found):
        raise BundleError(
            f"The classifier was fitted to latents of shape {wanted}, the encoder gives {found}; "
            "fit it to this encoder's latents."
        )
    _check_opsets(joint, head)
    below, above = onnx.ModelProto(), onnx.ModelProto()
    below.CopyFrom(joint)
    above.CopyFrom(head)
    below.ir_version = above.ir_version = max(joint.ir_version, head.ir_version)
    _lead_out(below, found, wanted)
    _rename(above.graph, {LATENT: _FOR_HEAD + "_in"})
    merged = compose.merge_models(
        below,
        above,
        io_map=[(_FOR_HEAD, _FOR_HEAD + "_in")],
        outputs=[LATENT, PROBABILITIES],
        producer_name="rt-handdt",
    )
    onnx.checker.check_model(merged, full_check=True)
    return merged


def _latent_only(model: onnx.ModelProto) -> onnx.ModelProto:
    """What ``latent`` needs of an encoder's graph, without metadata."""
    _shape(model.graph.output, LATENT, "encoder's output")
    names = [value.name for value in model.graph.input]
    if names != [FEATURES]:
        raise BundleError(f"An encoder's graph must have the one input '{FEATURES}'; got {names}; export it again.")
    part = Extractor(model).extract_model([FEATURES], [LATENT])
    part.ir_version = model.ir_version
    del part.metadata_props[:]
    return part


def _side_by_side(models: Sequence[onnx.ModelProto]) -> onnx.ModelProto:
    """Encoders of the same features, their latents concatenated as `offline.classifiers.inputs.concatenate` does."""
    if not models:
        raise BundleError("A stack needs at least one encoder; got none.")
    first = models[0]
    if len(models) == 1:
        return first
    frames = [_shape(model.graph.input, FEATURES, "encoder's input") for model in models]
    if len(set(frames)) > 1:
        raise BundleError(f"Encoders of one stack must read the same features; theirs have the shapes {frames}.")
    shapes = [_shape(model.graph.output, LATENT, "encoder's output") for model in models]
    alike = len({shape[1:] for shape in shapes}) == 1
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []
    parts = []
    for number, model in enumerate(models):
        _check_opsets(first, model)
        inner = compose.add_prefix(model, f"run{number}_").graph
        _rename(inner, {f"run{number}_{FEATURES}": FEATURES})
        nodes += inner.node
        constants += inner.initializer
        parts.append(f"run{number}_{LATENT}")
        if not alike:
            nodes.append(helper.make_node("Flatten", [parts[-1]], [parts[-1] + "_flat"], axis=1))
            parts[-1] += "_flat"
    nodes.append(helper.make_node("Concat", parts, [LATENT], axis=1))
    joined = (
        (sum(shape[0] for shape in shapes), *shapes[0][1:]) if alike else (sum(math.prod(shape) for shape in shapes),)
    )
    graph = helper.make_graph(
        nodes, "encoders", list(first.graph.input), [_value(LATENT, joined)], initializer=constants
    )
    return helper.make_model(
        graph, opset_imports=list(first.opset_import), ir_version=max(model.ir_version for model in models)
    )


def _lead_out(model: onnx.ModelProto, found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    """Give the latent out twice: flat, for the program, and in the classifier's shape."""
    graph = model.graph
    _rename(graph, {LATENT: "encoded"})
    del graph.output[:]
    for name, shape in ((LATENT, (math.prod(found),)), (_FOR_HEAD, wanted)):
        graph.initializer.append(numpy_helper.from_array(np.asarray([-1, *shape], np.int64), name + "_shape"))
        graph.node.append(helper.make_node("Reshape", ["encoded", name + "_shape"], [name]))
        graph.output.append(_value(name, shape))


def _rename(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    """Rename tensors everywhere on the graph's own level."""
    for node in graph.node:
        for values in (node.input, node.output):
            for k, name in enumerate(values):
                values[k] = names.get(name, name)
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        value.name = names.get(value.name, value.name)


def _check_opsets(first: onnx.ModelProto, second: onnx.ModelProto) -> None:
    ours, theirs = ({opset.domain: opset.version for opset in model.opset_import} for model in (first, second))
    for domain in ours.keys() & theirs.keys():
        if ours[domain] != theirs[domain]:
            raise BundleError(
                f"Graphs to be joined must have the same version of the operator set '{domain or 'ai.onnx'}'; "
                f"got {ours[domain]} and {theirs[domain]}; export both with this version of the program."
            )


def _shape(values: Iterable[onnx.ValueInfoProto], name: str, what: str) -> tuple[int, ...]:
    """Shape of the tensor `name` behind its batch axis."""
    for value in values:
        if value.name == name:
            sizes = tuple(axis.dim_value for axis in value.type.tensor_type.shape.dim)[1:]
            if sizes and min(sizes) > 0:
                return sizes
            raise BundleError(f"The {what} '{name}' must have fixed sizes behind the batch axis; got {sizes}.")
    raise BundleError(f"The {what} '{name}' is missing; export it again.")


def _value(name: str, shape: tuple[int, ...]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])
