"""Scores of many jobs as one row for each condition, measure and classifier: over people, seeds and folds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from offline.evaluate.subject_statistics import bootstrap_interval
from offline.sweep.records import Record
from rt_handdt.core.metrics import Confusion, accuracy, balanced_accuracy

Metric = Literal["accuracy", "balanced"]
METRIC_NAMES = {"accuracy": "Accuracy", "balanced": "Balanced accuracy"}
#: What the features themselves are called where conditions are named.
RAW = "raw features"


@dataclass(frozen=True)
class Summary:
    """One condition, measure, unit, source and classifier, over all its jobs.

    Attributes
    ----------
    condition, kind
        Of the study; `RAW` and ``"baseline"`` for the features themselves, whichever condition's jobs scored them.
    people
        Each test person's score: the mean over folds and sessions, then over seeds.
    by_seed
        Seed → the mean over those people whom all seeds tested; empty if nobody was.
    counts, labels
        Confusion of all jobs together.
    ece, ece_sd
        Mean over jobs, and its spread (NaN for one job).
    n_jobs
        How many jobs it comes from.
    """

    condition: str
    kind: str
    measure: str
    unit: str
    task: str
    source: str
    classifier: str
    metric: Metric
    people: Mapping[str, float]
    by_seed: Mapping[int, float]
    counts: Confusion
    labels: tuple[str, ...]
    ece: float
    ece_sd: float
    n_jobs: int
    part: str = "test"

    @property
    def name(self) -> str:
        """``faithful knn``; ``raw features lda``."""
        return f"{self.condition} {self.classifier}"

    @property
    def mean(self) -> float:
        """Over people."""
        return float(np.mean(list(self.people.values())))

    @property
    def sd(self) -> float:
        """Over people (n − 1); NaN for one."""
        return _sd(list(self.people.values()))

    @property
    def seed_sd(self) -> float:
        """Of the seeds' means (n − 1); NaN for one seed."""
        return _sd(list(self.by_seed.values()))

    @property
    def interval(self) -> tuple[float, float]:
        """95 % bootstrap interval of the mean over people."""
        return bootstrap_interval(list(self.people.values()))

    @property
    def accuracy(self) -> float:
        """Over samples of all jobs."""
        return accuracy(self.counts)

    @property
    def balanced(self) -> float:
        """Mean recall over samples of all jobs."""
        return balanced_accuracy(self.counts)

    @property
    def chance(self) -> float:
        """Of a guess among the labels."""
        return 1 / len(self.labels)


def summarise(records: Iterable[Record], metric: Metric = "accuracy") -> tuple[Summary, ...]:
    """One summary for each condition × measure × unit × task × source × part × classifier, in the order of the jobs.

    The features themselves are scored by the jobs of several conditions, with the same result; of each measure, fold,
    session and seed one is taken, a baseline job's where there is one.
    """
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in _raw_once(list(records)):
        job, scores = record.job, record.scores
        raw = scores.source == "raw"
        key = (
            RAW if raw else job.condition,
            "baseline" if raw else job.kind,
            *(job.measure, job.unit, scores.task, scores.source, scores.part, scores.classifier),
        )
        groups.setdefault(key, []).append(record)
    return tuple(_summary(key, own, metric) for key, own in groups.items())


def best_metric(unit: str) -> Metric:
    """What a unit is judged by: in windows, of which most may be rest, the mean recall."""
    return "balanced" if unit == "window" else "accuracy"


def chosen(summaries: Sequence[Summary], settings: Mapping[str, Any]) -> tuple[Summary, ...]:
    """One summary for each condition and measure, chosen by a rule that knows no score; see `RULE`.

    The features themselves keep each of their classifiers.
    """
    everywhere = list(settings.get("classifiers") or ())
    own = {one["name"]: list(one.get("classifiers") or ()) for one in conditions_of(settings)}
    out: dict[tuple[str, ...], Summary] = {}
    for one in summaries:
        if one.task != "gesture":
            continue
        key = (one.condition, one.measure, one.unit, one.classifier if one.source == "raw" else "")
        before = out.get(key)
        wanted = own.get(one.condition) or everywhere
        if before is None or (
            wanted and one.source == before.source and one.classifier == wanted[0] != before.classifier
        ):
            out[key] = one
    return tuple(out.values())


def conditions_of(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The conditions in a study's settings, in order."""
    return list(settings.get("condition") or settings.get("conditions") or ())


RULE = (
    "Of each condition one classifier stands for all, fixed before any score was seen: the first that the study's "
    "settings name (or, where it has none of them, the first it was scored with)."
)


def best(summaries: Iterable[Summary]) -> Summary | None:
    """The one with the highest mean: chosen on the test people, so it flatters."""
    return max(summaries, key=lambda one: one.mean, default=None)


def _raw_once(records: Sequence[Record]) -> list[Record]:
    """Each of the features' own scores once, at the place of the first."""
    kept: dict[tuple[object, ...], Record] = {}
    for record in records:
        scores = record.scores
        raw = scores.source == "raw"
        key = (*record.job.cell, scores.task, scores.part, scores.classifier) if raw else (id(record),)
        if key not in kept or (record.job.kind == "baseline" and kept[key].job.kind != "baseline"):
            kept[key] = record
    return list(kept.values())


def _summary(key: tuple[str, ...], records: Sequence[Record], metric: Metric) -> Summary:
    condition, kind, measure, unit, task, source, part, classifier = key
    values: dict[int, dict[str, list[float]]] = {}
    for record in records:
        own = record.scores.people if metric == "accuracy" else record.scores.people_balanced
        seed = values.setdefault(record.job.seed, {})
        for person, value in own.items():
            seed.setdefault(person, []).append(value)
    means = {seed: {person: float(np.mean(own)) for person, own in people.items()} for seed, people in values.items()}
    everybody = list(dict.fromkeys(person for people in means.values() for person in people))
    people = {
        person: float(np.mean([own[person] for own in means.values() if person in own])) for person in sorted(everybody)
    }
    common = [person for person in everybody if all(person in own for own in means.values())]
    by_seed = {
        seed: float(np.mean([own[person] for person in common])) for seed, own in sorted(means.items()) if common
    }
    labels = tuple(dict.fromkeys(label for record in records for label in record.scores.labels))
    counts: Confusion = np.zeros((len(labels), len(labels)), np.int64)
    for record in records:
        at = [labels.index(label) for label in record.scores.labels]
        counts[np.ix_(at, at)] += record.scores.counts
    eces = [record.scores.ece for record in records]
    return Summary(
        condition,
        kind,
        measure,
        unit,
        task,
        source,
        classifier,
        metric,
        people,
        by_seed,
        counts,
        labels,
        float(np.mean(eces)),
        _sd(eces),
        len({record.job.id for record in records}),
        part,
    )


def _sd(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
