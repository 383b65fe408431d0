"""A trained network → a bundle: ONNX graphs, manifest, golden vectors and card, checked by running what was written."""

from __future__ import annotations

import datetime
import importlib.metadata
import io
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from offline.config import TrainConfig
from offline.datasets import WindowSet
from offline.networks import DisentanglingNet
from offline.splits import Split
from offline.training import Trained
from rt_handdt import __version__
from rt_handdt.core.bundle import METADATA_KEY, PERSON, SCHEMA, Bundle, BundleManifest, TrainingRecord, save_bundle
from rt_handdt.core.decoder import DecoderSettings
from rt_handdt.core.gestures import REST, title
from rt_handdt.core.metrics import accuracy, balanced_accuracy
from rt_handdt.core.preprocess import Preprocessor, channel_order
from rt_handdt.core.recording import Recording
from rt_handdt.core.spec import PipelineSpec
from rt_handdt.core.types import Float32
from rt_handdt.errors import BundleError, RecordingError
from rt_handdt.infer.recognizer import Recognizer

OPSET = 20
GOLDEN_S = 0.6
TOLERANCE = 1e-4  # between torch and ONNX Runtime: other summation orders, same network


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a card says of the data.

    Attributes
    ----------
    data
        One line: where the recordings came from.
    virtual
        Whether the people were simulated.
    """

    data: str
    virtual: bool


def export_bundle(
    path: str | Path,
    trained: Trained,
    windows: WindowSet,
    parts: Split,
    config: TrainConfig,
    provenance: Provenance,
    golden_from: Recording,
) -> Bundle:
    """Write the bundle, load it again, and compare what it computes with the network that was trained.

    Parameters
    ----------
    golden_from
        A recording of the training data, of which half a second becomes the golden signal.

    Raises
    ------
    BundleError
        If the exported graphs do not compute what the network does.
    """
    path = Path(path)
    net = trained.net.eval()
    manifest = _manifest(path.name, trained, windows, parts, config, provenance)
    golden = golden_vectors(net, golden_from, windows.spec)
    example = torch.from_numpy(golden["frames"])
    files = {
        "recognizer.onnx": _with_manifest(
            to_onnx(net, example, "features", ["probabilities", "latent"]), manifest.identity_json()
        ),
        "explainer.onnx": to_onnx(_Explainer(net), torch.from_numpy(golden["latents"]), "latent", ["pattern_map"]),
        "golden.npz": _npz(golden),
        "CARD.md": card(manifest, trained, windows, parts, config, provenance).encode(),
    }
    if trained.person is not None:
        files[PERSON] = trained.person.to_bytes()
    bundle = save_bundle(path, manifest, files)
    _verify(bundle, net)
    return bundle


class _Explainer(nn.Module):
    """Flat pattern latent → pattern component, as a graph of its own."""

    def __init__(self, net: DisentanglingNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, latent: Tensor) -> Tensor:
        maps = self.net.explain(latent.reshape(-1, *self.net.latent_shape))
        return maps * self.net.inputs.occupied


def to_onnx(module: nn.Module, example: Tensor, given: str, wanted: list[str]) -> bytes:
    """One ONNX file with a dynamic batch, as bytes.

    Parameters
    ----------
    example
        A batch of at least two, lest the exporter takes the batch size for a constant.
    given, wanted
        Names of the input and of the outputs.
    """
    loud = logging.getLogger("torch.onnx")
    level = loud.level
    loud.setLevel(logging.ERROR)
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
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                verbose=False,
            )
    finally:
        loud.setLevel(level)
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def golden_vectors(net: DisentanglingNet, recording: Recording, spec: PipelineSpec) -> dict[str, np.ndarray]:
    """Half a second of signal around a cue, and what the pipeline and the network make of it.

    Raises
    ------
    RecordingError
        If the recording is shorter than two windows.
    """
    length = max(round(GOLDEN_S * spec.fs_hz), spec.window_samples + 4 * spec.hop_samples)
    order = channel_order(recording.channels, spec, recording.name)
    active = [segment for segment in recording.segments() if segment.label != REST] or list(recording.segments())
    start = max(0, min(active[0].start - length // 2, recording.n_samples - length)) if active else 0
    signal = _cut(recording, start, start + length)[:, order]
    frames = Preprocessor(spec).push(signal)
    if len(frames) < 2:
        raise RecordingError(f"{recording.name}: is too short for golden vectors; it needs {length / spec.fs_hz:g} s.")
    maps = np.stack([frame.maps for frame in frames])
    with torch.no_grad():
        probabilities, latents = net(torch.from_numpy(maps))
    return {
        "signal": signal,
        "frames": maps,
        "indices": np.asarray([frame.index for frame in frames], dtype=np.int64),
        "probabilities": probabilities.numpy(),
        "latents": latents.numpy(),
    }


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


def _with_manifest(model: bytes, identity: str) -> bytes:
    proto = onnx.load_model_from_string(model)
    onnx.helper.set_model_props(proto, {METADATA_KEY: identity})
    return bytes(proto.SerializeToString())


def _manifest(
    name: str, trained: Trained, windows: WindowSet, parts: Split, config: TrainConfig, provenance: Provenance
) -> BundleManifest:
    data = {
        "schema": SCHEMA,
        "name": name,
        "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "spec": windows.spec,
        "gestures": windows.gestures.labels,
        "latent_size": trained.net.latent_size,
        "decoder": decoder_settings(windows, parts),
        "adaptation": config.person.adapter if config.person.learn else None,
        "training": TrainingRecord(
            data=provenance.data,
            protocol=parts.protocol + ("; then trained once more on all of the data" if config.refit else ""),
            people=len(windows.people) if config.refit else parts.train_people,
            seed=config.seed,
            config=config.model_dump(mode="json"),
        ),
        "scores": {
            "validation_accuracy": round(accuracy(trained.counts), 4),
            "validation_balanced_accuracy": round(balanced_accuracy(trained.counts), 4),
            "validation_windows": float(trained.counts.sum()),
        },
        "versions": {
            "rt-handdt": __version__,
            **{package: importlib.metadata.version(package) for package in ("torch", "onnx", "numpy", "scipy")},
        },
    }
    return BundleManifest.parse(data, what="the new bundle's manifest", error=BundleError)


def decoder_settings(windows: WindowSet, parts: Split) -> DecoderSettings:
    """The decoder's defaults with the levels of this training data: medians over windows of the mean RMS."""
    rest = windows.gestures.rest_index
    active = windows.level_uv[parts.train & (windows.label != (-1 if rest is None else rest))]
    quiet = windows.level_uv[parts.train & (windows.label == rest)] if rest is not None else np.zeros(0)
    return DecoderSettings(
        rest_rms_uv=float(np.median(quiet)) if len(quiet) else 0.0,
        active_rms_uv=float(np.median(active)) if len(active) else 0.0,
    )


