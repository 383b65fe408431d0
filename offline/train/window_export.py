"""A network trained on windows → a bundle (`offline.bundle.writing` does the writing and the checking)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from offline.bundle.card import MANY_PEOPLE, ONE_PERSON, VIRTUAL, CardText, Provenance, render_card
from offline.bundle.writing import golden_vectors, new_manifest, to_onnx, with_metadata, write_bundle
from offline.config import TrainConfig
from offline.data.datasets import WindowSet
from offline.data.splits import Split
from offline.train.shared_patterns import PatternHead, shared_patterns
from offline.train.window_training import Trained
from rt_handdt.core.bundle import Bundle, BundleManifest, TrainingRecord
from rt_handdt.core.decoder_settings import DecoderSettings
from rt_handdt.core.labelled import LabelledWindows
from rt_handdt.core.metrics import Confusion, accuracy, balanced_accuracy
from rt_handdt.core.pattern import PATTERN_KEY
from rt_handdt.core.recording import Recording
from rt_handdt.core.types import Float32
from rt_handdt.infer.calibrated import CalibratedStream


@dataclass(frozen=True)
class Tested:
    """What a network came to on windows that nothing was chosen by.

    Attributes
    ----------
    counts, adapted
        (K, K) confusion without and with unsupervised adaptation; the second is None where the bundle does not adapt.
    """

    counts: Confusion
    adapted: Confusion | None


def export_bundle(
    path: str | Path,
    trained: Trained,
    windows: WindowSet,
    parts: Split,
    config: TrainConfig,
    provenance: Provenance,
    golden_from: Recording,
    repetitions: LabelledWindows | None = None,
    calibrated_with: str | None = None,
    tested: Tested | None = None,
) -> Bundle:
    """Write the bundle, load it again, and compare what it computes with the network that was trained.

    Parameters
    ----------
    golden_from
        A recording of the training data, of which half a second becomes the golden signal.
    repetitions, calibrated_with
        What the bundle's user showed, to calibrate it with, and what to call that; None: nothing.
    tested
        What manifest and card tell beside the validation scores, or in their place; None where there is no test part.

    Raises
    ------
    BundleError
        If the exported graphs do not compute what the network does.
    """
    path = Path(path)
    net = trained.net.eval()
    learnt_from = np.ones(len(windows), bool) if config.refit else parts.train
    settled = windows.since_cue_s >= config.skip_after_cue_s
    explainer = PatternHead(net, shared_patterns(windows, learnt_from & settled, config.pattern))

    def network(maps: Float32) -> tuple[Float32, Float32]:
        with torch.no_grad():
            probabilities, latents = net(torch.from_numpy(maps))
        return probabilities.numpy(), latents.numpy()

    def paint(latents: Float32) -> Float32:
        with torch.no_grad():
            return np.asarray(explainer(torch.from_numpy(latents))[0].numpy())

    assert trained.population is not None
    calibrated = None
    if repetitions is not None:
        calibrated, _ = CalibratedStream.fit(
            repetitions,
            trained.population,
            config.calibration,
            network,
            trained.person,
            windows.gestures.labels,
            windows.spec.layout.occupied,
            spec=windows.spec,
        )
    manifest = _manifest(path.name, trained, windows, parts, config, provenance, calibrated_with, tested)
    golden = golden_vectors(network, golden_from, windows.spec)
    painter = to_onnx(explainer, torch.from_numpy(golden["latents"]), "latent", ["pattern_map", "gesture_patterns"])
    return write_bundle(
        path,
        manifest,
        recognizer=to_onnx(net, torch.from_numpy(golden["frames"]), "features", ["probabilities", "latent"]),
        explainer=with_metadata(painter, PATTERN_KEY, config.pattern.canonical_json()),
        golden=golden,
        card=card(manifest, trained, windows, parts, config, provenance, tested),
        paint=paint,
        population=trained.population,
        person=trained.person,
        calibrated=None if calibrated is None else calibrated.classifier,
    )


def _manifest(
    name: str,
    trained: Trained,
    windows: WindowSet,
    parts: Split,
    config: TrainConfig,
    provenance: Provenance,
    calibrated_with: str | None,
    tested: Tested | None,
) -> BundleManifest:
    scores = _scores("validation", trained.counts, trained.adapted)
    if tested is not None:
        scores |= _scores("test", tested.counts, tested.adapted)
    record = TrainingRecord(
        data=provenance.data,
        protocol=parts.protocol + ("; then trained once more on all of the data" if config.refit else ""),
        people=len(windows.people) if config.refit else parts.train_people,
        seed=config.seed,
        config=config.portable(),
    )
    return new_manifest(
        name,
        record,
        spec=windows.spec,
        gestures=windows.gestures.labels,
        latent_size=trained.net.latent_size,
        decoder=decoder_settings(windows, parts),
        adaptation=trained.adapter,
        calibration=config.calibration,
        calibrated_with=calibrated_with,
        scores=scores,
    )


def _scores(part: str, counts: Confusion, adapted: Confusion | None) -> dict[str, float]:
    """Of a part; none where it has no windows."""
    if not counts.sum():
        return {}
    scores = {
        f"{part}_accuracy": round(accuracy(counts), 4),
        f"{part}_balanced_accuracy": round(balanced_accuracy(counts), 4),
        f"{part}_windows": float(counts.sum()),
    }
    if adapted is not None:
        scores[f"{part}_adapted_accuracy"] = round(accuracy(adapted), 4)
        scores[f"{part}_adapted_balanced_accuracy"] = round(balanced_accuracy(adapted), 4)
    return scores


def decoder_settings(windows: WindowSet, parts: Split) -> DecoderSettings:
    """The decoder's defaults with the levels of this training data: medians over windows of the mean RMS."""
    rest = windows.gestures.rest_index
    active = windows.level_uv[parts.train & (windows.label != (-1 if rest is None else rest))]
    quiet = windows.level_uv[parts.train & (windows.label == rest)] if rest is not None else np.zeros(0)
    return DecoderSettings(
        rest_rms_uv=float(np.median(quiet)) if len(quiet) else 0.0,
        active_rms_uv=float(np.median(active)) if len(active) else 0.0,
    )


