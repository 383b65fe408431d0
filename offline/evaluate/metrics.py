"""What is reported of a classifier's probabilities: over samples, and over people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from offline.data.datasets import Int64
from offline.data.feature_table import FeatureTable
from offline.data.splits import PARTS, Split
from offline.evaluate.subject_statistics import bootstrap_interval
from rt_handdt.core.metrics import Confusion, accuracy, balanced_accuracy, confusion
from rt_handdt.core.types import Float32

Task = Literal["gesture", "person"]
Seen = Literal["pattern", "subject", "raw", "recipe"]


@dataclass(frozen=True)
class Scores:
    """Scores of one classifier on one part.

    Attributes
    ----------
    task
        What was told: the gesture, or the person.
    source
        What the classifier saw: a latent, or (raw) the log features themselves; or that our own recipe was judged.
    part
        Of the split: whose samples were told.
    detail
        What else one must know to read the scores; may be empty.
    classifier
        Its name.
    people
        Accuracy of each person with samples.
    people_balanced
        Mean recall of each: the one to look at in windows, most of which may be rest.
    interval
        95 % bootstrap interval of the mean over people; NaN for one.
    counts
        (K, K) row = true, column = named.
    labels
        What the K classes are.
    ece
        Expected calibration error.
    temperature
        By which the probabilities were calibrated, on training people; None if they were not.
    notes
        Of the classifier.
    """

    task: Task
    source: Seen
    part: str
    classifier: str
    people: dict[str, float]
    people_balanced: dict[str, float]
    interval: tuple[float, float]
    counts: Confusion
    labels: tuple[str, ...]
    ece: float
    temperature: float | None = None
    detail: str = ""
    notes: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """``gesture, pattern``; ``person, subject, train``."""
        return f"{self.task}, {self.source}" + (f", {self.part}" if self.task == "person" else "")

    @property
    def name(self) -> str:
        """Source and classifier: ``pattern knn``."""
        return f"{self.source} {self.classifier}"

    @property
    def accuracy(self) -> float:
        """Over samples."""
        return accuracy(self.counts)

    @property
    def balanced(self) -> float:
        """Mean recall."""
        return balanced_accuracy(self.counts)

    @property
    def mean(self) -> float:
        """Mean of the people's accuracies."""
        return float(np.mean(list(self.people.values())))

    @property
    def sd(self) -> float:
        """Standard deviation (n − 1) of the people's accuracies; NaN for one."""
        values = list(self.people.values())
        return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is not known is None."""
        return {
            "task": self.task,
            "source": self.source,
            "part": self.part,
            "classifier": self.classifier,
            "samples": int(self.counts.sum()),
            "n_people": len(self.people),
            "accuracy": self.accuracy,
            "balanced_accuracy": self.balanced,
            "people_mean": self.mean,
            "people_sd": _known(self.sd),
            "people_interval_95": [_known(value) for value in self.interval],
            "ece": self.ece,
            "temperature": self.temperature,
            "people": self.people,
            "people_balanced": self.people_balanced,
            "labels": list(self.labels),
            "confusion": self.counts.tolist(),
            "detail": self.detail,
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scores:
        """What `to_dict` gave.

        Raises
        ------
        KeyError, TypeError, ValueError
            If something is missing or does not fit together.
        """
        labels = tuple(map(str, values["labels"]))
        counts = np.array(values["confusion"], np.int64)
        if counts.shape != (len(labels), len(labels)):
            raise ValueError(f"a confusion of {len(labels)} classes has the shape {counts.shape}")
        people, balanced = (
            {str(who): float(value) for who, value in values[name].items()} for name in ("people", "people_balanced")
        )
        if not people or people.keys() != balanced.keys():
            raise ValueError("scores are of nobody, or of different people")
        low, high = (float("nan") if value is None else float(value) for value in values["people_interval_95"])
        temperature = values["temperature"]
        return cls(
            values["task"],
            values["source"],
            str(values["part"]),
            str(values["classifier"]),
            people,
            balanced,
            (low, high),
            counts,
            labels,
            float(values["ece"]),
            None if temperature is None else float(temperature),
            str(values["detail"]),
            tuple(map(str, values["notes"])),
        )


def score(
    probabilities: Float32,
    label: Int64,
    person: Int64,
    *,
    labels: Sequence[str],
    people: Sequence[str],
    task: Task,
    source: Seen,
    part: str,
    classifier: str,
    temperature: float | None = None,
    detail: str = "",
    notes: tuple[str, ...] = (),
) -> Scores:
    """Score probabilities (N, K) against labels (N,) of people (N,)."""
    from offline.classifiers.calibration import expected_calibration_error

    named = probabilities.argmax(axis=1)
    own = {people[k]: float((named == label)[person == k].mean()) for k in np.unique(person)}
    balanced = {
        people[k]: balanced_accuracy(confusion(label[person == k], named[person == k], len(labels)))
        for k in np.unique(person)
    }
    return Scores(
        task,
        source,
        part,
        classifier,
        own,
        balanced,
        bootstrap_interval(list(own.values())),
        confusion(label, named, len(labels)),
        tuple(labels),
        expected_calibration_error(probabilities, label),
        temperature,
        detail,
        notes,
    )


def metrics_file(
    table: FeatureTable,
    split: Split,
    scores: Sequence[Scores],
    notes: Sequence[str],
    *,
    epochs: int,
    epoch_kept: int,
) -> dict[str, Any]:
    """``metrics.json`` of one split, whatever was judged on it; `epochs` is 0 where no network was trained."""
    parts: dict[str, Any] = {}
    for part in PARTS:
        mask = getattr(split, part)
        parts[part] = {
            "samples": int(mask.sum()),
            "trials": len(np.unique(table.trial[mask])),
            "people": [table.people[k] for k in np.unique(table.person[mask])],
        }
    return {
        "format": "rt-handdt.metrics/1",
        "protocol": split.protocol,
        "unit": table.unit,
        "measure": table.measure,
        "gestures": list(table.gestures.labels),
        "chance": 1 / len(table.gestures),
        "n_people": len(parts["test"]["people"]),
        "parts": parts,
        "epochs": epochs,
        "epoch_kept": epoch_kept,
        "results": [one.to_dict() for one in scores],
        "notes": list(notes),
    }


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
