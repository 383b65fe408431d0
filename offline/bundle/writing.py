"""What every export shares: ONNX graphs, golden vectors, and a bundle that is checked by running what was written."""

from __future__ import annotations

import datetime
import importlib.metadata
import io
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from rt_handdt import __version__
from rt_handdt.core.bundle import (
    CALIBRATION,
    MANIFEST,
    METADATA_KEY,
    PERSON,
    POPULATION,
    SCHEMA,
    Bundle,
    BundleManifest,
    TrainingRecord,
    save_bundle,
)
from rt_handdt.core.calibration import CalibratedClassifier, CalibrationSettings
from rt_handdt.core.gestures import REST
from rt_handdt.core.person import PersonModel
from rt_handdt.core.population import Population
from rt_handdt.core.preprocess import Preprocessor, channel_order
from rt_handdt.core.recording import Recording
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32
from rt_handdt.errors import BundleError, RecordingError
from rt_handdt.infer.recognizer import Recognizer

OPSET = 20
GOLDEN_S = 0.6
TOLERANCE = 1e-4  # between torch and ONNX Runtime: other summation orders, same network

#: Maps (N, F, H, W) → probabilities (N, K), latents (N, D): what was trained, as it computes.
Network = Callable[[Float32], tuple[Float32, Float32]]
#: Latents (N, D) → pattern components (N, C, H, W): C is 1, or F where they are reconstructions.
Painter = Callable[[Float32], Float32]


def write_bundle(
    path: Path,
    manifest: BundleManifest,
    *,
    recognizer: bytes,
    explainer: bytes,
    golden: dict[str, np.ndarray],
    card: str,
    paint: Painter,
    population: Population | None = None,
    person: PersonModel | None = None,
    calibrated: CalibratedClassifier | None = None,
    tolerance: float = TOLERANCE,
) -> Bundle:
    """Write a bundle, load it again, and compare what it computes with what was trained.

    Parameters
    ----------
    recognizer, explainer
        ONNX graphs; the manifest is put into the first.
    golden
        Of `golden_vectors`.
    paint
        What the explainer should compute.
    population
        How windows of the training people scatter; None: nothing is known of them.
    calibrated
        What the user's repetitions came to; there if the manifest says who it is calibrated for.
    person
        How people differ; there if the manifest says how they are learnt.
    tolerance
        How far a probability may be from the trained one.

    Raises
    ------
    BundleError
        If the exported graphs do not compute what was trained, or the folder holds something else.
    """
    files = {
        "recognizer.onnx": with_metadata(recognizer, METADATA_KEY, manifest.identity_json()),
        "explainer.onnx": explainer,
        "golden.npz": _npz(golden),
        "CARD.md": card.encode(),
    }
    known = population or Population.plain(manifest.spec, manifest.latent_size)
    files[POPULATION] = known.to_bytes()
    if person is not None:
        files[PERSON] = person.to_bytes()
    if calibrated is not None:
        files[CALIBRATION] = calibrated.to_bytes()
    try:
        bundle = save_bundle(path, manifest, files)
    except OSError as exc:
        raise BundleError(
            f"{path}: the bundle cannot be written ({exc.strerror or exc}); free some space or choose another folder."
        ) from None
    _verify(bundle, paint, tolerance)
    return bundle


def new_manifest(name: str, record: TrainingRecord, **values: Any) -> BundleManifest:
    """A manifest of today, with these fields; of what it does not name a bundle has nothing.

    Raises
    ------
    BundleError
        If something does not fit together.
    """
    nothing = {"adaptation": None, "calibration": CalibrationSettings(), "calibrated_with": None}
    own = {"schema": SCHEMA, "name": name, "created": today(), "training": record, "versions": versions()}
    return BundleManifest.parse({**nothing, **own, **values}, what="the new bundle's manifest", error=BundleError)


def refuse_target(out: Path) -> None:
    """The rule of `save_bundle`, asked before hours of training and not after.

    Raises
    ------
    BundleError
        If something that is no bundle lies there.
    """
    if out.exists() and not (out / MANIFEST).exists() and (not out.is_dir() or any(out.iterdir())):
        raise BundleError(f"{out}: exists and is not a bundle; choose another folder or empty it.")


