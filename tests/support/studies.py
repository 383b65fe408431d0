"""Studies made by hand: folders as ``handdt-offline study`` writes them, with scores that are known."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from offline.evaluate.metrics import Scores, Seen

LABELS = ("wrist_flexion", "wrist_extension")
N = 10  # samples of each person and gesture


def scores(
    people: Mapping[str, float],
    source: Seen | str = "pattern",
    classifier: str = "knn",
    *,
    labels: Sequence[str] = LABELS,
    ece: float = 0.1,
) -> Scores:
    """Scores of people with these accuracies; the confusion puts all errors of a gesture on the next one."""
    right = round(N * float(np.mean(list(people.values()))) * len(people))
    counts = np.zeros((len(labels), len(labels)), np.int64)
    for k in range(len(labels)):
        counts[k, k], counts[k, (k + 1) % len(labels)] = right, N * len(people) - right
    return Scores(
        "gesture",
        source,  # type: ignore[arg-type]
        "test",
        classifier,
        dict(people),
        {who: value / 2 for who, value in people.items()},
        (float("nan"), float("nan")),
        counts,
        tuple(labels),
        ece,
    )


def write_metrics(
    path: Path, results: Sequence[Scores], *, measure: str = "td", unit: str = "trial", notes: Sequence[str] = ()
) -> None:
    """A run's ``metrics.json``."""
    path.mkdir(parents=True, exist_ok=True)
    content = {
        "format": "rt-handdt.metrics/1",
        "protocol": "cross-subject: trained on some, tested on others",
        "unit": unit,
        "measure": measure,
        "epoch_kept": 2,
        "results": [one.to_dict() for one in results],
        "notes": list(notes),
    }
    (path / "metrics.json").write_text(json.dumps(content))


def write_job(
    out: Path,
    condition: str,
    results: Sequence[Scores] | None,
    *,
    kind: str = "method",
    measure: str = "td",
    unit: str = "trial",
    session: str = "1",
    fold: int = 1,
    seed: int = 0,
    notes: Sequence[str] = (),
) -> str:
    """One job's folder, with results or (None) only begun; returns its id."""
    name = f"{condition}_{measure}_s{session}_f{fold}_seed{seed}"
    path = out / "jobs" / name
    path.mkdir(parents=True)
    about: dict[str, Any] = {"format": "rt-handdt.study-job/1", "id": name, "condition": condition, "kind": kind}
    about |= {"measure": measure, "unit": unit, "sessions": [session], "fold": fold, "seed": seed}
    (path / "job.json").write_text(json.dumps(about))
    if results is not None:
        write_metrics(path, results, measure=measure, unit=unit, notes=notes)
    return name


def write_study(out: Path, jobs: Sequence[str], conditions: Sequence[Mapping[str, Any]], **settings: Any) -> None:
    """``study.json``; a condition may hold its resolved ``loss`` beside its name and kind."""
    resolved = {one["name"]: {"loss": one["loss"]} if "loss" in one else None for one in conditions}
    content = {
        "format": "rt-handdt.study/1",
        "name": "by hand",
        "settings": {
            "protocol": "cross-subject",
            "unit": "trial",
            "measures": ["td"],
            "seeds": [0],
            "classifiers": ["knn", "svm"],
            **settings,
            "condition": [{key: value for key, value in one.items() if key != "loss"} for one in conditions],
        },
        "resolved": resolved,
        "jobs": list(jobs),
        "versions": {"numpy": "2.0"},
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "study.json").write_text(json.dumps(content))
