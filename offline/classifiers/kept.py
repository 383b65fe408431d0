"""A fitted classifier as its own graph, kept in a run's folder: what is evaluated is what is exported, fitted once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from offline.bundle.writing import with_metadata
from offline.classifiers.base import CalibratedClassifier
from offline.classifiers.graph import LATENT, PROBABILITIES
from offline.classifiers.registry import make
from offline.data.datasets import Int64
from offline.util import written
from rt_handdt.core.types import Float32
from rt_handdt.errors import ConfigError
from rt_handdt.infer.network import open_session

#: Entry of the graph's metadata: name, options, key, notes and temperature, as JSON.
KEY = "rt_handdt.classifier"
_CHUNK = 4096  # latents in one go


@dataclass(frozen=True)
class KeptClassifier:
    """A classifier that has learnt.

    Attributes
    ----------
    name, options
        What it is.
    notes
        What did not go as it should when it was fitted, one sentence each.
    temperature
        What its logits are divided by.
    """

    name: str
    options: Mapping[str, Any]
    notes: tuple[str, ...]
    temperature: float
    _graph: bytes | None
    _own: CalibratedClassifier | None = None

    def probabilities(self, x: Float32) -> Float32:
        """(N, \\*latent_shape) → (N, K), by the graph itself where there is one."""
        if self._graph is None:
            assert self._own is not None
            return self._own.probabilities(x)
        session = open_session(self._graph, "cpu")
        parts = [
            session.run([PROBABILITIES], {LATENT: np.ascontiguousarray(x[start : start + _CHUNK], np.float32)})[0]
            for start in range(0, max(1, len(x)), _CHUNK)
        ]
        return np.concatenate(parts)

    def to_onnx(self) -> onnx.ModelProto:
        """The graph.

        Raises
        ------
        HanddtError
            If it would be larger than is good for a live program.
        """
        if self._graph is None:
            assert self._own is not None
            return self._own.to_onnx()
        return onnx.load_model_from_string(self._graph)


def fitted_once(
    name: str,
    x: Float32,
    y: Int64,
    groups: Int64,
    *,
    seed: int,
    n_labels: int,
    options: Mapping[str, Any] | None = None,
    folder: Path | None = None,
) -> KeptClassifier:
    """A classifier of these samples: from the folder, if it was fitted to the very same before, else fitted and kept.

    Parameters
    ----------
    name, options
        As `offline.classifiers.registry.make` takes them.
    x, y, groups, seed, n_labels
        As `offline.classifiers.base.CalibratedClassifier.fit` takes them.
    folder
        None keeps nothing. A classifier whose graph would be too large is not kept.

    Raises
    ------
    HanddtError
        If there is no such classifier, it cannot be fitted, or not be written.
    """
    options = dict(options or {})
    classifier = make(name, **options)
    said = json.dumps([name, classifier.options.model_dump(mode="json"), seed, n_labels, x.shape], sort_keys=True)
    digest = hashlib.sha256(said.encode())
    for values in (x, y, groups):
        digest.update(np.ascontiguousarray(values).tobytes())
    key = digest.hexdigest()
    path = None if folder is None else folder / f"{'_'.join([name, *(f'{k}{v}' for k, v in options.items())])}.onnx"
    if path is not None and (there := _read(path, name, options, key)) is not None:
        return there
    classifier.fit(x, y, groups, seed=seed, n_labels=n_labels)
    about = {"key": key, "notes": classifier.notes, "temperature": classifier.calibration.temperature}
    try:
        graph = with_metadata(classifier.to_onnx().SerializeToString(), KEY, json.dumps(about))
    except ConfigError:  # it may still be evaluated, and fitted smaller for a bundle
        return KeptClassifier(name, options, classifier.notes, classifier.calibration.temperature, None, classifier)
    if path is not None:
        with written(path) as part:
            part.write_bytes(graph)
    return KeptClassifier(name, options, classifier.notes, classifier.calibration.temperature, graph)


def _read(path: Path, name: str, options: Mapping[str, Any], key: str) -> KeptClassifier | None:
    """What is kept there, if it is the same; what is damaged or of other samples is made anew."""
    try:
        graph = path.read_bytes()
        found = {entry.key: entry.value for entry in onnx.load_model_from_string(graph).metadata_props}
        about = json.loads(found[KEY])
        if about["key"] != key:
            return None
        return KeptClassifier(name, options, tuple(about["notes"]), float(about["temperature"]), graph)
    except Exception:  # a reader of protocol buffers raises whatever it likes
        return None
