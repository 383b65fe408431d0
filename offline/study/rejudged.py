"""A saved run judged again, without training: another classifier, the subject latent, other parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np

from offline.evaluate.classify import gesture_scores, person_scores
from offline.evaluate.metrics import Scores
from offline.study.joined import open_runs
from offline.study.pipeline_run import said_of
from offline.study.run_config import Source
from offline.study.run_folder import RunFolder
from offline.train.latents import Latents
from rt_handdt.errors import HanddtError

On = Literal["train", "valid", "test", "all"]
_SAID = {
    "test": "the test part",
    "valid": "the validation part",
    "train": "the training part itself, which the encoders and the classifier have learnt: no measure of recognition",
    "all": "all samples, of which the training part was learnt: no measure of recognition",
}


@dataclass(frozen=True)
class Evaluation:
    """What came out, and in words what was judged."""

    heading: str
    scores: tuple[Scores, ...]


def evaluate_run(
    path: str | Path,
    classifiers: tuple[str, ...],
    *,
    on: On = "test",
    latent: Source = "pattern",
    others: Sequence[str | Path] = (),
) -> Evaluation:
    """Score a part by the run's classifiers, or by others of its training latents: ``evaluate_{on}_{latent}.json``.

    The gesture is told from the pattern latent; the person from the subject latent, by held-out trials of that part.

    Parameters
    ----------
    others
        Runs of the same samples: the latents of all of them are put side by side, and the file is called
        ``evaluate_{on}_{latent}_joined_{how many}.json``.

    Raises
    ------
    HanddtError
        If a folder holds no finished run, samples differ, or the part cannot be judged.
    """
    folder = RunFolder(Path(path))
    known = folder.read_json(folder.metrics)
    runs = open_runs([path, *others])
    config, parts, shape = runs.config, runs.latents, runs.shape
    if on == "valid" and "valid" not in parts:
        those = "these runs have not the same" if others else "this run has no"
        raise HanddtError(f"{folder.path}: {those} validation part; take --on train, test or all.")
    part = _joined(list(parts.values())) if on == "all" else parts[on]
    scores = []
    for name in classifiers or config.classifiers:
        if latent == "pattern":
            scores.append(
                gesture_scores(
                    parts["train"],
                    part,
                    on,
                    name,
                    shape=shape,
                    protocol=config.protocol,
                    seed=config.seed,
                    folder=runs.classifiers,
                )
            )
        else:
            seen = said_of(on, config.protocol)
            scores.append(person_scores(part, on, name, shape=shape, seen=seen, seed=config.seed))
    judged = _SAID[on] if latent == "pattern" else f"people of {_SAID[on].split(',')[0]}, told apart by held-out trials"
    joined = f"; latents of {len(runs)} runs side by side" if others else ""
    heading = f"{known['protocol']}; judged on {judged}{joined}; unit: {known['unit']}"
    ending = f"_joined_{len(runs)}" if others else ""
    folder.write(
        folder.path / f"evaluate_{on}_{latent}{ending}.json",
        {"format": "rt-handdt.metrics/1", "protocol": heading, "on": on, "results": [one.to_dict() for one in scores]},
    )
    return Evaluation(heading, tuple(scores))


def _joined(parts: list[Latents]) -> Latents:
    values = {
        entry.name: np.concatenate([getattr(one, entry.name) for one in parts])
        for entry in fields(Latents)
        if entry.name not in ("gestures", "people")
    }
    return Latents(**values, gestures=parts[0].gestures, people=parts[0].people)
