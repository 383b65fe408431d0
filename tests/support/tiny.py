"""A tiny bundle, made by hand: a linear map, softmax, no training. Small enough to follow every number."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from rt_handdt.core.bundle import METADATA_KEY, POPULATION, SCHEMA, Bundle, BundleManifest, TrainingRecord, save_bundle
from rt_handdt.core.calibration import CalibrationSettings
from rt_handdt.core.decoder_settings import DecoderSettings
from rt_handdt.core.layout import ElectrodeLayout
from rt_handdt.core.pattern import PATTERN_KEY, PatternSettings
from rt_handdt.core.population import Population
from rt_handdt.core.preprocess import Preprocessor
from rt_handdt.core.spec import PipelineSpec

LABELS = ("rest", "left", "right")
LATENT = 4


def tiny_spec(fs_hz: float = 512.0, height: int = 2, width: int = 4) -> PipelineSpec:
    """8 electrodes at 512 Hz, windows of 128 samples every 16."""
    return PipelineSpec(
        fs_hz=fs_hz,
        layout=ElectrodeLayout.grid(height, width),
        band_hz=(20.0, 200.0),
        notch_hz=None,
        window_s=128 / fs_hz,
        hop_s=16 / fs_hz,
        features=("rms", "wl"),  # type: ignore[arg-type]  # names are what TOML gives
    )


def tiny_manifest(spec: PipelineSpec, labels: tuple[str, ...] = LABELS) -> BundleManifest:
    """A manifest for `tiny_bundle`."""
    return BundleManifest(
        schema_=SCHEMA,
        adaptation=None,
        calibration=CalibrationSettings(),
        calibrated_with=None,
        name="tiny",
        created="2026-01-01",
        spec=spec,
        gestures=labels,
        latent_size=LATENT,
        decoder=DecoderSettings(rest_rms_uv=1.0, active_rms_uv=30.0),
        training=TrainingRecord(data="made by hand", protocol="none", people=1, seed=0),
        scores={},
        versions={},
    )


def tiny_bundle(
    path: Path, spec: PipelineSpec | None = None, *, shared: bool = False, labels: tuple[str, ...] = LABELS
) -> Bundle:
    """Rest when quiet, "left" when the left half is louder, "right" when the right half is.

    Its explainer reconstructs maps, as a decoder does; with `shared` it blends patterns that people share: 1 in the
    half of the gesture, −1 in the other. Of more `labels` it takes all but the first three for equally improbable.
    """
    spec = spec or tiny_spec()
    manifest = tiny_manifest(spec, labels)
    features, height, width = spec.frame_shape
    # latent = (1, log-ish loudness left, the same right, 0): sums of RMS over each half
    weight = np.zeros((features, height, width, LATENT), np.float32)
    weight[0, :, : width // 2, 1] = 1 / (height * width / 2)
    weight[0, :, width // 2 :, 2] = 1 / (height * width / 2)
    to_class = np.zeros((LATENT, len(labels)), np.float32)
    to_class[1, :3] = (0.0, 1.0, -0.5)
    to_class[2, :3] = (0.0, -0.5, 1.0)
    bias = np.zeros(len(labels), np.float32)
    bias[0] = 4.0
    recognizer = _model(
        [
            helper.make_node("Flatten", ["features"], ["flat"], axis=1),
            helper.make_node("MatMul", ["flat", "w"], ["latent"]),
            helper.make_node("MatMul", ["latent", "c"], ["scores"]),
            helper.make_node("Add", ["scores", "b"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        ],
        {"w": weight.reshape(-1, LATENT), "c": to_class, "b": bias},
        {"features": ["N", *spec.frame_shape]},
        {"probabilities": ["N", len(labels)], "latent": ["N", LATENT]},
        {METADATA_KEY: manifest.identity_json()},
    )
    back = weight.reshape(-1, LATENT).T.copy()
    explainer = _model(
        [
            helper.make_node("MatMul", ["latent", "v"], ["flat"]),
            helper.make_node("Reshape", ["flat", "shape"], ["pattern_map"]),
        ],
        {"v": back, "shape": np.asarray([-1, *spec.frame_shape], np.int64)},
        {"latent": ["N", LATENT]},
        {"pattern_map": ["N", *spec.frame_shape]},
        {},
    )
    if shared:
        settings = PatternSettings(sharpness=1.0)
        halves = np.where(np.arange(width) < width // 2, 1.0, -1.0) * np.ones((height, 1))
        patterns = np.stack([0 * halves, halves, -halves]).astype(np.float32)
        explainer = _model(
            [
                helper.make_node("MatMul", ["latent", "c"], ["scores"]),
                helper.make_node("Add", ["scores", "b"], ["logits"]),
                helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
                helper.make_node("MatMul", ["probabilities", "p"], ["mixed"]),
                helper.make_node("Relu", ["mixed"], ["flat"]),
                helper.make_node("Reshape", ["flat", "shape"], ["pattern_map"]),
                helper.make_node("Identity", ["patterns"], ["gesture_patterns"]),
            ],
            {
                **{"c": to_class, "b": bias, "p": patterns.reshape(3, -1), "patterns": patterns},
                "shape": np.asarray([-1, 1, height, width], np.int64),
            },
            {"latent": ["N", LATENT]},
            {"pattern_map": ["N", 1, height, width], "gesture_patterns": [3, height, width]},
            {PATTERN_KEY: settings.canonical_json()},
        )
    signal = noise(spec, 2.5 * spec.window_samples, 20.0)
    frames = Preprocessor(spec).push(signal)
    maps = np.stack([frame.maps for frame in frames])
    latents = maps.reshape(len(maps), -1) @ weight.reshape(-1, LATENT)
    logits = latents @ to_class + bias
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    golden = BytesIO()
    np.savez(
        golden,
        signal=signal,
        frames=maps,
        indices=np.asarray([frame.index for frame in frames]),
        probabilities=(odds / odds.sum(axis=1, keepdims=True)).astype(np.float32),
        latents=latents.astype(np.float32),
    )
    files = {
        "recognizer.onnx": recognizer,
        "explainer.onnx": explainer,
        "golden.npz": golden.getvalue(),
        "CARD.md": b"# tiny\n",
        POPULATION: Population.plain(spec, LATENT).to_bytes(),
    }
    return save_bundle(path, manifest, files)


def noise(spec: PipelineSpec, n: float, rms_uv: float, seed: int = 0) -> np.ndarray:
    """White noise on an offset of 20 mV, (n, channels) float32."""
    rng = np.random.default_rng(seed)
    return (20_000.0 + rms_uv * rng.standard_normal((int(n), spec.layout.n_channels))).astype(np.float32)


def _model(
    nodes: list[onnx.NodeProto],
    constants: dict[str, np.ndarray],
    inputs: dict[str, list[object]],
    outputs: dict[str, list[object]],
    metadata: dict[str, str],
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