def card(
    manifest: BundleManifest,
    trained: Trained,
    windows: WindowSet,
    parts: Split,
    config: TrainConfig,
    provenance: Provenance,
    tested: Tested | None = None,
) -> str:
    """CARD.md: what people should know before they use the model."""
    n_people, n_held = len(windows.people), len(windows.people) - parts.train_people
    people = "1 person" if n_people == 1 else f"{n_people} people, {n_held} of them held out to validate"
    caveat = (
        "These windows chose the epoch, so an untouched test may come out a little lower."
        if config.optimiser.keep == "best"
        else "The number of epochs was set beforehand."
    )
    if config.refit:
        caveat += (
            " The network was then trained once more, with the held-out windows too; these scores are from before."
        )
    if tested is not None:
        people = f"{parts.train_people} people of {n_people}"
    items = [
        f"Data: {provenance.data}.",
        f"{people}; {len(windows.trials)} trials, {len(windows)} windows; seed {manifest.training.seed}.",
        f"Protocol: {manifest.training.protocol}. Epochs: {trained.best}.",
    ]
    if not parts.with_subject:
        items.append(
            "Only one person was trained on, so the subject terms (subject encoder, subject triplets, "
            "cross-reconstruction, subject adversary) are off."
        )
    part, counts, adapted = "validation", trained.counts, trained.adapted
    if tested is not None:
        part, counts, adapted = "test", tested.counts, tested.adapted
        caveat = "Nothing was chosen by them."
    scored = f"Over {part} windows that lie wholly inside one marker segment, each on its own (no smoothing). {caveat}"
    if adapted is not None:
        scored += (
            " The network judged windows as the average person would have shown them, by the mean and spread of the "
            "whole session. **In use the model learns its user** from the unlabelled stream, beginning as a stranger; "
            "over the same windows, each judged by what came before it, that gives accuracy "
            f"{accuracy(adapted):.3f}, balanced {balanced_accuracy(adapted):.3f}."
        )
    if trained.gain is not None:
        scored += f" {trained.gain.sentence}"
    use = VIRTUAL if provenance.virtual else (ONE_PERSON if n_people == 1 else MANY_PEOPLE)
    return render_card(manifest, CardText(items, scored, counts, "windows", [use]))
