"""A finished run → a bundle for the live program: pattern encoders of one run or several, and one classifier."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import Tensor, nn

from offline.bundle.card import Provenance, render_card
from offline.bundle.writing import TOLERANCE, golden_vectors, new_manifest, refuse_target, to_onnx, write_bundle
from offline.classifiers.kept import KeptClassifier
from offline.classifiers.stack import Encoders, stack
from offline.data.cohort_folder import COHORT_NOTE
from offline.data.named_data import is_virtual, named_seed
from offline.evaluate.classify import gesture_classifier
from offline.evaluate.metrics import Scores, score
from offline.models.method_networks import MethodNet
from offline.study.joined import JoinedRuns, open_runs
from offline.study.live_spec import (
    live_spec,
    refuse_offline_only,
    training_levels,
    training_recording,
    training_sources,
)
from offline.study.run_card import card_text
from offline.study.run_folder import RunFolder
from rt_handdt.core.bundle import Bundle, TrainingRecord
from rt_handdt.core.types import Float32

#: Of a classifier's graph: with encoder and explainer of four maps the bundle stays below 16 MB.
HEAD_BYTES = 6 * 2**20
#: Of a forest's graph per leaf, about; see `offline.classifiers.estimators`.
_LEAF_BYTES = 50
#: Trees compare latents with thresholds, so that a difference of rounding may turn some of their votes.
_TREES_TOLERANCE = 1e-2
#: Frames of many maps are large: of these the golden vectors hold a window and four hops.
_MANY_MAPS = 16


def export_run(
    run: str | Path,
    out: str | Path,
    *,
    classifier: str | None = None,
    others: Sequence[str | Path] = (),
    name: str | None = None,
    cache: str | Path | None = None,
    processes: int | None = None,
    console: Console | None = None,
) -> Bundle:
    """Join a run's pattern encoder and a classifier of its latents into a bundle, and check what was written.

    The classifier is the one that the run has evaluated and kept. Where its graph would be large that is a second one,
    in which nearest neighbours keep a sample and trees have fewer leaves; the run scores it too (``knn_live``,
    ``rf_live``). One that the run did not evaluate is fitted to the saved training latents and scored here.

    Parameters
    ----------
    run
        Folder of a finished `offline.study.pipeline_run.run_pipeline`.
    out
        Folder of the bundle; a bundle that is there is replaced.
    classifier
        By default the run's first.
    others
        Runs of the same samples, whose latents the classifier gets beside the run's own; the pattern component shown
        live is that of the first run.
    name
        Of the bundle; by default the folder's.
    cache, processes, console
        For the levels, which are measured in recordings of the training people; see `offline.features.extraction`.

    Raises
    ------
    ConfigError
        If the measure cannot go live, or runs do not belong together.
    RecordingError
        If the recordings that the run was trained on are gone.
    BundleError
        If `out` holds something else, or what was written does not compute what was trained.
    HanddtError
        If a folder holds no finished run.
    """
    out = Path(out)
    refuse_target(out)
    protocol = str(RunFolder(Path(run)).read_json(RunFolder(Path(run)).metrics).get("protocol", ""))
    runs = open_runs([run, *others])
    config, train = runs.config, runs.latents["train"]
    refuse_offline_only(config)
    chosen = classifier or config.classifiers[0]
    options = live_options(chosen, len(train), prod(runs.shape))
    people = [train.people[k] for k in np.unique(train.ys)]
    sources, layout = training_sources(config, people)
    recording = training_recording(sources, config.features)
    head, known = gesture_classifier(
        train,
        chosen,
        shape=runs.shape,
        protocol=config.protocol,
        seed=config.seed,
        folder=runs.classifiers,
        options=options,
    )
    labels = tuple(train.gestures[k] for k in known)
    levels = training_levels(
        sources, layout, config.features, labels, cache=cache, processes=processes, console=console
    )
    spec = live_spec(config.features, levels.fs_hz, layout)
    scores = _scored(runs, head, labels, chosen)
    provenance = provenance_of(config.data)
    manifest = new_manifest(
        name or out.resolve().name,
        TrainingRecord(
            data=provenance.data,
            protocol=f"{protocol}; {chosen} on the pattern latent" + (f"s of {len(runs)} runs" if others else ""),
            people=len(people),
            seed=config.method.seed,
            config=_record(runs, chosen, options),
        ),
        spec=spec,
        gestures=labels,
        latent_size=prod(runs.shape),
        decoder=levels.decoder(labels),
        scores={
            "test_accuracy": round(scores.accuracy, 4),
            "test_balanced_accuracy": round(scores.balanced, 4),
            "test_ece": round(scores.ece, 4),
            "test_samples": float(scores.counts.sum()),
        },
    )
    nets = [one.net for one in runs.trained]
    encoders, explainer = Encoders(nets, runs.shape), _Explainer(nets[0])

    def network(maps: Float32) -> tuple[Float32, Float32]:
        with torch.no_grad():
            flat, shaped = (latents.numpy() for latents in encoders(torch.from_numpy(maps)))
        return head.probabilities(shaped), flat

    def paint(latents: Float32) -> Float32:
        with torch.no_grad():
            return np.asarray(explainer(torch.from_numpy(latents)).numpy())

    few = (spec.window_samples + 4 * spec.hop_samples) / spec.fs_hz
    golden = golden_vectors(network, recording, spec, *([few] if spec.n_maps > _MANY_MAPS else []))
    frames, latents = torch.from_numpy(golden["frames"][:2]), torch.from_numpy(golden["latents"][:2])
    recognizer = stack(encoders, head.to_onnx(), frames).SerializeToString()
    return write_bundle(
        out,
        manifest,
        recognizer=recognizer,
        explainer=to_onnx(explainer, latents, "latent", ["pattern_map"]),
        golden=golden,
        card=render_card(manifest, card_text(manifest, runs, scores, provenance, levels, options, len(recognizer))),
        paint=paint,
        tolerance=_TREES_TOLERANCE if chosen == "rf" else TOLERANCE,
    )


def live_options(name: str, n_samples: int, size: int) -> dict[str, Any]:
    """Options that keep a classifier's graph below `HEAD_BYTES`; none where it is small anyway.

    Parameters
    ----------
    n_samples, size
        Training latents, and elements of each.
    """
    keep = max(HEAD_BYTES // (4 * size), 2)
    if name == "knn" and n_samples > keep:
        return {"keep": keep}
    if name == "rf":
        leaves = HEAD_BYTES // (_LEAF_BYTES * 1000)
        # a full-grown tree has a leaf for every four to six of these samples
        return {"max_leaves": leaves} if n_samples > 4 * leaves else {}
    return {}


class _Explainer(nn.Module):
    """Flat latent, of which the first run's part comes first → that run's pattern component."""

    def __init__(self, net: MethodNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, latent: Tensor) -> Tensor:
        own = latent[:, : self.net.latent_size].reshape(-1, *self.net.latent_shape)
        return self.net.decode_pattern(own) * self.net.occupied


def _scored(runs: JoinedRuns, head: KeptClassifier, labels: tuple[str, ...], name: str) -> Scores:
    test = runs.latents["test"]
    known = np.array([labels.index(label) if label in labels else -1 for label in test.gestures], np.int64)
    return score(
        head.probabilities(test.xp.reshape(len(test), *runs.shape)),
        known[test.yp],
        test.ys,
        labels=labels,
        people=test.people,
        task="gesture",
        source="pattern",
        part="test",
        classifier=name,
        temperature=head.temperature,
        notes=head.notes,
    )


def _record(runs: JoinedRuns, classifier: str, options: dict[str, Any]) -> dict[str, Any]:
    """Settings for the manifest; of paths their names only, which are the same on another machine."""
    settings = runs.config.model_dump(mode="json")
    for key in ("data", "test_data"):
        settings[key] = [Path(path).name for path in settings[key]]
    return {
        "run": {**settings, "method": runs.config.method.portable()},
        "classifier": {"name": classifier, **options},
        "joined_with": [config.method.portable() for config in runs.configs[1:]],
    }


def provenance_of(names: Sequence[str]) -> Provenance:
    """What a card says of the data named."""
    said, virtual = [], False
    for name in names:
        path, seed = Path(name), named_seed(name)
        made = seed is not None or (path / COHORT_NOTE).exists()
        known = f" (virtual people, seed {seed})" if seed is not None else ""
        called = name if is_virtual(name) else path.resolve().name
        said.append(called + (known or (" (virtual people)" if made else "")))
        virtual = virtual or made
    return Provenance("; ".join(said), virtual)
