"""What the card of an exported run says."""

from __future__ import annotations

from typing import Any

import numpy as np

from offline.bundle.card import MANY_PEOPLE, ONE_PERSON, VIRTUAL, CardText, Provenance
from offline.evaluate.metrics import Scores
from offline.study.joined import JoinedRuns
from offline.study.live_spec import Levels
from rt_handdt.core.bundle import BundleManifest
from rt_handdt.core.gestures import REST


def card_text(
    manifest: BundleManifest,
    runs: JoinedRuns,
    scores: Scores,
    provenance: Provenance,
    levels: Levels,
    options: dict[str, Any],
    n_bytes: int,
) -> CardText:
    """Where the model comes from, how it was judged, and what its live use means.

    Parameters
    ----------
    options
        By which the classifier was made smaller than the run's own.
    n_bytes
        Of ``recognizer.onnx``.
    """
    train, features = runs.latents["train"], runs.config.features
    unit = f"{features.unit}s"
    people = len(np.unique(train.ys))
    trials = len(np.unique(train.trial))
    samples = f"{trials} trials" + (f", {len(train)} {unit}" if features.unit == "window" else "")
    trained_on = [
        f"Data: {provenance.data}.",
        f"{people} {'person' if people == 1 else 'people'}, {samples}; seed {manifest.training.seed}.",
        f"Protocol: {manifest.training.protocol}.",
        f"Measure: {features.measure} ({manifest.spec.n_maps} maps). Epochs: {runs.trained[0].best}. Latent of "
        f"{manifest.latent_size} numbers; recognizer.onnx has {n_bytes / 1e6:.1f} MB.",
        *(note.rstrip(".") + "." for note in scores.notes),
    ]
    if len(runs) > 1:
        trained_on.append(
            f"Latents of {len(runs)} runs side by side (training seeds "
            f"{', '.join(str(config.method.seed) for config in runs.configs)}); the pattern component is the first's."
        )
    if options:
        said = ", ".join(f"{key} = {value}" for key, value in options.items())
        trained_on.append(
            f"The classifier is kept small for live use ({said}), so it is not the one in the run's table."
        )
    if features.repair:
        trained_on.append("Bad channels were found and rebuilt in training; live, only missing ones are.")
    tested = len(scores.people)
    scored = (
        f"Over the run's test {unit} ({tested} {'person' if tested == 1 else 'people'}, mean {scores.mean:.3f} over "
        f"them), each on its own; expected calibration error {scores.ece:.3f}. Nothing was learnt from them."
    )
    return CardText(
        trained_on, scored, scores.counts, unit, _use(manifest, provenance, levels, people, runs.config.features.unit)
    )


def _use(manifest: BundleManifest, provenance: Provenance, levels: Levels, people: int, unit: str) -> list[str]:
    spec, decoder = manifest.spec, manifest.decoder
    use = [VIRTUAL if provenance.virtual else (ONE_PERSON if people == 1 else MANY_PEOPLE)]
    if unit == "trial":
        length = f"{spec.window_s:g} s"
        use.append(
            f"It has learnt from the last {length} of each trial only, with the hand in the gesture for some time, and "
            f"has never seen the way there or back. Live it judges every window of {length} alike: what it says on the "
            "way means little, and its scores above say nothing about that. A run with --unit window learns what a "
            "stream shows."
        )
    if REST not in manifest.gestures:
        gate = decoder.gate_ratio * decoder.rest_rms_uv
        use.append(
            "It knows no rest. "
            + (
                f"Windows whose RMS (mean over the electrodes) is below {gate:.3g} µV are called rest by that alone: "
                f"half way, as a ratio, between the training people's rest ({levels.rest:.3g} µV) and gestures "
                f"({levels.active:.3g} µV). Other skin or another amplifier has other levels; see that rest is called "
                "rest before you rely on it."
                if 0 < levels.rest < levels.active
                else "No level of rest is known of these data either, so once it has named a gesture it goes on naming "
                "gestures."
            )
        )
    return use