def to_onnx(module: nn.Module, example: Tensor, given: str, wanted: list[str]) -> bytes:
    """One ONNX file with a dynamic batch, as bytes.

    Parameters
    ----------
    example
        A batch of at least two, lest the exporter takes the batch size for a constant.
    given, wanted
        Names of the input and of the outputs.

    Raises
    ------
    BundleError
        If it has no such form.
    """
    loud = [logging.getLogger(name) for name in ("torch.onnx", "onnx_ir")]
    levels = [one.level for one in loud]
    for one in loud:
        one.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # the exporter warns of its own internals
            program = torch.onnx.export(
                module.eval(),
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[given],
                output_names=wanted,
                # From 2 on, as the example: torch 2.9 excludes 1 where it traces an LSTM. The graph takes any.
                dynamic_shapes=({0: torch.export.Dim("batch", min=2)},),
                verbose=False,
            )
    except Exception as exc:  # torch raises whatever its tracer stumbles over
        raise BundleError(
            f"{type(module).__name__}: cannot be written as an ONNX graph ({str(exc).splitlines()[0]}); an encoder of "
            "your own may use operations of torch only, and none that depends on the values that come in."
        ) from None
    finally:
        for one, level in zip(loud, levels, strict=True):
            one.setLevel(level)
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    forget_origin(model)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def forget_origin(model: onnx.ModelProto) -> None:
    """Drop the exporter's notes of each node, which hold source lines and paths of the machine that exported."""
    graphs = [model.graph, *model.functions]
    for graph in graphs:
        for entry in (graph, *graph.node, *graph.value_info):
            del entry.metadata_props[:]
            entry.doc_string = ""


def with_metadata(model: bytes, key: str, text: str) -> bytes:
    """The model with one entry as its metadata."""
    proto = onnx.load_model_from_string(model)
    onnx.helper.set_model_props(proto, {key: text})
    return bytes(proto.SerializeToString())


def golden_vectors(
    network: Network, recording: Recording, spec: PipelineSpec, seconds: float = GOLDEN_S
) -> dict[str, np.ndarray]:
    """Half a second of signal around a cue, and what the pipeline and the network make of it.

    Parameters
    ----------
    seconds
        How much of it; at least a window and four hops are taken.

    Raises
    ------
    RecordingError
        If the recording is shorter than two windows.
    """
    length = max(round(seconds * spec.fs_hz), spec.window_samples + 4 * spec.hop_samples)
    order = channel_order(recording.channels, spec, recording.name)
    active = [segment for segment in recording.segments() if segment.label != REST] or list(recording.segments())
    start = max(0, min(active[0].start - length // 2, recording.n_samples - length)) if active else 0
    signal = _cut(recording, start, start + length)[:, order]
    frames = Preprocessor(spec).push(signal)
    if len(frames) < 2:
        raise RecordingError(f"{recording.name}: is too short for golden vectors; it needs {length / spec.fs_hz:g} s.")
    maps = np.stack([frame.maps for frame in frames])
    probabilities, latents = network(maps)
    return {
        "signal": signal,
        "frames": maps,
        "indices": np.asarray([frame.index for frame in frames], dtype=np.int64),
        "probabilities": probabilities,
        "latents": latents,
    }


def today() -> str:
    """The date, as a manifest says it."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def versions() -> dict[str, str]:
    """Of the packages that a bundle comes from."""
    packages = ("torch", "onnx", "numpy", "scipy")
    return {"rt-handdt": __version__, **{package: importlib.metadata.version(package) for package in packages}}


def _cut(recording: Recording, start: int, stop: int) -> Float32:
    """Samples start..stop−1, reading no further than needed."""
    pieces, at = [], 0
    for block in recording.blocks():
        if at + len(block) > start:
            pieces.append(np.asarray(block[max(0, start - at) : stop - at], dtype=np.float32))
        at += len(block)
        if at >= stop:
            break
    return np.concatenate(pieces)


def _npz(arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _verify(bundle: Bundle, paint: Painter, tolerance: float) -> None:
    """Run the written files as the live app will."""
    golden = bundle.golden()
    recognizer = Recognizer(bundle, "cpu")
    probabilities, latents = recognizer.predict_batch(golden["frames"])
    painted = paint(golden["latents"][:1])[0]
    scale = max(1.0, float(np.abs(golden["latents"]).max()))
    off = {
        "probabilities": (float(np.abs(probabilities - golden["probabilities"]).max()), tolerance),
        "latents": (float(np.abs(latents - golden["latents"]).max()) / scale, TOLERANCE),
        "pattern component": (float(np.abs(recognizer.explain(golden["latents"][0]) - painted).max()), TOLERANCE),
    }
    for what, (worst, allowed) in off.items():
        if not worst <= allowed:  # NaN is no agreement either
            raise BundleError(
                f"{bundle.path}: the {what} of the exported graphs differ from the trained network's by {worst:.1e} "
                f"(at most {allowed:g}); check torch, onnxscript and onnxruntime against the constraints file."
            )