def _verify(bundle: Bundle, net: DisentanglingNet) -> None:
    """Run the written files as the live app will."""
    golden = bundle.golden()
    recognizer = Recognizer(bundle, "cpu")
    probabilities, latents = recognizer.predict_batch(golden["frames"])
    with torch.no_grad():
        painted = _Explainer(net)(torch.from_numpy(golden["latents"][:1])).numpy()[0]
    scale = max(1.0, float(np.abs(golden["latents"]).max()))
    worst = max(
        float(np.abs(probabilities - golden["probabilities"]).max()),
        float(np.abs(latents - golden["latents"]).max()) / scale,
        float(np.abs(recognizer.explain(golden["latents"][0]) - painted).max()),
    )
    if worst > TOLERANCE:
        raise BundleError(
            f"{bundle.path}: the exported graphs differ from the trained network by {worst:.1e} "
            f"(at most {TOLERANCE:g}); check torch, onnxscript and onnxruntime against the constraints file."
        )


def card(
    manifest: BundleManifest,
    trained: Trained,
    windows: WindowSet,
    parts: Split,
    config: TrainConfig,
    provenance: Provenance,
) -> str:
    """CARD.md: what people should know before they use the model."""
    spec, labels = windows.spec, windows.gestures.labels
    n_people, n_held = len(windows.people), len(windows.people) - parts.train_people
    people = "1 person" if n_people == 1 else f"{n_people} people, {n_held} of them held out to validate"
    chosen = config.optimiser.keep == "best"
    caveat = (
        "These windows chose the epoch, so an untouched test may come out a little lower."
        if chosen
        else "The number of epochs was set beforehand."
    )
    if config.refit:
        caveat += (
            " The network was then trained once more, with the held-out windows too; these scores are from before."
        )
    recall = np.diag(trained.counts) / np.maximum(1, trained.counts.sum(axis=1))
    lines = [
        f"# {manifest.name}",
        "",
        f"Tells {len(labels)} classes apart from {spec.layout.n_channels} electrodes "
        f"(layout `{spec.layout.name}`) at {spec.fs_hz:g} Hz, {spec.window_s * 1e3:g} ms windows every "
        f"{spec.hop_samples / spec.fs_hz * 1e3:g} ms.",
        "",
        "## Trained on",
        "",
        f"- Data: {provenance.data}.",
        f"- {people}; {len(windows.trials)} trials, {len(windows)} windows; seed {manifest.training.seed}.",
        f"- Protocol: {manifest.training.protocol}. Epochs: {trained.best}.",
    ]
    if not parts.with_subject:
        lines.append(
            "- Only one person was trained on, so the subject terms (subject encoder, subject triplets, "
            "cross-reconstruction) are off."
        )
    lines += [
        "",
        "## Scores",
        "",
        "Over validation windows that lie wholly inside one marker segment, each window on its own (no smoothing). "
        + caveat,
        "",
        "| accuracy | balanced accuracy | windows |",
        "|---|---|---|",
        f"| {accuracy(trained.counts):.3f} | {balanced_accuracy(trained.counts):.3f} | {int(trained.counts.sum())} |",
        "",
        "| class | recall |",
        "|---|---|",
        *(f"| {title(label)} | {value:.3f} |" for label, value in zip(labels, recall, strict=True)),
        "",
        "## Use",
        "",
    ]
    if provenance.virtual:
        lines.append(
            "**The people it learned from are simulated.** It is for the demo and for tests. For real use, train on "
            "Hyser or on your own recordings: `handdt-offline train --data PATH --layout FILE --out DIR`."
        )
    elif len(windows.people) == 1:
        lines.append(
            "It knows one person with the electrodes worn as in the recordings. For somebody else, or after "
            "the electrodes have moved, record and train again."
        )
    else:
        lines.append(
            "It fits people who wear the same electrodes in the same places as those it was trained on. "
            "Check it on your own recordings before you rely on it."
        )
    lines += ["", "It is a research tool and no medical device.", ""]
    return "\n".join(lines)
